"""Facial landmarks of two domains: feature extractors and the branches that share their middle."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
import torch.nn.functional as F  # noqa: N812 (the name everyone reads)
from torch import Tensor, nn

from metafacs.models.cbam import CBAM
from metafacs.models.convolutions import CELLS, batch_convolution, can_halve
from metafacs.models.grid_pooling import GridPooling
from metafacs.precision import widen


class FeatureExtractor(nn.Module):
    """E_f: the first two integral modules of a landmark branch, with Tanh at the end.

    Section 3.2 of Shang & Liu (dual-domain AU detection); layers as in ADLD: two 3 x 3 convolutions with
    BatchNorm and PReLU, then 2 x 2 average pooling, twice.

    Args:
        width: Channels of the first module, 32 in the paper; the second has twice as many.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            *batch_convolution(3, width),
            *batch_convolution(width, width),
            nn.AvgPool2d(2),
            *batch_convolution(width, 2 * width),
            *batch_convolution(2 * width, 2 * width),
            nn.AvgPool2d(2),
            nn.Tanh(),
        )

    def forward(self, images: Tensor) -> Tensor:
        """Return features of square pictures, a quarter of their side and ``2 * width`` channels.

        Raises:
            ValueError: If the pictures are not square, too small, or their side is no multiple of 4.
        """
        height, width = images.shape[-2:]
        if height != width or height % 4 or height < 4 * CELLS:
            raise ValueError(
                f"pictures must be square with a side that is a multiple of 4 and at least {4 * CELLS} px, "
                f"not {height} x {width}"
            )
        # CPU kernels are faster channels last, and every layer keeps the order of its input.
        return self.layers(images.contiguous(memory_format=torch.channels_last))


class LandmarkBranches(nn.Module):
    """From the features of each domain to its landmarks.

    Section 3.2 of Shang & Liu: integral modules three to five, CBAM and two fully-connected layers. Modules
    three and four are shared by the domains; the rest is each domain's own. The head is JAA-Net's: no
    activation between its layers. Differs from the paper for pictures below 176 px, whose maps are halved
    only as long as 5 x 5 cells remain, and in the unit of the head: half the picture, from its centre, so
    that the weights do not depend on the size of the pictures.

    Args:
        width: Channels of the first module, 32 in the paper; the k-th has k times as many.
        domains: Names of the domains that have a branch.
        landmarks: Number of landmarks.
    """

    def __init__(self, width: int, domains: Sequence[str], landmarks: int) -> None:
        super().__init__()
        self.landmarks = landmarks
        self.middle = nn.Sequential(
            IntegralModule(2 * width, 3 * width), IntegralModule(3 * width, 4 * width)
        )
        self.ends = nn.ModuleDict(
            {
                domain: nn.Sequential(
                    IntegralModule(4 * width, 5 * width),
                    CBAM(5 * width),
                    # The identity at 176 px.
                    GridPooling(CELLS),
                    nn.Flatten(),
                    nn.Linear(5 * width * CELLS**2, 16 * width),
                    nn.Linear(16 * width, 2 * landmarks),
                )
                for domain in domains
            }
        )

    def forward(self, features: Mapping[str, Tensor], picture: int) -> dict[str, Tensor]:
        """Return the landmarks of each domain.

        Args:
            features: Domain -> ``batch x channel x height x width`` from its :class:`FeatureExtractor`; all
                domains share one pass through the shared modules.
            picture: Side of the pictures in pixels.

        Returns:
            Domain -> ``batch x landmark x 2``, (x, y) in pixels, the centre of the first one at (0, 0).
        """
        maps = self.middle(torch.cat(list(features.values())))
        parts = maps.split([len(part) for part in features.values()])
        half = (picture - 1) / 2
        return {
            domain: (1 + widen(self.ends[domain](part)).unflatten(1, (self.landmarks, 2))) * half
            for domain, part in zip(features, parts, strict=True)
        }


class IntegralModule(nn.Module):
    """Two convolutions, then 2 x 2 average pooling as long as 5 x 5 cells remain.

    Args:
        inputs: Channels of the map it reads.
        outputs: Channels of the map it makes.
    """

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(*batch_convolution(inputs, outputs), *batch_convolution(outputs, outputs))

    def forward(self, maps: Tensor) -> Tensor:
        """Return ``batch x outputs x height x width`` maps, half as large or as large as they came."""
        maps = self.layers(maps)
        return F.avg_pool2d(maps, 2) if can_halve(maps) else maps
