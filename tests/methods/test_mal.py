"""MAL against Algorithm 1 written out with double backward, and against its own claims."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from metafacs.batch import Batch
from metafacs.facs import EXPRESSIONS
from metafacs.methods.base import OptimizerSpec
from metafacs.methods.mal import MAL
from metafacs.models.backbones import SMALL
from metafacs.models.networks import Outputs
from metafacs.training.stepper import OptimizerStepper

AUS = (1, 4, 12)


def build(**options: object) -> MAL:
    torch.manual_seed(0)
    method = MAL(AUS, EXPRESSIONS, backbone=SMALL, **options).double()  # type: ignore[arg-type]
    torch.nn.init.normal_(method.weight_net.linear.weight, std=0.1)
    return method.train()


@pytest.mark.parametrize("estimator", ["tangent", "forward_mode", "double_backward"])
def test_one_iteration_is_algorithm_1(
    estimator: str,
    batches: dict[str, Batch],
    written_out: type,
    plain_stepper: Callable[..., OptimizerStepper],
    check_parameters: Callable[..., None],
) -> None:
    method = build(estimator=estimator)
    method.observe_labels({"validation": batches["validation"].action_units})
    problem = written_out(method, batches)
    psi = {n: p.detach().clone().requires_grad_() for n, p in method.weight_net.named_parameters()}

    def weigh(features: Tensor) -> Tensor:
        r = torch.sigmoid(features.detach() @ psi["linear.weight"].T + psi["linear.bias"]).squeeze(1)
        return r / r.sum()

    each, features = problem.losses(problem.theta)
    starred = problem.stepped((weigh(features) * each).sum())
    slopes = torch.autograd.grad(problem.validation_loss(starred), list(psi.values()))
    for parameter, g in zip(psi.values(), slopes, strict=True):
        parameter.data -= problem.beta * g
    each, features = problem.losses(problem.theta)
    theta = problem.stepped((weigh(features).detach() * each).sum())

    before = method.weight_net.linear.weight.detach().clone()
    method.update(batches, plain_stepper(method))
    check_parameters(method, theta, psi)
    assert (method.weight_net.linear.weight - before).abs().max() > 1e-9


def test_weights_sum_to_one_and_start_equal() -> None:
    torch.manual_seed(0)
    method = MAL(AUS, EXPRESSIONS, backbone=SMALL)
    weights = method.sample_weights(method.network(torch.randn(6, 3, 32, 32)))
    assert torch.allclose(weights, torch.full((6,), 1 / 6))


def test_averages_of_the_curves_sum_to_one(
    batches: dict[str, Batch], plain_stepper: Callable[..., OptimizerStepper]
) -> None:
    method = build()
    curves = method.update(batches, plain_stepper(method))
    assert torch.allclose(
        curves["weight_action_units"] + curves["weight_expression"], torch.tensor(1.0).double()
    )


def test_gain_of_a_task_is_what_a_unit_of_weight_lowers_the_validation_loss_by(
    batches: dict[str, Batch], written_out: type, plain_stepper: Callable[..., OptimizerStepper]
) -> None:
    method = build()
    method.observe_labels({"validation": batches["validation"].action_units})
    problem = written_out(method, batches)
    each, _ = problem.losses(problem.theta)
    weights = torch.full_like(each, 1 / len(each), requires_grad=True)
    slopes = torch.autograd.grad(problem.validation_loss(problem.stepped((weights * each).sum())), weights)
    torch.nn.init.zeros_(method.weight_net.linear.weight)  # equal weights
    curves = method.update(batches, plain_stepper(method))
    expected = [part.mean() for part in (-slopes[0]).split([len(batches["au"]), len(batches["expression"])])]
    found = [curves["gain_action_units"], curves["gain_expression"]]
    assert torch.allclose(torch.stack(found), torch.stack(expected), rtol=1e-9, atol=0)


def test_virtual_step_can_follow_the_optimizer(batches: dict[str, Batch]) -> None:
    found = {}
    for virtual in ("sgd", "optimizer"):
        method = build(virtual_step=virtual)
        specs = {"base": OptimizerSpec("adamw", 0.01), "meta": OptimizerSpec("sgd", 0.3, 0.0, 0.0)}
        step = OptimizerStepper(method.parameter_groups(), specs, 2)
        for k in range(2):
            step.start(k)
            method.update(batches, step)
        found[virtual] = method.weight_net.linear.weight.detach().clone()
    assert not torch.allclose(found["sgd"], found["optimizer"])


def test_meta_step_follows_the_mean_of_several_validation_batches(
    batches: dict[str, Batch], plain_stepper: Callable[..., OptimizerStepper]
) -> None:
    def moved(reserve: Batch, **options: object) -> Tensor:
        method = build(**options)
        before = method.weight_net.linear.weight.detach().clone()
        method.update({**batches, "validation": reserve}, plain_stepper(method))
        return method.weight_net.linear.weight.detach() - before

    torch.manual_seed(2)
    images, labels = torch.randn(6, 3, 32, 32).double(), torch.rand(6, len(AUS)).round().double()
    whole = Batch(images, action_units=labels)
    first, second = whole.parts(2)
    mean = (moved(first) + moved(second)) / 2
    assert torch.allclose(moved(whole, meta_batches=2), mean, rtol=1e-9, atol=1e-15)
    assert not torch.allclose(moved(whole), mean, rtol=1e-3, atol=0)


def test_pictures_that_cannot_be_cut_are_told(
    batches: dict[str, Batch], plain_stepper: Callable[..., OptimizerStepper]
) -> None:
    method = build(meta_batches=2)
    with pytest.raises(ValueError, match="7 pictures cannot be cut into 2"):
        method.update(batches, plain_stepper(method))


@pytest.mark.parametrize(
    ("how", "positive", "negative"),
    [
        ("classes", [2.0, 1.0, 1.0], [2 / 3, 1.0, 1 / 2]),
        # Rates of 1/4, 1/2 and, as it never occurs, one in three known ones.
        ("action_units", [4 / 3, 2 / 3, 1.0], [4 / 3, 2 / 3, 1.0]),
        ("none", [1.0, 1.0, 1.0], [1.0, 1.0, 1.0]),
    ],
)
def test_labels_count_in_the_validation_loss_as_asked(
    how: str, positive: list[float], negative: list[float]
) -> None:
    nan = torch.nan
    reserve = torch.tensor([[1, 1, nan], [0, 1, 0], [0, 0, 0], [0, 0, 0]])
    method = build(validation_weights=how)
    method.observe_labels({"validation": reserve})
    torch.testing.assert_close(method.positive_weights, torch.tensor(positive).double())
    torch.testing.assert_close(method.negative_weights, torch.tensor(negative).double())


def test_teaching_that_an_action_unit_is_rare_raises_a_loss_balanced_by_class() -> None:
    """What drives weights away from AU pictures where AUs are rare: the bias that training moves first."""
    rare = torch.zeros(20, 3)
    rare[0] = 1
    logits = torch.zeros(20, 3, requires_grad=True)
    falls = {}
    for how in ("classes", "action_units", "none"):
        method = build(validation_weights=how)
        method.observe_labels({"validation": rare})
        loss = method._validation_loss(Batch(torch.zeros(20, 1, 1, 1), action_units=rare))
        said = Outputs(features=logits, action_units=logits.double(), expressions=None)
        (slope,) = torch.autograd.grad(loss(said), logits)
        falls[how] = slope.sum().item()
    # A lower bias lowers it but where the classes are balanced: there it has nothing to win.
    assert falls["classes"] == pytest.approx(0, abs=1e-6)
    assert falls["action_units"] == pytest.approx(falls["none"])
    assert falls["none"] > 1
