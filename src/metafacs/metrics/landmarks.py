"""Landmark error relative to the size of the face."""

from __future__ import annotations

import torch
from torch import Tensor


def normalised_mean_error(predicted: Tensor, targets: Tensor, scale: Tensor) -> Tensor:
    """Return the mean distance of landmarks from their targets in units of the face's scale.

    Args:
        predicted: ``batch x landmark x 2``, pixels.
        targets: ``batch x landmark x 2``, pixels; NaN unknown, left out.
        scale: ``batch``, pixels, e.g. :func:`interocular_distance`.

    Returns:
        ``batch``, non-negative; NaN for a face without a known landmark.

    Raises:
        ValueError: If the shapes do not fit or a scale is not positive.
    """
    if predicted.ndim != 3 or predicted.shape[-1] != 2 or predicted.shape != targets.shape:
        raise ValueError(
            "predicted and target landmarks must both be batch x landmark x 2, "
            f"but their shapes are {tuple(predicted.shape)} and {tuple(targets.shape)}"
        )
    if scale.shape != predicted.shape[:1] or bool((scale <= 0).any()):
        raise ValueError("scale must hold one positive length in pixels per face")
    distance = (predicted - targets).double().norm(dim=-1)
    return distance.nanmean(dim=1) / scale.double()


def interocular_distance(
    landmarks: Tensor, left: slice = slice(36, 37), right: slice = slice(45, 46)
) -> Tensor:
    """Return the distance of the eyes, each the mean of some of its points.

    Args:
        landmarks: ``batch x landmark x 2``, pixels.
        left: Points of one eye; the default is its outer corner in the 68-point order.
        right: Points of the other eye.

    Returns:
        ``batch``, pixels; NaN where one of the points is unknown.
    """
    return (landmarks[:, left].mean(dim=1) - landmarks[:, right].mean(dim=1)).norm(dim=-1)


def failure_rate(errors: Tensor, limit: float = 0.1) -> Tensor:
    """Return the share of faces whose normalised error exceeds ``limit``; NaN errors are left out."""
    known = errors[~torch.isnan(errors)]
    return (known > limit).double().mean()
