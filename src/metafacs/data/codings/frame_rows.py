"""From rows of a table, one per frame and face, to series over the frames of each person."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from metafacs.data.codings.coding import AuSeries, Floats, Integers
from metafacs.data.codings.delimited import CodingError

_HIGHEST_FRAME = 1e9
_MOST_VALUES = 400_000_000
"""Numbers that are held of all people, frames and action units: 3 GiB."""


@dataclass(frozen=True)
class FrameRows:
    """Rows as they stand in a file.

    Attributes:
        error: (row, message) -> the error that names file and line.
        numbers: ``row``, number of the frame as in the file; None if there is no such column.
        times: ``row``, seconds; None if there is no such column.
        people: Of each row, the person's name.
        usable: ``row``, False where the row itself says that it holds nothing.
        series: AU -> its values over the rows.
    """

    error: Callable[[int, str], CodingError]
    numbers: Floats | None
    times: Floats | None
    people: Sequence[str]
    usable: NDArray[np.bool_]
    series: Mapping[int, AuSeries]


@dataclass(frozen=True)
class GatheredRows:
    """The rows of a file by frame and person.

    Attributes:
        frames: Numbers of the frames as in the file, ascending; None if it tells only times.
        times: When each frame is shown; None if it is not told or makes no sense.
        people: Name of the person -> AU -> series over the frames.
        warnings: Sentences that should not be overlooked.
    """

    frames: Integers | None
    times: Floats | None
    people: dict[str, dict[int, AuSeries]]
    warnings: list[str] = field(default_factory=list)


def gather_rows(rows: FrameRows) -> GatheredRows:
    """Sort rows by frame and person; frames in which a person is missing are NaN.

    Raises:
        CodingError: If there is no row, a frame has no number, or one person has two rows for a frame.
    """
    told = rows.numbers if rows.numbers is not None else rows.times
    if told is None or not len(told):
        raise rows.error(-1, "the file holds no rows")
    unknown = np.flatnonzero(np.isnan(told))
    if len(unknown):
        raise rows.error(int(unknown[0]), "the row does not tell its frame")
    if rows.numbers is not None:
        broken = np.flatnonzero((told != np.round(told)) | (told < 0) | (told > _HIGHEST_FRAME))
        if len(broken):
            raise rows.error(
                int(broken[0]), f"{told[broken[0]]:g} is no number of a frame; frames count from 0 or 1"
            )
    keys, first, place = np.unique(told, return_index=True, return_inverse=True)
    people: dict[str, dict[int, AuSeries]] = {}
    known = _in_order(rows.people, rows.usable)
    if len(known) * len(keys) * len(rows.series) > _MOST_VALUES:
        raise rows.error(
            0,
            f"there are {len(known):,} people over {len(keys):,} frames; is the column of people right?",
        )
    numbers = {name: number for number, name in enumerate(known)}
    who = np.array([numbers.get(name, -1) for name in rows.people])
    for name, number in numbers.items():
        mine = np.flatnonzero((who == number) & rows.usable)
        _refuse_twice(rows, mine, place, name)
        people[name] = {
            au: AuSeries(
                _spread(series.presence, mine, place[mine], len(keys)),
                *(
                    None if values is None else _spread(values, mine, place[mine], len(keys))
                    for values in (series.intensity, series.score)
                ),
            )
            for au, series in rows.series.items()
        }
    times, warnings = _times(rows, first)
    frames = keys.astype(np.int64) if rows.numbers is not None else None
    return GatheredRows(frames, times, people, warnings)


def first_frame_by_times(frames: Integers, times: Floats | None) -> int | None:
    """Return whether the first frame of the video has the number 0 or 1, as times tell; None if they do not.

    >>> first_frame_by_times(np.array([51, 52]), np.array([2.0, 2.04]))
    1
    """
    if times is None or len(times) < 2:
        return None
    rate = (frames[-1] - frames[0]) / (times[-1] - times[0])
    first = float(frames[0] - times[0] * rate)
    return round(first) if min(abs(first), abs(first - 1)) < 0.25 else None


def _spread(values: Floats, rows: Integers, places: Integers, frames: int) -> Floats:
    """Return the values of some rows at their frames, NaN elsewhere."""
    spread = np.full(frames, np.nan)
    spread[places] = values[rows]
    return spread


def _in_order(people: Sequence[str], usable: NDArray[np.bool_]) -> list[str]:
    """Return the people with a usable row, numbers before names; everybody if there is none."""
    counts = Counter(name for name, ok in zip(people, usable.tolist(), strict=True) if ok) or Counter(people)
    return sorted(counts, key=lambda name: (not _is_number(name), int(name) if _is_number(name) else 0, name))


def _is_number(name: str) -> bool:
    # Python refuses to convert very long numbers; no file has so many people.
    return name.isascii() and name.isdecimal() and len(name) < 10


def _refuse_twice(rows: FrameRows, mine: Integers, place: Integers, name: str) -> None:
    frames = place[mine]
    order = np.argsort(frames, kind="stable")
    twice = np.flatnonzero(np.diff(frames[order]) == 0)
    if len(twice):
        row = int(mine[order[twice[0] + 1]])
        who = f"person {name}" if name else "a face, and the file does not tell whose each is,"
        raise rows.error(
            row, f"{who} has a second row for the same frame; give a file with one row per frame and person"
        )


def _times(rows: FrameRows, first: Integers) -> tuple[Floats | None, list[str]]:
    if rows.times is None:
        return None, []
    times = rows.times[first]
    if not np.isfinite(times).all():
        return None, ["its times are not used: some are missing"]
    if len(times) > 1 and not (np.diff(times) > 0).all():
        if (times == times[0]).all():
            return None, []
        back = int(np.flatnonzero(np.diff(times) <= 0)[0]) + 1
        error = rows.error(int(first[back]), "the time is not after that of the frame before")
        return None, [f"its times are not used ({error}); --rate tells the frames per second"]
    return times, []
