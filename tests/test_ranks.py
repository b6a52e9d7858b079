"""What a process on its own is told; tests/training/test_together.py has two."""

from __future__ import annotations

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
    assert [list(range(12))[Rank(n, 3).part_of(12)] for n in range(3)] == [
        [0, 1, 2, 3],
        [4, 5, 6, 7],
        [8, 9, 10, 11],
    ]


def test_what_cannot_be_divided_is_told() -> None:
    with pytest.raises(ValueError, match="a batch of 10 tasks cannot be divided evenly among 4 processes"):
        Rank(0, 4).part_of(10, "tasks")


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
