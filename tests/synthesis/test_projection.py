from __future__ import annotations

import numpy as np
import pytest

from metafacs.synthesis.projection import PIVOT, frame_face, rotation_matrix

FORWARD = np.array([0, 0, 1], np.float32)
UP = np.array([0, 1, 0], np.float32)


def test_signs_of_the_head_pose() -> None:
    assert (rotation_matrix(0.3, 0, 0) @ FORWARD)[0] > 0  # yaw: face to the right of the picture
    assert (rotation_matrix(0, 0.3, 0) @ FORWARD)[1] < 0  # pitch: nods down
    assert (rotation_matrix(0, 0, 0.3) @ UP)[0] < 0  # roll: top of the head to the left


def test_rotation_is_orthogonal() -> None:
    rotation = rotation_matrix(0.4, -0.2, 0.7)
    np.testing.assert_allclose(rotation @ rotation.T, np.eye(3), atol=1e-6)


@pytest.mark.parametrize("pose", [(0, 0, 0), (0.8, 0.2, -0.3), (-1.0, -0.4, 0.4)])
def test_framing_spans_the_projected_face(pose: tuple[float, float, float]) -> None:
    face = (PIVOT + np.random.default_rng(0).normal(0, 0.6, (200, 3))).astype(np.float32)
    view = frame_face(face, pose, 9.0, (0.0, 0.0, 1.25), 100)
    xy = view.to_picture(view.to_camera_space(face))
    low, high = xy.min(0), xy.max(0)
    assert (high - low).max() == pytest.approx(100 / 1.25, rel=1e-3)
    np.testing.assert_allclose((low + high) / 2, 50, atol=0.05)


def test_shift_moves_the_picture_not_the_face() -> None:
    face = (PIVOT + np.random.default_rng(0).normal(0, 0.6, (200, 3))).astype(np.float32)
    centres = []
    for shift in (0.0, 0.1):
        view = frame_face(face, (0, 0, 0), 9.0, (shift, shift, 1.0), 100)
        xy = view.to_picture(view.to_camera_space(face))
        centres.append((xy.min(0) + xy.max(0)) / 2)
    np.testing.assert_allclose(centres[1] - centres[0], [-10, 10], atol=0.05)


@pytest.mark.parametrize(
    ("distance", "enlargement", "words"), [(1.0, 1.3, "camera distance"), (9.0, 0.0, "enlargement")]
)
def test_impossible_views_are_refused(distance: float, enlargement: float, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        frame_face(np.zeros((3, 3), np.float32), (0, 0, 0), distance, (0, 0, enlargement), 64)
