"""Events of two codings over the frames that both know, paired with each other."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from metafacs.data.codings.coding import Floats, Integers
from metafacs.evaluation.agreement_placing import Grid
from metafacs.metrics.agreement import match_events


@dataclass(frozen=True)
class EventRules:
    """When two events are one.

    Attributes:
        tolerance: Onsets at most so many seconds apart, or
        overlap: the time both cover is at least this share of the time either covers.

    Raises:
        ValueError: If a value is outside its range.
    """

    tolerance: float = 0.5
    overlap: float = 0.5

    def __post_init__(self) -> None:
        if not 0 <= self.tolerance < math.inf:
            raise ValueError(f"the tolerance of onsets is 0 s or more, not {self.tolerance}")
        if not 0 < self.overlap <= 1:
            raise ValueError(f"the overlap of two events lies in (0, 1], not {self.overlap}")


@dataclass(frozen=True)
class PairedEvents:
    """How the events of one AU go together.

    Attributes:
        matched: Pairs.
        left: Events on the left.
        right: Events on the right.
        onset_differences: Left minus right in seconds, of the pairs both of whose onsets were seen.
    """

    matched: int
    left: int
    right: int
    onset_differences: Floats


NO_EVENTS = PairedEvents(0, 0, 0, np.zeros(0))


def pair_events(left: Floats, right: Floats, grid: Grid, rules: EventRules) -> PairedEvents | None:
    """Pair the events of one AU.

    An event is a run of frames with the AU, without smoothing; frames unknown to either side end it. One that
    begins there was cut: it counts, but its onset does not.

    Args:
        left: ``frame``, 1, 0 or NaN.
        right: Likewise.
        grid: The frames.
        rules: When two events are one.

    Returns:
        The events; None if nothing tells the times of the frames.
    """
    if grid.times is None or math.isnan(grid.frame_length):
        return None
    known = np.flatnonzero(~np.isnan(left) & ~np.isnan(right))
    if not len(known):
        return NO_EVENTS
    steps = np.diff(grid.frames[known])
    usual = float(np.median(steps)) if len(steps) else 1.0
    # Tables of every fifth frame have no gap between two rows.
    starts = np.concatenate([[True], steps > 1.5 * usual])
    ends = grid.times[known] + usual * grid.frame_length
    ours, theirs = (_runs(values[known] == 1, starts, grid.times[known], ends) for values in (left, right))
    pairs = match_events(ours[:2], theirs[:2], tolerance=rules.tolerance, overlap=rules.overlap)
    a, b = pairs[:, 0], pairs[:, 1]
    seen = ~ours[2][a] & ~theirs[2][b]
    differences = (ours[0][a] - theirs[0][b])[seen]
    return PairedEvents(len(pairs), len(ours[0]), len(theirs[0]), differences)


def _runs(
    present: NDArray[np.bool_], starts: NDArray[np.bool_], times: Floats, ends: Floats
) -> tuple[Floats, Floats, NDArray[np.bool_]]:
    """Return onsets, offsets and whether the onset was cut, of each run within a stretch."""
    before = np.concatenate([[False], present[:-1]]) & ~starts
    after = np.concatenate([present[1:] & ~starts[1:], [False]])
    first: Integers = np.flatnonzero(present & ~before)
    last: Integers = np.flatnonzero(present & ~after)
    return times[first], ends[last], starts[first]
