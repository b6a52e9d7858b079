"""One branch per action unit on a map of features."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F  # noqa: N812 (the name everyone reads)
from torch import Tensor, nn

from metafacs.models.convolutions import batch_convolution


class ActionUnitBranches(nn.Module):
    """E_au: four convolutions, the mean over all places and a linear layer for each action unit.

    Layers as in ADLD, which Shang & Liu (dual-domain AU detection) take over: three 3 x 3 convolutions with
    BatchNorm and PReLU, a fourth without either.

    Args:
        channels: Channels of the features, 64 in the paper.
        aus: FACS numbers; a branch is known by its number.
    """

    def __init__(self, channels: int, aus: Sequence[int]) -> None:
        super().__init__()
        self.branches = nn.ModuleDict(
            {
                str(au): nn.Sequential(
                    *batch_convolution(channels, channels),
                    *batch_convolution(channels, channels),
                    *batch_convolution(channels, channels),
                    _ConvolutionMean(channels),
                    nn.Linear(channels, 1),
                )
                for au in aus
            }
        )

    def forward(self, features: Tensor) -> Tensor:
        """Return ``batch x au`` logits for ``batch x channel x height x width`` features."""
        return torch.cat([branch(features) for branch in self.branches.values()], dim=1)


class _ConvolutionMean(nn.Conv2d):
    """Mean over all places of a 3 x 3 convolution, without computing the convolution.

    The mean is linear in the input: each tap of the kernel meets the sum over the places that it slides
    over, which is the whole map without the border row or column that the tap never reaches.
    """

    def __init__(self, channels: int) -> None:
        super().__init__(channels, channels, 3, padding=1)

    def forward(self, maps: Tensor) -> Tensor:
        rows = maps.sum(dim=2)
        rows = torch.stack([rows - maps[:, :, -1], rows, rows - maps[:, :, 0]], dim=2)
        sums = rows.sum(dim=3)
        sums = torch.stack([sums - rows[..., -1], sums, sums - rows[..., 0]], dim=3)
        places = maps.shape[2] * maps.shape[3]
        return F.linear(sums.flatten(1) / places, self.weight.flatten(1), self.bias)
