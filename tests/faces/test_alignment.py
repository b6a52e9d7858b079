from __future__ import annotations

from dataclasses import asdict

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from metafacs.faces.alignment import AlignmentSpec, align, alignment_matrix, turned_pose
from metafacs.faces.landmarks import landmarks_49
from metafacs.faces.warping import invert, move_points
from metafacs.synthesis.projection import rotation_matrix


def face_points() -> NDArray[np.float64]:
    """Return 68 points of which only those that steer the crop matter."""
    points = np.full((68, 2), 50.0)
    points[36:42], points[42:48] = (30, 40), (70, 40)
    points[30], points[48], points[54] = (50, 60), (35, 80), (65, 80)
    return points


def test_the_crop_of_an_upright_face_by_hand() -> None:
    # Extent: 40 wide (eyes), 40 high (eyes to mouth); centre (50, 60).
    matrix = alignment_matrix(face_points(), 200, AlignmentSpec(box_enlarge=2.5))
    assert matrix[:, :2] == pytest.approx(np.eye(2) * 2, abs=1e-9)
    assert move_points(matrix, np.array([[50.0, 60.0]]))[0] == pytest.approx([99.5, 99.5])


@given(
    angle=st.floats(-3, 3),
    scale=st.floats(0.2, 20),
    x=st.floats(-100, 1000),
    y=st.floats(-100, 1000),
    size=st.sampled_from([64, 112, 224]),
)
def test_turning_scaling_and_moving_the_face_does_not_change_the_crop(
    angle: float, scale: float, x: float, y: float, size: int
) -> None:
    turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    moved = face_points() @ turn.T + (x, y)
    expected = move_points(alignment_matrix(face_points(), size), face_points())
    assert move_points(alignment_matrix(moved, size), moved) == pytest.approx(expected, abs=1e-6)


def test_49_and_68_points_give_the_same_crop(astronaut: NDArray[np.uint8]) -> None:
    points = face_points()
    crop, matrix = align(astronaut, points, 64)
    other, other_matrix = align(astronaut, landmarks_49(points), 64)
    assert np.array_equal(crop, other)
    assert np.array_equal(matrix, other_matrix)
    assert crop.shape == (64, 64, 3)
    assert crop.dtype == np.uint8


def test_the_eyes_are_level_in_the_crop() -> None:
    tilted = face_points() @ np.array([[0.9, 0.5], [-0.5, 0.9]])
    moved = move_points(alignment_matrix(tilted, 200), tilted)
    assert moved[36:42].mean(0)[1] == pytest.approx(moved[42:48].mean(0)[1])
    assert moved[36, 0] < moved[45, 0]


def test_the_border_is_grey_where_the_picture_ends(astronaut: NDArray[np.uint8]) -> None:
    crop, _ = align(astronaut, face_points() - (40, 40), 100)
    assert (crop[0] == 128).all()
    crop, _ = align(astronaut, face_points() - (40, 40), 100, AlignmentSpec(border=3))
    assert (crop[0] == 3).all()


def test_the_specification_survives_a_file() -> None:
    spec = AlignmentSpec(box_enlarge=2.7, border=0)
    assert AlignmentSpec.from_mapping(asdict(spec)) == spec


def test_a_specification_of_a_newer_version_is_refused() -> None:
    with pytest.raises(ValueError, match="update metafacs"):
        AlignmentSpec.from_mapping({"box_enlarge": 2.9, "shear": 0.1})


@pytest.mark.parametrize(("enlarge", "border"), [(0.5, 128), (2.9, 300), (float("nan"), 128)])
def test_an_impossible_specification_is_refused(enlarge: float, border: int) -> None:
    with pytest.raises(ValueError, match="between"):
        AlignmentSpec(enlarge, border)


def test_unknown_landmarks_are_refused() -> None:
    points = face_points()
    points[40] = np.nan
    with pytest.raises(ValueError, match="not finite"):
        alignment_matrix(points, 64)


def test_landmarks_in_one_place_are_refused() -> None:
    with pytest.raises(ValueError, match="one place"):
        alignment_matrix(np.full((68, 2), 5.0), 64)


def test_pose_turns_with_the_crop() -> None:
    """Turning the picture about the line of sight turns the head by the same rotation."""
    rng = np.random.default_rng(0)
    landmarks = rng.uniform(20, 80, (68, 2))
    _, matrix = align(np.zeros((100, 100, 3), np.uint8), landmarks, 32)
    scale = np.sqrt(np.linalg.det(matrix[:, :2]))
    turn = np.eye(3)
    flip = np.diag([1.0, -1.0])  # y points down in pictures and up in the rotations of heads
    turn[:2, :2] = flip @ (matrix[:, :2] / scale) @ flip
    for pose in rng.uniform(-1, 1, (5, 3)):
        turned = turned_pose((pose[0], pose[1], pose[2]), matrix)
        assert turned is not None
        np.testing.assert_allclose(rotation_matrix(*turned), turn @ rotation_matrix(*pose), atol=1e-6)
        assert turned_pose(turned, invert(matrix)) == pytest.approx(tuple(pose))
    assert turned_pose(None, matrix) is None
