"""Tables against codings, and coders against each other, from files to tables and plots."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sklearn.metrics import cohen_kappa_score

from metafacs.cli import main
from metafacs.files import write_json

FRAMES = 250
NO_PLOT = ["--plot", "false"]


def truth(seed: int, au: int) -> np.ndarray:
    lengths = np.random.default_rng((seed, au)).integers(5, 30, FRAMES // 5)
    return (np.repeat(np.arange(len(lengths)) % 2, lengths)[:FRAMES]).astype(int)


def table(path: Path, seed: int = 0, *, errors: float = 0.1) -> np.ndarray:
    """Write a table as metafacs does, without a face in frames 100 to 109; return presence of AU12."""
    rng = np.random.default_rng(seed + 100)
    said = {au: np.where(rng.random(FRAMES) < errors, 1 - truth(seed, au), truth(seed, au)) for au in (4, 12)}
    lines = ["frame,face_id,timestamp,confidence,success,input,AU04_p,AU12_p,AU04_c,AU12_c"]
    for i in range(FRAMES):
        start = f"{i},0,{i / 25:.3f}"
        if 100 <= i < 110:
            lines.append(f"{start},0.0,0,v.mp4,,,,")
        else:
            told = ",".join(f"{0.2 + 0.6 * said[au][i]:.1f}" for au in (4, 12))
            lines.append(f"{start},0.9,1,v.mp4,{told},{said[4][i]},{said[12][i]}")
    path.parent.mkdir(exist_ok=True)
    path.write_text("\n".join(lines) + "\n")
    return said[12]


def coding(path: Path, seed: int = 0, *, first: int = 0, shift: int = 0) -> np.ndarray:
    aus = {au: np.roll(truth(seed, au), shift) for au in (4, 12)}
    lines = ["frame;AU4;AU12", *(f"{i + first};{aus[4][i]};{aus[12][i]}" for i in range(FRAMES))]
    path.parent.mkdir(exist_ok=True)
    path.write_text("\n".join(lines) + "\n")
    return aus[12]


def agree(*words: object) -> int:
    return main(["agree", *map(str, words)])


def rows(out: Path) -> list[dict[str, str]]:
    with (out / "agreement.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_a_table_of_ours_against_a_coding_by_frames(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said, known = table(tmp_path / "clip.csv"), coding(tmp_path / "coder.csv")
    write_json(tmp_path / "clip.csv.meta.json", {"metafacs": "0", "synthetic": True, "thresholds": {}})
    assert agree(tmp_path / "clip.csv", tmp_path / "coder.csv", "--out", tmp_path / "out") == 0
    printed = capsys.readouterr().out
    assert "Agreement of clip.csv (left) with coder.csv (right) (model of synthetic faces)" in printed
    assert "| AU12 Lip corner puller | 240 |" in printed
    seen = np.r_[0:100, 110:FRAMES]
    kappa = cohen_kappa_score(said[seen], known[seen])
    au12 = next(row for row in rows(tmp_path / "out") if row["au"] == "12")
    assert float(au12["kappa"]) == pytest.approx(kappa, abs=1e-6)
    record = json.loads((tmp_path / "out" / "agreement.json").read_text())
    assert record["shifts"]["clip"]["best"] == 0
    assert record["subjects"] == 1
    assert "left: 10 rows say that no face was found: unknown" in record["notes"]
    text = (tmp_path / "out" / "agreement.md").read_text()
    assert "**Frames by what both sides say**" in text
    assert "**What was assumed**" in text
    with Image.open(tmp_path / "out" / "disagreements.png") as picture:
        assert picture.width > 1000


def test_frames_counted_from_one_are_recognised_and_a_shift_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table(tmp_path / "clip.csv", errors=0.02)
    coding(tmp_path / "one.csv", first=1)
    out = tmp_path / "out"
    assert agree(tmp_path / "clip.csv", tmp_path / "one.csv", "--out", out, *NO_PLOT) == 0
    assert "agree better" not in capsys.readouterr().out
    assert agree(tmp_path / "clip.csv", tmp_path / "one.csv", "--first_frame", 0, "--out", out, *NO_PLOT) == 0
    printed = capsys.readouterr().out
    assert "clip: left and right agree better with the right 1 frame earlier" in printed
    assert "249 frames are in both files, 1 only left, 1 only right" in printed


def test_intervals_against_the_frames_they_were_made_of(tmp_path: Path) -> None:
    known = coding(tmp_path / "frames.csv")
    ends = np.flatnonzero(np.diff(np.r_[0, known, 0])).reshape(-1, 2)
    lines = ["onset_s,offset_s,au", *(f"{a / 25:.3f},{b / 25:.3f},AU12" for a, b in ends)]
    (tmp_path / "list.csv").write_text("\n".join(lines) + "\n")
    words = [
        tmp_path / "frames.csv",
        tmp_path / "list.csv",
        "--rate",
        25,
        "--out",
        tmp_path / "out",
        *NO_PLOT,
    ]
    assert agree(*words, "--coded_range", "all") == 0
    au12 = next(row for row in rows(tmp_path / "out") if row["au"] == "12")
    assert (au12["kappa"], au12["event_f1"], au12["frames"]) == ("1", "1", "250")
    assert agree(*words, "--coded_range", "0-4") == 0
    assert rows(tmp_path / "out")[0]["frames"] == "100"
    assert agree(*words, "--coded_range", "4-0") == 1
    assert agree(*words, "--coded_range", "soon") == 1


def test_several_videos_in_two_folders_have_intervals_over_people(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for i in range(5):
        table(tmp_path / "tables" / f"v{i}.csv", i)
        coding(tmp_path / "codings" / f"v{i}.csv", i)
    table(tmp_path / "tables" / "alone.csv")
    out = tmp_path / "out"
    words = [tmp_path / "tables", tmp_path / "codings", "--out", out, "--repetitions", 100]
    assert agree(*words) == 0
    printed = capsys.readouterr().out
    assert "over 5 videos" in printed
    assert "5 people resampled 100 times" in printed
    assert "have no partner and are not compared: alone" in printed
    mean = next(row for row in rows(out) if row["au"] == "mean")
    assert float(mean["kappa_low"]) < float(mean["kappa"]) < float(mean["kappa_high"])
    assert sorted(path.name for path in (out / "disagreements").iterdir())[0] == "v0_person_0.png"


def test_the_same_person_in_several_videos_is_one_person(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = ["left,right,subject"]
    for i in range(5):
        table(tmp_path / f"t{i}.csv", i)
        coding(tmp_path / f"c{i}.csv", i)
        lines.append(f"t{i}.csv,c{i}.csv,S{i // 2}")
    (tmp_path / "pairs.csv").write_text("\n".join(lines) + "\n")
    assert agree("--pairs", tmp_path / "pairs.csv", "--out", tmp_path / "out", *NO_PLOT) == 0
    assert "No intervals: 3 people" in capsys.readouterr().out


def test_results_do_not_replace_what_they_are_made_of(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table(tmp_path / "agreement.csv")
    coding(tmp_path / "coder.csv")
    assert agree(tmp_path / "agreement.csv", tmp_path / "coder.csv", "--out", tmp_path) == 1
    assert "would be overwritten" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--rate", 0], "--rate is the number of frames per second"),
        (["--repetitions", 0], "--repetitions is at least 1"),
        (["--tolerance", -1], "the tolerance of onsets"),
        (["--threshold", 2], "a threshold of probabilities"),
        (["--person", 3], "has no person 3"),
    ],
)
def test_impossible_options_are_refused(
    tmp_path: Path, words: list[object], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    table(tmp_path / "clip.csv")
    coding(tmp_path / "coder.csv")
    assert agree(tmp_path / "clip.csv", tmp_path / "coder.csv", "--out", tmp_path / "out", *words) == 1
    assert message in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_foreign_files_stay_and_those_of_the_last_time_go(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table(tmp_path / "clip.csv")
    coding(tmp_path / "coder.csv")
    out = tmp_path / "out"
    words = [tmp_path / "clip.csv", tmp_path / "coder.csv", "--out", out]
    out.mkdir()
    (out / "disagreements.png").write_bytes(b"mine")
    assert agree(*words) == 1
    assert "disagreements.png is there already, and is not what metafacs wrote" in capsys.readouterr().err
    assert not (out / "agreement.csv").exists()
    (out / "disagreements.png").unlink()
    assert agree(*words) == 0
    assert agree(*words, *NO_PLOT) == 0
    assert not (out / "disagreements.png").exists()


def test_names_of_files_are_no_formulas_and_no_marks(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    odd = "=a$\\frac{$|[x](y)"
    table(tmp_path / f"{odd}.csv")
    coding(tmp_path / "coder.csv")
    out = tmp_path / "out"
    assert agree(tmp_path / f"{odd}.csv", tmp_path / "coder.csv", "--out", out) == 0
    assert {row["video"] for row in rows(out) if row["scope"] == "person"} == {f"'{odd}"}
    assert r"=a$\\frac{$\|[x\](y)" in (out / "agreement.md").read_text()
    assert "(left)" in capsys.readouterr().out
