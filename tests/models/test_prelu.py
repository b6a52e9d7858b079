from __future__ import annotations

import pytest
import torch
from torch import nn

from metafacs.models.prelu import SharedPReLU


@pytest.mark.parametrize("slope", [0.25, 0.0, -0.3, 1.7])
def test_values_and_gradients_are_those_of_prelu(slope: float) -> None:
    torch.manual_seed(0)
    ours, theirs = SharedPReLU(init=slope).double(), nn.PReLU(init=slope).double()
    values = torch.randn(2, 3, 4, 5, dtype=torch.float64)
    values[0, 0, 0, 0] = 0
    found = []
    for layer in (ours, theirs):
        x = values.clone().requires_grad_()
        y = layer(x)
        y.square().sum().backward()
        found.append((y.detach(), x.grad, layer.weight.grad))
    for own, reference in zip(*found, strict=True):
        torch.testing.assert_close(own, reference)


def test_state_is_that_of_prelu() -> None:
    SharedPReLU().load_state_dict(nn.PReLU().state_dict())


def test_gradient_exists_once_only() -> None:
    x = torch.randn(3, requires_grad=True)
    (gradient,) = torch.autograd.grad(SharedPReLU()(x).square().sum(), x, create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        gradient.sum().backward()
