from __future__ import annotations

import math

import pytest
import torch

from metafacs.batch import Batch
from metafacs.facs import EXPRESSIONS
from metafacs.methods.base import OptimizerSpec
from metafacs.methods.uncertainty_weighting import UncertaintyWeighting
from metafacs.models.backbones import SMALL
from metafacs.training.stepper import OptimizerStepper

RATE = 0.1


def test_log_variances_follow_the_formula(batches: dict[str, Batch]) -> None:
    torch.manual_seed(0)
    method = UncertaintyWeighting((1, 4, 12), EXPRESSIONS, backbone=SMALL).double()
    step = OptimizerStepper(method.parameter_groups(), {"base": OptimizerSpec("sgd", RATE, 0.0, 0.0)}, 3)
    expected = [0.0, 0.0]
    for iteration in range(3):
        step.start(iteration)
        curves = method.update(batches, step)
        losses = [float(curves[f"loss_{task}"]) for task in ("action_units", "expression")]
        weights = [float(curves[f"weight_{task}"]) for task in ("action_units", "expression")]
        assert weights == pytest.approx([0.5 * math.exp(-s) for s in expected])
        # d/ds (L exp(-s) / 2 + s / 2)
        expected = [
            s - RATE * (0.5 - 0.5 * loss * math.exp(-s)) for s, loss in zip(expected, losses, strict=True)
        ]
        assert method.log_variances.tolist() == pytest.approx(expected)


def test_weights_settle_at_half_the_inverse_loss(batches: dict[str, Batch]) -> None:
    torch.manual_seed(0)
    method = UncertaintyWeighting((1, 4, 12), EXPRESSIONS, backbone=SMALL).double()
    method.network.requires_grad_(False)
    step = OptimizerStepper(
        {"base": [method.log_variances]}, {"base": OptimizerSpec("sgd", 1.0, 0.0, 0.0)}, 1
    )
    for _ in range(40):
        curves = method.update(batches, step)
    for task in ("action_units", "expression"):
        assert float(curves[f"weight_{task}"]) == pytest.approx(0.5 / float(curves[f"loss_{task}"]), rel=1e-4)
