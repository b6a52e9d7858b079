"""The claim that pictures on which annotators disagree get low weight, answered from the pictures."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from metafacs.evaluation.statistics import LEVEL, Estimate
from metafacs.reports.claims import Claim, signed
from metafacs.reports.papers.claimed import LowWeightForAmbiguous

_RESAMPLES = 1000


def low_weight_for_ambiguous(
    claimed: LowWeightForAmbiguous,
    weights: np.ndarray,
    consistency: np.ndarray,
    *,
    labels: np.ndarray | None = None,
    class_names: Sequence[str] = (),
) -> Claim:
    """Answer whether pictures on which annotators agree get higher weights.

    Classes differ in both numbers, so the correlation over all pictures may come from the classes alone:
    with labels, the answer also names the lowest and the highest correlation within a class.

    Args:
        claimed: Names the row that the pictures' weights are of.
        weights: ``picture``, learned weight of each expression picture.
        consistency: ``picture``, share of the annotators' votes that its label got, in [0, 1].
        labels: ``picture``, class index; None leaves the classes out.
        class_names: Name by class index.

    Raises:
        ValueError: If lengths differ or there are fewer than three pictures.
    """
    if weights.shape != consistency.shape or weights.ndim != 1 or len(weights) < 3:
        raise ValueError(
            f"a rank correlation needs two equally long lists of three or more, not shapes "
            f"{weights.shape} and {consistency.shape}"
        )
    rng = np.random.default_rng(0)
    draws = []
    for _ in range(_RESAMPLES):
        chosen = rng.integers(0, len(weights), len(weights))
        draws.append(rank_correlation(weights[chosen], consistency[chosen]))
    known = [draw for draw in draws if not math.isnan(draw)] or [math.nan]
    low, high = np.quantile(known, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    value = rank_correlation(weights, consistency)
    estimate = Estimate(value, float(low), float(high), LEVEL, _RESAMPLES, len(weights))
    return Claim(
        f"{claimed.row} gives low weight to ambiguous expression pictures",
        "yes" if low > 0 else "no",
        f"Spearman's rho {signed(estimate)} over {len(weights):,} pictures of their votes' consistency "
        f"against their weight{_within_classes(weights, consistency, labels, class_names)}",
    )


def _within_classes(
    weights: np.ndarray, consistency: np.ndarray, labels: np.ndarray | None, class_names: Sequence[str]
) -> str:
    if labels is None:
        return ""
    found = {
        name: rank_correlation(weights[labels == code], consistency[labels == code])
        for code, name in enumerate(class_names)
        if (labels == code).sum() >= 3
    }
    found = {name: rho for name, rho in found.items() if not np.isnan(rho)}
    if not found:
        return ""
    low, high = min(found, key=found.__getitem__), max(found, key=found.__getitem__)
    return f"; within one class from {found[low]:+.2f} ({low}) to {found[high]:+.2f} ({high})"


def rank_correlation(first: np.ndarray, second: np.ndarray) -> float:
    """Return Spearman's rank correlation, in [-1, 1]; NaN if one list is constant."""
    left, right = _mid_ranks(first), _mid_ranks(second)
    if np.ptp(left) == 0 or np.ptp(right) == 0:
        return float("nan")
    return float(np.corrcoef(left, right)[0, 1])


def _mid_ranks(values: np.ndarray) -> np.ndarray:
    _, group, sizes = np.unique(values, return_inverse=True, return_counts=True)
    return (np.cumsum(sizes) - (sizes - 1) / 2)[group]
