"""From scores to probabilities and thresholds, chosen on people who did not train."""

from __future__ import annotations

from math import floor

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

MOST_FALSE_ALARMS = 0.05
"""Share of the faces at rest on which an action unit may be seen."""

_DECIMALS = 4
_STEP = 10.0**-_DECIMALS


def both_kinds(targets: NDArray[np.floating]) -> NDArray[np.bool_]:
    """Return of which columns some label is present and some absent, ``au``; NaN is unknown."""
    return np.asarray((targets == 1).any(axis=0) & (targets == 0).any(axis=0))


def best_f1_threshold(probabilities: NDArray[np.floating], targets: NDArray[np.floating]) -> float:
    """Return the threshold of best F1; of several, the one that fewest pictures reach.

    It lies about halfway between the lowest probability that reaches it and the highest that does not (or 0),
    with as few decimals as part the two in single precision.

    Args:
        probabilities: ``picture``, of labelled pictures, 0 to 1.
        targets: ``picture``, 1 present, 0 absent, NaN unknown.

    Raises:
        ValueError: If the labels known are all of one kind: nothing can be chosen by them.

    >>> best_f1_threshold(np.array([0.1, 0.21, 0.8, 0.9]), np.array([0, 0, 1, 1]))
    0.5
    """
    lowest, below = _best_cut(probabilities, targets)
    for decimals in range(1, 9):
        found = round((lowest + below) / 2, decimals)
        if below < np.float32(found) <= lowest:
            return found
    return lowest


def _best_cut(probabilities: NDArray[np.floating], targets: NDArray[np.floating]) -> tuple[float, float]:
    """Return the lowest probability that counts as present at the best F1, and the next lower one, or 0."""
    known = ~np.isnan(targets)
    scores, present = probabilities[known].astype(np.float64), targets[known] == 1
    if present.all() or not present.any():
        raise ValueError("a threshold needs pictures with and without the action unit")
    order = np.argsort(-scores, kind="stable")
    ranked, hits = scores[order], np.cumsum(present[order])
    # A threshold lies between two different scores: only the last of equal ones may end the selection.
    last = np.append(ranked[1:] != ranked[:-1], True)
    f1 = np.where(last, 2 * hits / (np.arange(1, len(hits) + 1) + present.sum()), -1.0)
    best = int(np.argmax(f1))
    return float(ranked[best]), float(ranked[best + 1]) if best + 1 < len(ranked) else 0.0


def choose_threshold(
    probabilities: NDArray[np.floating],
    targets: NDArray[np.floating],
    at_rest: NDArray[np.floating],
    most: float = MOST_FALSE_ALARMS,
) -> float:
    """Return the threshold of best F1 that is silent on nearly all faces at rest.

    Args:
        probabilities: ``picture``, of labelled pictures, 0 to 1.
        targets: ``picture``, 1 present, 0 absent, NaN unknown.
        at_rest: ``face``, probabilities of faces at rest; may be empty.
        most: Largest share of the faces at rest that may reach the threshold.

    Returns:
        Between 0 and 1, with four decimals, as probabilities are written.

    Raises:
        ValueError: If the labels known are all of one kind: nothing can be chosen by them.

    >>> told, true = np.array([0.1, 0.4, 0.8, 0.9]), np.array([0, 0, 1, 1])
    >>> choose_threshold(told, true, np.array([0.85, 0.2]), most=0.0)
    0.8501
    """
    lowest, _ = _best_cut(probabilities, targets)
    chosen = floor(lowest / _STEP) * _STEP
    allowed = floor(most * len(at_rest))
    if len(at_rest) > allowed:
        loudest = np.sort(np.round(at_rest.astype(np.float64), _DECIMALS))[::-1][allowed]
        chosen = max(chosen, loudest + _STEP)
    return round(float(min(max(chosen, _STEP), 1.0)), _DECIMALS)


def fit_logistic(scores: NDArray[np.floating], targets: NDArray[np.floating]) -> tuple[float, float]:
    """Return slope and offset that make logits out of scores, so that their sigmoid is a probability.

    Platt (1999): the cross-entropy of ``sigmoid(slope * score + offset)`` is least, with his targets, which
    are a little inside 0 and 1, so that scores which part the pictures do not give an endless slope.

    Args:
        scores: ``picture``, any numbers that are larger where the action unit is present.
        targets: ``picture``, 1 present, 0 absent, NaN unknown.

    Returns:
        The slope, positive, and the offset.

    Raises:
        ValueError: If the labels known are all of one kind.

    >>> slope, offset = fit_logistic(np.array([0.0, 1.0, 2.0, 3.0]), np.array([0, 0, 1, 1]))
    >>> slope > 0, abs(offset + 1.5 * slope) < 0.01
    (True, True)
    """
    known = ~np.isnan(targets)
    x, present = scores[known].astype(np.float64), targets[known] == 1
    positives = int(present.sum())
    negatives = len(present) - positives
    if not positives or not negatives:
        raise ValueError("probabilities need pictures with and without the action unit")
    wanted = np.where(present, (positives + 1) / (positives + 2), 1 / (negatives + 2))
    centre, spread = x.mean(), max(float(x.std()), 1e-6)

    def loss(parameters: NDArray[np.float64]) -> float:
        # The slope stays positive: more intensity never makes an action unit less likely.
        logits = np.exp(parameters[0]) * (x - centre) / spread + parameters[1]
        return float((np.logaddexp(0, logits) - wanted * logits).mean())

    log_slope, offset = minimize(loss, np.array([0.0, np.log(positives / negatives)])).x
    slope = float(np.exp(log_slope)) / spread
    return slope, float(offset - slope * centre)
