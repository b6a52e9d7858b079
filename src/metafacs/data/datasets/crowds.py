"""What the lists of rendered people share: sets of their own, which follow no licensed layout."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from metafacs.data.datasets.folders import find_files
from metafacs.data.datasets.reading import (
    DatasetError,
    Reading,
    Sample,
    finite_numbers,
    numbered_lines,
    read_twin,
    require_folder,
    shown,
)
from metafacs.faces.pictures import SUFFIXES

PICTURES = "pictures"
TRAINING = "train"
"""The part of everybody who is not held out."""

ANGLES: tuple[str, ...] = ("yaw", "pitch", "roll")
POINTS: tuple[str, ...] = tuple(f"{axis}{point}" for point in range(68) for axis in "xy")
"""Columns of the head's pose in radians and of the 68 landmarks in pixels."""

_SHOWN_OF_HEADER = 8


def read_crowd(
    dataset: str,
    root: Path,
    list_file: str,
    columns: Sequence[str],
    line: str,
    sample_of: Callable[[Path, list[str]], Sample | None],
) -> Reading:
    """Read a list with one line per picture, whose first cell is the picture's name.

    Args:
        dataset: Name of the set and of its twin.
        root: The folder that holds the list and ``pictures/<name>``.
        list_file: Name of the list.
        columns: Its header.
        line: What a line should hold, in words.
        sample_of: Turns a picture and the cells after its name, as many as there are columns, into a sample;
            None for cells that are not what a line should hold.

    Returns:
        The reading; lines that are malformed, repeat a name or have no picture are in ``skipped``.

    Raises:
        DatasetError: If the list or the pictures are missing, or the header is another one.
    """
    pictures = require_folder(root / PICTURES, f"the pictures that {list_file} lists")
    path = root / list_file
    if not path.is_file():
        raise DatasetError(f"{path} is missing: render it with 'metafacs twin {dataset}'")
    reading = Reading(dataset, root, twin=read_twin(root))
    available = {path.name for path in find_files(reading, pictures, SUFFIXES, known=())}
    lines = numbered_lines(path)
    place, header = next(lines, (1, ""))
    if not header:
        raise DatasetError(f"{path}: empty file; render it again")
    if _cells(header) != list(columns):
        expected = ",".join(columns[:_SHOWN_OF_HEADER])
        raise DatasetError(f"{path}, line {place}: wrong header: expected '{expected},...'")
    named: set[str] = set()
    listed: set[str] = set()
    for number, text in lines:
        name, *cells = _cells(text)
        named.add(name)
        sample = sample_of(pictures / name, cells) if len(cells) == len(columns) - 1 else None
        if sample is None:
            reading.skip(path, number, f"line is not {line}")
        elif name not in available:
            reading.skip(path, number, "label without a picture")
        elif name in listed:
            reading.skip(path, number, "picture is listed twice; the first line counts")
        else:
            listed.add(name)
            reading.samples.append(sample)
    reading.skip(pictures, None, "picture without a label", len(available - named))
    _refuse_equal_keys(path, reading.samples)
    return reading


def _refuse_equal_keys(path: Path, samples: Sequence[Sample]) -> None:
    """Fail if two pictures differ in nothing but their ending: samples are known by what stands before."""
    keys = Counter(sample.key for sample in samples)
    key, count = max(keys.items(), key=lambda item: item[1], default=("", 1))
    if count > 1:
        raise DatasetError(f"{path} lists {count} pictures called {shown(key)}; give each a name of its own")


def is_name(cell: str) -> bool:
    """Return whether a cell can be the name of a person: there is one, in letters that can be printed."""
    return bool(cell) and cell.isprintable()


def numbers_of(cells: Sequence[str]) -> NDArray[np.float64] | None:
    """Return the numbers that cells stand for, one each, or None if one is no finite number.

    >>> numbers_of(["0.5", "2"]).tolist(), numbers_of(["nan", "2"]), numbers_of(["", "2"])
    ([0.5, 2.0], None, None)
    """
    values = finite_numbers(",".join(cells))
    return None if values is None or len(values) != len(cells) else values


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.rstrip(", ").split(",")]
