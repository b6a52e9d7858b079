"""Meta-Weight-Net against its Algorithm 1 written out with double backward."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from metafacs.batch import Batch
from metafacs.facs import EXPRESSIONS
from metafacs.methods.meta_weight_net import MetaWeightNet
from metafacs.models.backbones import SMALL
from metafacs.training.stepper import OptimizerStepper

AUS = (1, 4, 12)


@pytest.mark.parametrize("estimator", ["tangent", "double_backward"])
def test_one_iteration_is_algorithm_1(
    estimator: str,
    batches: dict[str, Batch],
    written_out: type,
    plain_stepper: Callable[..., OptimizerStepper],
    check_parameters: Callable[..., None],
) -> None:
    torch.manual_seed(0)
    method = MetaWeightNet(AUS, EXPRESSIONS, backbone=SMALL, estimator=estimator).double().train()  # type: ignore[arg-type]
    method.observe_labels({"validation": batches["validation"].action_units})
    problem = written_out(method, batches)
    psi = {n: p.detach().clone().requires_grad_() for n, p in method.weight_net.named_parameters()}

    def weigh(losses: Tensor) -> Tensor:
        hidden = torch.relu(losses.detach()[:, None] * psi["layers.0.weight"][:, 0] + psi["layers.0.bias"])
        return torch.sigmoid(hidden @ psi["layers.2.weight"][0] + psi["layers.2.bias"])

    each, _ = problem.losses(problem.theta)
    starred = problem.stepped((weigh(each) * each).sum() / 11)
    slopes = torch.autograd.grad(problem.validation_loss(starred), list(psi.values()))
    for parameter, g in zip(psi.values(), slopes, strict=True):
        parameter.data -= problem.beta * g
    before = torch.cat([p.detach().flatten() for p in method.weight_net.parameters()])
    each, _ = problem.losses(problem.theta)
    weights = weigh(each).detach()
    theta = problem.stepped((weights * each).sum() / 11)

    curves = method.update(batches, plain_stepper(method))
    check_parameters(method, theta, psi)
    torch.testing.assert_close(curves["weight_average"], weights.mean())
    after = torch.cat([p.detach().flatten() for p in method.weight_net.parameters()])
    expected = torch.cat([g.flatten() for g in slopes])
    assert ((before - after) / problem.beta - expected).norm() / expected.norm() < 1e-8
