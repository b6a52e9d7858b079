"""Pooling to a grid: torch's own, and nothing at all where there is nothing to do."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from metafacs.models.grid_pooling import GridPooling
from metafacs.models.small import SmallBackbone


@pytest.mark.parametrize("size", [(4, 4), (4, 8), (5, 5), (9, 9), (2, 3)])
def test_values_and_gradients_are_those_of_torch(size: tuple[int, int]) -> None:
    torch.manual_seed(0)
    maps = torch.randn(2, 3, *size, requires_grad=True)
    found, expected = GridPooling(4)(maps), nn.AdaptiveAvgPool2d(4)(maps)
    assert torch.equal(found, expected)
    upstream = torch.randn_like(found)
    mine, theirs = (torch.autograd.grad(value, maps, upstream)[0] for value in (found, expected))
    assert torch.equal(mine, theirs)


def test_map_of_the_right_size_is_not_touched() -> None:
    maps = torch.randn(1, 2, 4, 4)
    assert GridPooling(4)(maps) is maps
    assert isinstance(SmallBackbone().grid, GridPooling)
