"""Curves of a video for the page: calculated once, then thinned to what a screen can show.

An hour has 90,000 frames, and a screen some 2,000 columns. Of each column the page is given the lowest and
the highest value of every action unit, so that no event is too short to be seen; of a stretch that it looks
at closely it is given all.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from metafacs.files import written_whole

Curve = NDArray[np.float32]

COLUMNS = 1024
"""Columns that curves are thinned to, unless more are asked for."""

_HEAD = "head"


def write_curves(out: Path, head: dict[str, Any], people: list[dict[str, Any]]) -> None:
    """Write curves so that stretches of them are read quickly.

    Args:
        out: The file to write.
        head: What is told with all of them, plain data.
        people: Of each the plain data to tell under ``about``, its ``id`` among them, and arrays: ``frames``,
            ``times`` and ``ends`` in seconds, ``stretches`` as first place and the one behind the last,
            ``p`` and ``i`` as ``au x frame``; ``aus_i`` has no row where intensities are not told.
    """
    parts: dict[str, NDArray[Any]] = {}
    for line in people:
        for name, values in line.items():
            if name != "about":
                parts[f"{line['about']['id']}.{name}"] = values
    whole = head | {"people": [line["about"] for line in people]}
    parts[_HEAD] = np.frombuffer(json.dumps(whole, allow_nan=False).encode(), np.uint8)
    with written_whole(out, durable=False) as temporary, temporary.open("wb") as file:
        np.savez(file, allow_pickle=False, **parts)


def read_curves(
    path: Path, begin: float | None = None, end: float | None = None, columns: int = COLUMNS
) -> dict[str, Any]:
    """Return the curves of a stretch, or all with what is told of them, as the page reads them.

    Args:
        path: What :func:`write_curves` wrote.
        begin: First second; None for the beginning.
        end: Last second; None for the end.
        columns: Over how many they are drawn; no more than two values of each are given.
    """
    with np.load(path, allow_pickle=False) as stored:
        head: dict[str, Any] = json.loads(stored[_HEAD].tobytes())
        first, last = begin or 0.0, head["seconds"] if end is None else end
        lines = [_line(about, head["aus"], stored, first, last, columns) for about in head["people"]]
    exact = all(line.pop("exact") for line in lines)
    told = head if begin is None and end is None else {}
    return told | {"begin": first, "end": last, "exact": exact, "people": lines}


def _line(
    about: dict[str, Any], aus: list[int], stored: Any, begin: float, end: float, columns: int
) -> dict[str, Any]:
    """Return one person in a stretch."""

    def part(name: str) -> NDArray[Any]:
        values: NDArray[Any] = stored[f"{about['id']}.{name}"]
        return values

    times, ends = part("times"), part("ends")
    # One frame more at each side: curves come from somewhere.
    low = max(int(np.searchsorted(times, begin, "right")) - 1, 0)
    high = min(int(np.searchsorted(times, end, "right")) + 1, len(times))
    stretches = np.clip(part("stretches"), low, high)
    stretches = stretches[stretches[:, 0] < stretches[:, 1]]
    exact = high - low <= 2 * columns
    p, i = part("p"), part("i") if exact else np.zeros((0, 0))
    if exact:
        kept, p, i = np.arange(low, high), p[:, low:high], i[:, low:high] if len(i) else i
    else:
        kept, p = thinned(p, times, stretches, (begin, end), columns)
    return about | {
        "exact": exact,
        "frames": part("frames")[kept].tolist(),
        "times": times[kept].round(3).tolist(),
        "stretches": [
            [round(float(times[start]), 3), round(float(ends[stop - 1]), 3)]
            for start, stop in stretches.tolist()
        ],
        "p": _by_au(aus, p, 4),
        "i": _by_au(aus, i, 2),
    }


def thinned(
    values: Curve,
    times: NDArray[np.float64],
    stretches: NDArray[np.int64],
    window: tuple[float, float],
    columns: int,
) -> tuple[NDArray[np.int64], Curve]:
    """Return the lowest and the highest value of every column, in the order in which they come.

    Args:
        values: ``curve x frame``.
        times: Of the frames in seconds.
        stretches: First frame and the one behind the last of each without a gap, at least one of them; what
            lies in none is left out.
        window: First and last second of the columns.
        columns: Their number.

    Returns:
        Frames whose times the values are drawn at, the same of all curves: the first and the last of each
        column; the values, ``curve x kept frame``.
    """
    width = (window[1] - window[0]) / columns
    places = np.concatenate([np.arange(start, stop) for start, stop in stretches.tolist()])
    stretch = np.repeat(np.arange(len(stretches)), stretches[:, 1] - stretches[:, 0])
    column = np.floor((times[places] - window[0]) / width)
    new = (np.diff(column) != 0) | (np.diff(stretch) != 0)
    starts = np.concatenate([[0], np.flatnonzero(new) + 1])
    stops = np.append(starts[1:], len(places))
    inside = values[:, places]
    lowest = np.minimum.reduceat(inside, starts, axis=1)
    highest = np.maximum.reduceat(inside, starts, axis=1)
    rises = _first(inside, lowest, starts, stops) <= _first(inside, highest, starts, stops)
    pairs = np.stack([np.where(rises, lowest, highest), np.where(rises, highest, lowest)], axis=2)
    kept = np.stack([places[starts], places[stops - 1]], axis=1)
    # A column of one frame has one value.
    single = np.stack([np.ones(len(starts), bool), stops - starts > 1], axis=1).ravel()
    return kept.ravel()[single], pairs.reshape(len(values), -1)[:, single]


def _first(values: Curve, wanted: Curve, starts: NDArray[np.int64], stops: NDArray[np.int64]) -> NDArray[Any]:
    """Return where each column holds a value for the first time."""
    found = values == np.repeat(wanted, stops - starts, axis=1)
    places = np.where(found, np.arange(values.shape[1]), values.shape[1])
    first: NDArray[Any] = np.minimum.reduceat(places, starts, axis=1)
    return first


def _by_au(aus: list[int], values: NDArray[Any], decimals: int) -> dict[str, list[float]]:
    if not len(values):
        return {}
    rows = values.astype(np.float64).round(decimals).tolist()
    return {str(au): row for au, row in zip(aus, rows, strict=True)}
