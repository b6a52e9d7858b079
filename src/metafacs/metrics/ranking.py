"""Area under the ROC curve per action unit, with unknown labels left out."""

from __future__ import annotations

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
    areas = [_area(scores[:, au], targets[:, au]) for au in range(scores.shape[1])]
    return torch.tensor(areas, dtype=torch.float64)


def _area(scores: Tensor, targets: Tensor) -> float:
    known = ~torch.isnan(targets)
    scores, present = scores[known], targets[known] == 1
    positives = int(present.sum())
    negatives = len(present) - positives
    if positives == 0 or negatives == 0:
        return float("nan")
    _, group, sizes = torch.unique(scores, return_inverse=True, return_counts=True)
    # Mid-rank of each group of equal scores: ranks end at the cumulative size.
    ranks = sizes.cumsum(0).double() - (sizes.double() - 1) / 2
    rank_sum = float(ranks[group][present].sum())
    return (rank_sum - positives * (positives + 1) / 2) / (positives * negatives)
