"""A process's part of a batch, and what only all processes together can tell of it.

Several processes, or ranks, train one method: each has an equal part of every batch and the same parameters,
and the gradient of the whole is the mean of theirs. So a mean over pictures needs nothing but that mean. What
is summed over pictures, divided by a sum or kept for later goes through the functions below. They can be
differentiated twice and in forward mode, and in one process they do nothing.

All processes must call them in the same order, backward passes included: no call may depend on data.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, distributed

Rows = slice | NDArray[np.intp]
"""Some rows of a batch."""


@dataclass(frozen=True)
class Rank:
    """Which of the processes that share every batch this one is.

    Attributes:
        number: From 0.
        count: How many there are.
    """

    number: int = 0
    count: int = 1

    def part_of(self, things: int, what: str = "pictures", *, together: int = 1) -> Rows:
        """Return which of the things of a batch are this process's: every count-th, from the number-th on.

        So a batch that is cut into several is divided as each of these is.

        Args:
            things: How many there are.
            what: What messages call what is divided.
            together: Things in a row that are never divided, such as the pictures of one task.

        Raises:
            ValueError: If they cannot be divided evenly.

        >>> Rank(1, 2).part_of(6), Rank(1, 2).part_of(8, together=2)
        (slice(1, 6, 2), array([2, 3, 6, 7]))
        """
        sets, left = divmod(things, together)
        if left or sets % self.count:
            raise ValueError(
                f"a batch of {sets} {what} cannot be divided evenly among {self.count} processes; choose "
                "batch sizes that can, or another number of processes"
            )
        if together == 1 or self.count == 1:
            return slice(self.number, things, self.count)
        return np.arange(things).reshape(sets, together)[self.number :: self.count].ravel()


ALONE = Rank()
"""That of a process that shares with nobody."""


def own_rank() -> Rank:
    """Return which of the processes that work together this one is."""
    return Rank(distributed.get_rank(), distributed.get_world_size()) if _together() else ALONE


def size_of_batch(own: int) -> int:
    """Return how many pictures all processes have, where each has ``own``."""
    return own * own_rank().count


def sum_over_batch(values: Tensor) -> Tensor:
    """Return the sum of a tensor's values over the pictures of all processes, a scalar.

    >>> sum_over_batch(torch.ones(3))
    tensor(3.)
    """
    return _sum(values.sum())


def mean_over_ranks(values: Tensor) -> Tensor:
    """Return the mean of a tensor over all processes, element by element."""
    return _sum(values) / distributed.get_world_size() if _together() else values


def each_rank(values: Tensor) -> Tensor:
    """Return a tensor of every process, ``rank x ...``."""
    if not _together():
        return values[None]
    rank = own_rank()
    # A sum with zeros can be differentiated as all else here can.
    zeros = torch.zeros_like(values)
    return _sum(torch.stack([values if number == rank.number else zeros for number in range(rank.count)]))


def variance_over_batch(values: Tensor, dim: int) -> Tensor:
    """Return the unbiased variance of a tensor's values over the axis along which the processes share it."""
    if not _together():
        return values.var(dim=dim)
    variance, _ = pooled_moments(*torch.var_mean(values, dim=dim, correction=0))
    count = size_of_batch(values.shape[dim])
    return variance * (count / (count - 1))


def pooled_moments(variance: Tensor, mean: Tensor) -> tuple[Tensor, Tensor]:
    """Return biased variance and mean over all processes from those of each, which count alike."""
    moments = each_rank(torch.stack([variance, mean]))
    centre = moments[:, 1].mean(dim=0)
    return (moments[:, 0] + (moments[:, 1] - centre).square()).mean(dim=0), centre


def mean_of_gradients(gradients: Sequence[Tensor]) -> tuple[Tensor, ...]:
    """Return the gradients of the whole batch from those of each process's part, in one exchange."""
    if not _together() or not gradients:
        return tuple(gradients)
    joined = torch.cat([gradient.reshape(-1) for gradient in gradients])
    parts = mean_over_ranks(joined).split([gradient.numel() for gradient in gradients])
    return tuple(part.view_as(own).to(own.dtype) for part, own in zip(parts, gradients, strict=True))


def _together() -> bool:
    return distributed.is_available() and distributed.is_initialized() and distributed.get_world_size() > 1


def _sum(values: Tensor) -> Tensor:
    """Return the sum of a tensor over all processes, element by element."""
    return _Sum.apply(values) if _together() else values


class _Sum(torch.autograd.Function):
    """A sum over processes, which is its own transpose."""

    @staticmethod
    def forward(ctx: Any, values: Tensor) -> Tensor:
        total = values.detach().clone(memory_format=torch.contiguous_format)
        distributed.all_reduce(total)
        return total

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        return _sum(gradient)

    @staticmethod
    def jvp(ctx: Any, tangent: Tensor) -> Tensor:
        return _sum(tangent)
