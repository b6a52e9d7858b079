"""L2T-ww: its meta gradient against finite differences of steps taken in place, its teacher, its record."""

from __future__ import annotations

import copy
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from metafacs.batch import Batch
from metafacs.checkpoints.checkpoint import Checkpoint, save_checkpoint
from metafacs.checkpoints.description import Description, Framing
from metafacs.faces.alignment import AlignmentSpec
from metafacs.hypergradient.statistics import frozen_running_statistics
from metafacs.hypergradient.updates import PlainSGD
from metafacs.methods import METHODS
from metafacs.methods.base import OptimizerSpec
from metafacs.methods.l2t_ww import L2TWW
from metafacs.models.backbones import SMALL
from metafacs.models.model_file import CheckpointError
from metafacs.training.stepper import OptimizerStepper

AUS = (1, 4, 12)
RATE, WEIGHT = 0.05, 0.5


@pytest.fixture
def method(expression_model: Path) -> L2TWW:
    torch.manual_seed(0)
    method = L2TWW(AUS, teacher=str(expression_model), teacher_backbone="small", backbone=SMALL).double()
    for module in method.transfer_weights.modules():
        if isinstance(module, nn.Linear):
            nn.init.normal_(module.weight, std=0.2)
    return method.train()


def outlook_in_place(method: L2TWW, batch: Batch, maps: tuple[Tensor, ...]) -> float:
    """Return the loss after T matching steps and one detection step, taken on a copy of the network."""
    net = copy.deepcopy(method.network)
    with torch.no_grad():
        channels, pairs = method.transfer_weights(maps)

    def detection() -> Tensor:
        return functional.binary_cross_entropy_with_logits(
            net(batch.images).action_units, batch.action_units, reduction="none"
        ).sum() / len(batch)

    def matching() -> Tensor:
        total = torch.zeros((), dtype=torch.float64)
        for pair, distances in enumerate(net(batch.images, maps).distances):
            total = total + (pairs[:, pair] * (channels[pair] * distances).sum(1)).mean()
        return WEIGHT * total

    with frozen_running_statistics(net):
        for loss in (matching, matching, detection):
            net.zero_grad()
            loss().backward()
            with torch.no_grad():
                for parameter in net.parameters():
                    if parameter.grad is not None:
                        parameter -= RATE * parameter.grad
        return float(detection().detach())


def test_meta_gradient_equals_finite_differences(method: L2TWW, batches: dict[str, Batch]) -> None:
    batch = batches["au"]
    maps = method.teacher_maps(batch.images)
    outlook = method.outlook(batch.images, batch.action_units, maps, PlainSGD(RATE))
    assert outlook.item() == pytest.approx(outlook_in_place(method, batch, maps), rel=1e-12)

    parameters = list(method.transfer_weights.parameters())
    slopes = dict(zip(parameters, torch.autograd.grad(outlook, parameters), strict=True))
    torch.manual_seed(5)
    for chosen in (parameters, list(method.transfer_weights.pairs.parameters())):
        directions = [torch.randn_like(p) for p in chosen]

        def outlook_at(distance: float, chosen=chosen, directions=directions) -> float:
            kept = [p.detach().clone() for p in chosen]
            with torch.no_grad():
                torch._foreach_add_(chosen, directions, alpha=distance)
            found = outlook_in_place(method, batch, maps)
            with torch.no_grad():
                torch._foreach_copy_(chosen, kept)
            return found

        expected = sum(float((slopes[p] * d).sum()) for p, d in zip(chosen, directions, strict=True))
        assert abs(expected) > 1e-6
        assert (outlook_at(1e-4) - outlook_at(-1e-4)) / 2e-4 == pytest.approx(expected, rel=1e-5)


def test_recorded_steps_leave_no_trace(method: L2TWW, batches: dict[str, Batch]) -> None:
    batch = batches["au"]
    before = {key: value.clone() for key, value in method.state_dict().items()}
    method.outlook(batch.images, batch.action_units, method.teacher_maps(batch.images), PlainSGD(RATE))
    assert all(torch.equal(value, before[key]) for key, value in method.state_dict().items())


def test_only_the_step_that_counts_moves_the_network(method: L2TWW, batches: dict[str, Batch]) -> None:
    twin = copy.deepcopy(method)
    groups = method.parameter_groups()
    specs = {"base": OptimizerSpec("sgd", RATE, 0.9, 0.0), "meta": OptimizerSpec("adam", 1e-3, 0.0, 0.0)}
    step = OptimizerStepper(groups, specs, 1)
    step.start(0)
    curves = method.update(batches, step)

    batch = batches["au"]
    maps = twin.teacher_maps(batch.images)
    channels, pairs = twin.transfer_weights(maps)
    matched = twin.network(batch.images, maps)
    total = (
        functional.binary_cross_entropy_with_logits(
            matched.action_units, batch.action_units, reduction="none"
        )
        .sum(1)
        .mean()
    )
    for pair, distances in enumerate(matched.distances):
        total = total + WEIGHT * (pairs[:, pair] * (channels[pair] * distances).sum(1)).mean()
    total.backward()
    for parameter in twin.network.parameters():
        if parameter.grad is not None:
            parameter.data -= RATE * parameter.grad
    for key, value in method.network.state_dict().items():
        torch.testing.assert_close(value, twin.network.state_dict()[key], rtol=1e-12, atol=1e-14, msg=key)
    moved = [
        not torch.equal(p, q)
        for p, q in zip(method.transfer_weights.parameters(), twin.transfer_weights.parameters(), strict=True)
    ]
    assert all(moved)
    assert {f"weight_teacher{m}_student{n}" for m in (1, 2, 3) for n in (1, 2, 3)} <= set(curves)


def test_the_teacher_stays_as_it_was(method: L2TWW, batches: dict[str, Batch]) -> None:
    method.origins()
    teacher = method._teacher[0]
    before = {key: value.clone() for key, value in teacher.state_dict().items()}
    maps = method.teacher_maps(batches["au"].images)
    assert not any(m.requires_grad for m in maps)
    assert not any(key.startswith("_teacher") for key in method.state_dict())
    for key, value in teacher.state_dict().items():
        torch.testing.assert_close(value, before[key].to(value), msg=key)


def test_the_record_says_which_teacher(method: L2TWW, expression_model: Path) -> None:
    told = method.origins()["transferred_from"]
    assert told["file"] == expression_model.name  # type: ignore[index]
    assert len(told["sha256"]) == 16  # type: ignore[index]
    assert told["method"] == "single_task_expression"  # type: ignore[index]


def test_a_trained_model_works_where_its_teacher_is_not() -> None:
    method = METHODS["l2t_ww"](AUS, teacher="absent.safetensors", teacher_backbone="small", backbone=SMALL)
    assert method.eval().predict(torch.randn(2, 3, 32, 32)).probabilities.shape == (2, 3)
    with pytest.raises(CheckpointError, match=r"absent.safetensors does not exist"):
        method.origins()


def test_unfit_teachers_are_refused(expression_model: Path, tmp_path: Path) -> None:
    detector = METHODS["single_task"].build(AUS, (), {"backbone": "small"})
    options: dict[str, object] = {"backbone": "small"}
    save_checkpoint(
        tmp_path / "detector.safetensors",
        Checkpoint(
            "single_task",
            options,
            AUS,
            (),
            detector.state_dict(),
            Description(Framing(32, 36, AlignmentSpec())),
        ),
    )
    with pytest.raises(CheckpointError, match="learned expressions alone"):
        L2TWW(AUS, teacher=str(tmp_path / "detector.safetensors"), teacher_backbone="small").origins()
    with pytest.raises(CheckpointError, match="does not hold a backbone resnet18"):
        L2TWW(AUS, teacher=str(expression_model), teacher_backbone="resnet18", backbone=SMALL).origins()
