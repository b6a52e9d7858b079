"""Losses for facial landmarks, as coordinates and as cells of a square map.

A landmark that is NaN (its cell: -1) is unknown: it adds nothing to a loss and sends no gradient.
"""

from __future__ import annotations

import torch
from torch import Tensor

from metafacs.precision import in_float32

UNKNOWN_CELL = -1
"""Cell of a landmark that is unknown."""

_INNER_EYE_CORNERS = (22, 25)
# Landmarks that mark an action unit's place, and how far from it they lie downwards in the picture, in
# distances of the inner eye corners: brows (AU 1, 2, 4), lower lids (6), nostrils (9), lower lip (17, 26).
_SHIFTS: tuple[tuple[tuple[int, int], float], ...] = (
    ((4, 5), -1 / 2),
    ((1, 8), -1 / 3),
    ((2, 7), 1 / 3),
    ((24, 29), 1.0),
    ((15, 17), -1 / 2),
    ((39, 41), 1 / 2),
)


@in_float32
def landmark_loss(predicted: Tensor, targets: Tensor, scale: Tensor) -> Tensor:
    """Return the squared landmark error of each face in units of its size.

    Implements Eq. (1) of Shang & Liu (dual-domain AU detection); y -> targets, y-hat -> predicted, s ->
    scale. Differs from the paper: the printed minus is dropped, because a loss must grow with the error
    (JAA-Net's code agrees); the sum runs over known landmarks.

    Args:
        predicted: ``batch x landmark x 2``, pixels.
        targets: ``batch x landmark x 2``, pixels; NaN unknown.
        scale: ``batch``, inter-ocular distance in pixels; NaN unknown.

    Returns:
        ``batch``, non-negative; 0 for a face without a known landmark or scale.

    Raises:
        ValueError: If the shapes do not fit.

    >>> targets = torch.tensor([[[3.0, 4.0], [float("nan"), 0.0]]])
    >>> landmark_loss(torch.zeros(1, 2, 2), targets, torch.tensor([5.0]))
    tensor([0.5000])
    """
    if predicted.ndim != 3 or predicted.shape != targets.shape or predicted.shape[-1] != 2:
        raise ValueError(
            "predicted and target landmarks must both be batch x landmark x 2, "
            f"but their shapes are {tuple(predicted.shape)} and {tuple(targets.shape)}"
        )
    if scale.shape != predicted.shape[:1]:
        raise ValueError(f"scale must hold one length per face, but its shape is {tuple(scale.shape)}")
    measured = scale > 0
    known = ~targets.isnan().any(dim=-1, keepdim=True) & measured[:, None, None]
    # Not a product with the mask: NaN * 0 in the backward pass would still be NaN.
    error = predicted - torch.where(known, targets, predicted.detach())
    return error.square().sum(dim=(1, 2)) / (2 * torch.where(measured, scale, 1.0).square())


def landmark_cells(landmarks: Tensor, picture: int, side: int) -> Tensor:
    """Return the cell of a square map that each landmark falls into, row by row from the top left.

    Implements Eq. (2) of Shang & Liu; p -> landmarks, l -> picture, d -> side, y_i -> the result. Differs
    from the paper: cells count from 0, coordinates are rounded to the nearest cell as in ADLD, and landmarks
    outside the picture fall into the nearest cell at its edge.

    Args:
        landmarks: ``batch x landmark x 2``, (x, y) in pixels; NaN unknown.
        picture: Side of the pictures in pixels.
        side: Side of the map in cells.

    Returns:
        ``batch x landmark``, long, in [0, side * side); -1 unknown.

    >>> landmark_cells(torch.tensor([[[8.1, 4.0], [float("nan"), 4.0]]]), picture=176, side=44)
    tensor([[46, -1]])
    """
    unknown = landmarks.isnan().any(dim=-1)
    cells = (landmarks.nan_to_num() * (side / picture)).round().clamp(0, side - 1).long()
    return torch.where(unknown, UNKNOWN_CELL, cells[..., 1] * side + cells[..., 0])


def action_unit_centres(landmarks: Tensor) -> Tensor:
    """Return the 49 landmarks with those that mark action units moved onto the muscles.

    ADLD's refinement, which Shang & Liu take over (section 4.1.3): the inner brows move up for AU 1, the
    outer ones for AU 2, the middle ones down for AU 4, the lower lids down to the cheek for AU 6, the
    nostrils up for AU 9, the lower lip down to the chin for AU 17 and 26.

    Args:
        landmarks: ``batch x 49 x 2``, (x, y) with y downwards, any unit; NaN unknown.

    Returns:
        Points of the same shape; a moved point is NaN where an inner eye corner is.

    Raises:
        ValueError: If there are not 49 points.
    """
    if landmarks.shape[-2:] != (49, 2):
        raise ValueError(f"centres of action units need batch x 49 x 2 points, not {tuple(landmarks.shape)}")
    left, right = _INNER_EYE_CORNERS
    ruler = (landmarks[:, left, 0] - landmarks[:, right, 0]).abs()
    moved = landmarks.clone()
    for (first, second), share in _SHIFTS:
        # A slice: a list would have to be brought to the device each time.
        moved[:, first : second + 1 : second - first, 1].add_(share * ruler[:, None])
    return moved


@in_float32
def cell_loss(logits: Tensor, cells: Tensor) -> Tensor:
    """Return the cross-entropy of each face's landmarks over the cells of their maps.

    Implements Eq. (3) of Shang & Liu, ADLD's softmax loss; E_l(f) -> logits, y_i -> cells, n -> landmark,
    d^2 -> height * width. Differs from the paper: the missing minus is added, and the mean runs over known
    landmarks.

    Args:
        logits: ``batch x landmark x height x width``.
        cells: ``batch x landmark``, long, from :func:`landmark_cells`; -1 unknown.

    Returns:
        ``batch``, non-negative; 0 for a face without a known landmark.

    Raises:
        ValueError: If the shapes do not fit.
    """
    check_maps(logits, cells)
    known = cells != UNKNOWN_CELL
    places = cells.clamp(min=0)[..., None]
    log_probability = logits.flatten(2).log_softmax(dim=-1).gather(2, places).squeeze(2)
    losses = torch.where(known, -log_probability, torch.zeros_like(log_probability))
    return losses.sum(dim=1) / known.sum(dim=1).clamp(min=1)


def check_maps(maps: Tensor, cells: Tensor) -> None:
    """Fail unless there is one map per landmark.

    Raises:
        ValueError: Saying both shapes.
    """
    if maps.ndim != 4 or cells.shape != maps.shape[:2]:
        raise ValueError(
            "maps must be batch x landmark x height x width and cells batch x landmark, "
            f"but their shapes are {tuple(maps.shape)} and {tuple(cells.shape)}"
        )
