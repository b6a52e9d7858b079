"""Area under the ROC curve per action unit, with unknown labels left out."""

from __future__ import annotations

import math

import torch
from torch import Tensor


def area_under_roc(scores: Tensor, targets: Tensor) -> Tensor:
    """Return the probability that a present AU scores higher than an absent one (ties count half).

    The Mann-Whitney form of the area under the ROC curve, exact and without thresholds.

    Args:
        scores: ``sample x au``, any monotone score: logits or probabilities.
        targets: ``sample x au``, 0 or 1; NaN unknown.

    Returns:
        ``au``, double, in [0, 1]; NaN where an AU lacks present or absent labels.

    Raises:
        ValueError: If the shapes are not the same matrix or a score is NaN.

    >>> area_under_roc(torch.tensor([[0.1], [0.9], [0.9]]), torch.tensor([[0.0], [0.0], [1.0]]))
    tensor([0.7500], dtype=torch.float64)
    """
    if scores.ndim != 2 or scores.shape != targets.shape:
        raise ValueError(
            "scores and targets must both be sample x au, "
            f"but their shapes are {tuple(scores.shape)} and {tuple(targets.shape)}"
        )
    if bool(torch.isnan(scores).any()):
        raise ValueError("a predicted score is NaN; the model has diverged or its input was broken")
    return torch.tensor(
        [
            placements(scores[:, au], targets[:, au])[targets[:, au] == 1].mean().item()
            if (targets[:, au] == 0).any()
            else math.nan
            for au in range(scores.shape[1])
        ],
        dtype=torch.float64,
    )


def placements(scores: Tensor, targets: Tensor) -> Tensor:
    """Return how each sample stands to those of the other kind; the mean over either kind is the area.

    Of a sample that shows the AU, the share of those without it that score lower; of one without it, the
    share of those with it that score higher. Ties count half. The structural components of DeLong, DeLong &
    Clarke-Pearson 1988, from which the variance of the area is had.

    Args:
        scores: ``sample``, any monotone score.
        targets: ``sample``, 0 or 1; NaN unknown.

    Returns:
        ``sample``, double, in [0, 1]; NaN where the label is unknown or there is no sample of the other kind.

    >>> placements(torch.tensor([0.1, 0.9, 0.9]), torch.tensor([0.0, 0.0, 1.0]))
    tensor([1.0000, 0.5000, 0.7500], dtype=torch.float64)
    """
    found = torch.full(scores.shape, math.nan, dtype=torch.float64, device=scores.device)
    present, absent = targets == 1, targets == 0
    others = int(absent.sum()), int(present.sum())
    if not all(others):
        return found
    ranks = _mid_ranks(scores[present | absent])
    among_all = found.clone()
    among_all[present | absent] = ranks
    found[present] = (among_all[present] - _mid_ranks(scores[present])) / others[0]
    found[absent] = 1 - (among_all[absent] - _mid_ranks(scores[absent])) / others[1]
    return found


def _mid_ranks(scores: Tensor) -> Tensor:
    _, group, sizes = torch.unique(scores, return_inverse=True, return_counts=True)
    # Ranks of a group of equal scores end at the cumulative size.
    ranks: Tensor = (sizes.cumsum(0).double() - (sizes.double() - 1) / 2)[group]
    return ranks
