"""The command as a user meets it: what is read, what is written, what is said."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from PIL import Image

from metafacs.cli import main

Predict = Callable[..., int]
FRAMES = 10


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def sidecar(table: str) -> dict[str, object]:
    return json.loads(Path(table + ".meta.json").read_text(encoding="utf-8"))


def test_a_video_becomes_a_table_and_what_is_asked_for(
    predict: Predict, short_clip: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copy(short_clip, "clip.mp4")
    words = ["clip.mp4", "--events", "--elan", "--boris", "--plot", "--overlay", "true"]
    assert predict(*words) == 0
    table = pd.read_csv("predictions/clip.csv")
    assert table["frame"].tolist() == list(range(FRAMES))
    assert table["timestamp"].tolist() == [i / 20 for i in range(FRAMES)]
    assert table["input"].unique().tolist() == ["clip.mp4"]
    assert table["success"].all()
    assert not table["face_id"].any()
    names = {path.name for path in Path("predictions").iterdir()}
    assert names == {
        "clip.csv",
        "clip.csv.meta.json",
        "clip_events.csv",
        "clip.eaf",
        "clip_boris.csv",
        "clip_plot.png",
        "clip_plot.svg",
        "clip_overlay.mp4",
    }
    known = sidecar("predictions/clip.csv")
    assert set(known["outputs"]) == names  # type: ignore[call-overload]
    assert known["counts"]["people"] == 1  # type: ignore[index]
    assert known["source"]["width"] == 128  # type: ignore[index]
    assert "logits" in known["events"]  # type: ignore[operator]
    said = capsys.readouterr().out
    assert (
        "clip.mp4: 10 frames, 1 person, 0.0% of the frames without a face; table: predictions/clip.csv"
        in said
    )
    assert "1 video: 10 frames, 10 faces, 1 person" in said


def test_frames_are_chosen_by_time_and_number(predict: Predict, short_clip: Path) -> None:
    assert predict(short_clip, "--every", 3, "--out", "every") == 0
    assert pd.read_csv("every/clip.csv")["frame"].tolist() == [0, 3, 6, 9]
    assert predict(short_clip, "--start", "0:00:00.2", "--end", ".4", "--fps", 10, "--out", "span") == 0
    table = pd.read_csv("span/clip.csv")
    assert table["frame"].tolist() == [4, 6]
    assert table["timestamp"].tolist() == [0.2, 0.3]
    assert sidecar("span/clip.csv")["selection"] == {"every": 1, "fps": 10.0, "start": 0.2, "end": 0.4}


def test_many_inputs_at_once(
    predict: Predict, short_clip: Path, face: Image.Image, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("set/day").mkdir(parents=True)
    for name in ("set/a.mp4", "set/a.mkv", "set/day/b.MP4"):
        shutil.copy(short_clip, name)
    face.save("set/photo.jpg")
    face.save("set/day/photo.png")
    Path("set/broken.mp4").write_bytes(short_clip.read_bytes()[:100])
    Path("set/notes.txt").write_text("read me")
    assert predict("set", "--every", 5) == 1
    captured = capsys.readouterr()
    assert captured.err.count("\n") == 1
    assert "set/broken.mp4" in captured.err
    assert "not read: files ending in .txt: 1 (set/notes.txt)" in captured.out
    assert "2 pictures" in captured.out
    tables = {path.relative_to("predictions").as_posix() for path in Path("predictions").rglob("*.csv")}
    assert tables == {"a.mp4.csv", "a.mkv.csv", "day/b.csv", "faces.csv"}
    assert Path("predictions/day/photo_overlay.png").exists()
    pictures = pd.read_csv("predictions/faces.csv")
    assert pictures["input"].tolist() == ["set/day/photo.png", "set/photo.jpg"]
    assert sidecar("predictions/day/b.csv")["not_read"] == {
        "files ending in .txt": {"count": 1, "first": ["set/notes.txt"]}
    }


def test_folders_of_frames(predict: Predict, face: Image.Image) -> None:
    Path("SN001").mkdir()
    for i in (1, 2, 4):
        face.save(f"SN001/{i:04}.png")
    assert predict("SN001", "--frames", "25") == 0
    table = pd.read_csv("predictions/SN001.csv")
    assert table["frame"].tolist() == [0, 1, 2, 3]
    assert table["timestamp"].tolist() == [0, 0.04, 0.08, 0.12]
    assert table["success"].tolist() == [1, 1, 0, 1]
    counts = sidecar("predictions/SN001.csv")["counts"]
    assert counts["undecodable_frames"][0]["from"] == 2  # type: ignore[index]


def test_pictures_that_cannot_be_read_keep_their_row(
    predict: Predict, face: Image.Image, capsys: pytest.CaptureFixture[str]
) -> None:
    face.save("a.jpg")
    Path("broken.jpg").write_bytes(Path("a.jpg").read_bytes()[:300])
    Image.new("RGB", (60, 40), "white").save("wall.png")
    assert predict("a.jpg", "broken.jpg", "wall.png") == 1
    captured = capsys.readouterr()
    assert "broken.jpg" in captured.err
    assert "wall.png: no face found" in captured.out
    table = pd.read_csv("predictions/faces.csv")
    assert table["frame"].tolist() == [0, 1, 2]
    assert table["input"].tolist() == ["a.jpg", "broken.jpg", "wall.png"]
    assert table["success"].tolist() == [1, 0, 0]
    told = ["face_x", "AU12_p", "AU12_c"]
    assert table[told].isna().all(axis=1).tolist() == [False, True, True]
    known = sidecar("predictions/faces.csv")
    assert known["counts"]["undecodable"] == 1  # type: ignore[index]
    assert "broken_overlay.png" not in known["outputs"]  # type: ignore[operator]


def test_odd_names_do_not_lose_the_others(predict: Predict, face: Image.Image, short_clip: Path) -> None:
    Path("set").mkdir()
    for name in (b"set/\xff.jpg", b"set/a\nb.jpg", ("x" * 250).encode() + b".jpg"):
        face.save(os.fsdecode(name) if name.startswith(b"set") else "set/" + os.fsdecode(name), "JPEG")
    shutil.copy(short_clip, os.fsdecode(b"set/\xfe.mp4"))
    assert predict("set", "--every", 9, "--format", "jsonl") == 0
    rows = [json.loads(line) for line in Path("predictions/faces.jsonl").read_text().splitlines()]
    assert sorted(row["input"] for row in rows) == ["set/\\xff.jpg", "set/a\\nb.jpg", f"set/{'x' * 250}.jpg"]
    assert {len(path.name) for path in Path("predictions").glob("x*.png")} == {172}
    assert Path("predictions/~xfe.jsonl").exists()


@pytest.mark.parametrize(
    ("words", "message", "code"),
    [
        (["none/*.jpg"], "none/*.jpg matches nothing; nothing was read or written", 2),
        (["gone.mp4"], "gone.mp4 does not exist", 2),
        (["a.jpg", "--events"], "--events is about videos, and there is none among the inputs", 1),
        (["a.jpg", "--resume", "--overwrite"], "give one of them", 1),
        (["a.jpg", "--out", "a.jpg"], "a.jpg is a file; give the name of a folder with --out", 1),
        (["clip.mp4", "--start", "soon"], "'soon' is no time", 1),
        (["clip.mp4", "--every", "2", "--fps", "3"], "exclude each other", 1),
        (["clip.mp4", "--neutral", "never"], "never", 1),
        (["camera", "--overlay", "true"], "nothing can be drawn", 1),
    ],
)
def test_what_makes_no_sense_is_refused_before_anything_is_done(
    predict: Predict,
    face: Image.Image,
    words: list[str],
    message: str,
    code: int,
    capsys: pytest.CaptureFixture[str],
) -> None:
    face.save("a.jpg")
    Path("clip.mp4").write_bytes(b"x")
    before = sorted(Path().rglob("*"))
    assert predict(*words) == code
    assert message in capsys.readouterr().err
    assert sorted(Path().rglob("*")) == before


def test_what_matches_nothing_leaves_old_results_alone(predict: Predict, face: Image.Image) -> None:
    face.save("a.jpg")
    assert predict("a.jpg", "--out", "o") == 0
    before = Path("o/faces.csv").read_bytes()
    assert predict("session2/*.jpg", "--out", "o") == 2
    assert Path("o/faces.csv").read_bytes() == before


def test_inputs_are_never_overwritten(
    predict: Predict, face: Image.Image, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("face.png", "face_overlay.png"):
        face.save(name)
    before = Path("face_overlay.png").read_bytes()
    assert predict("face.png", "face_overlay.png", "--out", ".", "--overwrite") == 1
    assert "face_overlay.png is one of the inputs" in capsys.readouterr().err
    assert Path("face_overlay.png").read_bytes() == before
    assert not Path("faces.csv").exists()


def test_results_of_another_run_are_replaced_only_when_told(
    predict: Predict, face: Image.Image, short_clip: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    face.save("a.jpg")
    face.transpose(Image.Transpose.FLIP_LEFT_RIGHT).save("b.jpg")
    assert predict("a.jpg") == 0
    # The same again, and something else beside it.
    assert predict("a.jpg") == 0
    assert predict(short_clip, "--every", 5) == 0
    before = Path("predictions/faces.csv").read_bytes()
    capsys.readouterr()
    assert predict("b.jpg") == 1
    said = capsys.readouterr().err
    assert "predictions/faces.csv is there already" in said
    assert "--out" in said
    assert "--overwrite" in said
    assert Path("predictions/faces.csv").read_bytes() == before
    assert predict(short_clip, "--every", 9) == 1
    assert predict("b.jpg", "--overwrite") == 0
    assert Path("predictions/faces.csv").read_bytes() != before


def test_quiet_says_only_what_went_wrong(
    predict: Predict, short_clip: Path, face: Image.Image, capsys: pytest.CaptureFixture[str]
) -> None:
    face.save("a.jpg")
    Path("broken.jpg").write_bytes(b"x")
    assert predict("a.jpg", "broken.jpg", short_clip, "--every", 9, "--quiet") == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "broken.jpg" in captured.err


def test_tilde_is_home(
    predict: Predict, face: Image.Image, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    Path("home").mkdir()
    face.save("home/a.jpg")
    assert predict("~/a.jpg", "--out=~/preds") == 0
    assert Path("home/preds/faces.csv").exists()
    assert not Path("~").exists()


def test_several_processes_give_what_one_gives(
    predict: Predict, short_clip: Path, untrained_model: Path
) -> None:
    Path("set").mkdir()
    for name in ("a", "b"):
        shutil.copy(short_clip, f"set/{name}.mp4")
    Path("set/c.mp4").write_bytes(b"no video at all")
    assert predict("set", "--out", "one") == 1
    words = ["predict", "set", "--out", "two", "--model", str(untrained_model)]
    assert main([*words, "--workers", "2"]) == 1
    for name in ("a.csv", "b.csv"):
        assert Path("one", name).read_bytes() == Path("two", name).read_bytes()
    assert not list(Path("two").glob("c*"))
