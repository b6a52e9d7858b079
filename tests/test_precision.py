from __future__ import annotations

import inspect
import pkgutil
from collections.abc import Callable
from importlib import import_module

import pytest
import torch
from torch import Tensor

from metafacs import losses
from metafacs.losses.action_units import action_unit_loss
from metafacs.losses.reconstruction import reconstruction_loss
from metafacs.precision import in_float32


def loss_functions() -> list[Callable[..., Tensor]]:
    modules = [
        import_module(f"{losses.__name__}.{found.name}") for found in pkgutil.iter_modules(losses.__path__)
    ]
    return [
        function
        for module in modules
        for name, function in inspect.getmembers(module, inspect.isfunction)
        if name.endswith(("_loss", "_error", "_alignment")) and function.__module__ == module.__name__
    ]


@in_float32
def product(a: Tensor, b: Tensor) -> Tensor:
    return a @ b


@pytest.mark.parametrize("function", loss_functions(), ids=lambda function: function.__name__)
def test_every_loss_is_computed_in_float32(function: Callable[..., Tensor]) -> None:
    known = {cell.cell_contents for cell in function.__closure__ or () if callable(cell.cell_contents)}
    assert function.__code__ is product.__code__, "put @in_float32 before it"
    assert inspect.unwrap(function) in known


def test_losses_under_autocast_are_those_of_float32() -> None:
    torch.manual_seed(0)
    logits, targets = 5 * torch.randn(200, 12).bfloat16(), torch.rand(200, 12).round()
    exact = action_unit_loss(logits.float(), targets)
    pair = (torch.randn(2, 3, 4, 4).bfloat16(), torch.randn(2, 3, 4, 4).bfloat16())
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(action_unit_loss(logits, targets), exact)
        assert torch.equal(
            reconstruction_loss([pair]), (pair[0].float() - pair[1].float()).abs().flatten(1).mean(1)
        )


def test_matrix_products_stay_wide_inside_and_narrow_outside() -> None:
    a, b = torch.randn(3, 3), torch.randn(3, 3)
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(product(a, b), product(a.clone(), b=b))
        assert (a @ b).dtype == torch.bfloat16
    assert torch.equal(product(a, b), a @ b)
    assert product(a.double(), b.double()).dtype == torch.float64


def test_gradients_pass_in_the_type_of_what_was_given() -> None:
    a = torch.randn(3, 3, dtype=torch.bfloat16, requires_grad=True)
    (slope,) = torch.autograd.grad(product(a, torch.eye(3)).sum(), a)
    assert slope.dtype == torch.bfloat16
