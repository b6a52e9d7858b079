"""The meta gradient against independent formulations in float64, and what adaptation promises."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.func import functional_call, grad, jvp

from metafacs.batch import Batch
from metafacs.data.any_au import AnyAUByPersonStream, AnyAUStream
from metafacs.data.episodes import EpisodeStream
from metafacs.data.store import Store
from metafacs.data.streams import Stream
from metafacs.data.transforms import Augmentation
from metafacs.methods import FEW_SHOT
from metafacs.methods.base import OptimizerSpec
from metafacs.methods.few_shot import FewShotLearner
from metafacs.models.backbones import Backbone
from metafacs.models.few_shot import FewShotBackbone
from metafacs.models.networks import BaseNet
from metafacs.training.stepper import OptimizerStepper

AUS = (1, 4, 12)
SHOTS, RATE = 2, 0.1


class Normalise(nn.Module):
    """Batch normalisation written from mean and variance: torch.func differentiates it rightly."""

    def __init__(self, other: nn.BatchNorm2d) -> None:
        super().__init__()
        self.weight, self.bias, self.eps = other.weight, other.bias, other.eps

    def forward(self, x: Tensor) -> Tensor:
        around = (0, 2, 3)
        centred = x - x.mean(around, keepdim=True)
        scaled = centred / (centred.square().mean(around, keepdim=True) + self.eps).sqrt()
        return scaled * self.weight[:, None, None] + self.bias[:, None, None]


def build(name: str, **options: object) -> FewShotLearner:
    torch.manual_seed(0)
    learner = FEW_SHOT[name](AUS, shots=SHOTS, inner_rate=RATE, **options)  # type: ignore[arg-type]
    return learner.double().train()


def slim(name: str, **options: object) -> FewShotLearner:
    """Return a learner with few channels, for derivatives of derivatives."""
    torch.manual_seed(0)
    learner = build(name, **options)
    learner.network = BaseNet(FewShotBackbone((6, 5, 4, 3)), 1).double()
    if name == "meta_sgd":
        learner.rates = nn.ParameterList(torch.full_like(p, RATE) for p in learner.network.parameters())
    return learner


def episodes(tasks: int = 2, size: int = 32) -> Batch:
    torch.manual_seed(1)
    targets = torch.tensor([1.0, 0.0]).repeat_interleave(SHOTS).repeat(2 * tasks).double()
    images = torch.randn(len(targets), 3, size, size).double() + targets.view(-1, 1, 1, 1)
    return Batch(images.contiguous(memory_format=torch.channels_last), action_units=targets[:, None])


class Recorder:
    """A stepper that keeps the gradients it is given."""

    def __init__(self) -> None:
        self.applied: dict[str, list[Tensor]] = {}

    def gradients(self, loss: Tensor, parameters: list[nn.Parameter]) -> tuple[Tensor, ...]:
        found = torch.autograd.grad(loss, parameters, allow_unused=True)
        return tuple(torch.zeros_like(p) if g is None else g for p, g in zip(parameters, found, strict=True))

    def apply(self, gradients: list[Tensor], group: str) -> None:
        self.applied[group] = [gradient.clone() for gradient in gradients]


def meta_gradient(learner: FewShotLearner, batch: Batch) -> list[Tensor]:
    recorder = Recorder()
    learner.update({"episodes": batch}, recorder)  # type: ignore[arg-type]
    return recorder.applied["base"]


def independent(learner: FewShotLearner, batch: Batch, *, second_order: bool) -> list[Tensor]:
    """Return sum_i (I - alpha H_i) grad L_i(theta_i), the Hessian products by forward over reverse."""
    network = learner.network
    stages = network.backbone.stages
    for position, module in enumerate(stages):
        if isinstance(module, nn.BatchNorm2d):
            stages[position] = Normalise(module)
    theta = {name: p.detach() for name, p in network.named_parameters()}
    moving = set(learner.step_sizes())
    total = {name: torch.zeros_like(p) for name, p in theta.items()}
    half = 2 * SHOTS
    for start in range(0, len(batch), 2 * half):
        parts = [slice(start, start + half), slice(start + half, start + 2 * half)]
        (xs, ys), (xq, yq) = ((batch.images[p], batch.action_units[p, 0]) for p in parts)

        def loss(parameters: dict[str, Tensor], x: Tensor, y: Tensor) -> Tensor:
            z = functional_call(network, parameters, (x,)).action_units[:, 0]
            # Eq. (3) with its sign and bracket.
            return -(y * torch.sigmoid(z).log() + (1 - y) * (1 - torch.sigmoid(z)).log()).mean()

        def slope(parameters: dict[str, Tensor], x: Tensor = xs, y: Tensor = ys) -> dict[str, Tensor]:
            found = grad(loss)(parameters, x, y)
            return {n: g if n in moving else torch.zeros_like(g) for n, g in found.items()}

        adapted = {n: p - RATE * g for (n, p), g in zip(theta.items(), slope(theta).values(), strict=True)}
        v = grad(loss)(adapted, xq, yq)
        if second_order:
            # Only the moving part of v is felt by the inner step.
            direction = {n: g if n in moving else torch.zeros_like(g) for n, g in v.items()}
            # H is symmetric, so the derivative of the whole gradient along the moving directions is H v.
            _, product = jvp(lambda p, x=xs, y=ys: grad(loss)(p, x, y), (theta,), (direction,))
            v = {n: v[n] - RATE * product[n] for n in v}
        total = {n: total[n] + v[n] for n in total}
    return list(total.values())


@pytest.mark.parametrize("name", ["maml", "anil"])
@pytest.mark.parametrize("second_order", [True, False])
def test_meta_gradient_is_that_of_hessian_products(name: str, second_order: bool) -> None:
    batch = episodes()
    found = meta_gradient(slim(name, second_order=second_order), batch)
    expected = independent(slim(name), batch, second_order=second_order)
    error = max((f - e).abs().max() for f, e in zip(found, expected, strict=True))
    assert error <= 1e-8 * max(e.abs().max() for e in expected)


def test_meta_gradient_of_several_steps_and_step_sizes_is_that_of_finite_differences() -> None:
    learner, batch = slim("meta_sgd", steps=2), episodes(tasks=1)
    found = meta_gradient(learner, batch)
    parameters = list(learner.parameters())

    def adapted_loss() -> float:
        (support, query), (known, asked) = (
            values.split(2 * SHOTS) for values in (batch.images, batch.action_units[:, 0])
        )
        *_, adapted = learner.adaptation(support, known, 2)
        logits = learner.logits(adapted, query)
        return nn.functional.binary_cross_entropy_with_logits(logits, asked).item()

    torch.manual_seed(2)
    for group in (slice(0, len(parameters) // 2), slice(len(parameters) // 2, None)):
        # Short steps: a long one would cross the kinks of ReLU and max-pooling.
        directions = [1e-3 * torch.randn_like(p) for p in parameters[group]]
        expected = sum((g * d).sum() for g, d in zip(found[group], directions, strict=True))
        step, values = 1e-4, []
        for sign in (1, -1):
            with torch.no_grad():
                torch._foreach_add_(parameters[group], directions, alpha=sign * step)
            values.append(adapted_loss())
            with torch.no_grad():
                torch._foreach_add_(parameters[group], directions, alpha=-sign * step)
        assert (values[0] - values[1]) / (2 * step) == pytest.approx(float(expected), rel=1e-5)


def test_first_order_is_the_gradient_at_the_adapted_parameters() -> None:
    learner, batch = slim("maml", second_order=False, steps=3), episodes(tasks=1)
    found = meta_gradient(learner, batch)
    support, query = batch.images.split(2 * SHOTS)
    known, asked = batch.action_units[:, 0].split(2 * SHOTS)
    *_, adapted = learner.adaptation(support, known, 3)
    loss = nn.functional.binary_cross_entropy_with_logits(learner.logits(adapted, query), asked)
    expected = torch.autograd.grad(loss, list(adapted.values()))
    for f, e in zip(found, expected, strict=True):
        torch.testing.assert_close(f, e, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("name", FEW_SHOT)
def test_adaptation_moves_what_it_says_and_leaves_the_learner_alone(name: str) -> None:
    learner, batch = slim(name), episodes(tasks=1)
    before = {key: value.clone() for key, value in learner.state_dict().items()}
    support, known = batch.images[: 2 * SHOTS], batch.action_units[: 2 * SHOTS, 0]
    first, *_, last = learner.adaptation(support, known, 4)
    moved = {key for key in first if not torch.equal(first[key], last[key])}
    assert moved == set(learner.step_sizes())
    for key, value in learner.state_dict().items():
        assert torch.equal(value, before[key]), key

    def loss(parameters: dict[str, Tensor]) -> float:
        return nn.functional.binary_cross_entropy_with_logits(
            learner.logits(parameters, support), known
        ).item()

    assert loss(last) < loss(first)


def test_features_that_no_step_changes_are_computed_once() -> None:
    learner, batch = slim("anil"), episodes(tasks=1)
    support, known = batch.images[: 2 * SHOTS], batch.action_units[: 2 * SHOTS, 0]
    expected = [dict(learner.network.named_parameters())]
    for _ in range(3):
        loss = nn.functional.binary_cross_entropy_with_logits(learner.logits(expected[-1], support), known)
        names = list(learner.step_sizes())
        slopes = torch.autograd.grad(loss, [expected[-1][name] for name in names])
        moved = {n: expected[-1][n] - RATE * s for n, s in zip(names, slopes, strict=True)}
        expected.append({**expected[-1], **moved})
    passes = []
    learner.network.backbone.register_forward_hook(lambda *_: passes.append(1))
    found = list(learner.adaptation(support, known, 3))
    assert len(passes) == 1
    for one, other in zip(found, expected, strict=True):
        assert all(torch.equal(one[name], other[name]) for name in other)


@pytest.mark.parametrize("backbone", ["few_shot", "small", "resnet18"])
def test_support_statistics_judge_the_support_as_the_batch_does(backbone: str) -> None:
    learner, batch = build("maml", backbone=Backbone(backbone)), episodes(tasks=1)
    support, query = batch.images.split(2 * SHOTS)
    *_, adapted = learner.adaptation(support, batch.action_units[: 2 * SHOTS, 0], 1)
    statistics = learner.support_statistics(adapted, support)
    with torch.no_grad():
        torch.testing.assert_close(
            learner.logits_by_statistics(adapted, statistics, support), learner.logits(adapted, support)
        )
        together = learner.logits_by_statistics(adapted, statistics, query)
        alone = torch.cat([learner.logits_by_statistics(adapted, statistics, one) for one in query.split(1)])
    torch.testing.assert_close(together, alone)


@pytest.fixture(scope="module")
def streams(au_store: Store) -> dict[str, Stream]:
    common = {"aus": AUS, "size": 32, "seed": 0, "shots": SHOTS, "augmentation": Augmentation()}
    rows = np.arange(len(au_store))
    return {
        "episodes": EpisodeStream(au_store, rows, **common),  # type: ignore[arg-type]
        "any_au": AnyAUStream(au_store, rows, **common),  # type: ignore[arg-type]
        "any_au_by_person": AnyAUByPersonStream(au_store, rows, **common),  # type: ignore[arg-type]
    }


@pytest.mark.parametrize("name", FEW_SHOT)
def test_every_parameter_moves_in_training(name: str, streams: dict[str, Stream]) -> None:
    learner = build(name).float()
    step = OptimizerStepper(learner.parameter_groups(), learner.optimizers(), 2)
    before = {key: value.clone() for key, value in learner.state_dict().items()}
    # Two iterations: the classifier starts at zero, and nothing flows through it in the first.
    for k in range(2):
        step.start(k)
        curves = learner.update({key: streams[key].batch(k) for key in learner.streams}, step)
    assert all(value.ndim == 0 and value.isfinite() and not value.requires_grad for value in curves.values())
    still = {key for key, value in learner.state_dict().items() if torch.equal(value, before[key])}
    assert {key for key in before if "running" in key} <= still
    # A bias ahead of batch normalisation has no effect, so that the rate of its step has none either.
    assert all("running" in key or "num_batches" in key or "rates" in key for key in still)
    rates = {key for key in before if "rates" in key}
    assert not rates or rates - still


def test_the_control_of_the_baseline_normalises_person_by_person(streams: dict[str, Stream]) -> None:
    learner = build("baseline_by_person").float()
    seen = []
    learner.network.backbone.register_forward_pre_hook(lambda _, inputs: seen.append(len(inputs[0])))
    step = OptimizerStepper(learner.parameter_groups(), learner.optimizers(), 1)
    step.start(0)
    learner.update({"any_au_by_person": streams["any_au_by_person"].batch(0)}, step)
    assert seen == [4 * SHOTS] * len(AUS)


def test_maml_learns_tasks_that_the_picture_tells(streams: dict[str, Stream]) -> None:
    learner = build("maml", second_order=False).float()
    spec = OptimizerSpec("adam", 3e-3, momentum=0.0, weight_decay=0.0)
    step = OptimizerStepper(learner.parameter_groups(), {"base": spec}, 24)
    accuracies = []
    for k in range(24):
        step.start(k)
        curves = learner.update({"episodes": streams["episodes"].batch(k)}, step)
        accuracies.append(float(curves["accuracy_adapted"]))
    assert sum(accuracies[-10:]) / 10 > 0.82
