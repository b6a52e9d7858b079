"""Whether a reading is what it should be: a store takes labels as they are, and methods learn from them."""

from __future__ import annotations

from collections.abc import Mapping
from math import pi

import numpy as np

from metafacs.data.datasets.reading import DatasetError, Reading, Sample, shown
from metafacs.facs import HIGHEST_INTENSITY, check_aus
from metafacs.texts import printable

ROUNDING = 0.02
"""How far shares of votes may be from 1 in all: lists round them."""

_SHAPES = ((49, 2), (66, 2), (68, 2))
_ANGLES = 3


def check_reading(reading: Reading) -> None:
    """Fail if a reader, such as one of your own, returned labels that a store could not hold or would bend.

    Raises:
        DatasetError: With the first sample that is wrong, and its value.
    """
    try:
        aus = frozenset(check_aus(reading.aus))
    except ValueError as error:
        raise DatasetError(f"{reading.dataset}, aus of the reading: {error}") from error
    names: dict[str, Sample] = {}
    for sample in reading.samples:
        problem = _problem_of(sample, aus, len(reading.expressions))
        if problem:
            raise DatasetError(f"{reading.dataset}, sample {shown(sample.key)!r}: {problem}")
        first = names.setdefault(printable(sample.key), sample)
        if first is not sample:
            raise DatasetError(
                f"{reading.dataset}: two samples have the key {shown(sample.key)!r}, "
                f"{printable(first.picture)} and {printable(sample.picture)}; a key belongs to one"
            )


def _problem_of(sample: Sample, aus: frozenset[int], expressions: int) -> str:
    """Return what is wrong with a sample; empty if nothing is."""
    return (
        _problem_of_labels(sample.action_units, aus)
        or _problem_of_levels(sample.intensities, aus)
        or _problem_of_expressions(sample, expressions)
        or _problem_of_geometry(sample)
    )


def _problem_of_labels(labels: Mapping[int, float], aus: frozenset[int]) -> str:
    for au, value in labels.items():
        if au not in aus:
            return _undeclared("action unit", au, aus)
        if not (_lies_within(value, 0, 1) and (value in (0, 1) or value != value)):
            return f"AU{au} is {_quoted(value)}, not 1 (present) or 0 (absent); leave out what is unknown"
    return ""


def _problem_of_levels(levels: Mapping[int, float], aus: frozenset[int]) -> str:
    for au, value in levels.items():
        if au not in aus:
            return _undeclared("intensity of action unit", au, aus)
        if not _lies_within(value, 0, HIGHEST_INTENSITY):
            return (
                f"the intensity of AU{au} is {_quoted(value)}, not 0 to {HIGHEST_INTENSITY}; leave out what "
                "is unknown"
            )
    return ""


def _problem_of_expressions(sample: Sample, expressions: int) -> str:
    if sample.expression is not None and sample.expression not in range(expressions):
        known = f"one of 0 to {expressions - 1}" if expressions else "known: the reading names no expressions"
        return f"expression {_quoted(sample.expression)} is not {known}; None is an unknown one"
    votes = sample.votes
    if votes is None:
        return ""
    if len(votes) != expressions:
        return f"{len(votes)} votes for the reading's {expressions} expressions"
    # The sum of what holds a NaN is one, and near nothing.
    if not (all(_lies_within(share, 0, 1) for share in votes) and abs(sum(votes) - 1) <= ROUNDING):
        return f"votes {_quoted(votes)} are not shares that sum to 1"
    return ""


def _problem_of_geometry(sample: Sample) -> str:
    points, pose = sample.landmarks, sample.pose
    if points is not None:
        if not isinstance(points, np.ndarray) or points.shape not in _SHAPES:
            shape = getattr(points, "shape", type(points).__name__)
            return f"landmarks are {shape}, not an array of 49, 66 or 68 points (x, y)"
        if not np.isfinite(points).all():
            return f"landmarks hold {_quoted(points[~np.isfinite(points)][0])}; None are unknown ones"
    if pose is not None and not (
        len(pose) == _ANGLES and all(_lies_within(angle, -pi, pi) and angle == angle for angle in pose)
    ):
        return f"pose {_quoted(pose)} is not three angles in radians, -pi to pi; None is an unknown one"
    return ""


def _lies_within(value: object, low: float, high: float) -> bool:
    """Return whether a value is a number in a range, or NaN, which is an unknown one."""
    try:
        return bool(low <= value <= high or value != value)  # type: ignore[operator]
    except (TypeError, ValueError):
        return False


def _undeclared(what: str, au: object, aus: frozenset[int]) -> str:
    return f"{what} {_quoted(au)} is none of the reading's aus, {sorted(aus)}"


def _quoted(value: object) -> str:
    return shown(str(value))
