"""Single distances of a face and what action units do to them: the floor that any detector has to beat.

A distance needs no learning and knows no person. Each is taken in the picture and divided by the distance of
the outer eye corners, so that size and roll of the face do not matter; a head turned away makes them wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from metafacs.faces.landmarks import Points

Array = NDArray[np.float64]
Measure = Callable[[Array], Array]

OUTER_EYE_CORNERS = (36, 45)
"""Landmarks whose distance is the unit of every measure."""


def _between(*pairs: tuple[int, int]) -> Measure:
    """Return the measure that averages the distances of pairs of landmarks."""

    def measure(points: Array) -> Array:
        return np.mean([np.linalg.norm(points[:, a] - points[:, b], axis=1) for a, b in pairs], axis=0)

    return measure


def _corner_height(points: Array) -> Array:
    """Return how far the lip corners stand above the middle of the lips, along the bridge of the nose."""
    up = points[:, 27] - points[:, 33]
    up = up / np.linalg.norm(up, axis=1, keepdims=True)
    corners, middle = points[:, [48, 54]].mean(1), points[:, [51, 57]].mean(1)
    return ((corners - middle) * up).sum(1)


MEASURES: Mapping[str, Measure] = MappingProxyType(
    {
        "mouth width": _between((48, 54)),
        "lip corner height": _corner_height,
        "lip gap": _between((62, 66)),
        "nose to lip": _between((33, 51)),
        "nose to chin": _between((33, 8)),
        "nose width": _between((31, 35)),
        "inner brow height": _between((21, 39), (22, 42)),
        "brow height": _between((19, 37), (24, 44)),
        "outer brow height": _between((17, 36), (26, 45)),
        "brow distance": _between((21, 22)),
        "eye opening": _between((37, 41), (44, 46)),
    }
)
"""Name -> function from ``face x 68 x 2`` points to one length per face in the unit of the points."""

MOVED_BY: Mapping[int, Mapping[str, int]] = MappingProxyType(
    {
        1: {"inner brow height": 1, "brow height": 1},
        2: {"brow height": 1, "outer brow height": 1},
        4: {"inner brow height": -1, "brow height": -1, "brow distance": -1},
        5: {"eye opening": 1},
        6: {"eye opening": -1},
        7: {"eye opening": -1},
        10: {"nose to lip": -1, "nose width": 1},
        12: {"mouth width": 1, "lip corner height": 1},
        25: {"lip gap": 1},
        26: {"lip gap": 1, "nose to chin": 1},
    }
)
"""AU -> the measures that it changes and the direction, as FACS describes the movement: chosen on no set."""


def measure_faces(landmarks: Points) -> dict[str, Array]:
    """Return every measure of every face.

    Args:
        landmarks: ``face x 68 x 2``, (x, y) in pixels.

    Returns:
        Name of the measure -> ``face``, in outer eye-corner distances.

    Raises:
        ValueError: If there are not 68 points, or the outer eye corners of a face lie in one place.
    """
    points = np.asarray(landmarks, dtype=np.float64)
    if points.ndim != 3 or points.shape[1:] != (68, 2):
        raise ValueError(f"measures need face x 68 x 2 landmarks, not an array of shape {points.shape}")
    left, right = (points[:, corner] for corner in OUTER_EYE_CORNERS)
    unit = np.linalg.norm(right - left, axis=1)
    if not (unit > 0).all():
        raise ValueError("the outer eye corners of a face lie in one place or are unknown; leave it out")
    return {name: measure(points) / unit for name, measure in MEASURES.items()}
