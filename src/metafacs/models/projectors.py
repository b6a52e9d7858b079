"""Projectors that widen what a place of a map sees before features are compared place by place."""

from __future__ import annotations

import torch
from torch import Tensor, nn

NOISE = 0.1
"""Share of the usual random start that is added to the identity."""


class Projector(nn.Module):
    """P: a 3 x 3 convolution between two 1 x 1 ones; the map keeps its shape.

    Section 3.4 of Shang & Liu (dual-domain AU detection), which states neither an activation nor how it
    begins. It begins near the identity. What it projects is compared with features that are not projected,
    so from a random start the generator before it learns features for P to undo: nobody else, E_l, D_d and
    E_au among them, can read those. Differs from the paper: only the 3 x 3 convolution is padded, because
    padding the others would change the map's size.

    Args:
        channels: Channels of the map.
        hidden: Channels between the convolutions.
    """

    def __init__(self, channels: int, hidden: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(channels, hidden, 1),
            nn.Conv2d(hidden, hidden, 3, padding=1),
            nn.Conv2d(hidden, channels, 1),
        )
        with torch.no_grad():
            for layer in self.layers:
                noise = NOISE * layer.weight  # type: ignore[operator]
                nn.init.dirac_(layer.weight).add_(noise)  # type: ignore[arg-type]
                nn.init.zeros_(layer.bias)  # type: ignore[arg-type]

    def forward(self, maps: Tensor) -> Tensor:
        """Return ``batch x channel x height x width`` maps of the same shape."""
        return self.layers(maps)


class Projectors(nn.Module):
    """The two projectors that all twelve places of the paper share, one per number of channels.

    Args:
        channels: Channels of features and background, 64 in the paper.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.features = Projector(channels, channels)
        self.landmarks = Projector(1, max(channels // 4, 1))
