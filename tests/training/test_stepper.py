from __future__ import annotations

import pytest
import torch
from torch import nn

from metafacs.methods import OptimizerSpec
from metafacs.training.stepper import DivergedError, OptimizerStepper, schedule_factor


def test_descends_like_the_optimizer_it_wraps() -> None:
    torch.manual_seed(0)
    ours, theirs = nn.Linear(3, 2), nn.Linear(3, 2)
    theirs.load_state_dict(ours.state_dict())
    step = OptimizerStepper(
        {"base": list(ours.parameters())}, {"base": OptimizerSpec("sgd", 0.1, 0.9, 0.01)}, 3
    )
    reference = torch.optim.SGD(theirs.parameters(), 0.1, 0.9, weight_decay=0.01)
    x = torch.randn(5, 3)
    for k in range(3):
        step.start(k)
        step.descend(ours(x).pow(2).mean(), "base")
        reference.zero_grad()
        theirs(x).pow(2).mean().backward()
        reference.step()
    for p, q in zip(ours.parameters(), theirs.parameters(), strict=True):
        assert torch.equal(p, q)
        assert p.grad is None


def test_only_the_named_group_moves() -> None:
    a, b = nn.Parameter(torch.ones(2)), nn.Parameter(torch.ones(2))
    step = OptimizerStepper({"a": [a], "b": [b]}, {"a": OptimizerSpec(), "b": OptimizerSpec()}, 1)
    step.descend((a * b).sum(), "a")
    assert torch.equal(b, torch.ones(2))
    assert not torch.equal(a, torch.ones(2))


def test_schedules() -> None:
    assert [schedule_factor("constant", i, 10) for i in (0, 9)] == [1.0, 1.0]
    cycle = [schedule_factor("one_cycle", i, 100) for i in range(100)]
    assert max(cycle) == pytest.approx(1.0, abs=1e-2)
    assert cycle.index(max(cycle)) in range(28, 32)
    assert cycle[0] < 0.1
    assert cycle[-1] < 0.01
    with pytest.raises(ValueError, match="constant, cosine or one_cycle"):
        schedule_factor("step", 0, 1)


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_divergence_stops_before_it_does_harm(bad: float) -> None:
    p = nn.Parameter(torch.ones(2))
    step = OptimizerStepper({"base": [p]}, {"base": OptimizerSpec()}, 1)
    with pytest.raises(DivergedError, match="loss of group 'base'"):
        step.descend((p * bad).sum(), "base")
    with pytest.raises(DivergedError, match="gradient of group 'base'"):
        step.apply([torch.full((2,), bad)], "base")
    assert torch.equal(p.detach(), torch.ones(2))


def test_groups_and_optimizers_must_match() -> None:
    with pytest.raises(ValueError, match=r"\['other'\].*\['base'\]"):
        OptimizerStepper({"base": [nn.Parameter(torch.ones(1))]}, {"other": OptimizerSpec()}, 1)
