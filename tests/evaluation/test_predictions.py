from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from metafacs.batch import Batch
from metafacs.data.store import Store
from metafacs.data.streams import Stream
from metafacs.evaluation import records
from metafacs.evaluation.predictions import (
    ExpressionPredictions,
    NotFiniteError,
    Predictions,
    collect_predictions,
)
from metafacs.evaluation.scoring import score_predictions
from metafacs.methods import METHODS
from metafacs.methods.base import Prediction


class BrightnessMethod(nn.Module):
    """Stands for a trained method: brightness is the probability of each AU and of the second expression."""

    aus = (1, 12)

    def __init__(self, expressions: tuple[str, ...] = ()) -> None:
        super().__init__()
        self.expressions = expressions
        self.modes: list[bool] = []

    def predict(self, images: torch.Tensor) -> Prediction:
        self.modes.append(self.training)
        brightness = images.mean(dim=(1, 2, 3))
        seen = torch.stack([1 - brightness, brightness], dim=1)
        return Prediction(brightness[:, None].repeat(1, 2), seen if self.expressions else None)


def stream(subjects: list[str], aus: tuple[int, ...] = (1, 12), expressions: tuple[str, ...] = ()) -> Any:
    rows = np.arange(len(subjects))

    def at(positions: np.ndarray) -> Batch:
        values = torch.from_numpy(positions / 10).float()
        return Batch(
            images=values[:, None, None, None].expand(-1, 3, 2, 2),
            action_units=torch.tensor([[1.0, float("nan")]]).repeat(len(positions), 1) if aus else None,
            expression=torch.from_numpy(positions % 3 - 1) if expressions else None,
            index=torch.from_numpy(positions),
        )

    def sequential(size: int | None = None) -> list[np.ndarray]:
        return [rows[i : i + (size or 2)] for i in range(0, len(rows), size or 2)]

    store = SimpleNamespace(subjects=np.array(subjects), expressions=expressions)
    return SimpleNamespace(aus=aus, at=at, sequential=sequential, store=store)


def test_every_picture_is_predicted_once_in_order() -> None:
    method: Any = BrightnessMethod().train()
    predictions = collect_predictions(method, stream(["F001", "F001", "F002", "M001", "M001"]))
    np.testing.assert_allclose(predictions.probabilities[:, 0], [0, 0.1, 0.2, 0.3, 0.4], atol=1e-6)
    assert predictions.subjects.tolist() == ["F001", "F001", "F002", "M001", "M001"]
    assert predictions.people_known
    assert predictions.expressions is None
    assert np.isnan(predictions.targets[:, 1]).all()
    assert predictions.index.tolist() == [0, 1, 2, 3, 4]
    assert method.modes == [False] * 3
    assert method.training


def test_expressions_are_matched_by_name() -> None:
    method: Any = BrightnessMethod(("angry", "sad"))
    predictions = collect_predictions(method, stream([""] * 5, expressions=("sad", "angry")))
    assert not predictions.people_known
    found = predictions.expressions
    assert found is not None
    assert found.names == ("angry", "sad")
    np.testing.assert_allclose(found.probabilities[:, 1], [0, 0.1, 0.2, 0.3, 0.4], atol=1e-6)
    assert found.targets.tolist() == [-1, 1, 0, -1, 1]


def test_pictures_without_action_units_have_unknown_ones() -> None:
    method: Any = BrightnessMethod(("sad", "angry"))
    predictions = collect_predictions(method, stream(["", ""], aus=(), expressions=("sad",)))
    assert np.isnan(predictions.targets).all()
    assert predictions.targets.shape == (2, 2)
    assert predictions.expressions is not None


def test_expressions_the_method_does_not_know_are_not_compared() -> None:
    method: Any = BrightnessMethod(("sad", "angry"))
    elsewhere = stream(["", ""], expressions=("sad", "happy"))
    assert collect_predictions(method, elsewhere).expressions is None
    with pytest.raises(ValueError, match=r"recognises \['sad', 'angry'\], the store has \['happy'\]"):
        collect_predictions(method, stream(["", ""], aus=(), expressions=("happy",)))


@pytest.mark.filterwarnings("ignore:AU1")
@pytest.mark.parametrize("name", ["mml", "compound_multi_task"])
def test_store_without_people_makes_a_record_of_both_tasks(name: str, compound_store: Store) -> None:
    torch.manual_seed(0)
    method = METHODS[name].build(compound_store.aus, compound_store.expressions, {"backbone": "small"})  # type: ignore[call-arg]
    test = Stream(
        compound_store, np.arange(40), aus=compound_store.aus, name="test", batch_size=16, size=32, seed=0
    )
    predictions = collect_predictions(method, test)
    data = records.TestedData("raf_ce", True, "parts", "hash", 0, 0)
    record = score_predictions(predictions, method=name, data=data, seed=0, bootstrap=20)
    assert record.people == 0
    assert record.positives == {1: 0, 4: 20, 12: 20}
    assert record.expressions is not None
    assert record.expressions.pictures == dict.fromkeys(compound_store.expressions, 20)


def test_other_action_units_are_refused() -> None:
    method: Any = BrightnessMethod()
    with pytest.raises(ValueError, match=r"predicts AUs \[1, 12\]"):
        collect_predictions(method, stream(["F001"], aus=(1, 2)))


def test_partly_known_people_are_refused() -> None:
    method: Any = BrightnessMethod()
    with pytest.raises(ValueError, match="1 of 2 test pictures have no known person"):
        collect_predictions(method, stream(["F001", ""]))


def test_shapes_must_fit() -> None:
    people, rows = np.array(["a"] * 3), np.arange(3)
    with pytest.raises(ValueError, match="do not fit"):
        Predictions((1, 2), np.zeros((3, 1)), np.zeros((3, 2)), people, rows)
    with pytest.raises(ValueError, match=r"2 expressions do not fit probabilities of shape \(3, 1\)"):
        ExpressionPredictions(("a", "b"), np.zeros((3, 1)), np.zeros(3, int))
    seen = ExpressionPredictions(("a", "b"), np.zeros((2, 2)), np.zeros(2, int))
    with pytest.raises(ValueError, match="3 subjects do not fit 2 expressions"):
        Predictions((1,), np.zeros((3, 1)), np.zeros((3, 1)), people, rows, seen)


def test_what_is_no_number_is_not_taken_for_absent() -> None:
    probabilities = np.array([[0.5, np.nan], [0.1, 0.2], [np.inf, 0.2]], np.float32)
    targets, people = np.zeros_like(probabilities), np.array(["a", "a", "b"])
    with pytest.raises(NotFiniteError, match="of 2 of 3 pictures the model tells NaN or infinity"):
        Predictions((1, 2), probabilities, targets, people, np.arange(3))
