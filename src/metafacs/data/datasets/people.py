"""Rendered people to learn action units from: how strong every action unit is, who, head pose, landmarks."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np

from metafacs.data.datasets.crowds import ANGLES, POINTS, TRAINING, is_name, numbers_of, read_crowd
from metafacs.data.datasets.reading import Reading, Sample
from metafacs.facs import EXPRESSIONS, au_column
from metafacs.synthesis.activations import RENDERED_AUS, continuous_level, is_present

LIST_FILE = "people.csv"
VALIDATION, TEST = "validation", "test"
"""The parts of the people who are held out; nobody is in two parts."""

PEOPLE_AUS: tuple[int, ...] = tuple(au for au in RENDERED_AUS if au != 45)
"""Every action unit of the renderer but the blink, which looks like closed eyes (AU43) in a picture."""

COLUMNS: tuple[str, ...] = (
    *("name", "person", "part", "expression"),
    *ANGLES,
    *(au_column(au) for au in PEOPLE_AUS),
    *POINTS,
)
"""Header of the list."""

_END_OF_ANGLES = len(ANGLES)
_END_OF_INTENSITIES = _END_OF_ANGLES + len(PEOPLE_AUS)


def read_people(root: Path | str, *, landmarks: bool = False) -> Reading:
    """Read what each face shows and how strongly, who it is, how the head is turned.

    Layout: ``people.csv`` with the header :data:`COLUMNS` and ``pictures/<name>``. ``expression`` is one of
    :data:`metafacs.facs.EXPRESSIONS`, or empty for a free mixture of action units; angles are in radians,
    action units in intensities 0 to 1 that are true of the picture, points in pixels.

    Args:
        root: The folder that holds ``people.csv``.
        landmarks: Cut the crops by the exact landmarks. By default the face is found as in prediction, so
            that training and prediction see the same crop.

    Returns:
        The reading. Every action unit of the renderer is known in every picture: present from level B on,
        and as a level from 0 to 5 with fractions, see
        :func:`metafacs.synthesis.activations.continuous_level`. Lines that are malformed or have no picture
        are in ``skipped``.

    Raises:
        DatasetError: If the list or the pictures are missing, or the header is another one.
    """
    line = f"name, person, part, expression, three angles, {len(PEOPLE_AUS)} intensities 0 to 1 and 68 points"
    sample_of = partial(_sample, landmarks=landmarks)
    reading = read_crowd("people", Path(root), LIST_FILE, COLUMNS, line, sample_of)
    reading.aus, reading.expressions = PEOPLE_AUS, EXPRESSIONS
    return reading


def _sample(picture: Path, cells: list[str], *, landmarks: bool) -> Sample | None:
    person, part, expression, *numbers = cells
    values = numbers_of(numbers)
    if values is None or not is_name(person):
        return None
    # In single precision .65 and .90 would lie below the thresholds of their levels.
    shown = values[_END_OF_ANGLES:_END_OF_INTENSITIES]
    if not ((shown >= 0) & (shown <= 1)).all():
        return None
    if part not in (TRAINING, VALIDATION, TEST) or expression not in ("", *EXPRESSIONS):
        return None
    yaw, pitch, roll = values[:_END_OF_ANGLES].astype(np.float32).tolist()
    intensities = dict(zip(PEOPLE_AUS, shown.tolist(), strict=True))
    return Sample(
        picture.stem,
        picture,
        subject=person,
        action_units={au: float(is_present(x)) for au, x in intensities.items()},
        intensities={au: continuous_level(x) for au, x in intensities.items()},
        expression=EXPRESSIONS.index(expression) if expression else None,
        part=part,
        landmarks=values[_END_OF_INTENSITIES:].astype(np.float32).reshape(68, 2) if landmarks else None,
        pose=(yaw, pitch, roll),
    )
