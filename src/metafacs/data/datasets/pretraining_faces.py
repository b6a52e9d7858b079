"""Rendered faces to pre-train on: person, head pose and 68 landmarks per picture, nothing else."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from metafacs.data.datasets.crowds import ANGLES, POINTS, TRAINING, is_name, numbers_of, read_crowd
from metafacs.data.datasets.reading import Reading, Sample

LIST_FILE = "faces.csv"
HELD_OUT = "validation"
"""The part of the people who are held out; nobody is in two parts."""

COLUMNS: tuple[str, ...] = ("name", "person", "part", *ANGLES, *POINTS)
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
    line = "name, person, part, three angles and 68 points"
    return read_crowd("pretraining_faces", Path(root), LIST_FILE, COLUMNS, line, _sample)


def _sample(picture: Path, cells: list[str]) -> Sample | None:
    person, part, *numbers = cells
    values = numbers_of(numbers)
    if values is None or not is_name(person) or part not in (TRAINING, HELD_OUT):
        return None
    yaw, pitch, roll = values[:3].astype(np.float32).tolist()
    return Sample(
        picture.stem,
        picture,
        subject=person,
        part=part,
        landmarks=values[3:].astype(np.float32).reshape(68, 2),
        pose=(yaw, pitch, roll),
    )
