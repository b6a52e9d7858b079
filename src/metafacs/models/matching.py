"""Matching a network's maps to those of a frozen teacher: how far apart they are, how much it counts."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from metafacs.models.stages import stage_maps, staged
from metafacs.precision import in_float32


class Matched(NamedTuple):
    """What a matched net says about pictures.

    Attributes:
        action_units: ``batch x au``, logits.
        distances: One tensor per pair, ``batch x channel`` of the teacher's stage; none without its maps.
    """

    action_units: Tensor
    distances: tuple[Tensor, ...]


class MatchedNet(nn.Module):
    """A backbone with an AU classifier, and a 1 x 1 convolution per pair of stages that imitates a teacher.

    Implements the distances of section 2 of Jang et al. 2019, "Learning What and Where to Transfer" (L2T-ww):
    a convolution takes the maps of the target's stage n to the channels of the teacher's stage m, whose maps
    are resized to the target's size. Pairs are all (m, n), ordered by m, then n.

    Args:
        backbone: A backbone with stages.
        action_units: Number of action units.
        teacher_widths: Channels of the teacher's stages.
    """

    def __init__(self, backbone: nn.Module, action_units: int, teacher_widths: Sequence[int]) -> None:
        super().__init__()
        self.backbone = staged(backbone)
        self.action_units = nn.Linear(self.backbone.feature_width, action_units)
        own_widths = [stage.width for stage in self.backbone.split()]
        self.matching = nn.ModuleList(
            nn.Conv2d(own, other, 1) for other, own in product(teacher_widths, own_widths)
        )

    def forward(self, images: Tensor, teacher_maps: Sequence[Tensor] = ()) -> Matched:
        """Return AU logits and, for the teacher's maps of the same pictures, the distances of all pairs."""
        maps = stage_maps(self.backbone, images)
        logits = self.action_units(self.backbone.pool(maps[-1]))
        if not teacher_maps:
            return Matched(logits, ())
        own_moments = [(own, *_moments(own)) for own in maps]
        distances = [
            _distance(imitate, other, *own)
            for imitate, (other, own) in zip(self.matching, product(teacher_maps, own_moments), strict=True)
        ]
        return Matched(logits, tuple(distances))


@in_float32
def _moments(maps: Tensor) -> tuple[Tensor, Tensor]:
    """Return mean, ``batch x channel``, and mean product, ``batch x channel x channel``, over the places."""
    flat = maps.flatten(2)
    return flat.mean(dim=2), flat @ flat.mT / flat.shape[2]


@in_float32
def _distance(imitate: nn.Module, other: Tensor, own: Tensor, mean: Tensor, square: Tensor) -> Tensor:
    """Return the mean over the places of ``(imitate(own) - resized(other))^2``, ``batch x channel``.

    It is multiplied out, so that only moments are differentiated and no imitated map is ever made.
    """
    with torch.no_grad():
        resized = functional.interpolate(other, own.shape[-2:], mode="bilinear").flatten(2)
        level, energy = resized.mean(dim=2), resized.square().mean(dim=2)
    across = resized @ own.flatten(2).mT / resized.shape[2]
    assert isinstance(imitate, nn.Conv2d)
    assert imitate.bias is not None
    weight, bias = imitate.weight[:, :, 0, 0], imitate.bias
    imitated = ((weight @ square) * weight).sum(dim=2)
    both = (across * weight).sum(dim=2)
    return imitated - 2 * both + energy + bias * (bias - 2 * level + 2 * mean @ weight.T)


class TransferWeights(nn.Module):
    """What to transfer and where: weights of the teacher's channels and of the pairs, judged from its maps.

    Implements w and lambda of section 2 of Jang et al. 2019 (L2T-ww), one layer each per pair (m, n) on the
    teacher's maps of stage m, averaged over the picture: w, a softmax, starts equal for all channels; lambda,
    cut to 0 to 6, starts near 1.

    Args:
        teacher_widths: Channels of the teacher's stages.
        stages: Number of stages of the target.
    """

    def __init__(self, teacher_widths: Sequence[int], stages: int) -> None:
        super().__init__()
        widths = [width for width in teacher_widths for _ in range(stages)]
        channels = [nn.Linear(width, width) for width in widths]
        pairs = [nn.Linear(width, 1) for width in widths]
        for channel, pair in zip(channels, pairs, strict=True):
            nn.init.zeros_(channel.weight)
            nn.init.zeros_(channel.bias)
            nn.init.ones_(pair.bias)
        self.channels, self.pairs = nn.ModuleList(channels), nn.ModuleList(pairs)
        self.stages = stages

    @in_float32
    def forward(self, teacher_maps: Sequence[Tensor]) -> tuple[tuple[Tensor, ...], Tensor]:
        """Return the channels' weights, ``batch x channel`` per pair, and the pairs', ``batch x pair``."""
        averages = [maps.mean(dim=(2, 3)) for maps in teacher_maps for _ in range(self.stages)]
        channels = [net(x).softmax(dim=1) for net, x in zip(self.channels, averages, strict=True)]
        pairs = [functional.relu6(net(x)) for net, x in zip(self.pairs, averages, strict=True)]
        return tuple(channels), torch.cat(pairs, dim=1)


@in_float32
def matching_loss(distances: Sequence[Tensor], channels: Sequence[Tensor], pairs: Tensor) -> Tensor:
    """Return the mean over the pictures of the weighted distances of all pairs.

    Implements the matching loss of section 2 of Jang et al. 2019 (L2T-ww): the sum over the pairs of lambda
    sum_c w_c d_c.

    Args:
        distances: Per pair, ``batch x channel``.
        channels: Per pair, ``batch x channel``, summing to 1 over the channels.
        pairs: ``batch x pair``, from 0 to 6.

    Returns:
        Scalar, non-negative.
    """
    by_pair = [(w * d).sum(dim=1) for w, d in zip(channels, distances, strict=True)]
    return (pairs * torch.stack(by_pair, dim=1)).sum(dim=1).mean()
