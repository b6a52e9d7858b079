from __future__ import annotations

import json
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from metafacs.app.models import Detectors, describe_model
from metafacs.faces.alignment import AlignmentSpec
from metafacs.inference import exported_model
from metafacs.inference.detector import Detector
from metafacs.inference.exported_model import (
    HEADER,
    export_detector,
    is_exported,
    load_exported,
    read_exported,
)
from metafacs.inference.exported_network import noise
from metafacs.inference.loading import load_detector, load_model
from metafacs.methods.base import Prediction
from metafacs.models.model_file import CheckpointError
from metafacs.models.onnx_export import to_onnx

onnx = pytest.importorskip("onnx", reason="onnx is not installed")
pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")


@pytest.fixture
def detector(make_detector: Callable[..., Detector]) -> Detector:
    return make_detector(
        alignment=AlignmentSpec(3.5, 7),
        crop_size=80,
        experimental=(6,),
        description={"model": "m", "method": "x"},
    )


@pytest.fixture
def exported(detector: Detector, tmp_path: Path) -> Path:
    path = tmp_path / "model.onnx"
    apart = export_detector(detector, "0123456789abcdef", path, noise(detector, 16))
    assert "onnxruntime" in apart
    assert max(apart.values()) < 1e-5
    return path


def test_the_file_alone_is_the_detector(detector: Detector, exported: Path) -> None:
    found = load_detector(exported)
    assert found.backend == "onnxruntime"
    for name in ("aus", "thresholds", "experimental", "input_size", "crop_size", "alignment"):
        assert getattr(found, name) == getattr(detector, name), name
    assert found.description["model"] == str(exported)
    assert found.description["method"] == "x"
    assert found.description["exported_from"]["fingerprint"] == "0123456789abcdef"  # type: ignore[index]
    images = noise(detector, 5)
    torch.testing.assert_close(
        found.predictor(images).probabilities, detector.predictor(images).probabilities, rtol=0, atol=1e-5
    )


def test_the_page_offers_it_and_nothing_learns_from_it(exported: Path) -> None:
    about = describe_model(Detectors("cpu"), str(exported))
    assert (about["aus"], about["experimental"], about["few_shot"]) == ([1, 6, 12], [6], False)
    with pytest.raises(CheckpointError, match=r"is an exported model.*give the model\.safetensors"):
        load_model(exported)


def test_other_programs_can_read_what_is_needed(exported: Path) -> None:
    model = onnx.load(exported)
    onnx.checker.check_model(model)
    (told,) = [json.loads(one.value) for one in model.metadata_props if one.key == HEADER]
    assert told["aus"] == [1, 6, 12]
    assert told["thresholds"] == {"1": 0.5, "6": 0.5, "12": 0.4}
    assert told["experimental"] == [6]
    assert told["alignment"] == {"box_enlarge": 3.5, "border": 7}
    assert (told["input_size"], told["crop_size"], told["outputs"]) == (64, 80, ["probabilities"])
    assert "127.5" in told["normalisation"]


@pytest.mark.skipif(find_spec("openvino") is None, reason="openvino is not installed")
def test_openvino_reads_it_too(detector: Detector, exported: Path) -> None:
    found, images = load_detector(exported, backend="openvino"), noise(detector, 3)
    assert found.backend == "openvino"
    torch.testing.assert_close(
        found.predictor(images).probabilities, detector.predictor(images).probabilities, rtol=0, atol=1e-5
    )


def test_what_cannot_be_used_is_refused(exported: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="is an exported model, which torch does not run"):
        load_detector(exported, backend="torch")
    with pytest.raises(ValueError, match="is fitted to a person needs"):
        load_detector(exported, person=tmp_path / "me.safetensors")
    with pytest.raises(CheckpointError, match="does not exist"):
        load_exported(tmp_path / "none.onnx")


def test_damage_is_told(exported: Path, tmp_path: Path) -> None:
    content = exported.read_bytes()
    header, network = read_exported(exported)
    assert len(network) == header.network_bytes < len(content)

    def refusal(changed: bytes) -> str:
        path = tmp_path / "changed.onnx"
        path.write_bytes(changed)
        with pytest.raises(CheckpointError) as error:
            load_exported(path)
        return str(error.value)

    assert "truncated or no ONNX file" in refusal(content[:-9])
    assert "does not say how faces are cut" in refusal(network)
    assert "edited" in refusal(content.replace(b'"border": 7', b'"border": 9'))
    place = network.index(b"metafacs") if b"metafacs" in network else network.index(b"pytorch")
    changed = content[:place] + b"x" + content[place + 1 :]
    assert "damaged or was changed" in refusal(changed)
    assert "has format 'metafacs-onnx-0'" in refusal(content.replace(b"metafacs-onnx-1", b"metafacs-onnx-0"))


def test_other_onnx_files_are_not_ours(exported: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.onnx"
    other.write_bytes(to_onnx(nn.Sequential(nn.Flatten()), (3, 2, 2), ("values",)))
    assert is_exported(exported)
    assert not is_exported(other)
    assert not is_exported(tmp_path / "none.onnx")


def test_nothing_is_written_where_answers_differ(
    make_detector: Callable[..., Detector], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def predict(images: Tensor) -> Prediction:
        return Prediction(images.reshape(len(images), -1)[:, :3].sigmoid())

    detector = make_detector(predictor=predict)
    with pytest.raises(ValueError, match="the network is not exported"):
        export_detector(detector, "0", tmp_path / "model.onnx", noise(detector, 16))
    monkeypatch.setattr(exported_model, "_is_installed", lambda backend: False)
    monkeypatch.setattr(
        exported_model, "check_backend", lambda backend: (_ for _ in ()).throw(ValueError("pip"))
    )
    with pytest.raises(ValueError, match="pip"):
        export_detector(make_detector(), "0", tmp_path / "model.onnx", noise(detector, 16))
    assert not list(tmp_path.iterdir())
