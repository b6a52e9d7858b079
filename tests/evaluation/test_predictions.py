from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from metafacs.batch import Batch
from metafacs.evaluation.predictions import Predictions, collect_predictions


class BrightnessDetector(nn.Module):
    """Stands for a trained method: the probability of each AU is the mean brightness."""

    aus = (1, 12)

    def __init__(self) -> None:
        super().__init__()
        self.modes: list[bool] = []

    def predict(self, images: torch.Tensor) -> Any:
        self.modes.append(self.training)
        return SimpleNamespace(probabilities=images.mean(dim=(1, 2, 3))[:, None].repeat(1, 2))


def stream(subjects: list[str], aus: tuple[int, ...] = (1, 12)) -> Any:
    rows = np.arange(len(subjects))

    def at(positions: np.ndarray) -> Batch:
        values = torch.from_numpy(positions / 10).float()
        return Batch(
            images=values[:, None, None, None].expand(-1, 3, 2, 2),
            action_units=torch.tensor([[1.0, float("nan")]]).repeat(len(positions), 1),
            index=torch.from_numpy(positions),
        )

    def sequential(size: int | None = None) -> list[np.ndarray]:
        return [rows[i : i + (size or 2)] for i in range(0, len(rows), size or 2)]

    return SimpleNamespace(
        aus=aus, at=at, sequential=sequential, store=SimpleNamespace(subjects=np.array(subjects))
    )


def test_every_picture_is_predicted_once_in_order() -> None:
    detector: Any = BrightnessDetector().train()
    done: list[int] = []
    predictions = collect_predictions(
        detector, stream(["F001", "F001", "F002", "M001", "M001"]), advance=done.append
    )
    np.testing.assert_allclose(predictions.probabilities[:, 0], [0, 0.1, 0.2, 0.3, 0.4], atol=1e-6)
    assert predictions.subjects.tolist() == ["F001", "F001", "F002", "M001", "M001"]
    assert np.isnan(predictions.targets[:, 1]).all()
    assert predictions.index.tolist() == [0, 1, 2, 3, 4]
    assert done == [2, 2, 1]
    assert detector.modes == [False] * 3
    assert detector.training


def test_other_action_units_are_refused() -> None:
    detector: Any = BrightnessDetector()
    with pytest.raises(ValueError, match=r"predicts AUs \[1, 12\]"):
        collect_predictions(detector, stream(["F001"], aus=(1, 2)))


def test_picture_without_a_person_is_refused() -> None:
    detector: Any = BrightnessDetector()
    with pytest.raises(ValueError, match="no known person"):
        collect_predictions(detector, stream(["F001", ""]))


def test_shapes_must_fit() -> None:
    with pytest.raises(ValueError, match="do not fit"):
        Predictions((1, 2), np.zeros((3, 1)), np.zeros((3, 2)), np.array(["a"] * 3), np.arange(3))
