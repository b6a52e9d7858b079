"""What a process on its own is told; tests/training/test_together.py has two."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from metafacs.ranks import (
    ALONE,
    Rank,
    each_rank,
    mean_of_gradients,
    mean_over_ranks,
    own_rank,
    pooled_moments,
    variance_over_batch,
)


def test_parts_are_the_batch() -> None:
    parts = [np.arange(6)[Rank(n, 3).part_of(6)].tolist() for n in range(3)]
    assert parts == [[0, 3], [1, 4], [2, 5]]
    tasks = [np.arange(12)[Rank(n, 2).part_of(12, "tasks", together=3)].tolist() for n in range(2)]
    assert tasks == [[0, 1, 2, 6, 7, 8], [3, 4, 5, 9, 10, 11]]


def test_a_batch_cut_into_two_is_divided_as_both_are() -> None:
    half = np.arange(8)[Rank(1, 2).part_of(8)]
    first, second = np.arange(4)[Rank(1, 2).part_of(4)], np.arange(4, 8)[Rank(1, 2).part_of(4)]
    assert half.tolist() == [*first, *second]


def test_what_cannot_be_divided_is_told() -> None:
    with pytest.raises(ValueError, match="a batch of 10 tasks cannot be divided evenly among 4 processes"):
        Rank(0, 4).part_of(30, "tasks", together=3)


def test_alone_everything_stays_as_it_is() -> None:
    values = torch.randn(4, 3)
    assert own_rank() == ALONE
    assert mean_over_ranks(values) is values
    assert mean_of_gradients([values])[0] is values
    assert each_rank(values).shape == (1, 4, 3)
    assert torch.equal(variance_over_batch(values, 0), values.var(dim=0))


def test_moments_of_one_process_are_its_own() -> None:
    variance, mean = torch.rand(3), torch.randn(3)
    pooled = pooled_moments(variance, mean)
    assert torch.equal(pooled[0], variance)
    assert torch.equal(pooled[1], mean)
