"""CBAM: attention over channels, then over places."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class CBAM(nn.Module):
    """Scales a map by how much each channel and then each place matters.

    The module of Woo et al. 2018 (Convolutional Block Attention Module): one two-layer net judges the mean
    and the maximum of every channel; a 7 x 7 convolution judges the mean and the maximum over the channels.

    Args:
        channels: Channels of the map.
        reduction: How much narrower the hidden layer of the channel net is.
    """

    def __init__(self, channels: int, reduction: int = 16) -> None:
        super().__init__()
        hidden = max(channels // reduction, 1)
        self.channel = nn.Sequential(nn.Linear(channels, hidden), nn.ReLU(), nn.Linear(hidden, channels))
        self.place = nn.Conv2d(2, 1, 7, padding=3)

    def forward(self, maps: Tensor) -> Tensor:
        """Return ``batch x channel x height x width`` maps of the same shape."""
        judged = self.channel(maps.mean(dim=(2, 3))) + self.channel(maps.amax(dim=(2, 3)))
        maps = maps * torch.sigmoid(judged)[:, :, None, None]
        summary = torch.cat([maps.mean(dim=1, keepdim=True), maps.amax(dim=1, keepdim=True)], dim=1)
        return maps * torch.sigmoid(self.place(summary))
