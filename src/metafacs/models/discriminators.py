"""The adversaries: one finds landmarks in background features, the other tells generated features."""

from __future__ import annotations

import torch
import torch.nn.functional as F  # noqa: N812 (the name everyone reads)
from torch import Tensor, nn

from metafacs.models.convolutions import CELLS, can_halve, instance_convolution
from metafacs.models.grid_pooling import GridPooling
from metafacs.models.prelu import SharedPReLU


class DomainDiscriminator(nn.Module):
    """D_d: one score per picture, from a map of features.

    Layers as in ADLD: three 4 x 4 convolutions that halve the map, with InstanceNorm and PReLU, then one
    that sees what is left as a whole. At 176 px its map is 44 x 44; smaller ones are halved only as long as
    5 x 5 cells remain.

    Args:
        channels: Channels of the features, 64 in the paper.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.stages = nn.ModuleList(
            [_Stage(channels, channels), _Stage(channels, channels), _Stage(channels, 2 * channels)]
        )
        self.whole = nn.Sequential(
            # The identity at 176 px.
            GridPooling(CELLS),
            nn.Conv2d(2 * channels, 2 * channels, 4, stride=2),
            SharedPReLU(),
            nn.Conv2d(2 * channels, 1, 1),
            nn.Flatten(0),
        )

    def forward(self, features: Tensor) -> Tensor:
        """Return ``batch`` scores for ``batch x channel x height x width`` features."""
        for stage in self.stages:
            features = stage(features)
        return self.whole(features)


class _Stage(nn.Module):
    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(inputs, outputs, 4, stride=2, padding=1)
        self.rest = nn.Sequential(nn.InstanceNorm2d(outputs), SharedPReLU())

    def forward(self, maps: Tensor) -> Tensor:
        weight, bias = self.convolution.weight, self.convolution.bias
        return self.rest(F.conv2d(maps, weight, bias, stride=2 if can_halve(maps) else 1, padding=1))


class Discriminators(nn.Module):
    """D_l, shared by the domains, and one D_d for each of them.

    Args:
        channels: Channels of the features, 64 in the paper.
        landmarks: Number of landmarks.
    """

    def __init__(self, channels: int, landmarks: int) -> None:
        super().__init__()
        four = [layer for _ in range(4) for layer in instance_convolution(channels, channels)]
        self.landmarks = nn.Sequential(*four, nn.Conv2d(channels, landmarks, 3, padding=1))
        self.source = DomainDiscriminator(channels)
        self.target = DomainDiscriminator(channels)

    def domains(self, features: Tensor) -> Tensor:
        """Return ``batch`` scores; the first half of the rows is judged as source, the second as target."""
        source, target = features.chunk(2)
        return torch.cat([self.source(source), self.target(target)])
