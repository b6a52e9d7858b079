"""Curves for drawing: broken at gaps, thinned to what a picture can show, cut exactly at a level."""

from __future__ import annotations

import numpy as np

from metafacs.inference.timelines import Floats, Integers, Singles

Curve = tuple[Floats, Floats]


def curve_of(times: Floats, ends: Floats, values: Singles, stretches: Integers, step: float) -> Curve:
    """Return a curve with a NaN after every stretch, thinned so that its extremes stay.

    Args:
        times: ``frame``, ascending.
        ends: ``frame``; a stretch is drawn until its last frame ends.
        values: ``frame``.
        stretches: ``stretch x 2``: first position and the one after the last.
        step: Of the frames in a window of this many seconds only the lowest and the highest are kept.
    """
    parts = []
    for start, stop in stretches.tolist():
        kept = start + _extremes(times[start:stop], values[start:stop], step)
        last = values[stop - 1]
        parts.append((np.r_[times[kept], ends[stop - 1], ends[stop - 1]], np.r_[values[kept], last, np.nan]))
    if not parts:
        return np.zeros(0), np.zeros(0)
    across, up = (np.concatenate(axis).astype(np.float64) for axis in zip(*parts, strict=True))
    return across, up


def _extremes(times: Floats, values: Singles, step: float) -> Integers:
    """Return the positions of first and last frame and of the extremes of every window, ascending."""
    if step <= 0 or len(times) < 4 or (times[-1] - times[0]) / step > len(times) / 2:
        return np.arange(len(times))
    windows = ((times - times[0]) / step).astype(np.int64)
    first = np.flatnonzero(np.diff(windows, prepend=-1))
    # By window, then by value: the lowest comes first and the highest last.
    order = np.lexsort((values, windows))
    lowest, highest = order[first], order[np.r_[first[1:], len(times)] - 1]
    return np.unique(np.r_[0, lowest, highest, len(times) - 1])


def cut_at(curve: Curve, level: float) -> Curve:
    """Return a curve with a point wherever it crosses a level."""
    across, up = curve
    with np.errstate(invalid="ignore"):
        crossed = np.flatnonzero((up[:-1] - level) * (up[1:] - level) < 0)
    share = (level - up[crossed]) / (up[crossed + 1] - up[crossed])
    places = across[crossed] + share * (across[crossed + 1] - across[crossed])
    return np.insert(across, crossed + 1, places), np.insert(up, crossed + 1, level)


def spans_of(begins: Floats, ends: Floats, least: float) -> list[tuple[float, float]]:
    """Return spans in order as beginning and width, at least so wide, those that then touch as one."""
    spans: list[tuple[float, float]] = []
    for begin, end in zip(begins.tolist(), ends.tolist(), strict=True):
        end = max(end, begin + least)
        if spans and begin <= sum(spans[-1]):
            begin, end = spans[-1][0], max(end, sum(spans.pop()))
        spans.append((begin, end - begin))
    return spans
