from __future__ import annotations

import json
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch
from PIL import Image

from metafacs.data.datasets.people import PEOPLE_AUS
from metafacs.inference.detector import Detector
from metafacs.methods.base import Prediction


def light(images: torch.Tensor) -> Prediction:
    said = (images.mean((1, 2, 3)) / 2 + 0.5)[:, None].repeat(1, 3)
    return Prediction(said, intensities=5 * said)


@pytest.fixture
def detector(benchmark: ModuleType, monkeypatch: pytest.MonkeyPatch) -> Detector:
    """Put a detector that takes light for expressions in the place of the packaged one."""
    thresholds = {6: 0.5, 12: 0.5, 25: 0.5}
    found = Detector(light, (6, 12, 25), thresholds, 64, description={"model": "light"}, intensities=True)
    monkeypatch.setattr(benchmark, "load_detector", lambda path: found)
    return found


@pytest.fixture
def sessions(benchmark: ModuleType, astronaut: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Put two people in the place of the rendered ones, of whom one is always darker."""
    face = np.array(Image.fromarray(astronaut[40:220, 140:320]).resize((128, 128)))
    rendered: list[int] = []

    def render(number: int, frames: int) -> object:
        rendered.append(number)
        shown = np.arange(frames) % 2
        pictures = [(face * (0.5 + 0.3 * number + 0.2 * on)).astype(np.uint8) for on in shown]
        quiet = np.arange(frames) % 4 == 0
        truth = np.repeat(shown[:, None].astype(float), len(PEOPLE_AUS), axis=1)
        return benchmark.Session(pictures, quiet, ~quiet, truth)

    monkeypatch.setattr(benchmark, "render_session", render)
    return rendered


@pytest.mark.usefixtures("detector")
def test_what_rest_is_worth_is_told_and_what_was_seen_is_kept(
    benchmark: ModuleType,
    sessions: list[int],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(benchmark, "RESAMPLES", 5)
    words = ["--people", "2", "--frames", "32", "--cache", str(tmp_path / "cache")]
    outputs = []
    for _ in range(2):
        benchmark.main(words)
        outputs.append(capsys.readouterr().out.splitlines()[-1])
    assert outputs[0] == outputs[1]
    assert sessions == [0, 1]
    found = json.loads(outputs[0])["results"]["rendered"]
    # The bright person at rest is lighter than the dark one who shows something, until rest is known.
    assert found["none"]["area"] < 0.9
    assert found["named"]["area"] > 0.99
    assert found["gain_named"]["area"][1] > 0


@pytest.mark.usefixtures("detector")
def test_photos_of_two_expressions_are_compared_across_people(
    benchmark: ModuleType,
    astronaut: np.ndarray,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(benchmark, "VARIANTS", 6)
    face = np.array(Image.fromarray(astronaut[:300, 60:360]).resize((160, 160)))
    for kind, strength in (("neutral", 0.7), ("smiling", 1.0)):
        (tmp_path / kind).mkdir()
        Image.fromarray((face * strength).astype(np.uint8)).save(tmp_path / kind / "001.jpg")
    benchmark.main(["--people", "0", "--london", str(tmp_path)])
    found = json.loads(capsys.readouterr().out.splitlines()[-1])["results"]
    assert list(found) == ["london"]
    for way in ("none", "named", "auto"):
        assert set(found["london"][way]) == {"AU06", "AU12", "AU25"}
        assert found["london"][way]["AU12"]["area"] == 1.0


def test_what_another_model_said_is_not_taken(
    benchmark: ModuleType, detector: Detector, sessions: list[int], tmp_path: Path
) -> None:
    benchmark.watch(detector, "0", lambda: benchmark.render_session(0, 4), tmp_path, True)
    detector.description["model"] = "another"  # type: ignore[index]
    with pytest.raises(ValueError, match="holds what another model says"):
        benchmark.watch(detector, "0", lambda: benchmark.render_session(0, 4), tmp_path, True)
