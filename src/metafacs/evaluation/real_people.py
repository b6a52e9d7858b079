"""Scores on photos of real people who show an expression or none: no action unit was coded in them.

The only truth is what people were told to show (the London set) or what others saw in them (web faces). So an
action unit is asked whether it ranks the pictures of an expression it belongs to above neutral ones, and how
often it fires on neutral ones. Beside every answer stands the best single distance of the face.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binomtest

from metafacs.evaluation.statistics import LEVEL, Estimate, percentile_bounds
from metafacs.faces.measures import MOVED_BY

Array = NDArray[np.float64]

EXPRESSION_AUS: Mapping[str, tuple[int, ...]] = MappingProxyType(
    {"smiling": (12, 6, 25), "happiness": (12, 6), "surprise": (1, 2, 5, 25, 26), "anger": (4, 7, 10)}
)
"""Expression -> action units asked to tell it from neutral faces; ``smiling`` is the London set's."""

_RESAMPLES = 1000


@dataclass(frozen=True)
class Floor:
    """The single distance that ranks an expression against neutral faces best.

    Attributes:
        measure: Its name.
        direction: 1 where the expression makes it larger, -1 where smaller; fixed beforehand.
        area: Area under the ROC curve.
        pairs: Share of people whose expression scores higher than their neutral face; None without people.
    """

    measure: str
    direction: int
    area: Estimate
    pairs: float | None


def share_interval(count: int, of: int) -> tuple[float, float]:
    """Return the exact (Clopper-Pearson) interval of a share, which stays honest at 0 and 1.

    >>> share_interval(0, 51)[1] > 0.05
    True
    """
    found = binomtest(count, of).proportion_ci(LEVEL, method="exact")
    return float(found.low), float(found.high)


def area_interval(
    scores: Array,
    present: NDArray[np.bool_],
    units: NDArray[np.generic] | None = None,
) -> Estimate:
    """Return the area under the ROC curve with its bootstrap interval over people or pictures.

    Args:
        scores: ``picture``, the higher the surer.
        present: ``picture``, whether it shows the expression; the others are neutral.
        units: ``picture``, who is on it: people are drawn whole. None draws pictures.

    Returns:
        The estimate; NaN where there are no pictures of one side.

    Raises:
        ValueError: If a score is NaN.
    """
    if np.isnan(scores).any():
        raise ValueError("a score is NaN; the model has diverged or its input was broken")
    codes = np.arange(len(scores)) if units is None else np.unique(units, return_inverse=True)[1]
    count = int(codes.max(initial=-1)) + 1
    groups = np.unique(scores, return_inverse=True)[1]
    value = _area(groups, present, np.ones(len(scores)))
    # The same resamples for every score.
    rng = np.random.default_rng(0)
    drawn = (np.bincount(rng.integers(count, size=count), minlength=count) for _ in range(_RESAMPLES))
    draws = np.array([_area(groups, present, weights[codes]) for weights in drawn]) if count else np.empty(0)
    low, high = percentile_bounds(draws, count)
    return Estimate(value, low, high, LEVEL, _RESAMPLES, count)


def _area(groups: NDArray[np.intp], present: NDArray[np.bool_], weights: NDArray[np.generic]) -> float:
    """Return the area where pictures count several times; ``groups`` are ranks, equal for equal scores."""
    size = int(groups.max(initial=-1)) + 1
    shown = np.bincount(groups, weights * present, size)
    neutral = np.bincount(groups, weights * ~present, size)
    pairs = shown.sum() * neutral.sum()
    below = neutral.cumsum() - neutral
    return float((shown * (below + neutral / 2)).sum() / pairs) if pairs else float("nan")


def pairs_won(scores: Array, present: NDArray[np.bool_], people: NDArray[np.generic]) -> tuple[float, int]:
    """Return how many people's expression scores higher than their own neutral face (ties count half).

    Args:
        scores: ``picture``.
        present: ``picture``, whether it shows the expression.
        people: ``picture``, who is on it; at most one picture of each kind counts, the first.

    Returns:
        The number of pairs won and the number of people who have both pictures.

    >>> pairs_won(np.array([0.1, 0.9, 0.4, 0.3]), np.array([0, 1, 0, 1], bool), np.array(list("aabb")))
    (1.0, 2)
    """
    won, both = 0.0, 0
    for person in np.unique(people):
        shown, neutral = (scores[(people == person) & (present == kind)] for kind in (True, False))
        if len(shown) and len(neutral):
            both += 1
            won += 0.5 * (float(shown[0] > neutral[0]) + float(shown[0] >= neutral[0]))
    return won, both


def directions_of(aus: Sequence[int]) -> dict[str, int]:
    """Return the measures that any of these action units changes, with the direction.

    Raises:
        ValueError: If two of them change one measure in opposite directions.
    """
    found: dict[str, int] = {}
    for au in aus:
        for measure, direction in MOVED_BY[au].items():
            if found.setdefault(measure, direction) != direction:
                raise ValueError(
                    f"action units {list(aus)} move {measure!r} both ways; it is no floor for them"
                )
    return found


def best_measure(
    measures: Mapping[str, Array],
    directions: Mapping[str, int],
    present: NDArray[np.bool_],
    people: NDArray[np.generic] | None = None,
) -> Floor:
    """Return the measure with the largest area under the ROC curve; the directions are given, not fitted.

    Args:
        measures: Name -> ``picture``, as of ``measure_faces``.
        directions: Name -> 1 or -1; other measures do not take part.
        present: ``picture``, whether it shows the expression; the others are neutral.
        people: ``picture``, who is on it; None where nobody is known.
    """
    groups = {
        name: np.unique(sign * measures[name], return_inverse=True)[1] for name, sign in directions.items()
    }
    even = np.ones(len(present))
    name = max(groups, key=lambda name: np.nan_to_num(_area(groups[name], present, even)))
    scores = directions[name] * measures[name]
    won, both = (0.0, 0) if people is None else pairs_won(scores, present, people)
    return Floor(name, directions[name], area_interval(scores, present, people), won / both if both else None)
