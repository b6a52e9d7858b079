from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from PIL import Image

from metafacs.inference.inputs import DRAWN, RESULTS, InputError, Inputs, gather_inputs, looks_like_frames
from metafacs.seals import sealed
from metafacs.texts import printable


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def make(*names: str, content: bytes = b"x") -> None:
    for name in names:
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_bytes(content)


def gather(*words: str, frames: bool = False, out: str = "predictions") -> Inputs:
    return gather_inputs(words, Path(out), frames=frames)


def found(inputs: Inputs) -> list[tuple[str, str]]:
    return [(one.kind, str(one.path)) for one in inputs.found]


def test_folders_are_read_with_everything_below_in_order() -> None:
    make("set/b.mp4", "set/a/2.JPG", "set/a/1.png", "set/c.jfif", "set/MTS/clip.MTS")
    inputs = gather("set")
    assert found(inputs) == [
        ("video", "set/MTS/clip.MTS"),
        ("picture", "set/a/1.png"),
        ("picture", "set/a/2.JPG"),
        ("video", "set/b.mp4"),
        ("picture", "set/c.jfif"),
    ]
    assert [str(one.place) for one in inputs.found][:2] == ["MTS/clip.MTS", "a/1.png"]
    assert not inputs.passed_over


def test_what_is_not_read_is_counted_by_kind() -> None:
    make("set/ok.jpg", "set/a.jpg_large", "set/b.jpg_large", "set/notes.txt", "set/README", "set/._ok.jpg")
    make("set/.DS_Store", "set/.thumbs/1.jpg", "elsewhere/1.jpg")
    make("set/empty.mp4", content=b"")
    os.symlink("../elsewhere", "set/linked")
    os.symlink("../gone.jpg", "set/gone.jpg")
    os.symlink("../elsewhere/1.jpg", "set/followed.jpg")
    os.mkfifo("set/pipe.mp4")
    inputs = gather("set")
    assert found(inputs) == [("picture", "set/followed.jpg"), ("picture", "set/ok.jpg")]
    assert {kind: len(paths) for kind, paths in inputs.passed_over.items()} == {
        "files ending in .jpg_large": 2,
        "files ending in .txt": 1,
        "files without an ending": 1,
        "AppleDouble files (._*)": 1,
        "hidden files": 1,
        "hidden folders": 1,
        "empty files": 1,
        "linked folders": 1,
        "broken links": 1,
        "pipes and devices": 1,
    }
    assert "files ending in .jpg_large: 2 (set/a.jpg_large, set/b.jpg_large)" in inputs.told()
    assert "files ending in .jpg_large: 2 (set/a.jpg_large, ...)" in gather("set").told(names=1)


def test_a_named_folder_that_adds_nothing_is_told() -> None:
    make("set/1.jpg")
    Path("bare/below").mkdir(parents=True)
    assert gather("set", "bare").told() == ["folders with nothing new in them: 1 (bare)"]
    assert gather("set/1.jpg", "set").told() == ["folders with nothing new in them: 1 (set)"]
    assert not gather("set").told()


def test_folders_that_never_end_are_passed_over() -> None:
    make("/".join(["set", *"d" * 100, "1.jpg"]), "/".join(["set", *"e" * 101, "2.jpg"]))
    inputs = gather("set")
    assert [str(one.path.name) for one in inputs.found] == ["1.jpg"]
    assert list(inputs.passed_over) == ["folders nested more than 100 deep"]


def test_a_loop_of_links_ends() -> None:
    make("set/sub/1.jpg")
    os.symlink("..", "set/sub/up")
    assert found(gather("set")) == found(gather("set/**")) == [("picture", "set/sub/1.jpg")]


def test_a_named_link_to_a_folder_is_followed() -> None:
    make("real/1.jpg")
    os.symlink("real", "linked")
    assert found(gather("linked")) == [("picture", "linked/1.jpg")]


def test_patterns() -> None:
    make("s/1.jpg", "s/2.jpg", "s/t/3.jpg", "s/t/film.mp4", "s/note.txt", "s/.4.jpg", "s/odd.vid")
    assert [name for _, name in found(gather("s/*.jpg"))] == ["s/1.jpg", "s/2.jpg"]
    assert [name for _, name in found(gather("s/**/*.jpg"))] == ["s/1.jpg", "s/2.jpg", "s/t/3.jpg"]
    assert [name for _, name in found(gather("s/**"))] == ["s/1.jpg", "s/2.jpg", "s/t/3.jpg", "s/t/film.mp4"]
    assert [name for _, name in found(gather(f"{Path.cwd()}/s/?.jpg"))] == [
        f"{Path.cwd()}/s/1.jpg",
        f"{Path.cwd()}/s/2.jpg",
    ]
    assert [name for _, name in found(gather("s/.*.jpg"))] == ["s/.4.jpg"]
    everything = gather("s/*")
    assert ("picture", "s/t/3.jpg") in found(everything)
    assert everything.passed_over["files ending in .txt"] == [Path("s/note.txt")]
    # Who names the ending knows what it is.
    assert found(gather("s/*.vid")) == [("video", "s/odd.vid")]


def test_names_with_the_letters_of_patterns_are_names() -> None:
    make("img[1].jpg")
    assert found(gather("img[1].jpg")) == [("picture", "img[1].jpg")]


def test_each_is_taken_once() -> None:
    make("s/1.jpg")
    assert len(gather("s/1.jpg", "s", "./s/../s/1.jpg", "s/*").found) == 1


def test_a_named_file_is_asked_what_it_is() -> None:
    Image.new("RGB", (4, 4)).save("picture.bin", "PNG")
    make("phone.bin", content=b"\0\0\0\x18ftypheic\0\0\0\0mif1heic")
    make("film.bin", "photo.heic", content=b"\0\0\0\x14ftypisom\0\0\0\0mp42")
    make("script.bin", content=b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n")
    kinds = [
        kind for kind, _ in found(gather("picture.bin", "phone.bin", "film.bin", "photo.heic", "script.bin"))
    ]
    assert kinds == ["picture", "picture", "video", "picture", "video"]


def test_folders_of_frames() -> None:
    make(*(f"set/{person}/{i:04}.png" for person in ("a", "b") for i in range(30)), "set/film.mp4")
    photos = gather("set")
    assert len(photos.of("picture")) == 60
    assert photos.hints[0].startswith("set/a holds 30 numbered pictures")
    assert "--frames 25" in photos.hints[0]
    frames = gather("set", frames=True)
    assert found(frames) == [("frames", "set/a"), ("frames", "set/b"), ("video", "set/film.mp4")]
    assert [str(one.place) for one in frames.found] == ["a", "b", "film.mp4"]
    assert not frames.hints
    assert [str(one.place) for one in gather("set/a/", frames=True).found] == ["a"]


def test_only_one_long_sequence_looks_like_frames() -> None:
    names = [Path(f"{i}.jpg") for i in range(25)]
    assert looks_like_frames(names)
    assert not looks_like_frames(names[:24])
    assert not looks_like_frames([*names[:-1], Path("77.jpg")])
    assert not looks_like_frames([*names[:-1], Path("me.jpg")])
    assert not looks_like_frames([*names[:-1], Path("x24.jpg")])


@pytest.mark.parametrize(
    ("word", "name"), [("camera", "camera:0"), ("camera:1", "camera:1"), ("2", "camera:2")]
)
def test_cameras(word: str, name: str) -> None:
    (camera,) = gather(word).found
    assert (camera.kind, camera.name) == ("camera", name)
    make("a.jpg")
    with pytest.raises(InputError, match="alone"):
        gather(word, "a.jpg")


def test_a_file_named_as_a_number_is_a_file() -> None:
    make("2")
    assert found(gather("2")) == [("video", "2")]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["none.jpg"], "none.jpg does not exist"),
        (["a.jpg", "session2/*.jpg"], r"session2/\*.jpg matches nothing"),
        ([""], "an empty word does not exist"),
        (["texts"], r"nothing to analyse in texts \(not read: files ending in .txt: 1 \(texts/a.txt\)\)"),
        (["gone.jpg"], "link to something that does not exist"),
    ],
)
def test_what_is_not_there_is_an_error(words: list[str], message: str) -> None:
    make("a.jpg", "texts/a.txt")
    os.symlink("nowhere", "gone.jpg")
    with pytest.raises(InputError, match=message):
        gather(*words)


def test_results_are_no_inputs() -> None:
    make("set/a.jpg", "set/predictions/a_overlay.png")
    inputs = gather("set", out="set/predictions")
    assert found(inputs) == [("picture", "set/a.jpg")]
    assert list(inputs.passed_over) == ["the folder of the results"]


def test_tilde_is_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    make("photo.jpg")
    assert found(gather("~/photo.jpg")) == [("picture", str(tmp_path / "photo.jpg"))]


def test_odd_names_can_be_printed() -> None:
    odd = os.fsdecode(b"a\xff\n\xc3\xa4.jpg")
    make(odd)
    (one,) = gather(".").found
    assert one.name == "a\\xff\\nä.jpg"
    assert printable("ä 1.jpg") == "ä 1.jpg"


def test_what_earlier_runs_drew_is_passed_over_and_named() -> None:
    make("a.jpg", "b_overlay.png", "clip.mp4", "sub/c.jpg")
    make("run1/a_overlay.png", "run1/sub/c_overlay.png", "run1/clip_overlay.mp4", "run1/clip_plot.png")
    make("run1/mine.png", "run1/sub/mine.jpg")
    listed = ["faces.csv", "faces.csv.meta.json", "a_overlay.png", "sub/c_overlay.png"]
    Path("run1/faces.csv.meta.json").write_text(json.dumps(sealed({"metafacs": "0", "outputs": listed})))
    listed = ["clip.csv", "clip_overlay.mp4", "clip_plot.png"]
    Path("run1/clip.csv.meta.json").write_text(json.dumps(sealed({"metafacs": "0", "outputs": listed})))
    mine = ["a.jpg", "b_overlay.png", "clip.mp4", "run1/mine.png", "run1/sub/mine.jpg", "sub/c.jpg"]
    inputs = gather(".", out="run2")
    assert [one[1] for one in found(inputs)] == mine
    assert sorted(map(str, inputs.passed_over[DRAWN])) == [
        "run1/a_overlay.png",
        "run1/clip_overlay.mp4",
        "run1/clip_plot.png",
        "run1/sub/c_overlay.png",
    ]
    assert any(line.startswith(f"{DRAWN}: 4 (run1/a_overlay.png, ") for line in inputs.told())
    inputs = gather("**/*.png", "run1/*/*.*", out="run2")
    assert [one[1] for one in found(inputs)] == ["b_overlay.png", "run1/mine.png", "run1/sub/mine.jpg"]
    # What is named itself is meant.
    assert found(gather("run1/a_overlay.png")) == [("picture", "run1/a_overlay.png")]
    with pytest.raises(InputError, match=rf"nothing to analyse .*{DRAWN}: 1"):
        gather("run1/sub/c_*.png", out="run2")


def test_what_was_drawn_into_the_folder_of_the_results_is_of_the_run_itself() -> None:
    make("a.jpg", "out/a_overlay.png")
    outputs = {"metafacs": "0", "outputs": ["a_overlay.png"]}
    Path("out/faces.csv.meta.json").write_text(json.dumps(sealed(outputs)))
    inputs = gather("**/*.*g", out="out")
    assert found(inputs) == [("picture", "a.jpg")]
    assert list(inputs.passed_over) == [RESULTS]


def test_folders_of_frames_are_none_for_what_was_drawn() -> None:
    make("set/1.png", "out/1_plot.png")
    outputs = {"metafacs": "0", "outputs": ["1_plot.png"]}
    Path("out/1.csv.meta.json").write_text(json.dumps(sealed(outputs)))
    assert found(gather(".", frames=True)) == [("frames", "set")]
