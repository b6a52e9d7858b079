"""What the dual-domain method learns before its adversaries: every label there is, and nothing else."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import pytest
import torch

from metafacs.batch import Batch
from metafacs.losses.action_units import action_unit_loss
from metafacs.methods.base import OptimizerSpec
from metafacs.methods.dual_domain import DualDomain
from metafacs.training.stepper import OptimizerStepper

AUS = (1, 12)
SIDE = 32


def supervised(**options: object) -> DualDomain:
    torch.manual_seed(0)
    return DualDomain(AUS, width=4, stage="supervised", **options).double().train()  # type: ignore[arg-type]


def pair() -> dict[str, Batch]:
    torch.manual_seed(1)
    known = torch.rand(3, 2).round().double()

    def batch(labels: torch.Tensor | None) -> Batch:
        points = torch.rand(3, 68, 2).double() * SIDE
        return Batch(torch.randn(3, 3, SIDE, SIDE).double(), action_units=labels, landmarks=points)

    return {"source": batch(known), "target": batch(None)}


def step_of(method: DualDomain, lr: float = 0.1) -> OptimizerStepper:
    groups = method.parameter_groups()
    step = OptimizerStepper(groups, dict.fromkeys(groups, OptimizerSpec("sgd", lr, 0.0, 0.0)), 1)
    step.start(0)
    return step


def test_the_supervised_step_is_aus_of_the_source_and_landmarks_of_both_domains() -> None:
    data, method, other = pair(), supervised(landmark_weight=0.5), supervised(landmark_weight=0.5)
    assert set(method.parameter_groups()) == {"task", "landmarks"}
    told = method.update(data, step_of(method))

    network = other.detecting_network
    features = network.extract(data["source"].images, data["target"].images)
    units = action_unit_loss(
        network.detector(features[:3]),
        data["source"].require("action_units"),
        reduction="mean",
        au_weights=other.au_weights,
        focus=0.7,
    ).mean()
    points = other.landmark_error(network.landmarks_of(features, SIDE), data["source"], data["target"])
    parameters = dict(other.named_parameters())
    gradients = torch.autograd.grad(units + 0.5 * points, list(parameters.values()))
    torch.testing.assert_close(told, {"loss_action_units": units.detach(), "loss_landmarks": points.detach()})
    for (name, parameter), gradient in zip(parameters.items(), gradients, strict=True):
        expected = parameter - 0.1 * gradient
        torch.testing.assert_close(method.get_parameter(name), expected, msg=name)


def test_labels_of_target_pictures_are_not_looked_at() -> None:
    data = pair()
    one, two = supervised(), supervised()
    one.update(data, step_of(one))
    labels = torch.ones(3, 2).double()
    two.update({**data, "target": replace(data["target"], action_units=labels)}, step_of(two))
    for name, parameter in one.named_parameters():
        assert torch.equal(parameter, two.get_parameter(name)), name


def test_without_branches_only_aus_are_learned() -> None:
    method = supervised(landmark_branches="none")
    assert set(method.parameter_groups()) == {"task"}
    assert set(method.update(pair(), step_of(method))) == {"loss_action_units"}


def test_a_supervised_model_reads_both_domains_directly_and_has_no_generators() -> None:
    method = supervised().eval()
    images = pair()["target"].images
    as_target = method.predict(images).probabilities
    method.domain = "source"
    assert torch.equal(as_target, method.predict(images).probabilities)
    with pytest.raises(ValueError, match="has no generators; train stage 'joint'"):
        _ = method.joint_network
    with pytest.raises(ValueError, match="no generators"):
        method.detecting_network(images, "target", "reconstruction")


def test_landmark_stage_needs_a_branch() -> None:
    with pytest.raises(ValueError, match="must not be 'none'"):
        DualDomain(AUS, width=4, stage="landmarks", landmark_branches="none")


@pytest.mark.parametrize("stage", ["landmarks", "supervised"])
@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"pseudo_labels": True}, "looks at no AU labels of target pictures; leave pseudo_labels to"),
        ({"read": "reconstruction"}, "has no generators, .*; leave read 'reconstruction' to"),
    ],
)
def test_what_only_the_joint_stage_can_do_is_refused_before(
    stage: Literal["landmarks", "supervised"], options: dict[str, object], message: str
) -> None:
    with pytest.raises(ValueError, match=f"stage '{stage}' {message} stage 'joint'"):
        DualDomain(AUS, width=4, stage=stage, **options)  # type: ignore[arg-type]
