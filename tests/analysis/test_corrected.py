from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from metafacs.analysis.attention import expression_attention
from metafacs.analysis.corrected import corrected_pictures
from metafacs.data.store import Store
from metafacs.data.streams import Stream
from metafacs.facs import EXPRESSIONS
from metafacs.methods import METHODS
from metafacs.methods.base import Method, Prediction


class Says(nn.Module):
    """Answers each picture with the next of given expressions."""

    def __init__(self, answers: np.ndarray) -> None:
        super().__init__()
        self.answers, self.place = answers, 0

    def predict(self, images: Tensor) -> Prediction:
        codes = torch.from_numpy(self.answers[self.place : self.place + len(images)])
        self.place += len(images)
        scores = torch.nn.functional.one_hot(codes, len(EXPRESSIONS)) * 0.9
        return Prediction(torch.zeros(len(images), 1), scores)


def test_pictures_that_one_gets_wrong_and_the_other_right(expression_store: Store) -> None:
    stream = Stream(expression_store, np.arange(20), aus=(), name="x", batch_size=8, size=32, seed=0)
    labels = expression_store.expression[:20]
    first, second = labels.copy(), labels.copy()
    first[[2, 11]] = (first[[2, 11]] + 1) % len(EXPRESSIONS)
    second[[5, 6, 7]] = (second[[5, 6, 7]] + 1) % len(EXPRESSIONS)
    found = corrected_pictures(Says(first), Says(second), stream)  # type: ignore[arg-type]
    assert sorted(found.positions.tolist()) == [2, 11]
    assert found.labels.tolist() == labels[found.positions].tolist()
    assert found.wrong.tolist() == first[found.positions].tolist()
    assert (found.tested, found.spoiled) == (20, 3)
    np.testing.assert_allclose(found.sureness, 0.9)


def test_attention_explains_the_expression_asked_for() -> None:
    torch.manual_seed(0)
    method: Method = METHODS["multi_task"].build((1, 4), EXPRESSIONS, {"backbone": "small"}).eval()
    images = torch.randn(3, 3, 64, 64)
    maps = expression_attention(method, images, [0, 3, 3])
    assert maps.shape == (3, 64, 64)
    assert maps.min() >= 0
    assert maps.max() <= 1
    again = expression_attention(method, images[1:], [3, 0])
    np.testing.assert_allclose(again[0], maps[1], atol=1e-5)
    assert np.abs(again[1] - maps[2]).max() > 0.01
    with pytest.raises(ValueError, match="recognises no expressions"):
        expression_attention(METHODS["single_task"].build((1,), (), {"backbone": "small"}), images, [0])
