"""Lists whose lines belong together, as JAA-Net, ADLD and ME-GraphAU have them: paths, codes, landmarks."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from metafacs.data.datasets.reading import Reading

_POINTS = (49, 66, 68)
_FARTHEST_PIXEL = 1e6
_JAA_NET = re.compile(r"^(?P<part>.+?)_?path\.txt$")
_ME_GRAPHAU = re.compile(r"^(?P<part>.+)_img_path_(?P<fold>fold\d+)\.txt$", re.ASCII)


def find_lists(root: Path) -> dict[str, tuple[Path, Path, Path]]:
    """Return name -> (paths, codes, landmarks); the last two may not exist."""
    lists = {}
    for path in sorted(root.glob("*path*.txt")):
        if match := _ME_GRAPHAU.match(path.name):
            part, fold = match["part"], match["fold"]
            others = (root / f"{part}_label_{fold}.txt", root / f"{part}_land_{fold}.txt")
            lists[f"{part}_{fold}"] = (path, *others)
        elif match := _JAA_NET.match(path.name):
            part = match["part"]
            lists[part] = (path, root / f"{part}_AUoccur.txt", root / f"{part}_land.txt")
    return lists


def joined_lines(reading: Reading, paths: Path, columns: Sequence[Path]) -> list[tuple[int, list[str]]]:
    """Return (line number, path and line of each column) of every row; nothing if the files do not fit.

    Args:
        reading: Takes up what was skipped.
        paths: List with one picture a line.
        columns: Files whose lines belong to those of ``paths``.
    """
    read = []
    for path in columns:
        if not path.is_file():
            reading.skip(paths, None, f"list without {path.name}")
            return []
        read.append([line for _, line in reading.lines(path)])
    rows = reading.lines(paths)
    for column in read:
        if len(column) != len(rows):
            reading.skip(
                paths, None, f"lists differ in length: {len(rows)} paths, {len(column)} rows beside them"
            )
            return []
    if not rows:
        reading.skip(paths, None, "empty file")
    return [(number, [line, *cells]) for (number, line), *cells in zip(rows, *read, strict=True)]


def parse_landmarks(line: str) -> NDArray[np.float32] | None:
    """Return the points of one line, ``point x 2`` with the first pixel at (0, 0), or None if it is not one.

    The files count pixels from 1, as MATLAB does.
    """
    try:
        numbers = np.array([float(cell) for cell in line.replace(",", " ").split()], dtype=np.float64)
    except ValueError:
        return None
    return None if numbers.size % 2 else counted_from_zero(numbers.reshape(-1, 2))


def counted_from_zero(points: NDArray[np.float64]) -> NDArray[np.float32] | None:
    """Return landmarks whose pixels count from 1 with the first at (0, 0), or None if they cannot be any.

    Args:
        points: Any array; landmarks are 49, 66 or 68 pairs of finite numbers of the size of pixels.
    """
    if points.ndim != 2 or points.shape[1] != 2 or len(points) not in _POINTS:
        return None
    # The comparison is also false for NaN.
    return (points - 1).astype(np.float32) if (np.abs(points) < _FARTHEST_PIXEL).all() else None
