"""What the lists of rendered people share: sets of their own, which follow no licensed layout."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from metafacs.data.datasets.reading import (
    DatasetError,
    Reading,
    Sample,
    numbered_lines,
    read_twin,
    require_folder,
)

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
    available = {entry.name for entry in pictures.iterdir()}
    lines = numbered_lines(path)
    place, header = next(lines, (1, ""))
    if not header:
        raise DatasetError(f"{path}: empty file; render it again")
    if _cells(header) != list(columns):
        expected = ",".join(columns[:_SHOWN_OF_HEADER])
        raise DatasetError(f"{path}, line {place}: wrong header: expected '{expected},...'")
    listed: set[str] = set()
    for number, text in lines:
        name, *cells = _cells(text)
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
    return reading


def finite_numbers(cells: Sequence[str], precision: type[np.floating[Any]]) -> NDArray[Any] | None:
    """Return the numbers that cells stand for, or None if one is no finite number of this precision.

    >>> finite_numbers(["0.5", "2"], np.float32).tolist(), finite_numbers(["nan", "2"], np.float32)
    ([0.5, 2.0], None)
    """
    try:
        values = np.array(cells, precision)
    except ValueError:
        return None
    return values if np.isfinite(values).all() else None


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.rstrip(", ").split(",")]
