"""L2RW against its Algorithm 1 written out with double backward."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from metafacs.batch import Batch
from metafacs.facs import EXPRESSIONS
from metafacs.hypergradient.updates import PlainSGD
from metafacs.methods.learning_to_reweight import LearningToReweight, rectified_weights
from metafacs.models.backbones import SMALL
from metafacs.training.stepper import OptimizerStepper

AUS = (1, 4, 12)
ALPHA = 0.05


def build(estimator: str = "tangent") -> LearningToReweight:
    torch.manual_seed(0)
    return LearningToReweight(AUS, EXPRESSIONS, backbone=SMALL, estimator=estimator).double().train()  # type: ignore[arg-type]


ESTIMATORS = ["tangent", "tangent_reusing_graph", "forward_mode", "double_backward"]


def slopes_written_out(problem) -> torch.Tensor:
    """Return d L_val(theta*) / d epsilon at epsilon = 0, with nothing but autograd."""
    each, _ = problem.losses(problem.theta)
    epsilon = torch.zeros(len(each), dtype=torch.float64, requires_grad=True)
    starred = problem.stepped((epsilon * each).sum())
    return torch.autograd.grad(problem.validation_loss(starred), epsilon)[0]


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_slopes_equal_double_backward(estimator: str, batches: dict[str, Batch], written_out: type) -> None:
    method = build(estimator)
    method.observe_labels({"validation": batches["validation"].action_units})
    slopes = slopes_written_out(written_out(method, batches))
    epsilon = torch.zeros(11, dtype=torch.float64, requires_grad=True)
    found = method.meta_gradient(batches, lambda outputs: epsilon, (), PlainSGD(ALPHA)).sample_gradients
    assert (found - slopes).norm() / slopes.norm() < 1e-8
    assert slopes.abs().min() > 1e-9


def test_one_iteration_is_algorithm_1(
    batches: dict[str, Batch],
    written_out: type,
    plain_stepper: Callable[..., OptimizerStepper],
    check_parameters: Callable[..., None],
) -> None:
    method = build()
    method.observe_labels({"validation": batches["validation"].action_units})
    problem = written_out(method, batches)
    weights = [max(-float(slope), 0.0) for slope in slopes_written_out(problem)]
    weights = torch.tensor([w / sum(weights) for w in weights], dtype=torch.float64)
    each, _ = problem.losses(problem.theta)
    theta = problem.stepped((weights * each).sum())

    curves = method.update(batches, plain_stepper(method))
    check_parameters(method, theta, {})
    assert 0 < curves["weighted_pictures"] < 1
    torch.testing.assert_close(curves["weighted_pictures"].double(), (weights > 0).double().mean())
    averages = torch.stack([weights[:5].mean(), weights[5:].mean()])
    torch.testing.assert_close(curves["weight_action_units"], averages[0] / averages.sum())


def test_nothing_counts_where_no_picture_helps() -> None:
    assert torch.equal(rectified_weights(torch.tensor([0.5, 0.0, 2.0])), torch.zeros(3))


def test_curves_stay_finite_where_nothing_counts(
    batches: dict[str, Batch], plain_stepper: Callable[..., OptimizerStepper], monkeypatch: pytest.MonkeyPatch
) -> None:
    from metafacs.methods import learning_to_reweight

    monkeypatch.setattr(learning_to_reweight, "rectified_weights", torch.zeros_like)
    method = build()
    before = [p.detach().clone() for p in method.parameters()]
    curves = method.update(batches, plain_stepper(method))
    assert all(torch.equal(p, q) for p, q in zip(method.parameters(), before, strict=True))
    assert curves["weight_action_units"] == curves["weight_expression"] == 0
