from __future__ import annotations

import json
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from metafacs.data.videos import Video, encode_video
from metafacs.faces.blazeface import BlazeFace
from metafacs.faces.mesh import FaceMesh
from metafacs.faces.tracking import FaceTracker
from metafacs.inference.detector import Detector
from metafacs.inference.journal import Journal


@pytest.fixture
def clip(astronaut: np.ndarray, tmp_path: Path) -> Path:
    face = np.array(Image.fromarray(astronaut[:300, 60:360]).resize((160, 160)))
    encode_video(tmp_path / "clip.mp4", [face] * 5, 25)
    return tmp_path / "clip.mp4"


@pytest.fixture
def unwatched(monkeypatch: pytest.MonkeyPatch) -> None:
    """Undo what the stopwatch puts around methods."""
    for owner, names in (
        (BlazeFace, ["__call__"]),
        (FaceMesh, ["__call__"]),
        (FaceTracker, ["advance"]),
        (Detector, ["crops", "read"]),
        (Journal, ["append", "checkpoint"]),
    ):
        for name in names:
            monkeypatch.setattr(owner, name, getattr(owner, name))


@pytest.mark.usefixtures("unwatched")
@pytest.mark.parametrize("case", ["tracked", "search"])
def test_the_time_of_every_part_is_told(
    case: str, benchmark: ModuleType, clip: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    benchmark.main([str(clip), "--case", case, "--frames", "8"])
    found = json.loads(capsys.readouterr().out)
    assert (found["frames"], found["with_face"]) == (8, 8)
    parts = found["milliseconds"]
    assert list(parts) == list(benchmark.PARTS)
    assert all(parts[part] > 0 for part in ("decode", "detect", "landmark", "align", "network", "write"))
    assert parts["overlay"] == 0
    assert found["frames_per_processor_second"] * sum(parts.values()) == pytest.approx(1000, rel=0.01)
    assert found["mib"] > 0


def test_a_video_is_repeated_as_long_as_is_asked(benchmark: ModuleType, clip: Path) -> None:
    watch = benchmark.Stopwatch()
    frames = list(benchmark.Repeated(Video(clip), 12, watch).frames())
    assert [frame.number for frame in frames] == list(range(12))
    assert frames[11].timestamp == pytest.approx(11 / 25)
    assert all(frame.image is not None for frame in frames)
    assert watch.seconds["decode"] > 0


def test_time_belongs_to_the_innermost_part(benchmark: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [0.0]
    monkeypatch.setattr(benchmark, "time", SimpleNamespace(thread_time=lambda: clock[0]))
    watch = benchmark.Stopwatch()

    def work(seconds: float) -> None:
        clock[0] += seconds

    inner = watch.timed("landmark", work)

    def both() -> None:
        work(2.0)
        inner(5.0)

    outer = watch.timed("follow", both, "detect", "landmark")
    outer()
    outer()
    assert watch.seconds == {"detect": 0.0, "landmark": 10.0, "follow": 4.0}


def test_the_clip_of_four_faces_is_made_of_four(
    benchmark: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def render(kind: str, seed: int, seconds: float, rate: float, size: tuple[int, int]) -> list[object]:
        image = np.full((size[1], size[0], 3), 50 * (seed + 1), np.uint8)
        return [SimpleNamespace(image=image)] * round(seconds * rate)

    monkeypatch.setattr(benchmark, "render_clip", render)
    path = benchmark.make_clip(tmp_path / "four.mp4", 4, 0.08)
    frames = list(Video(path).frames())
    assert len(frames) == 4
    image = frames[0].image
    assert image is not None
    assert image.shape == (360, 640, 3)
    places = [int(image[y, x].mean()) for y in (90, 270) for x in (160, 480)]
    assert places == pytest.approx([50, 100, 150, 200], abs=6)
    assert benchmark.make_clip(path, 4, 9.0) == path
