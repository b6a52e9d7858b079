"""Losses of two minimax games: landmarks that must vanish from features, and the domain of features."""

from __future__ import annotations

import torch
from torch import Tensor

from metafacs.losses.landmarks import UNKNOWN_CELL, check_maps
from metafacs.precision import in_float32


@in_float32
def one_hot_map_loss(maps: Tensor, cells: Tensor) -> Tensor:
    """Return how far each face's maps are from 1 at the landmark and 0 elsewhere: what D_l minimises.

    Implements Eq. (4) of Shang & Liu (dual-domain AU detection); D_l(G_b(f)) -> maps, y_i -> cells, n ->
    landmark, d^2 -> height * width. Eq. (6), its cross-entropy form, is only the formal statement of the
    game. Differs from the paper: the mean runs over known landmarks.

    Args:
        maps: ``batch x landmark x height x width``, any real number.
        cells: ``batch x landmark``, long, from :func:`metafacs.losses.landmarks.landmark_cells`; -1 unknown.

    Returns:
        ``batch``, non-negative; 0 for a face without a known landmark.

    Raises:
        ValueError: If the shapes do not fit.
    """
    check_maps(maps, cells)
    known = cells != UNKNOWN_CELL
    flat = maps.flatten(2)
    at = flat.gather(2, cells.clamp(min=0)[..., None]).squeeze(2)
    losses = (flat.square().sum(dim=2) - at.square() + (at - 1).square()) / flat.shape[2]
    losses = torch.where(known, losses, torch.zeros_like(losses))
    return losses.sum(dim=1) / known.sum(dim=1).clamp(min=1)


@in_float32
def uniform_map_loss(maps: Tensor) -> Tensor:
    """Return how far each face's maps are from telling nothing, 1 / cells everywhere: what G_b minimises.

    Implements Eq. (5) of Shang & Liu; D_l(G_b(f)) -> maps, n -> landmark, d^2 -> height * width.

    Args:
        maps: ``batch x landmark x height x width``, any real number.

    Returns:
        ``batch``, non-negative.

    Raises:
        ValueError: If the maps have another number of axes.

    >>> uniform_map_loss(torch.full((1, 49, 4, 4), 1 / 16))
    tensor([0.])
    """
    if maps.ndim != 4:
        raise ValueError(f"maps must be batch x landmark x height x width, not {tuple(maps.shape)}")
    cells = maps.shape[2] * maps.shape[3]
    return (maps - 1 / cells).square().mean(dim=(1, 2, 3))


@in_float32
def domain_loss(scores: Tensor, *, real: bool) -> Tensor:
    """Return the least-squares loss of domain scores: 1 for features of the domain, 0 for generated ones.

    Implements the least-squares form of Eq. (7) that Shang & Liu train with: D_d minimises it with ``real``
    told truly, G_st with ``real=True`` on what it generated.

    Args:
        scores: ``batch``, outputs of D_d.
        real: What the scores should say.

    Returns:
        ``batch``, non-negative.

    >>> domain_loss(torch.tensor([0.5, 1.0]), real=True)
    tensor([0.2500, 0.0000])
    """
    return (scores - float(real)).square()
