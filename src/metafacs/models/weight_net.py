"""The meta nets: how much a sample's losses should count, judged from its features or its loss."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from metafacs.precision import in_float32


class WeightNet(nn.Module):
    """One fully connected layer and a sigmoid, so that every weight starts at 0.5.

    Implements ``g`` of Eq. (4) and section 4.1.1 of Li & Shan 2023 (MAL), and ``g`` of section 4.2 of Li et
    al. 2023 (MML), which gives a sample one weight per auxiliary loss. The weights are raw: the normalisation
    of MAL's section 4.1.2 belongs to the method.

    Args:
        features: Width of the feature vectors it reads.
        outputs: Weights per sample.
    """

    def __init__(self, features: int, outputs: int = 1) -> None:
        super().__init__()
        self.linear = nn.Linear(features, outputs)
        nn.init.zeros_(self.linear.weight)
        nn.init.zeros_(self.linear.bias)

    @in_float32
    def forward(self, features: Tensor) -> Tensor:
        """Return weights in 0 to 1 for ``batch x features``, shape ``batch x outputs``."""
        return torch.sigmoid(self.linear(features))


class LossWeightNet(nn.Module):
    """One hidden layer and a sigmoid on the loss of a sample.

    Implements ``V`` of Shu et al. 2019 (Meta-Weight-Net).

    Args:
        hidden: Width of the hidden layer.
    """

    def __init__(self, hidden: int = 100) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(1, hidden), nn.ReLU(), nn.Linear(hidden, 1))

    @in_float32
    def forward(self, losses: Tensor) -> Tensor:
        """Return one weight in 0 to 1 per loss of ``batch``."""
        return torch.sigmoid(self.layers(losses[:, None])).squeeze(1)
