from __future__ import annotations

import pytest
import torch
from torch import Tensor

from metafacs.hypergradient.updates import (
    AdamStep,
    ElementwiseUpdate,
    GlobalNormClipping,
    PlainSGD,
    SGDStep,
    UpdateRule,
)


def tensors(seed: int) -> list[Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(shape, generator=generator, dtype=torch.float64) for shape in ((3, 4), (5,))]


FIRST, SECOND = tensors(7), [t.square() * 0.1 for t in tensors(8)]
RULES: dict[str, UpdateRule] = {
    "plain": PlainSGD(0.3),
    "first momentum step": ElementwiseUpdate(tuple(SGDStep(0.1, 0.9, 0.5, weight_decay=0.01) for _ in FIRST)),
    "first nesterov step": ElementwiseUpdate(tuple(SGDStep(0.1, 0.9, nesterov=True) for _ in FIRST)),
    "momentum": ElementwiseUpdate(tuple(SGDStep(0.1, 0.9, 0.5, buffer=b) for b in FIRST)),
    "nesterov": ElementwiseUpdate(tuple(SGDStep(0.1, 0.9, nesterov=True, buffer=b) for b in FIRST)),
    "adam": ElementwiseUpdate(
        tuple(
            AdamStep(0.1, weight_decay=0.1, steps=4, first=m, second=v)
            for m, v in zip(FIRST, SECOND, strict=True)
        )
    ),
    "first adam step": ElementwiseUpdate(tuple(AdamStep(0.1, epsilon=0.1) for _ in FIRST)),
    "clipped": GlobalNormClipping(PlainSGD(0.3), 0.5),
    "clipped adam": GlobalNormClipping(
        ElementwiseUpdate(
            tuple(AdamStep(0.1, steps=4, first=m, second=v) for m, v in zip(FIRST, SECOND, strict=True))
        ),
        0.5,
    ),
    "not clipped": GlobalNormClipping(PlainSGD(0.3), 50.0),
}


@pytest.mark.parametrize("name", RULES)
def test_pull_back_is_the_transposed_derivative_of_displace(name: str) -> None:
    rule = RULES[name]
    parameters, direction = tensors(0), tensors(2)
    gradients = [g.requires_grad_() for g in tensors(1)]
    reference = torch.autograd.grad(rule.displace(parameters, gradients), gradients, direction)
    pulled = rule.pull_back(parameters, [g.detach() for g in gradients])(direction)
    for mine, theirs in zip(pulled, reference, strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-12, atol=1e-14)


def test_adam_stays_finite_where_no_gradient_ever_was() -> None:
    step = AdamStep(0.1)
    gradient = torch.zeros(3, dtype=torch.float64, requires_grad=True)
    moved = step.displaced(torch.ones(3, dtype=torch.float64), gradient)
    (slope,) = torch.autograd.grad(moved.sum(), gradient)
    assert slope.isfinite().all()
    torch.testing.assert_close(step.slope(torch.ones(3, dtype=torch.float64), gradient.detach()), slope)
