"""Two codings of one video on the same frames and people, with an account of what is missing."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from metafacs.data.codings.coding import (
    NOBODY,
    AuSeries,
    Coding,
    Floats,
    FrameCoding,
    Integers,
    IntervalCoding,
)
from metafacs.data.codings.delimited import CodingError
from metafacs.evaluation.agreement_placing import (
    Grid,
    frame_grid,
    interval_grid,
    numbered_frames,
    outside_grid,
    place_intervals,
)

_FASTER = 0.01


@dataclass(frozen=True)
class FrameAccount:
    """How many frames of one person both sides tell something of.

    Attributes:
        both: Frames in both files.
        left_only: Frames that the right file lacks.
        right_only: Frames that the left file lacks.
        left_unknown: Frames in both of which the left says nothing of any AU compared.
        right_unknown: As that of the right.
    """

    both: int
    left_only: int
    right_only: int
    left_unknown: int
    right_unknown: int


@dataclass(frozen=True)
class AlignedPerson:
    """One person of one video, said twice.

    Attributes:
        video: Name of the video.
        person: Name of the person in it; empty where neither file tells it.
        subject: Who that is over all videos; people are resampled by it.
        grid: Frames of either side.
        left: AU -> series over the grid, NaN where the side lacks the frame.
        right: As that of the other side.
        account: What is missing.
    """

    video: str
    person: str
    subject: str
    grid: Grid
    left: Mapping[int, AuSeries]
    right: Mapping[int, AuSeries]
    account: FrameAccount

    @property
    def aus(self) -> tuple[int, ...]:
        """AUs that both sides coded, ascending."""
        return tuple(sorted(self.left.keys() & self.right.keys()))

    @property
    def name(self) -> str:
        """Video and person."""
        return f"{self.video}, person {self.person}" if self.person else self.video


@dataclass(frozen=True)
class AlignedPair:
    """Two codings of one video.

    Attributes:
        video: Name of the video.
        people: The people both sides tell of.
        notes: Sentences: what was assumed, what only one side has.
        warnings: Sentences that should not be overlooked.
        guessed: Files that do not tell whether their first frame is 0 or 1.
    """

    video: str
    people: tuple[AlignedPerson, ...]
    notes: tuple[str, ...]
    warnings: tuple[str, ...]
    guessed: tuple[Path, ...] = ()


def align(
    left: Coding,
    right: Coding,
    *,
    video: str,
    subject: str | None = None,
    person: str | None = None,
    rate: float | None = None,
) -> AlignedPair:
    """Bring two codings of one video together, frame by frame and person by person.

    Args:
        left: Table or coding.
        right: Table or coding.
        video: Name of the video.
        subject: Who the person is, if the same appears in other videos; None for the video's name.
        person: The person to compare where a side has several and the other does not tell; None if that is
            not needed.
        rate: Frames per second; takes the place of the times of tables. None to use these.

    Raises:
        CodingError: If it stays open which person is meant, nobody is in both, or times are needed and not
            told.
    """
    notes = [f"left, {left.path}: {left.kind}", *(f"left: {note}" for note in left.notes)]
    notes += [f"right, {right.path}: {right.kind}", *(f"right: {note}" for note in right.notes)]
    warnings = [f"left: {told}" for told in left.warnings] + [f"right: {told}" for told in right.warnings]
    if isinstance(left, FrameCoding) and isinstance(right, FrameCoding):
        left, right, more = numbered_frames(left, right, rate)
        notes += more
    grid = _grid(left, right, rate)
    for side in (left, right):
        warnings += _other_rate(side, rate)
    people = []
    for ours, theirs in _matched_people(left, right, person, notes, warnings):
        sides = [_on_grid(coding, name, grid, warnings) for coding, name in ((left, ours), (right, theirs))]
        name = ours or theirs
        people.append(
            AlignedPerson(
                video,
                name,
                _subject(subject or video, name, several=len(left.people) > 1 and len(right.people) > 1),
                grid,
                sides[0],
                sides[1],
                _account(left, right, grid, sides[0], sides[1]),
            )
        )
        notes += _one_sided(sides[0], sides[1], name)
    if not any(one.aus for one in people):
        raise CodingError(
            f"{left.path} and {right.path} have no action unit in common: the left has "
            f"{_listed(sides[0])}, the right {_listed(sides[1])}"
        )
    guessed = tuple(
        side.path
        for side, other in ((left, right), (right, left))
        if side.first_frame_guessed and not _ends_with(side, other)
    )
    warnings += [
        f"{path} does not tell whether its first frame is 0 or 1 (--first_frame)" for path in guessed
    ]
    return AlignedPair(video, tuple(people), tuple(notes), tuple(dict.fromkeys(warnings)), guessed)


def _ends_with(side: Coding, other: Coding) -> bool:
    """Return whether a side whose first frame was guessed has the last frame of the other: a good guess.

    Raises:
        CodingError: If it would have it with the other guess.
    """
    if not isinstance(side, FrameCoding) or not isinstance(other, FrameCoding):
        return False
    if side.frames is None or other.frames is None or other.first_frame_guessed:
        return False
    last, end = int(side.frames[-1]), int(other.frames[-1])
    # A file whose lowest frame is 1 was taken to start at 1; it is 0 here.
    first = 1 if side.frames[0] == 0 else 0
    if last == (end - 1 if first else end + 1):
        raise CodingError(
            f"{side.path}: its frames are taken to start at {first}, but its last one, {last + first}, would "
            f"be that of {other.path} if they start at {1 - first}; say which it is with --first_frame"
        )
    return last == end


def _subject(name: str, person: str, *, several: bool) -> str:
    return f"{name}, person {person}" if several else name


def _grid(left: Coding, right: Coding, rate: float | None) -> Grid:
    if isinstance(left, IntervalCoding) and isinstance(right, IntervalCoding):
        return interval_grid(left, right, rate)
    tables = [side for side in (left, right) if isinstance(side, FrameCoding)]
    told = [side.frames for side in tables if side.frames is not None]
    if not told:
        # Times only, compared with intervals: the rows are the frames.
        return frame_grid(np.arange(tables[0].rows, dtype=np.int64), tables[0].times, None)
    frames = told[0] if len(told) == 1 else np.union1d(told[0], told[1])
    times = np.full(len(frames), np.nan)
    for side in reversed(tables):
        if side.times is not None and side.frames is not None:
            times[np.searchsorted(frames, side.frames)] = side.times
    if np.isnan(times).any():
        return frame_grid(frames, _filled(frames, times), rate)
    return frame_grid(frames, times, rate)


def _filled(frames: Integers, times: Floats) -> Floats | None:
    """Return times with those of a few frames interpolated, or None if there are none to do it from."""
    known = np.flatnonzero(~np.isnan(times))
    if len(known) < 2:
        return None
    filled = np.interp(frames, frames[known], times[known])
    step = float(np.median(np.diff(times[known]) / np.diff(frames[known])))
    first, last = known[0], known[-1]
    filled[:first] = times[first] - (frames[first] - frames[:first]) * step
    filled[last + 1 :] = times[last] + (frames[last + 1 :] - frames[last]) * step
    return filled


def _other_rate(side: Coding, rate: float | None) -> list[str]:
    if rate is None or not isinstance(side, FrameCoding) or side.times is None or side.frames is None:
        return []
    if len(side.times) < 2:
        return []
    own = float((side.frames[-1] - side.frames[0]) / (side.times[-1] - side.times[0]))
    if abs(own / rate - 1) <= _FASTER:
        return []
    return [f"{side.path} runs at {own:.4g} frames per second by its own times; --rate {rate:g} is used"]


def _matched_people(
    left: Coding, right: Coding, person: str | None, notes: list[str], warnings: list[str]
) -> list[tuple[str, str]]:
    """Return pairs of (name on the left, name on the right)."""
    ours, theirs = list(left.people), list(right.people)
    if person is not None:
        chosen = [_chosen(side, names, person) for side, names in ((left, ours), (right, theirs))]
        return [(chosen[0], chosen[1])]
    if len(ours) == len(theirs) == 1:
        one, other = ours[0], theirs[0]
        if one == other or NOBODY in (one, other) or not (one.isdecimal() and other.isdecimal()):
            if one != other and NOBODY not in (one, other):
                notes.append(f"person {one} of the left is compared with {other} of the right: the only ones")
            return [(one, other)]
        raise CodingError(
            f"{left.path} tells of person {one}, {right.path} of person {other}; name them alike if they are "
            "one"
        )
    for side, names, others in ((left, ours, theirs), (right, theirs, ours)):
        if NOBODY in names:
            listed = ", ".join(sorted(others))
            raise CodingError(
                f"{side.path} does not tell its person, but the other file has several ({listed}); --person "
                "says which one is meant"
            )
    shared = [name for name in ours if name in theirs]
    if not shared:
        raise CodingError(
            f"{left.path} tells of the people {', '.join(ours)}, {right.path} of {', '.join(theirs)}: none "
            "is in both; --person says which one is meant"
        )
    for which, names, others in (("left", ours, theirs), ("right", theirs, ours)):
        if alone := [name for name in names if name not in others]:
            warnings.append(f"only the {which} file has person {', '.join(alone)}: not compared")
    return [(name, name) for name in shared]


def _chosen(side: Coding, names: list[str], person: str) -> str:
    if person in names:
        return person
    if names == [NOBODY]:
        return NOBODY
    raise CodingError(f"{side.path} has no person {person}; it has {', '.join(names)}")


def _on_grid(coding: Coding, person: str, grid: Grid, warnings: list[str]) -> dict[int, AuSeries]:
    if isinstance(coding, IntervalCoding):
        if told := outside_grid(coding, person, grid):
            warnings.append(told)
        return place_intervals(coding, person, grid)
    if coding.frames is None:
        return dict(coding.people[person])
    place = np.searchsorted(grid.frames, coding.frames)
    series = {}
    for au, each in coding.people[person].items():
        presence, intensity, score = (
            None if values is None else _scattered(values, place, len(grid.frames))
            for values in (each.presence, each.intensity, each.score)
        )
        assert presence is not None
        series[au] = AuSeries(presence, intensity, score)
    return series


def _scattered(values: Floats, place: Integers, size: int) -> Floats:
    scattered = np.full(size, math.nan)
    scattered[place] = values
    return scattered


def _account(
    left: Coding,
    right: Coding,
    grid: Grid,
    ours: Mapping[int, AuSeries],
    theirs: Mapping[int, AuSeries],
) -> FrameAccount:
    present = []
    for side in (left, right):
        here = np.ones(len(grid.frames), dtype=bool)
        if isinstance(side, FrameCoding) and side.frames is not None:
            here = np.isin(grid.frames, side.frames)
        present.append(here)
    both = present[0] & present[1]
    aus = sorted(ours.keys() & theirs.keys())
    unknown = []
    for series in (ours, theirs):
        told = np.zeros(len(grid.frames), dtype=bool)
        for au in aus:
            told |= ~np.isnan(series[au].presence)
        unknown.append(int((both & ~told).sum()))
    return FrameAccount(
        int(both.sum()),
        int((present[0] & ~present[1]).sum()),
        int((present[1] & ~present[0]).sum()),
        unknown[0],
        unknown[1],
    )


def _one_sided(left: Mapping[int, AuSeries], right: Mapping[int, AuSeries], person: str) -> list[str]:
    who = f" of person {person}" if person else ""
    return [
        f"only the {side} codes {_listed(dict.fromkeys(alone))}{who}: not compared"
        for side, alone in (("left", left.keys() - right.keys()), ("right", right.keys() - left.keys()))
        if alone
    ]


def _listed(aus: Mapping[int, object]) -> str:
    return ", ".join(f"AU{au}" for au in sorted(aus)) or "none"
