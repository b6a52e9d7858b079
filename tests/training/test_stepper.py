from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import nn

from metafacs.methods.base import DivergedError, OptimizerChanges, OptimizerSpec
from metafacs.training.stepper import OptimizerStepper, schedule_factor


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


def test_what_runs_after_a_step_uses_the_new_weights_under_autocast() -> None:
    net, x = nn.Linear(3, 2), torch.randn(5, 3)
    step = OptimizerStepper({"base": list(net.parameters())}, {"base": OptimizerSpec("sgd", 1.0)}, 1)
    with torch.autocast("cpu", torch.bfloat16):
        step.descend(net(x).float().pow(2).mean(), "base")
        after = net(x)
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(after, net(x))


def test_only_the_named_group_moves() -> None:
    a, b = nn.Parameter(torch.ones(2)), nn.Parameter(torch.ones(2))
    step = OptimizerStepper({"a": [a], "b": [b]}, {"a": OptimizerSpec(), "b": OptimizerSpec()}, 1)
    step.descend((a * b).sum(), "a")
    assert torch.equal(b, torch.ones(2))
    assert not torch.equal(a, torch.ones(2))


def test_groups_step_together_at_their_own_rates() -> None:
    a, b = nn.Parameter(torch.ones(2)), nn.Parameter(torch.full((3,), 2.0))
    specs = {"a": OptimizerSpec("sgd", 0.1, 0.0, 0.0), "b": OptimizerSpec("sgd", 0.01, 0.0, 0.0)}
    step = OptimizerStepper({"a": [a], "b": [b]}, specs, 1)
    step.start(0)
    loss = a.sum() + b.sum()
    displaced = step.update_rule("b", "a", plain=True).displace([b, a], step.gradients(loss, [b, a]))
    step.descend(a.sum() + b.sum(), "a", "b")
    torch.testing.assert_close(a.detach(), torch.full((2,), 0.9))
    torch.testing.assert_close(b.detach(), torch.full((3,), 1.99))
    torch.testing.assert_close(list(displaced), [b.detach(), a.detach()])


@pytest.mark.parametrize("plain", [True, False])
def test_update_rule_is_the_step_that_follows(plain: bool) -> None:
    a, b = nn.Parameter(torch.ones(2)), nn.Parameter(torch.full((3,), 2.0))
    specs = {"a": OptimizerSpec("sgd", 0.1), "b": OptimizerSpec("adamw", 0.01)}
    step = OptimizerStepper({"a": [a], "b": [b]}, specs, 3)
    for k in range(3):
        step.start(k)
        gradients = step.gradients((a**2).sum() + (b**3).sum(), [a, b])
        expected = step.update_rule("a", "b", plain=plain).displace([a.detach(), b.detach()], gradients)
        if plain:
            torch.testing.assert_close(list(expected), [a - 0.1 * gradients[0], b - 0.01 * gradients[1]])
        step.apply(gradients, "a", "b")
        if not plain:
            torch.testing.assert_close(list(expected), [a.detach(), b.detach()])


def test_one_bad_gradient_keeps_every_group_still() -> None:
    a, b = nn.Parameter(torch.ones(2)), nn.Parameter(torch.zeros(2))
    step = OptimizerStepper({"a": [a], "b": [b]}, {"a": OptimizerSpec(), "b": OptimizerSpec()}, 1)
    with pytest.raises(DivergedError, match="gradient of group 'a' and 'b'"):
        step.descend(a.sum() + b.sqrt().sum(), "a", "b")
    assert torch.equal(a.detach(), torch.ones(2))


def test_schedules() -> None:
    assert [schedule_factor("constant", i, 10) for i in (0, 9)] == [1.0, 1.0]
    cycle = [schedule_factor("one_cycle", i, 100) for i in range(100)]
    assert max(cycle) == pytest.approx(1.0, abs=1e-2)
    assert cycle.index(max(cycle)) in range(28, 32)
    assert cycle[0] < 0.1
    assert cycle[-1] < 0.01
    with pytest.raises(ValueError, match="constant, cosine, one_cycle"):
        schedule_factor("step", 0, 1)


def test_schedules_of_the_dual_domain_paper() -> None:
    # Twelve epochs: four unchanged, eight down to zero.
    flat = [schedule_factor("flat_then_linear", i, 12) for i in range(13)]
    assert flat == pytest.approx([1.0] * 4 + [1 - k / 8 for k in range(9)])
    # Twenty epochs: half the rate after ten.
    assert [schedule_factor("halved", i, 20) for i in (0, 9, 10, 19)] == [1.0, 1.0, 0.5, 0.5]


def test_betas_reach_adam_and_progress_is_the_share_done() -> None:
    spec = OptimizerSpec("adam", betas=(0.5, 0.9))
    step = OptimizerStepper({"base": [nn.Parameter(torch.ones(1))]}, {"base": spec}, 8)
    assert step.optimizers["base"].defaults["betas"] == (0.5, 0.9)
    step.start(2)
    assert step.progress == 0.25


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_divergence_stops_before_it_does_harm(bad: float) -> None:
    p = nn.Parameter(torch.ones(2))
    step = OptimizerStepper({"base": [p]}, {"base": OptimizerSpec()}, 1)
    with pytest.raises(DivergedError, match="loss of group 'base'"):
        step.descend((p * bad).sum(), "base")
    with pytest.raises(DivergedError, match="gradient of group 'base'"):
        step.apply([torch.full((2,), bad)], "base")
    assert torch.equal(p.detach(), torch.ones(2))


def test_what_is_not_looked_at_at_once_is_told_by_the_check() -> None:
    a, b = nn.Parameter(torch.ones(2)), nn.Parameter(torch.ones(2))
    specs = {"a": OptimizerSpec("sgd", 0.1, 0.0, 0.0), "b": OptimizerSpec()}
    step = OptimizerStepper({"a": [a], "b": [b]}, specs, 9, looks_at_once=False)
    step.check()
    for iteration, factor in enumerate([1.0, 1.0, float("nan"), float("inf"), 1.0]):
        step.start(iteration)
        step.descend((a * factor).sum(), "a")
        step.descend(b.sum(), "b")
        if iteration < 2:
            step.check()
    with pytest.raises(DivergedError, match="group 'a' was not finite in iteration 3, noticed"):
        step.check()


def test_checking_later_takes_the_same_steps() -> None:
    nets = [nn.Linear(3, 2), nn.Linear(3, 2)]
    nets[1].load_state_dict(nets[0].state_dict())
    x = torch.randn(5, 3)
    for net, at_once in zip(nets, (True, False), strict=True):
        groups = {"base": list(net.parameters())}
        step = OptimizerStepper(groups, {"base": OptimizerSpec("adamw", 0.1)}, 3, looks_at_once=at_once)
        for k in range(3):
            step.start(k)
            step.descend(net(x).pow(2).mean(), "base")
        step.check()
    assert all(map(torch.equal, nets[0].parameters(), nets[1].parameters()))


def test_groups_and_optimizers_must_match() -> None:
    with pytest.raises(ValueError, match=r"\['other'\].*\['base'\]"):
        OptimizerStepper({"base": [nn.Parameter(torch.ones(1))]}, {"other": OptimizerSpec()}, 1)


def test_frozen_parameters_stay_and_a_group_of_nothing_else_is_left_out() -> None:
    frozen, learned = nn.Linear(3, 4).requires_grad_(False), nn.Linear(4, 2)
    learned.weight.requires_grad_(False)
    before = [p.clone() for p in (*frozen.parameters(), learned.weight)]
    groups = {"backbone": list(frozen.parameters()), "heads": list(learned.parameters())}
    step = OptimizerStepper(groups, dict.fromkeys(groups, OptimizerSpec("adamw", 0.1, weight_decay=0.5)), 3)
    for k in range(2):
        step.start(k)
        loss = learned(frozen(torch.ones(5, 3))).pow(2).mean()
        gradients = step.gradients(loss, [learned.bias])
        rule = step.update_rule("backbone", "heads")
        expected = rule.displace([learned.bias.detach()], gradients)
        step.descend(loss, "backbone")
        step.apply(gradients, "backbone", "heads")
        torch.testing.assert_close(list(expected), [learned.bias.detach()])
    assert all(map(torch.equal, before, (*frozen.parameters(), learned.weight)))


def test_a_method_of_which_nothing_learns_is_refused() -> None:
    still = nn.Linear(3, 2).requires_grad_(False)
    with pytest.raises(ValueError, match="every parameter is frozen"):
        OptimizerStepper({"base": list(still.parameters())}, {"base": OptimizerSpec()}, 1)


def test_changes_leave_what_they_do_not_name() -> None:
    usual = OptimizerSpec("adam", betas=(0.5, 0.9), schedule="halved")
    assert OptimizerChanges(lr=1e-5).laid_over(usual) == replace(usual, lr=1e-5)
    assert OptimizerChanges("adam", weight_decay=0.0).laid_over(usual) == replace(usual, weight_decay=0.0)
    assert OptimizerChanges("adamw", lr=0.1).laid_over(usual) == OptimizerSpec("adamw", lr=0.1)
    whole = OptimizerSpec("adam", lr=0.1)
    assert whole.laid_over(usual) == whole
    with pytest.raises(ValueError, match="an optimiser's lr is -1"):
        OptimizerChanges(lr=-1)
