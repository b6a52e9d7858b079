from __future__ import annotations

import pytest
import torch
from torch import Tensor

from metafacs.batch import Batch
from metafacs.compounds import COMPOUND_EXPRESSIONS
from metafacs.facs import EXPRESSIONS
from metafacs.methods.base import OptimizerSpec
from metafacs.methods.compound_losses import expression_share
from metafacs.methods.compound_multi_task import CompoundMultiTask
from metafacs.models.backbones import SMALL
from metafacs.training.stepper import OptimizerStepper

AUS, NAMES = (1, 4, 12), COMPOUND_EXPRESSIONS[:4]


def build(**options: object) -> CompoundMultiTask:
    torch.manual_seed(0)
    return CompoundMultiTask(AUS, NAMES, backbone=SMALL, **options)  # type: ignore[arg-type]


def losses_of(method: CompoundMultiTask, batch: Batch) -> dict[str, Tensor]:
    return method.losses(method.network(batch.images), batch)


def batches() -> dict[str, Batch]:
    torch.manual_seed(1)
    return {
        "joint": Batch(
            torch.randn(4, 3, 32, 32),
            action_units=torch.rand(4, 3).round(),
            expression=torch.tensor([0, 3, -1, 2]),
        )
    }


@pytest.mark.parametrize(
    ("weights", "parts"),
    [
        ((1.0, 0.0, 0.0), {"expression"}),
        ((1.0, 1.0, 0.0), {"expression", "action_units"}),
        ((1.0, 0.3, 2.5), {"expression", "action_units", "alignment"}),
    ],
    ids=["STL", "MTL", "AM"],
)
def test_rows_of_the_tables_are_choices_of_weights(weights: tuple[float, ...], parts: set[str]) -> None:
    names = ("expression", "action_units", "alignment")
    one = losses_of(build(expression=1.0, action_units=1.0, alignment=1.0), batches()["joint"])
    found = losses_of(build(**dict(zip(names, weights, strict=True))), batches()["joint"])
    assert set(found) == {f"loss_{part}" for part in parts}
    for name, weight in zip(names, weights, strict=True):
        if weight:
            torch.testing.assert_close(found[f"loss_{name}"], weight * one[f"loss_{name}"])


def test_backbone_and_heads_learn_at_their_own_rates() -> None:
    found = {}
    for heads in (0.0, 0.1):
        method = build()
        specs = {
            name: OptimizerSpec("sgd", lr, 0.0, 0.0) for name, lr in (("backbone", 0.1), ("heads", heads))
        }
        step = OptimizerStepper(method.parameter_groups(), specs, 1)
        step.start(0)
        method.update(batches(), step)
        found[heads] = method.state_dict()
    moved = {name for name in found[0.0] if not torch.equal(found[0.0][name], found[0.1][name])}
    assert moved == {
        f"network.{head}.{kind}" for head in ("action_units", "expressions") for kind in ("weight", "bias")
    }


def test_single_task_reads_no_action_units() -> None:
    data = batches()["joint"]
    method = build(action_units=0.0)
    assert "loss_expression" in losses_of(method, Batch(data.images, expression=data.expression))
    with pytest.raises(ValueError, match="no action_units"):
        losses_of(build(), Batch(data.images, expression=data.expression))


def test_it_tells_how_many_expressions_of_a_batch_it_recognises() -> None:
    data, method = batches()["joint"], build()
    outputs = method.network(data.images)
    assert expression_share(outputs, data) in torch.arange(4) / 3
    right = Batch(data.images, expression=outputs.expressions.argmax(1))
    assert expression_share(outputs, right) == 1
    assert expression_share(outputs, Batch(data.images, expression=torch.full((4,), -1))) == 0


def test_basic_expressions_serve_where_nothing_is_aligned() -> None:
    CompoundMultiTask(AUS, EXPRESSIONS, backbone=SMALL)
    with pytest.raises(ValueError, match="no expression classes"):
        CompoundMultiTask(AUS, (), backbone=SMALL)
    with pytest.raises(ValueError, match="set the weight of the alignment to 0"):
        CompoundMultiTask(AUS, EXPRESSIONS, backbone=SMALL, alignment=1.0)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"action_units": -1.0}, "weight of action_units is -1"),
        ({"alignment": float("nan")}, "weight of alignment is nan"),
        ({"expression": "most"}, "'learned', not 'most'"),
        ({"expression": 0.0, "action_units": 0.0}, "all 0"),
    ],
)
def test_impossible_weights_are_refused(options: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        build(**options)
