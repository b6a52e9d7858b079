"""MML against Eqs. (11) to (17) written out with double backward, and against its own claims."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.func import functional_call
from torch.nn import functional

from metafacs.batch import Batch
from metafacs.compounds import COMPOUND_EXPRESSIONS, LAB_RATES, WILD_RATES
from metafacs.data.store import Store
from metafacs.data.streams import Stream
from metafacs.facs import EXPRESSIONS
from metafacs.methods.base import OptimizerSpec
from metafacs.methods.mml import MML
from metafacs.models.backbones import SMALL
from metafacs.training.stepper import OptimizerStepper

AUS = (1, 4, 12, 43)
NAMES = COMPOUND_EXPRESSIONS[:5]
ALPHA, BETA = {"backbone": 0.02, "heads": 0.2}, 0.3


def build(**options: object) -> MML:
    torch.manual_seed(0)
    method = MML(AUS, NAMES, backbone=SMALL, **options).double()  # type: ignore[arg-type]
    torch.nn.init.normal_(method.weight_net.linear.weight, std=0.1)
    return method.train()


def batches(count: int = 5) -> dict[str, Batch]:
    torch.manual_seed(1)

    def pictures(n: int) -> Tensor:
        return torch.randn(n, 3, 32, 32, dtype=torch.float64)

    action_units = torch.rand(count, len(AUS)).round().double()
    action_units[0, 1] = action_units[3] = float("nan")
    expression = torch.arange(count)
    expression[1] = -1
    return {
        "joint": Batch(pictures(count), action_units=action_units, expression=expression),
        "validation": Batch(pictures(7), expression=torch.arange(7) % len(NAMES)),
    }


def plain_stepper(method: MML) -> OptimizerStepper:
    rates = {**ALPHA, "meta": BETA}
    specs = {name: OptimizerSpec("sgd", lr, 0.0, 0.0) for name, lr in rates.items()}
    step = OptimizerStepper(method.parameter_groups(), specs, 1)
    step.start(0)
    return step


def three_losses(outputs, batch: Batch, statistics: str) -> Tensor:
    """Eqs. (1), (2) and (9) of each picture, ``batch x 3``."""
    known = ~torch.isnan(batch.action_units)
    au = functional.binary_cross_entropy_with_logits(
        outputs.action_units, torch.where(known, batch.action_units, 0.0), reduction="none"
    )
    emo = functional.cross_entropy(outputs.expressions, batch.expression, ignore_index=-1, reduction="none")
    p_au, p_emo = outputs.action_units.sigmoid(), outputs.expressions.softmax(1)
    table = WILD_RATES if statistics == "wild" else LAB_RATES
    # The method keeps the table in float32.
    rates = torch.tensor([[table[name].get(au, 0) for au in AUS] for name in NAMES]).double()
    if statistics == "wild":
        q_au = p_emo @ torch.sigmoid(rates)
    else:
        rates = (rates > 0).double()
        q_au = torch.sigmoid(p_emo @ rates)
    q_emo = (p_au @ rates.T / rates.sum(1)).clamp(min=1e-6)
    alignment = -(p_au * q_au.log()).sum(1) - (p_emo * q_emo.log()).sum(1)
    return torch.stack([emo, (au * known).sum(1), alignment], 1)


def written_out(
    method: MML, data: Mapping[str, Batch], weights: tuple[float | str, ...], share: float, statistics: str
) -> dict[str, Tensor]:
    """Return psi and theta after one iteration with nothing but autograd; a weight is a number or a name."""
    theta = {n: p.detach().clone().requires_grad_() for n, p in method.network.named_parameters()}
    still = {n: b.clone() for n, b in method.network.named_buffers()}
    psi = {n: p.detach().clone().requires_grad_() for n, p in method.weight_net.named_parameters()}
    rates = {n: ALPHA["backbone" if n.startswith("backbone.") else "heads"] for n in theta}

    def forward(parameters: dict[str, Tensor], images: Tensor):
        buffers = {n: b.clone() for n, b in still.items()}
        return functional_call(method.network, (parameters, buffers), (images,))

    def total(parameters: dict[str, Tensor], detached: bool) -> Tensor:
        out = forward(parameters, data["joint"].images)
        omega = torch.sigmoid(out.features.detach() @ psi["linear.weight"].T + psi["linear.bias"])
        omega = omega.detach() if detached else omega
        column, result = 0, 0.0
        for part, weight in enumerate(weights):
            loss = three_losses(out, data["joint"], statistics)[:, part]
            if weight == "learned":
                result = result + (omega[:, column] * loss).sum()
                column += 1
            else:
                result = result + (weight * loss).sum()
        return share * result

    gradient = torch.autograd.grad(total(theta, False), list(theta.values()), create_graph=True)
    starred = {n: p - rates[n] * g for (n, p), g in zip(theta.items(), gradient, strict=True)}
    logits = forward(starred, data["validation"].images).expressions
    validation = functional.cross_entropy(logits, data["validation"].expression)
    meta = torch.autograd.grad(validation, list(psi.values()))
    for parameter, g in zip(psi.values(), meta, strict=True):
        parameter.data -= BETA * g
    base = torch.autograd.grad(total(theta, True), list(theta.values()))
    result = {f"weight_net.{n}": p.detach() for n, p in psi.items()}
    for (n, p), g in zip(theta.items(), base, strict=True):
        result[f"network.{n}"] = (p - rates[n] * g).detach()
    return result


CASES: dict[str, tuple[dict[str, object], tuple[float | str, ...], float, str]] = {
    "mml": ({}, (1.0, "learned", "learned"), 1 / 5, "wild"),
    "mml, lab, sum": (
        {"statistics": "lab", "batch_reduction": "sum"},
        (1.0, "learned", "learned"),
        1.0,
        "lab",
    ),
    "mal": ({"alignment": 0.0}, (1.0, "learned", 0.0), 1 / 5, "wild"),
    "mal of two": (
        {"alignment": 0.0, "expression": "learned"},
        ("learned", "learned", 0.0),
        1 / 5,
        "wild",
    ),
    "half fixed": (
        {"action_units": 0.5, "alignment": "learned"},
        (1.0, 0.5, "learned"),
        1 / 5,
        "wild",
    ),
}


@pytest.mark.parametrize(
    ("case", "estimator"),
    [*((case, "tangent") for case in CASES), ("mml", "forward_mode"), ("mml", "double_backward")],
)
def test_one_iteration_is_equations_12_to_17(case: str, estimator: str) -> None:
    options, weights, share, statistics = CASES[case]
    method, data = build(estimator=estimator, **options), batches()
    expected = written_out(method, data, weights, share, statistics)
    before = method.weight_net.linear.weight.detach().clone()
    method.update(data, plain_stepper(method))
    for name, parameter in method.named_parameters():
        assert torch.allclose(parameter, expected[name], rtol=1e-8, atol=1e-12), name
    assert (method.weight_net.linear.weight - before).abs().max() > 1e-6


def test_weights_are_one_and_a_half_at_the_start() -> None:
    torch.manual_seed(0)
    method = MML(AUS, NAMES, backbone=SMALL)
    weights = method.sample_weights(method.network(torch.randn(6, 3, 32, 32)))
    assert torch.equal(weights, torch.tensor([1.0, 0.5, 0.5]).repeat(6, 1))
    assert method.weight_net.linear.weight.shape == (2, 128)


def test_groups_follow_the_order_of_the_networks_parameters() -> None:
    """The virtual step pairs the groups' rules with the network's parameters by position."""
    method = build()
    groups = method.parameter_groups()
    together = [*groups["backbone"], *groups["heads"]]
    assert [id(p) for p in together] == [id(p) for p in method.network.parameters()]


def test_curves_name_every_loss_and_learned_weight() -> None:
    parts = {
        "mml": ({"loss_alignment"}, {"weight_action_units", "weight_alignment"}),
        "mal of two": (set(), {"weight_expression", "weight_action_units"}),
    }
    for case, (losses, weights) in parts.items():
        method, data = build(**CASES[case][0]), batches()
        curves = method.update(data, plain_stepper(method))
        usual = {"loss_expression", "loss_action_units", "loss_validation", "accuracy_expression"}
        assert set(curves) == usual | losses | weights
        assert all(0 < curves[name] < 1 for name in weights)


def test_alignment_needs_compound_expressions_and_mal_does_not() -> None:
    with pytest.raises(ValueError, match="set the weight of the alignment to 0"):
        MML(AUS, EXPRESSIONS, backbone=SMALL)
    assert MML(AUS, EXPRESSIONS, backbone=SMALL, alignment=0.0).learned == ("action_units",)


def test_fixed_weights_only_are_another_method() -> None:
    with pytest.raises(ValueError, match="use compound_multi_task"):
        MML(AUS, NAMES, backbone=SMALL, action_units=1.0, alignment=0.5)


def test_table_is_not_part_of_the_model_file() -> None:
    assert not [name for name in build().state_dict() if "prior" in name]


def test_short_run_lowers_the_losses_and_moves_the_weights(compound_store: Store) -> None:
    def stream(name: str, rows: range) -> Stream:
        return Stream(
            compound_store, np.array(rows), aus=(1, 4, 12), name=name, batch_size=8, size=32, seed=0
        )

    streams = {"joint": stream("joint", range(32)), "validation": stream("validation", range(32, 40))}
    torch.manual_seed(0)
    method = MML((1, 4, 12), compound_store.expressions, backbone=SMALL).train()
    step = OptimizerStepper(method.parameter_groups(), method.optimizers(), 15)
    curves = []
    for k in range(15):
        step.start(k)
        curves.append(method.update({name: s.batch(k) for name, s in streams.items()}, step))
    for loss in ("loss_expression", "loss_action_units", "loss_validation"):
        assert curves[-1][loss] < 0.5 * curves[0][loss]
    images = streams["joint"].batch(0).images
    weights = method.sample_weights(method.network(images))
    assert (weights[:, 1:] - 0.5).abs().amax(dim=0).min() > 1e-4
    assert weights[:, 1:].std(dim=0).min() > 1e-6


def weight_after_training(informative: bool, seed: int = 0) -> float:
    """Return the mean AU weight after 40 iterations on bands in noise, half of their expressions wrong.

    Validation expressions are right. AU labels tell the right expression, or are coins.
    """
    rng = np.random.default_rng(seed)

    def pictures(count: int) -> tuple[Tensor, Tensor]:
        kinds = rng.integers(0, 4, count)
        images = rng.normal(0, 0.5, (count, 3, 32, 32))
        for image, kind in zip(images, kinds, strict=True):
            image[:, 8 * kind : 8 * kind + 8] += 0.25
        return torch.from_numpy(images).float(), torch.from_numpy(kinds)

    images, kinds = pictures(256)
    reserve, reserve_kinds = pictures(256)
    labels = np.where(rng.random(256) < 0.5, rng.integers(0, 4, 256), kinds.numpy())
    action_units = torch.eye(4)[kinds] if informative else torch.from_numpy(rng.integers(0, 2, (256, 4)))
    torch.manual_seed(seed)
    method = MML(AUS, NAMES[:4], backbone=SMALL, alignment=0.0).train()
    meta = OptimizerSpec("sgd", 1.0, weight_decay=0.0)
    step = OptimizerStepper(method.parameter_groups(), {**method.optimizers(), "meta": meta}, 40)
    for k in range(40):
        chosen, judged = rng.integers(0, 256, 12), rng.integers(0, 256, 12)
        step.start(k)
        joint = Batch(
            images[chosen],
            action_units=action_units[chosen].float(),
            expression=torch.from_numpy(labels[chosen]),
        )
        validation = Batch(reserve[judged], expression=reserve_kinds[judged])
        curves = method.update({"joint": joint, "validation": validation}, step)
    return float(curves["weight_action_units"])


def test_action_units_that_help_gain_weight_and_coins_lose_it() -> None:
    helpful, coins = weight_after_training(True), weight_after_training(False)
    assert helpful > 0.6
    assert coins < 0.4
