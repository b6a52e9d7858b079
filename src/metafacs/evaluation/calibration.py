"""From which probability on an action unit counts as present: chosen on people who did not train."""

from __future__ import annotations

from math import floor

import numpy as np
from numpy.typing import NDArray

MOST_FALSE_ALARMS = 0.05
"""Share of the faces at rest on which an action unit may be seen."""

_DECIMALS = 4
_STEP = 10.0**-_DECIMALS


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
    known = ~np.isnan(targets)
    scores, present = probabilities[known].astype(np.float64), targets[known] == 1
    if present.all() or not present.any():
        raise ValueError("a threshold needs pictures with and without the action unit")
    order = np.argsort(-scores, kind="stable")
    ranked, hits = scores[order], np.cumsum(present[order])
    # A threshold lies between two different scores: only the last of equal ones may end the selection.
    last = np.append(ranked[1:] != ranked[:-1], True)
    f1 = np.where(last, 2 * hits / (np.arange(1, len(hits) + 1) + present.sum()), -1.0)
    best = ranked[int(np.argmax(f1))]
    chosen = floor(best / _STEP) * _STEP
    allowed = floor(most * len(at_rest))
    if len(at_rest) > allowed:
        loudest = np.sort(np.round(at_rest.astype(np.float64), _DECIMALS))[::-1][allowed]
        chosen = max(chosen, loudest + _STEP)
    return round(float(min(max(chosen, _STEP), 1.0)), _DECIMALS)
