from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import nn

from metafacs.hypergradient.optimizers import update_rule_of

OPTIMIZERS: dict[str, Callable[[list[nn.Parameter]], torch.optim.Optimizer]] = {
    "sgd": lambda p: torch.optim.SGD(p, 0.1),
    "momentum": lambda p: torch.optim.SGD(p, 0.1, momentum=0.9, dampening=0.2, weight_decay=0.01),
    "nesterov": lambda p: torch.optim.SGD(p, 0.1, momentum=0.9, nesterov=True),
    "adam": lambda p: torch.optim.Adam(p, 0.1, betas=(0.8, 0.95), eps=1e-4, weight_decay=0.1),
    "adamw": lambda p: torch.optim.AdamW(p, 0.1, weight_decay=0.1),
}


def parameters() -> list[nn.Parameter]:
    torch.manual_seed(0)
    return [
        nn.Parameter(torch.randn(4, 3, dtype=torch.float64)),
        nn.Parameter(torch.randn(5, dtype=torch.float64)),
    ]


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_the_rule_lands_where_the_optimiser_lands(name: str) -> None:
    theta = parameters()
    optimizer = OPTIMIZERS[name](theta)
    for _ in range(3):
        for p in theta:
            p.grad = torch.randn_like(p)
        gradients = [p.grad for p in theta if p.grad is not None]
        expected = update_rule_of(optimizer, theta).displace([p.detach().clone() for p in theta], gradients)
        optimizer.step()
        for p, value in zip(theta, expected, strict=True):
            torch.testing.assert_close(p.detach(), value, rtol=1e-12, atol=1e-14)


def test_every_parameter_has_the_settings_of_its_group() -> None:
    backbone, head = parameters()
    optimizer = torch.optim.SGD([{"params": [backbone], "lr": 0.001}, {"params": [head], "lr": 0.01}], lr=1.0)
    ones = [torch.ones_like(head), torch.ones_like(backbone)]
    pulled = update_rule_of(optimizer, [head, backbone]).pull_back([head, backbone], ones)(ones)
    torch.testing.assert_close(pulled[0], -0.01 * ones[0])
    torch.testing.assert_close(pulled[1], -0.001 * ones[1])


def test_refuses_what_has_no_rule() -> None:
    theta = parameters()
    with pytest.raises(ValueError, match="Adagrad"):
        update_rule_of(torch.optim.Adagrad(theta), theta)
    with pytest.raises(ValueError, match="amsgrad"):
        update_rule_of(torch.optim.Adam(theta, amsgrad=True), theta)
    with pytest.raises(ValueError, match="maximize"):
        update_rule_of(torch.optim.SGD(theta, 0.1, maximize=True), theta)
    with pytest.raises(ValueError, match="does not hold parameter 1"):
        update_rule_of(torch.optim.SGD(theta[:1], 0.1), theta)
