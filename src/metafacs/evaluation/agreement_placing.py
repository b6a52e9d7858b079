"""Codings on common frames: intervals placed on frames, and rows of two tables brought together."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from metafacs.data.codings.coding import (
    AuSeries,
    CodedInterval,
    Floats,
    FrameCoding,
    Integers,
    IntervalCoding,
    Stretch,
    Unit,
)
from metafacs.data.codings.delimited import CodingError
from metafacs.data.codings.frame_codings import strongest

_MOST_FRAMES = 20_000_000


@dataclass(frozen=True)
class Grid:
    """The frames that two codings are compared on.

    Attributes:
        frames: Their numbers, counted from 0, ascending.
        times: When each is shown, in seconds; None if nothing tells it.
        frame_length: How long one frame stands, in seconds; NaN if nothing tells it.
    """

    frames: Integers
    times: Floats | None
    frame_length: float

    @cached_property
    def middles(self) -> Floats:
        """When the middle of each frame is shown, in seconds."""
        assert self.times is not None
        return self.times + self.frame_length * 0.5


def frame_grid(frames: Integers, times: Floats | None, rate: float | None) -> Grid:
    """Return a grid; a rate, in frames per second, takes the place of the times."""
    if rate is not None:
        return Grid(frames, frames / rate, 1 / rate)
    if times is None or len(times) < 2:
        return Grid(frames, times, math.nan)
    return Grid(frames, times, float(np.median(np.diff(times) / np.diff(frames))))


def interval_grid(left: IntervalCoding, right: IntervalCoding, rate: float | None) -> Grid:
    """Return the frames over everything that either of two codings by intervals says.

    Raises:
        CodingError: If they are in seconds and no rate is given.
    """
    if rate is None and "seconds" in (left.unit, left.coded_unit, right.unit, right.coded_unit):
        raise CodingError(
            f"{left.path} and {right.path} are both intervals in seconds; --rate tells how many frames per "
            "second to compare them at, best those of the video"
        )
    scale = rate or 1.0
    ends: list[float] = []
    for coding in (left, right):
        ends += [
            _in_frames(end, is_end, coding.unit, scale)
            for aus in coding.people.values()
            for intervals in aus.values()
            for one in intervals
            for is_end, end in enumerate((one.onset, one.offset))
        ]
        ends += [
            _in_frames(end, is_end, coding.coded_unit, scale)
            for each in coding.coded.values()
            for stretch in each
            for is_end, end in enumerate(stretch)
        ]
    finite = [end for end in ends if math.isfinite(end)]
    if not finite:
        raise CodingError(f"neither {left.path} nor {right.path} holds an interval")
    first, last = math.floor(min(finite) + 1e-6), math.ceil(max(finite) - 1e-6)
    if last - first > _MOST_FRAMES:
        raise CodingError(
            f"{left.path} and {right.path} reach over {last - first:,} frames; is --rate right?"
        )
    return frame_grid(np.arange(max(first, 0), last + 1, dtype=np.int64), None, rate)


def _in_frames(end: float, is_end: int, unit: Unit, rate: float) -> float:
    """Return the first or the last frame of an interval; at an offset in seconds the last is over."""
    return end if unit == "frames" else end * rate - is_end


def place_intervals(coding: IntervalCoding, person: str, grid: Grid) -> dict[int, AuSeries]:
    """Return what intervals say of the frames: unknown outside the stretches coded, absent between intervals.

    A frame belongs to an interval in seconds if its middle does, so that times rounded to milliseconds do not
    matter; an interval shorter than a frame belongs to the frame that is shown at its onset.

    Raises:
        CodingError: If the intervals are in seconds and nothing tells the times of the frames.
    """
    inside = _covered(grid, coding.coded[person], coding.coded_unit, coding)
    series = {}
    for au, intervals in coding.people[person].items():
        sides: dict[str, list[CodedInterval]] = {}
        for one in intervals:
            sides.setdefault(one.side, []).append(one)
        placed = [_placed(coding, grid, each, inside) for each in sides.values() or [[]]]
        presence = strongest([one[0] for one in placed])
        intensity = strongest([one[1] for one in placed]) if coding.with_intensities else None
        series[au] = AuSeries(presence, intensity)
    return series


def _placed(
    coding: IntervalCoding, grid: Grid, intervals: list[CodedInterval], inside: NDArray[np.bool_]
) -> tuple[Floats, Floats]:
    presence = np.where(inside, 0.0, np.nan)
    intensity = presence.copy()
    for one in intervals:
        for first, last in _ranges(grid, ((one.onset, one.offset),), coding.unit, coding):
            part = inside[first:last]
            presence[first:last][part] = one.presence
            graded = one.presence or not math.isnan(one.intensity)
            intensity[first:last][part] = one.intensity if graded else 0.0
    return presence, intensity


def _covered(
    grid: Grid, stretches: tuple[Stretch, ...], unit: Unit, coding: IntervalCoding
) -> NDArray[np.bool_]:
    """Return which frames lie in any of the stretches."""
    covered = np.zeros(len(grid.frames), dtype=bool)
    for first, last in _ranges(grid, stretches, unit, coding):
        covered[first:last] = True
    return covered


def _ranges(
    grid: Grid, stretches: tuple[Stretch, ...], unit: Unit, coding: IntervalCoding
) -> Iterator[tuple[int, int]]:
    """Yield for every stretch the place of its first frame in the grid and the one behind its last."""
    if unit == "frames":
        for start, end in stretches:
            yield (
                int(np.searchsorted(grid.frames, start, side="left")),
                int(np.searchsorted(grid.frames, end, side="right")),
            )
        return
    if stretches == ((-math.inf, math.inf),):
        yield 0, len(grid.frames)
        return
    if grid.times is None or math.isnan(grid.frame_length):
        raise CodingError(
            f"{coding.path} is in seconds, but the other file does not tell when its frames are shown; "
            "--rate tells the frames per second"
        )
    for start, end in stretches:
        first, last = (int(np.searchsorted(grid.middles, bound, side="left")) for bound in (start, end))
        if first == last:
            shown = int(np.searchsorted(grid.times, start, side="right")) - 1
            if shown >= 0 and start < grid.times[shown] + grid.frame_length:
                first, last = shown, shown + 1
        yield first, last


def outside_grid(coding: IntervalCoding, person: str, grid: Grid) -> str:
    """Return a sentence on what was coded before the first or after the last frame; empty if nothing was."""
    if coding.coded_unit == "frames":
        ends = [(max(start, 0), end) for start, end in coding.coded[person]]
        before = sum(max(0.0, min(end + 1, grid.frames[0]) - start) for start, end in ends)
        after = sum(max(0.0, end - max(start - 1, grid.frames[-1])) for start, end in ends)
        unit, least = "frames", 1.0
    elif grid.times is not None and not math.isnan(grid.frame_length):
        ends = [(max(start, 0), end) for start, end in coding.coded[person] if math.isfinite(end)]
        before = sum(max(0.0, min(end, grid.times[0]) - start) for start, end in ends)
        stop = grid.times[-1] + grid.frame_length
        after = sum(max(0.0, end - max(start, stop)) for start, end in ends)
        unit, least = "s", grid.frame_length
    else:
        return ""
    parts = [
        f"{length:.3g} {unit} {where}"
        for length, where in ((before, "before the first frame"), (after, "after the last frame"))
        if length >= least
    ]
    return f"{coding.path} codes {' and '.join(parts)} of the other file" if parts else ""


def numbered_frames(
    left: FrameCoding, right: FrameCoding, rate: float | None
) -> tuple[FrameCoding, FrameCoding, list[str]]:
    """Return both codings with numbered frames, and sentences on how rows that tell only times were matched.

    Raises:
        CodingError: If one tells only times and the other only frames, and no rate is given.
    """
    if left.frames is None and right.frames is None:
        left = replace(left, frames=np.arange(left.rows, dtype=np.int64))
    notes: list[str] = []
    if left.frames is None:
        left, note = _matched_by_time(left, right, rate)
        notes.append(note)
    if right.frames is None:
        right, note = _matched_by_time(right, left, rate)
        notes.append(note)
    return left, right, notes


def _matched_by_time(coding: FrameCoding, other: FrameCoding, rate: float | None) -> tuple[FrameCoding, str]:
    """Give the rows of a coding the frames of the other that are shown at their times."""
    assert coding.times is not None
    assert other.frames is not None
    grid = frame_grid(other.frames, other.times, rate)
    if grid.times is None or math.isnan(grid.frame_length):
        raise CodingError(
            f"{coding.path} tells times and {other.path} only frames; --rate tells the frames per second"
        )
    after = np.clip(np.searchsorted(grid.times, coding.times), 1, max(len(grid.times) - 1, 1))
    after = np.minimum(after, len(grid.times) - 1)
    before = np.maximum(after - 1, 0)
    nearer = np.abs(grid.times[before] - coding.times) <= np.abs(grid.times[after] - coding.times)
    place = np.where(nearer, before, after)
    distance = np.abs(grid.times[place] - coding.times)
    order = np.lexsort((distance, place))
    best = np.zeros(len(place), dtype=bool)
    best[order] = np.append(True, np.diff(place[order]) > 0)
    kept = np.flatnonzero(best & (distance <= grid.frame_length * 0.5 + 1e-9))
    lost = coding.rows - len(kept)
    people = {
        name: {
            au: AuSeries(
                each.presence[kept],
                None if each.intensity is None else each.intensity[kept],
                None if each.score is None else each.score[kept],
            )
            for au, each in aus.items()
        }
        for name, aus in coding.people.items()
    }
    matched = replace(coding, frames=grid.frames[place[kept]], times=coding.times[kept], people=people)
    note = f"{coding.path} tells only times: its rows are matched with the frames shown then"
    return matched, f"{note}; {lost} rows have none of their own" if lost else note
