"""Small methods, and MAL's problem with nothing but autograd: what its relatives are compared with."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch.func import functional_call
from torch.nn import functional

from metafacs.batch import Batch
from metafacs.compounds import COMPOUND_EXPRESSIONS
from metafacs.facs import EXPRESSIONS
from metafacs.methods import METHODS
from metafacs.methods.base import Method, OptimizerSpec
from metafacs.methods.sample_weighting import SampleWeightingMethod
from metafacs.training.stepper import OptimizerStepper

ALPHA, BETA = 0.05, 0.3


@pytest.fixture
def build(small_options: Callable[[str], dict]) -> Callable[[str], Method]:
    """Return a function that builds a method for three AUs by its name, always with the same weights."""

    def method(name: str) -> Method:
        torch.manual_seed(0)
        expressions = COMPOUND_EXPRESSIONS[:2] if "joint" in METHODS[name].streams else EXPRESSIONS
        return METHODS[name].build((1, 4, 12), expressions, small_options(name))

    return method


@pytest.fixture
def batches() -> dict[str, Batch]:
    """Noise with labels for three AUs and seven expressions, in float64."""
    torch.manual_seed(1)

    def pictures(n: int) -> Tensor:
        return torch.randn(n, 3, 32, 32, dtype=torch.float64)

    return {
        "au": Batch(pictures(5), action_units=torch.rand(5, 3).round().double()),
        "expression": Batch(pictures(6), expression=torch.arange(6)),
        "validation": Batch(pictures(7), action_units=torch.rand(7, 3).round().double()),
    }


@pytest.fixture
def plain_stepper() -> Callable[[torch.nn.Module], OptimizerStepper]:
    """Return a factory of steppers that take plain gradient steps of ALPHA, and of BETA for the meta net."""

    def make(method: SampleWeightingMethod) -> OptimizerStepper:
        rates = {"base": ALPHA, "meta": BETA}
        groups = method.parameter_groups()
        step = OptimizerStepper(groups, {g: OptimizerSpec("sgd", rates[g], 0.0, 0.0) for g in groups}, 1)
        step.start(0)
        return step

    return make


class WrittenOut:
    """The losses of a method's network at any theta, and the virtual step; running statistics stay."""

    beta = BETA

    def __init__(self, method: SampleWeightingMethod, data: dict[str, Batch]) -> None:
        self.method, self.data, self.count = method, data, len(data["au"])
        self.theta = {n: p.detach().clone().requires_grad_() for n, p in method.network.named_parameters()}
        self.still = {n: b.clone() for n, b in method.network.named_buffers()}

    def forward(self, theta: dict[str, Tensor], images: Tensor):
        buffers = {n: b.clone() for n, b in self.still.items()}
        return functional_call(self.method.network, (theta, buffers), (images,))

    def losses(self, theta: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
        """Return the loss of every training picture, and its features."""
        faces, expressive = self.data["au"], self.data["expression"]
        out = self.forward(theta, torch.cat([faces.images, expressive.images]))
        au = functional.binary_cross_entropy_with_logits(
            out.action_units[: self.count], faces.action_units, reduction="none"
        ).sum(1)
        fe = functional.cross_entropy(out.expressions[self.count :], expressive.expression, reduction="none")
        return torch.cat([au, fe]), out.features

    def stepped(self, total: Tensor) -> dict[str, Tensor]:
        """Return theta after a step of alpha down the gradient of ``total``, differentiable."""
        slopes = torch.autograd.grad(total, list(self.theta.values()), create_graph=True, allow_unused=True)
        return {
            n: p if g is None else p - ALPHA * g for (n, p), g in zip(self.theta.items(), slopes, strict=True)
        }

    def validation_loss(self, theta: dict[str, Tensor]) -> Tensor:
        """Return the balanced AU loss of the validation pictures."""
        logits = self.forward(theta, self.data["validation"].images).action_units
        targets = self.data["validation"].action_units
        balance = torch.where(
            targets == 1, self.method.positive_weights, self.method.negative_weights
        ).double()
        each = functional.binary_cross_entropy_with_logits(logits, targets, reduction="none") * balance
        return each.sum(1).mean()


@pytest.fixture
def written_out() -> type[WrittenOut]:
    return WrittenOut


def check(method: SampleWeightingMethod, theta: dict[str, Tensor], psi: dict[str, Tensor]) -> None:
    """Compare every parameter of the method after its iteration."""
    expected = {f"network.{n}": p for n, p in theta.items()} | {f"weight_net.{n}": p for n, p in psi.items()}
    for name, parameter in method.named_parameters():
        assert torch.allclose(parameter, expected[name], rtol=1e-8, atol=1e-12), name


@pytest.fixture
def check_parameters() -> Callable[..., None]:
    return check
