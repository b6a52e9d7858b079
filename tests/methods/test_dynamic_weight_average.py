from __future__ import annotations

import math

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from metafacs.batch import Batch
from metafacs.facs import EXPRESSIONS
from metafacs.methods.base import OptimizerSpec
from metafacs.methods.dynamic_weight_average import DynamicWeightAverage
from metafacs.models.backbones import SMALL
from metafacs.training.stepper import OptimizerStepper

TASKS = ("action_units", "expression")


def run(method: DynamicWeightAverage, batches: dict[str, Batch], iterations: int) -> list[dict[str, float]]:
    step = OptimizerStepper(method.parameter_groups(), {"base": OptimizerSpec("sgd", 0.05, 0.0, 0.0)}, 1)
    found = [method.update(batches, step) for _ in range(iterations)]
    return [{name: float(value) for name, value in curves.items()} for curves in found]


def build(**options: object) -> DynamicWeightAverage:
    torch.manual_seed(0)
    return DynamicWeightAverage((1, 4, 12), EXPRESSIONS, backbone=SMALL, **options).double()  # type: ignore[arg-type]


@pytest.mark.parametrize("temperature", [2.0, 0.5])
def test_weights_follow_the_formula(batches: dict[str, Batch], temperature: float) -> None:
    curves = run(build(epoch=2, temperature=temperature), batches, 8)
    means = [
        {task: (curves[k][f"loss_{task}"] + curves[k + 1][f"loss_{task}"]) / 2 for task in TASKS}
        for k in (0, 2, 4)
    ]
    for k in range(4):
        assert [curves[k][f"weight_{task}"] for task in TASKS] == [1.0, 1.0]
    for epoch in (2, 3):
        powers = [math.exp(means[epoch - 1][task] / means[epoch - 2][task] / temperature) for task in TASKS]
        expected = [2 * power / sum(powers) for power in powers]
        for k in (2 * epoch, 2 * epoch + 1):
            assert [curves[k][f"weight_{task}"] for task in TASKS] == pytest.approx(expected)
    assert curves[4]["weight_action_units"] != pytest.approx(1.0, abs=1e-4)


def test_an_epoch_is_one_pass_over_the_au_pictures(batches: dict[str, Batch]) -> None:
    method = build()
    method.observe_labels({"au": torch.zeros(11, 3)})
    # Three batches of five pictures are needed to see eleven.
    curves = run(method, batches, 7)
    assert [c["weight_expression"] == 1.0 for c in curves] == [True] * 6 + [False]


class Reads(TorchDispatchMode):
    """Counts the values that are read from tensors: for each a GPU would have to be waited for."""

    count = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        self.count += func is torch.ops.aten._local_scalar_dense.default
        return func(*args, **(kwargs or {}))


def test_no_iteration_but_the_first_waits_for_a_device(batches: dict[str, Batch]) -> None:
    method = build()
    method.observe_labels({"au": torch.zeros(11, 3)})
    spec = OptimizerSpec("sgd", 0.05, 0.0, 0.0)
    step = OptimizerStepper(method.parameter_groups(), {"base": spec}, 1, looks_at_once=False)
    method.update(batches, step)
    with Reads() as reads:
        for _ in range(7):
            curves = method.update(batches, step)
    assert reads.count == 0
    assert curves["weight_expression"] != 1


def test_an_epoch_of_unknown_length_is_an_error(batches: dict[str, Batch]) -> None:
    with pytest.raises(ValueError, match="how long is an epoch"):
        run(build(), batches, 1)


@pytest.mark.parametrize("wrong", [{"temperature": 0.0}, {"epoch": 0}])
def test_impossible_options_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="temperature is"):
        build(**wrong)
