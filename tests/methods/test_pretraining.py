from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from metafacs.batch import Batch
from metafacs.methods import METHODS
from metafacs.methods.base import Method
from metafacs.methods.pretraining import FacePretraining
from metafacs.training.stepper import OptimizerStepper

PEOPLE, SIZE = 6, 32


@pytest.fixture(scope="module")
def faces() -> Batch:
    """Six people as six colours; a bright spot whose place tells the landmarks and the pose."""
    rng = np.random.default_rng(0)
    count = 48
    subject = np.arange(count) % PEOPLE
    colours = rng.normal(size=(PEOPLE, 3, 1, 1))
    images = np.broadcast_to(colours[subject], (count, 3, SIZE, SIZE)).copy()
    places = rng.integers(6, SIZE - 6, (count, 2))
    for image, (x, y) in zip(images, places, strict=True):
        image[:, y - 3 : y + 3, x - 3 : x + 3] += 3
    points = np.repeat(places[:, None], 68, 1).astype(np.float32)
    points[0, 5] = np.nan
    turned = (places / SIZE - 0.5).astype(np.float32)
    pose = np.concatenate([turned, np.zeros((count, 1), np.float32)], 1)
    pose[1] = np.nan
    return Batch(
        torch.from_numpy(images).float(),
        subject=torch.from_numpy(subject),
        landmarks=torch.from_numpy(points),
        pose=torch.from_numpy(pose),
    )


def trained(faces: Batch, iterations: int) -> tuple[FacePretraining, list[dict[str, torch.Tensor]]]:
    torch.manual_seed(0)
    learner = FacePretraining(PEOPLE).train()
    step = OptimizerStepper(learner.parameter_groups(), learner.optimizers(), iterations)
    curves = []
    for k in range(iterations):
        step.start(k)
        curves.append(learner.update({"faces": faces}, step))
    return learner, curves


def test_it_is_no_detector() -> None:
    assert not issubclass(FacePretraining, Method)
    assert FacePretraining not in METHODS.values()
    assert (FacePretraining(2).aus, FacePretraining(2).expressions) == ((), ())


def test_every_parameter_moves_and_every_loss_falls(faces: Batch) -> None:
    start, _ = trained(faces, 0)
    learner, curves = trained(faces, 40)
    moved = dict(learner.named_parameters())
    for name, before in start.named_parameters():
        assert not torch.equal(before, moved[name]), name
    assert set(curves[0]) == {"loss_identity", "loss_landmarks", "loss_pose"}
    for name, first in curves[0].items():
        assert not first.requires_grad
        assert curves[-1][name] < 0.4 * first, name


def test_losses_are_those_of_the_definitions(faces: Batch) -> None:
    _, curves = trained(faces, 1)
    torch.manual_seed(0)
    found = FacePretraining(PEOPLE).train()
    said = found.describe(faces.images)
    assert faces.subject is not None
    assert faces.landmarks is not None
    assert faces.pose is not None
    directions = found.people.weight / found.people.weight.norm(dim=1, keepdim=True)
    likelihood = (20 * said.embedding @ directions.T).softmax(1)[torch.arange(48), faces.subject]
    torch.testing.assert_close(curves[0]["loss_identity"], -likelihood.log().mean().detach())
    off = (said.landmarks - faces.landmarks).abs().flatten(1).nanmean(1) / SIZE
    torch.testing.assert_close(curves[0]["loss_landmarks"], 100 * off.mean().detach())
    turned = (said.pose - faces.pose).abs().nanmean(1).nan_to_num(0)
    torch.testing.assert_close(curves[0]["loss_pose"], 10 * turned.mean().detach())


def test_action_units_and_expressions_are_never_read(faces: Batch) -> None:
    labelled = replace(faces, action_units=torch.ones(48, 2), expression=torch.ones(48, dtype=torch.long))
    plain, other = trained(faces, 2)[0], trained(labelled, 2)[0]
    for name, value in plain.state_dict().items():
        assert torch.equal(value, other.state_dict()[name]), name


def test_missing_labels_are_named(faces: Batch) -> None:
    learner = FacePretraining(PEOPLE)
    step = OptimizerStepper(learner.parameter_groups(), learner.optimizers(), 1)
    with pytest.raises(ValueError, match="carries no pose"):
        learner.update({"faces": replace(faces, pose=None)}, step)
