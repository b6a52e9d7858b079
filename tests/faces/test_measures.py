from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from metafacs.faces.measures import MEASURES, MOVED_BY, measure_faces
from metafacs.faces.warping import move_points, similarity

Array = NDArray[np.float64]

# A face drawn by hand: eye corners 100 apart, y downwards.
KNOWN = {
    8: (50, 130),  # chin
    17: (-5, -25),
    19: (15, -30),
    21: (35, -22),
    22: (65, -22),
    24: (85, -30),
    26: (105, -25),  # brows
    27: (50, 0),
    31: (35, 50),
    33: (50, 55),
    35: (65, 50),  # nose
    36: (0, 0),
    37: (10, -5),
    39: (30, 0),
    41: (10, 5),
    42: (70, 0),
    44: (90, -5),
    45: (100, 0),
    46: (90, 5),  # eyes
    48: (25, 80),
    51: (50, 75),
    54: (75, 80),
    57: (50, 93),
    62: (50, 81),
    66: (50, 87),  # mouth
}
EXPECTED = {
    "mouth width": 0.5,
    "lip corner height": 0.04,
    "lip gap": 0.06,
    "nose to lip": 0.2,
    "nose to chin": 0.75,
    "nose width": 0.3,
    "inner brow height": np.hypot(5, 22) / 100,
    "brow height": np.hypot(5, 25) / 100,
    "outer brow height": np.hypot(5, 25) / 100,
    "brow distance": 0.3,
    "eye opening": 0.1,
}


@pytest.fixture
def face() -> Array:
    points = np.full((68, 2), 999.0)
    points[list(KNOWN)] = list(KNOWN.values())
    return points


def test_a_drawn_face_has_the_lengths_it_was_drawn_with(face: Array) -> None:
    found = measure_faces(face[None])
    assert {name: float(value[0]) for name, value in found.items()} == pytest.approx(EXPECTED)


def test_size_place_and_roll_do_not_matter(face: Array) -> None:
    faces = np.stack([move_points(similarity((20, 30), 70, angle, 300), face) for angle in (0, 0.4, -2.0)])
    for name, values in measure_faces(faces).items():
        assert values == pytest.approx(np.full(3, EXPECTED[name])), name


@pytest.mark.parametrize(
    ("au", "moves"),
    [
        (1, {21: (0, -6), 22: (0, -6), 19: (0, -2), 24: (0, -2)}),
        (2, {17: (0, -6), 26: (0, -6), 19: (0, -4), 24: (0, -4)}),
        (4, {21: (4, 4), 22: (-4, 4), 19: (2, 4), 24: (-2, 4)}),
        (5, {37: (0, -3), 44: (0, -3)}),
        (6, {41: (0, -3), 46: (0, -3)}),
        (7, {37: (0, 1), 44: (0, 1), 41: (0, -2), 46: (0, -2)}),
        (10, {51: (0, -5), 31: (-2, -1), 35: (2, -1)}),
        (12, {48: (-8, -6), 54: (8, -6)}),
        (25, {62: (0, -2), 66: (0, 4)}),
        (26, {66: (0, 12), 57: (0, 12), 8: (0, 15)}),
    ],
)
def test_every_action_unit_moves_its_measures_in_the_stated_direction(
    face: Array, au: int, moves: dict[int, tuple[float, float]]
) -> None:
    moved = face.copy()
    for point, by in moves.items():
        moved[point] += by
    before, after = measure_faces(face[None]), measure_faces(moved[None])
    for name, direction in MOVED_BY[au].items():
        assert direction * (after[name] - before[name]) > 0, name


def test_only_measures_that_exist_are_moved() -> None:
    assert {name for moved in MOVED_BY.values() for name in moved} <= set(MEASURES)
    assert {direction for moved in MOVED_BY.values() for direction in moved.values()} == {-1, 1}


def test_other_points_are_refused(face: Array) -> None:
    with pytest.raises(ValueError, match="68"):
        measure_faces(face[None, :49])
    with pytest.raises(ValueError, match="68"):
        measure_faces(face)
    face[45] = face[36]
    with pytest.raises(ValueError, match="outer eye corners"):
        measure_faces(face[None])
    face[45] = np.nan
    with pytest.raises(ValueError, match="outer eye corners"):
        measure_faces(face[None])


def test_no_faces_have_no_lengths() -> None:
    assert all(len(values) == 0 for values in measure_faces(np.zeros((0, 68, 2))).values())
