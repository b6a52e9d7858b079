from __future__ import annotations

import numpy as np

from metafacs.compilation import compiled
from metafacs.faces.lanes import LANES, add, fill, larger, load, multiply_add, smaller, spread, store


@compiled
def operate(numbers: np.ndarray, place: int, out: np.ndarray) -> None:
    first, second = load(numbers, place), load(numbers, place + LANES)
    store(out, 1, multiply_add(first, second, spread(numbers, place)))
    store(out, 9, add(first, fill(np.float32(2))))
    store(out, 17, larger(first, second))
    store(out, 25, smaller(first, second))


def test_eight_numbers_at_once() -> None:
    numbers = np.random.default_rng(0).integers(-9, 9, 19).astype(np.float32)
    out = np.full(34, 99, np.float32)
    operate(numbers, 3, out)
    first, second = numbers[3:11], numbers[11:]
    expected = [first * second + first[0], first + 2, np.maximum(first, second), np.minimum(first, second)]
    assert np.array_equal(out[1:33].reshape(4, 8), np.stack(expected))
    assert out[0] == out[33] == 99
