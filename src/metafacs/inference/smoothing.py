"""Smoothing of what is said of a person over time, never over a gap."""

from __future__ import annotations

import numpy as np

from metafacs.inference.timelines import Integers, Singles, Timeline

Windows = tuple[Integers, Integers]

SLACK = 0.0005
"""Seconds by which times may differ from what is asked: tables round them to milliseconds."""

_CELLS = 1 << 21


def smoothing_windows(line: Timeline, width: float) -> Windows:
    """Return first and one past the last position of the window around every frame of a person.

    A window reaches half the width to both sides, but never over a gap and to neither side farther than the
    nearer gap is.

    Args:
        line: A person over time.
        width: In seconds.
    """
    lengths = np.diff(line.stretches, axis=1)[:, 0]
    start, stop = (np.repeat(edge, lengths) for edge in line.stretches.T)
    times = line.times
    # Less for cameras of a thousand frames per second, of which it would take in the next frame.
    slack = min(SLACK, float(np.median(np.diff(times))) / 4) if len(times) > 1 else 0.0
    reach = np.minimum(width / 2, np.minimum(times - times[start], times[stop - 1] - times)) + slack
    lowest = np.maximum(np.searchsorted(times, times - reach, "left"), start)
    return lowest, np.minimum(np.searchsorted(times, times + reach, "right"), stop)


def moving_median(values: Singles, windows: Windows) -> Singles:
    """Return the median of each window; of an even number of values the lower of the two in the middle.

    So every value is one that was there, and what is smoothed and then compared with a threshold is the same
    for probabilities and logits.

    Args:
        values: ``frame``.
        windows: First and one past the last position of each.
    """
    lowest, highest = windows
    counts = highest - lowest
    widest = int(counts.max(initial=1))
    if widest == 1:
        return values
    smooth = np.empty_like(values)
    # Windows that reach past the array are filled up with infinity, which the median does not see.
    rows = max(1, _CELLS // widest)
    for begin in range(0, len(values), rows):
        part = slice(begin, begin + rows)
        places = lowest[part, None] + np.arange(widest)
        inside = places < highest[part, None]
        cells = np.where(inside, values[np.minimum(places, len(values) - 1)], np.float32(np.inf))
        cells.sort(axis=1)
        smooth[part] = cells[np.arange(len(cells)), (counts[part] - 1) // 2]
    return smooth
