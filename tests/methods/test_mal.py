"""MAL against Algorithm 1 written out with double backward, and against its own claims."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.func import functional_call
from torch.nn import functional

from metafacs.batch import Batch
from metafacs.facs import EXPRESSIONS
from metafacs.methods import OptimizerSpec
from metafacs.methods.mal import MAL
from metafacs.training.stepper import OptimizerStepper

AUS = (1, 4, 12)
ALPHA, BETA = 0.05, 0.3


def build(**options: object) -> MAL:
    torch.manual_seed(0)
    method = MAL(AUS, EXPRESSIONS, backbone="small", **options).double()  # type: ignore[arg-type]
    torch.nn.init.normal_(method.weight_net.linear.weight, std=0.1)
    return method.train()


def batches(count: int = 5) -> dict[str, Batch]:
    torch.manual_seed(1)

    def pictures(n: int) -> Tensor:
        return torch.randn(n, 3, 32, 32, dtype=torch.float64)

    return {
        "au": Batch(pictures(count), action_units=torch.rand(count, 3).round().double()),
        "expression": Batch(pictures(count + 1), expression=torch.arange(count + 1)),
        "validation": Batch(pictures(7), action_units=torch.rand(7, 3).round().double()),
    }


def plain_stepper(method: MAL) -> OptimizerStepper:
    plain = OptimizerSpec("sgd", ALPHA, momentum=0.0, weight_decay=0.0)
    step = OptimizerStepper(
        method.parameter_groups(), {"base": plain, "meta": OptimizerSpec("sgd", BETA, 0.0, 0.0)}, 1
    )
    step.start(0)
    return step


def written_out(method: MAL, data: dict[str, Batch]) -> dict[str, Tensor]:
    """Return psi and theta after one iteration of Algorithm 1, with nothing but autograd."""
    theta = {n: p.detach().clone().requires_grad_() for n, p in method.network.named_parameters()}
    still = {n: b.clone() for n, b in method.network.named_buffers()}
    psi = {n: p.detach().clone().requires_grad_() for n, p in method.weight_net.named_parameters()}
    count = len(data["au"])

    def forward(parameters: dict[str, Tensor], images: Tensor):
        return functional_call(
            method.network, (parameters, {n: b.clone() for n, b in still.items()}), (images,)
        )

    def losses(parameters: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
        out = forward(parameters, torch.cat([data["au"].images, data["expression"].images]))
        au = functional.binary_cross_entropy_with_logits(
            out.action_units[:count], data["au"].action_units, reduction="none"
        ).sum(1)
        fe = functional.cross_entropy(
            out.expressions[count:], data["expression"].expression, reduction="none"
        )
        return torch.cat([au, fe]), out.features

    def weigh(features: Tensor) -> Tensor:
        r = torch.sigmoid(features.detach() @ psi["linear.weight"].T + psi["linear.bias"]).squeeze(1)
        return r / r.sum()

    each, features = losses(theta)
    gradient = torch.autograd.grad(
        (weigh(features) * each).sum(), list(theta.values()), create_graph=True, allow_unused=True
    )
    starred = {
        n: p if g is None else p - ALPHA * g for (n, p), g in zip(theta.items(), gradient, strict=True)
    }
    logits = forward(starred, data["validation"].images).action_units
    targets = data["validation"].action_units
    balance = torch.where(targets == 1, method.positive_weights, method.negative_weights)
    validation = (
        (functional.binary_cross_entropy_with_logits(logits, targets, reduction="none") * balance)
        .sum(1)
        .mean()
    )
    meta = torch.autograd.grad(validation, list(psi.values()))
    for parameter, g in zip(psi.values(), meta, strict=True):
        parameter.data -= BETA * g
    each, features = losses(theta)
    base = torch.autograd.grad(
        (weigh(features).detach() * each).sum(), list(theta.values()), allow_unused=True
    )
    result = {f"weight_net.{n}": p.detach() for n, p in psi.items()}
    for (n, p), g in zip(theta.items(), base, strict=True):
        result[f"network.{n}"] = (p if g is None else p - ALPHA * g).detach()
    return result


@pytest.mark.parametrize("estimator", ["tangent", "forward_mode", "double_backward"])
def test_one_iteration_is_algorithm_1(estimator: str) -> None:
    method, data = build(estimator=estimator), batches()
    method.observe_labels({"validation": data["validation"].action_units})
    method.double()
    expected = written_out(method, data)
    before = method.weight_net.linear.weight.detach().clone()
    method.update(data, plain_stepper(method))
    for name, parameter in method.named_parameters():
        assert torch.allclose(parameter, expected[name], rtol=1e-8, atol=1e-12), name
    assert (method.weight_net.linear.weight - before).abs().max() > 1e-9


def test_weights_sum_to_one_and_start_equal() -> None:
    torch.manual_seed(0)
    method = MAL(AUS, EXPRESSIONS, backbone="small")
    weights = method.sample_weights(method.network(torch.randn(6, 3, 32, 32)))
    assert torch.allclose(weights, torch.full((6,), 1 / 6))


def test_averages_of_the_curves_sum_to_one() -> None:
    method, data = build(), batches()
    curves = method.update(data, plain_stepper(method))
    assert torch.allclose(
        curves["weight_action_units"] + curves["weight_expression"], torch.tensor(1.0).double()
    )


def test_virtual_step_can_follow_the_optimizer() -> None:
    found = {}
    for virtual in ("sgd", "optimizer"):
        method, data = build(virtual_step=virtual), batches()
        specs = {"base": OptimizerSpec("adamw", 0.01), "meta": OptimizerSpec("sgd", BETA, 0.0, 0.0)}
        step = OptimizerStepper(method.parameter_groups(), specs, 2)
        for k in range(2):
            step.start(k)
            method.update(data, step)
        found[virtual] = method.weight_net.linear.weight.detach().clone()
    assert not torch.allclose(found["sgd"], found["optimizer"])
