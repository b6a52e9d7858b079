"""Rendered faces to pre-train on: person, head pose and 68 landmarks per picture, nothing else."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from metafacs.data.datasets.reading import (
    DatasetError,
    Reading,
    Sample,
    numbered_lines,
    read_twin,
    require_folder,
)

LIST_FILE = "faces.csv"
PICTURES = "pictures"
TRAINING, HELD_OUT = "train", "validation"
"""The two parts; nobody is in both."""

COLUMNS: tuple[str, ...] = (
    *("name", "person", "part", "yaw", "pitch", "roll"),
    *(f"{axis}{point}" for point in range(68) for axis in "xy"),
)
"""Header of the list."""


def read_pretraining_faces(root: Path | str) -> Reading:
    """Read who is in each picture, how the head is turned and where its landmarks are.

    Layout: ``faces.csv`` with the header :data:`COLUMNS` (angles in radians, points in pixels) and
    ``pictures/<name>``. There are no action units and no expressions in it.

    Args:
        root: The folder that holds ``faces.csv``.

    Returns:
        The reading; lines that are malformed or have no picture are in ``skipped``.

    Raises:
        DatasetError: If the list or the pictures are missing, or the header is another one.
    """
    root = Path(root)
    pictures = require_folder(root / PICTURES, "the pictures that faces.csv lists")
    path = root / LIST_FILE
    if not path.is_file():
        raise DatasetError(f"{path} is missing: render it with 'metafacs twin pretraining_faces'")
    reading = Reading("pretraining_faces", root, twin=read_twin(root))
    available = {entry.name for entry in pictures.iterdir()}
    lines = numbered_lines(path)
    header = next(lines, (1, ""))
    if not header[1]:
        raise DatasetError(f"{path}: empty file; render it again")
    if tuple(_cells(header[1])) != COLUMNS:
        raise DatasetError(f"{path}, line {header[0]}: wrong header: expected '{','.join(COLUMNS[:8])},...'")
    listed: set[str] = set()
    for number, line in lines:
        name, *cells = _cells(line)
        try:
            person, part, *numbers = cells
            values = np.array(numbers, np.float32)
        except ValueError:
            values = np.empty(0, np.float32)
        if (
            len(values) != len(COLUMNS) - 3
            or not np.isfinite(values).all()
            or part not in (TRAINING, HELD_OUT)
        ):
            reading.skip(path, number, "line is not name, person, part, three angles and 68 points")
            continue
        if name not in available:
            reading.skip(path, number, "label without a picture")
            continue
        if name in listed:
            reading.skip(path, number, "picture is listed twice; the first line counts")
            continue
        listed.add(name)
        yaw, pitch, roll = values[:3].tolist()
        reading.samples.append(
            Sample(
                Path(name).stem,
                pictures / name,
                subject=person,
                part=part,
                landmarks=values[3:].reshape(68, 2),
                pose=(yaw, pitch, roll),
            )
        )
    return reading


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.rstrip(", ").split(",")]
