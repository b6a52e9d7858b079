"""The convolutions that the dual-domain networks are made of, and how far their maps are halved."""

from __future__ import annotations

from torch import Tensor, nn

from metafacs.models.prelu import SharedPReLU

CELLS = 5
"""Side of the smallest map: what 176 px pictures come down to after five halvings."""


def batch_convolution(inputs: int, outputs: int) -> tuple[nn.Module, ...]:
    """Return a 3 x 3 convolution with BatchNorm and PReLU, which keeps the size of its map."""
    return nn.Conv2d(inputs, outputs, 3, padding=1), nn.BatchNorm2d(outputs), SharedPReLU()


def instance_convolution(inputs: int, outputs: int) -> tuple[nn.Module, ...]:
    """Return a 3 x 3 convolution with InstanceNorm and PReLU, which keeps the size of its map."""
    return nn.Conv2d(inputs, outputs, 3, padding=1), nn.InstanceNorm2d(outputs), SharedPReLU()


def can_halve(maps: Tensor) -> bool:
    """Return whether half the maps' side still leaves the smallest map.

    Networks made for 176 px halve their maps only as long as this holds. It always does at 176 px, where
    they are the published ones; from smaller pictures they keep places apart that would otherwise merge.

    Args:
        maps: ``batch x channel x height x width``.
    """
    return min(maps.shape[-2:]) >= 2 * CELLS
