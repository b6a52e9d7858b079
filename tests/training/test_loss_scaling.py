from __future__ import annotations

import pytest
import torch
from torch import nn

from metafacs.methods.base import DivergedError, OptimizerSpec
from metafacs.training.loss_scaling import LossScale
from metafacs.training.stepper import OptimizerStepper


def stepper(parameter: nn.Parameter, scale: LossScale | None) -> OptimizerStepper:
    specs = {"base": OptimizerSpec("sgd", 1.0, 0.0, 0.0)}
    return OptimizerStepper({"base": [parameter]}, specs, 1, scale=scale)


def half_loss(parameter: nn.Parameter, factor: float) -> torch.Tensor:
    """Return a loss whose gradient passes through float16."""
    return (parameter.half() * factor).float().sum()


def test_gradients_too_small_for_float16_are_kept() -> None:
    for scale, moved in ((None, False), (LossScale(), True)):
        # The number 2e-8 rounds to zero in float16; the factor stands behind the half-precision values.
        parameter = nn.Parameter(torch.zeros(1))
        step = stepper(parameter, scale)
        step.descend(parameter.half().float().sum() * 2e-8, "base")
        assert (parameter.item() != 0) == moved
    assert parameter.item() == pytest.approx(-2e-8, rel=1e-3)


def test_gradients_too_large_for_float16_move_nothing_and_lower_the_scale() -> None:
    parameter, scale = nn.Parameter(torch.ones(1)), LossScale(2.0**16)
    step = stepper(parameter, scale)
    step.descend(half_loss(parameter, 8.0), "base")
    assert (parameter.item(), scale.value) == (1.0, 2.0**15)
    for _ in range(4):
        step.descend(half_loss(parameter, 8.0), "base")
    assert scale.value == 2.0**12
    assert parameter.item() == pytest.approx(-7.0)


def test_steps_that_fit_raise_the_scale_again() -> None:
    scale = LossScale(4.0, fitting=LossScale.PATIENCE - 2)
    fitting = torch.tensor(1.0)
    assert (scale.fits(fitting), scale.value) == (True, 4.0)
    assert (scale.fits(fitting), scale.value, scale.fitting) == (True, 8.0, 0)


def test_what_is_not_finite_at_any_scale_has_diverged() -> None:
    scale = LossScale(2.0)
    assert not scale.fits(torch.tensor(float("nan")))
    with pytest.raises(DivergedError, match="however small"):
        scale.fits(torch.tensor(float("nan")))
