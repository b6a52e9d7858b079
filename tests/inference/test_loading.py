from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from metafacs.checkpoints.checkpoint import (
    Checkpoint,
    CheckpointError,
    load_checkpoint,
    save_checkpoint,
)
from metafacs.checkpoints.description import Description
from metafacs.faces.alignment import AlignmentSpec, align
from metafacs.faces.pipeline import find_faces
from metafacs.faces.tensors import to_tensor
from metafacs.inference.loading import detector_of, load_detector
from metafacs.methods.base import Prediction
from metafacs.methods.single_task import SingleTask
from metafacs.models.backbones import SMALL
from metafacs.personalisation.person import FITTINGS, Person
from metafacs.plugins import PluginError

Picture = NDArray[np.uint8]
KNOWN: dict[str, object] = {
    "input_size": 64,
    "crop_size": 64,
    "alignment": {"box_enlarge": 2.6, "border": 128},
    "threshold": 0.4,
    "synthetic": True,
    "licence": "none",
}


@pytest.fixture
def make_checkpoint() -> Callable[..., Checkpoint]:
    def make(**changes: object) -> Checkpoint:
        torch.manual_seed(0)
        method = SingleTask((1, 12), backbone=SMALL)
        known = {key: value for key, value in {**KNOWN, **changes}.items() if value is not None}
        description = Description.from_json(known, "old.safetensors")
        return Checkpoint(
            "single_task", {"backbone": "small"}, (1, 12), (), method.state_dict(), description, iteration=3
        )

    return make


def test_a_file_becomes_the_detector_that_was_trained(
    make_checkpoint: Callable[..., Checkpoint], astronaut: Picture, tmp_path: Path
) -> None:
    path = tmp_path / "model.safetensors"
    checkpoint = make_checkpoint()
    save_checkpoint(path, checkpoint)
    detector = load_detector(path)
    assert detector.aus == (1, 12)
    assert detector.thresholds == {1: 0.4, 12: 0.4}
    assert (detector.input_size, detector.crop_size, detector.synthetic) == (64, 64, True)
    assert detector.alignment == AlignmentSpec(2.6, 128)
    assert detector.description["model"] == str(path)
    assert (detector.description["method"], detector.description["iterations"]) == ("single_task", 3)
    (result,) = detector.analyse_picture(astronaut)
    crop, _ = align(astronaut, find_faces(astronaut)[0].landmarks, 64, AlignmentSpec(2.6))
    with torch.inference_mode():
        expected = checkpoint.build().predict(to_tensor(crop[None])).probabilities[0]
    assert list(result.probabilities.values()) == pytest.approx(expected.tolist(), abs=1e-4)


def test_an_action_unit_can_have_its_own_threshold(make_checkpoint: Callable[..., Checkpoint]) -> None:
    detector = detector_of(make_checkpoint(thresholds={"12": 0.25}), "model")
    assert detector.thresholds == {1: 0.4, 12: 0.25}


def test_without_a_threshold_it_is_one_half(make_checkpoint: Callable[..., Checkpoint]) -> None:
    assert detector_of(make_checkpoint(threshold=None), "model").thresholds == {1: 0.5, 12: 0.5}


@pytest.mark.parametrize("name", ["input_size", "alignment"])
def test_a_checkpoint_that_does_not_tell_its_crop_is_refused(
    make_checkpoint: Callable[..., Checkpoint], name: str
) -> None:
    with pytest.raises(CheckpointError, match=name):
        detector_of(make_checkpoint(**{name: None}), "old.safetensors")


def test_thresholds_of_the_wrong_kind_are_refused(make_checkpoint: Callable[..., Checkpoint]) -> None:
    with pytest.raises(CheckpointError, match="thresholds"):
        detector_of(make_checkpoint(thresholds=[0.5, 0.5]), "model")


def test_experimental_action_units_are_those_the_model_names(
    make_checkpoint: Callable[..., Checkpoint],
) -> None:
    assert detector_of(make_checkpoint(), "model").experimental == ()
    detector = detector_of(make_checkpoint(experimental=[12]), "model")
    assert detector.experimental == (12,)
    for wrong in (12, ["AU12"], [True]):
        with pytest.raises(CheckpointError, match=r"experimental.*Expected"):
            detector_of(make_checkpoint(experimental=wrong), "model")


class Telling(SingleTask):
    """A detector that tells more than probabilities, from the same layers."""

    gives_intensities = gives_pose = True

    def predict(self, images: torch.Tensor) -> Prediction:
        probabilities = super().predict(images).probabilities
        pose = torch.cat([probabilities, images.mean((1, 2, 3))[:, None]], 1)
        return Prediction(probabilities, intensities=5 * probabilities, pose=pose)


@pytest.mark.parametrize("kind", ["last", "full"])
def test_a_person_leaves_the_pose_and_takes_the_intensities_away(
    make_checkpoint: Callable[..., Checkpoint], kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("metafacs.checkpoints.checkpoint.find_learner", lambda name: Telling)
    monkeypatch.setattr("metafacs.personalisation.whole_network.STEPS", 2)
    checkpoint = make_checkpoint()
    general = detector_of(checkpoint, "model")
    assert (general.intensities, general.pose) == (True, True)
    images = torch.rand(6, 3, 64, 64)
    labels = torch.tensor([[1.0, 0.0], [0.0, 1.0]] * 3)
    tensors = FITTINGS[kind](checkpoint).fit(images, labels, (1, 12))
    own = detector_of(checkpoint, "model", person=Person(kind, checkpoint.fingerprint, (1, 12), tensors))
    assert (own.intensities, own.pose) == (False, True)
    with torch.no_grad():
        before, after = general.predictor(images), own.predictor(images)
    assert after.intensities is None
    assert before.pose is not None
    torch.testing.assert_close(after.pose, before.pose)
    assert not torch.allclose(after.probabilities, before.probabilities)


def test_an_unknown_method_is_refused(make_checkpoint: Callable[..., Checkpoint]) -> None:
    with pytest.raises(PluginError, match="unknown method 'magic'; choose one of"):
        detector_of(replace(make_checkpoint(), method="magic"), "model")


def test_without_a_path_it_is_the_detector_in_the_package(stand_in_model: Path) -> None:
    detector = load_detector()
    fingerprint = load_checkpoint(stand_in_model).fingerprint
    assert detector.description["model"] == f"metafacs people detector {fingerprint}"
    assert (detector.aus, detector.experimental, detector.synthetic) == ((1, 4, 12), (4,), True)


def test_a_package_without_a_detector_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("metafacs.inference.loading.PACKAGED_MODEL", tmp_path / "people.safetensors")
    with pytest.raises(
        CheckpointError, match=r"people\.safetensors does not exist.*'metafacs detector build'"
    ):
        load_detector()


def test_the_packaged_detector_reads_a_photo(packaged_model: Path, astronaut: Picture) -> None:
    detector = load_detector()
    assert detector.synthetic
    (face,) = detector.analyse_picture(astronaut)
    assert set(face.probabilities) == set(face.intensities) == set(detector.aus)
    assert face.pose is not None
    assert face.present(detector.thresholds)[12]
