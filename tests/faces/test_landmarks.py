from __future__ import annotations

import numpy as np
import pytest

from metafacs.faces.landmarks import (
    LANDMARKS_68_TO_49,
    MESH_TO_68,
    MIRROR_49,
    MIRROR_68,
    inter_ocular_distance,
    landmarks_49,
    landmarks_68,
    mirror_landmarks,
    spread_to_68,
)


def test_the_tables_have_the_right_number_of_different_points() -> None:
    assert len(set(MESH_TO_68)) == 68
    assert len(set(LANDMARKS_68_TO_49)) == 49
    assert max(MESH_TO_68) < 468


@pytest.mark.parametrize("mirror", [MIRROR_68, MIRROR_49])
def test_mirroring_twice_changes_nothing(mirror: tuple[int, ...]) -> None:
    assert [mirror[i] for i in mirror] == list(range(len(mirror)))


def test_the_two_mirror_tables_agree() -> None:
    place = {point: i for i, point in enumerate(LANDMARKS_68_TO_49)}
    assert tuple(place[MIRROR_68[point]] for point in LANDMARKS_68_TO_49) == MIRROR_49


def test_the_mirror_table_is_the_one_published_with_bp4d() -> None:
    rows = "10 9 8 7 6 5 4 3 2 1 11 12 13 14 19 18 17 16 15 29 28 27 26 31 30 23 22 21 20 25 24"
    lips = "38 37 36 35 34 33 32 43 42 41 40 39 46 45 44 49 48 47"
    assert tuple(int(i) - 1 for i in f"{rows} {lips}".split()) == MIRROR_49


def test_the_49_points_come_out_of_every_layout() -> None:
    points = np.random.default_rng(0).uniform(0, 100, (68, 2))
    expected = points[[*range(17, 60), 61, 62, 63, 65, 66, 67]]
    without_corners = np.delete(points, [60, 64], axis=0)
    assert np.array_equal(landmarks_49(points), expected)
    assert np.array_equal(landmarks_49(without_corners), expected)
    assert np.array_equal(landmarks_49(expected), expected)


def test_mirrored_points_lie_on_the_mirrored_picture() -> None:
    points = np.random.default_rng(1).uniform(0, 100, (68, 2))
    mirrored = mirror_landmarks(points, 101)
    assert mirrored[36] == pytest.approx([100 - points[45, 0], points[45, 1]])
    assert mirror_landmarks(mirrored, 101) == pytest.approx(points)
    assert landmarks_49(mirrored) == pytest.approx(mirror_landmarks(landmarks_49(points), 101))


def test_the_mesh_gives_its_points_in_order() -> None:
    mesh = np.arange(468 * 3, dtype=float).reshape(468, 3)
    assert np.array_equal(landmarks_68(mesh)[36], mesh[33, :2])


def test_the_inter_ocular_distance_is_between_the_eye_centres() -> None:
    points = np.zeros((68, 2))
    points[36:42], points[42:48] = (10, 20), (40, 60)
    assert inter_ocular_distance(points) == 50


@pytest.mark.parametrize("shape", [(5, 2), (68, 3), (98,)])
def test_other_layouts_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="49, 66 or 68"):
        landmarks_49(np.zeros(shape))


def test_only_68_or_49_points_can_be_mirrored() -> None:
    with pytest.raises(ValueError, match="68 or 49"):
        mirror_landmarks(np.zeros((66, 2)), 100)


def test_a_mesh_of_another_size_is_refused() -> None:
    with pytest.raises(ValueError, match="468"):
        landmarks_68(np.zeros((478, 3)))


@pytest.mark.parametrize(("count", "known"), [(49, 49), (66, 66), (68, 68)])
def test_points_of_any_layout_spread_to_68(count: int, known: int) -> None:
    points = np.arange(count * 2, dtype=float).reshape(count, 2)
    spread = spread_to_68(points)
    assert spread.shape == (68, 2)
    assert np.isfinite(spread).all(axis=1).sum() == known
    assert np.array_equal(landmarks_49(spread), landmarks_49(points))
