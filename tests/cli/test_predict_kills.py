"""Whatever ends a run, its finished rows are kept, and --resume ends with what an undisturbed run writes."""

from __future__ import annotations

import errno
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from metafacs.cli.summary import say
from metafacs.data.videos import EVERY_FRAME, Camera, Frame, Selection
from metafacs.inference import predictions
from metafacs.inference.journal import Journal

Predict = Callable[..., int]
ROOT = Path(__file__).parents[2]
KILLS = os.environ.get("METAFACS_KILLS", "3")
"""Runs that are killed; benchmarks/kills.py does 20."""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def files(out: str) -> dict[str, bytes]:
    found = sorted(path for path in Path(out).rglob("*") if path.is_file())
    return {path.name: path.read_bytes() for path in found if not path.name.endswith(".meta.json")}


def test_killed_at_random_moments_and_resumed(untrained_model: Path) -> None:
    words = [str(ROOT / "benchmarks" / "kills.py"), "--kills", KILLS, "--seconds", "1", "--pictures", "2"]
    subprocess.run([sys.executable, *words, "--model", str(untrained_model), "--more=--events"], check=True)


def ending_after(count: int, how: Callable[[], None], monkeypatch: pytest.MonkeyPatch) -> None:
    """End the run after a number of frames or pictures."""
    append, seen = Journal.append, [0]

    def counted(self: object, results: object) -> None:
        append(self, results)  # type: ignore[arg-type]
        seen[0] += 1
        if seen[0] == count:
            how()

    monkeypatch.setattr(Journal, "append", counted)


def interrupt() -> None:
    raise KeyboardInterrupt


def terminate() -> None:
    os.kill(os.getpid(), signal.SIGTERM)


@pytest.mark.parametrize(("how", "code"), [(interrupt, 130), (terminate, 143)])
def test_a_stopped_run_says_how_to_go_on(
    predict: Predict,
    face: Image.Image,
    short_clip: Path,
    how: Callable[[], None],
    code: int,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for name in ("1.png", "2.png", "3.png"):
        face.save(name)
    shutil.copy(short_clip, "clip.mp4")
    words = ["1.png", "2.png", "3.png", "clip.mp4"]
    assert predict(*words, "--out", "whole") == 0
    monkeypatch.setattr(sys, "argv", ["/somewhere/metafacs", "predict", *words, "--out", "my results"])
    for count in (2, 3):
        with monkeypatch.context() as patch:
            ending_after(count, how, patch)
            assert predict(*words, "--out", "my results", *(["--resume"] if count == 3 else [])) == code
        said = capsys.readouterr().err
        assert "metafacs predict 1.png 2.png 3.png clip.mp4 --out 'my results' --resume" in said
        # First in the pictures, then in the video.
        assert f"{int(count == 3)} of 2 tables are written" in said
    assert predict(*words, "--out", "my results") == 1
    assert "clip.csv.unfinished holds the finished rows" in capsys.readouterr().err
    assert predict(*words, "--out", "my results", "--resume") == 0
    said = capsys.readouterr().out
    assert "tables that were finished already: 1" in said
    # What is said of all is about what was analysed now.
    assert "\n1 video: 10 frames, " in said
    assert files("my results") == files("whole")
    # Nothing is left to do.
    left = Path("my results/.faces.csv.meta.json.77.partial")
    left.touch()  # a power cut brought it back
    assert predict(*words, "--out", "my results", "--resume") == 0
    assert not left.exists()
    assert files("my results") == files("whole")


def test_a_full_disk_keeps_finished_rows(
    predict: Predict, short_clip: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copy(short_clip, "clip.mp4")
    assert predict("clip.mp4", "--out", "whole") == 0

    def full() -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(predictions, "open_writer", lambda *words: full())
        assert predict("clip.mp4") == 1
    captured = capsys.readouterr()
    assert "clip.mp4: [Errno 28] No space left on device" in captured.err
    assert "--resume goes on with it" in captured.out
    assert list(files("predictions")) == ["clip.csv.unfinished"]
    assert predict("clip.mp4", "--resume") == 0
    assert files("predictions") == files("whole")


def test_other_rules_do_not_throw_finished_rows_away(predict: Predict, short_clip: Path) -> None:
    shutil.copy(short_clip, "clip.mp4")
    assert predict("clip.mp4", "--neutral", "700-800") == 1
    assert list(files("predictions")) == ["clip.csv.unfinished"]
    assert predict("clip.mp4", "--neutral", "0-5", "--resume") == 0
    assert list(files("predictions")) == ["clip.csv"]


class Live(Camera):
    """A camera whose user presses Ctrl-C after some pictures."""

    def __init__(self, device: int) -> None:
        self.name, self.frame_count, self.rate = f"camera {device}", None, None
        self.width, self.height = 96, 96
        self.notes: list[str] = []

    def close(self) -> None:
        self.notes.append("closed")

    def frames(self, numbers: Selection = EVERY_FRAME, start_at: int = 0) -> Iterator[Frame]:
        for i in range(20):
            yield Frame(i, i / 10, np.zeros((96, 96, 3), np.uint8))
        raise KeyboardInterrupt


def test_a_camera_ends_with_ctrl_c_and_leaves_a_table(
    predict: Predict, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(predictions, "Camera", Live)
    assert predict("camera:1", "--events") == 0
    assert len(Path("predictions/camera1.csv").read_text().splitlines()) == 21
    assert "camera:1: 20 frames" in capsys.readouterr().out
    # What it saw does not come again.
    assert predict("camera:1", "--events") == 1
    assert "camera1.csv is there already" in capsys.readouterr().err


def test_a_camera_that_was_killed_leaves_its_rows(predict: Predict, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(predictions, "Camera", Live)
    with monkeypatch.context() as patch:
        patch.setattr(predictions, "open_writer", None)
        assert predict("camera") == 1
    assert list(files("predictions")) == ["camera.csv.unfinished"]
    monkeypatch.setattr(predictions, "Camera", None)
    assert predict("camera", "--resume") == 0
    assert len(Path("predictions/camera.csv").read_text().splitlines()) == 21


def test_nobody_who_reads_is_no_reason_to_stop(monkeypatch: pytest.MonkeyPatch) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as nobody:
        monkeypatch.setattr(sys, "stdout", nobody)
        for _ in range(3):
            say("a line")
