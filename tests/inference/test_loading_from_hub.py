from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fake_hub import FakeHub, serving_hub
from metafacs.cli import main
from metafacs.hub import WEIGHTS
from metafacs.inference.loading import load_detector, model_file
from metafacs.models.model_file import CheckpointError

pytest.importorskip("huggingface_hub", reason="needs the extra hub")


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[FakeHub]:
    with serving_hub(monkeypatch, tmp_path / "cache") as (found, _):
        yield found


def test_a_detector_of_the_hub_is_named_by_its_commit(hub: FakeHub, untrained_model: Path) -> None:
    commit = hub.publish("lab/faces", {WEIGHTS: untrained_model.read_bytes()})
    detector = load_detector("hf:lab/faces")
    assert detector.description["model"] == f"hf:lab/faces@{commit}"
    crops = np.full((1, 36, 36, 3), 90, np.uint8)
    here = load_detector(untrained_model).probabilities_of(crops)
    assert np.array_equal(detector.probabilities_of(crops), here)


def test_another_process_finds_the_commit_without_asking(hub: FakeHub, untrained_model: Path) -> None:
    commit = hub.publish("lab/faces", {WEIGHTS: untrained_model.read_bytes()})
    name, file = model_file(Path("hf:lab/faces@main"))
    assert str(name) == f"hf:lab/faces@{commit}"
    assert file.read_bytes() == untrained_model.read_bytes()
    hub.publish("lab/faces", {WEIGHTS: b"something else"})
    hub.asked.clear()
    assert load_detector(name).description["model"] == str(name)
    assert hub.asked == []


def test_a_truncated_or_changed_file_is_refused(hub: FakeHub, untrained_model: Path) -> None:
    content = untrained_model.read_bytes()
    changed = bytearray(content)
    changed[-1] ^= 1
    for damaged, told in ((content[:-100], "is truncated"), (bytes(changed), "is damaged")):
        commit = hub.publish("lab/faces", {WEIGHTS: damaged})
        with pytest.raises(CheckpointError, match=f"hf:lab/faces@{commit}: .*{told}.* delete .* again"):
            load_detector("hf:lab/faces")


def test_predict_writes_the_commit_beside_its_table(
    hub: FakeHub, untrained_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    commit = hub.publish("lab/faces", {WEIGHTS: untrained_model.read_bytes()})
    Image.new("RGB", (64, 64)).save(tmp_path / "grey.png")
    words = ["predict", str(tmp_path / "grey.png"), "--out", str(tmp_path / "out"), "--workers", "1"]
    assert main([*words, "--model", "hf:lab/faces"]) == 0
    [sidecar] = (tmp_path / "out").rglob("*.meta.json")
    assert json.loads(sidecar.read_text())["model"]["model"] == f"hf:lab/faces@{commit}"
    assert main([*words, "--model", "hf:lab/none", "--overwrite"]) == 1
    assert "there is no hf:lab/none that you may read" in capsys.readouterr().err


def test_nothing_is_asked_for_without_the_prefix(
    hub: FakeHub, stand_in_model: Path, predict: Callable[..., int]
) -> None:
    load_detector()
    load_detector(stand_in_model)
    assert hub.asked == []
