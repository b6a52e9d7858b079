from __future__ import annotations

import numpy as np
import pytest

from metafacs.synthesis.activations import Activation
from metafacs.synthesis.contact_sheet import portrait_scene
from metafacs.synthesis.face_model import SKIN, load_face_model
from metafacs.synthesis.identities import sample_identity
from metafacs.synthesis.landmarks import CONTOUR, contour_candidates, locate_landmarks
from metafacs.synthesis.projection import frame_face
from metafacs.synthesis.rasterizer import Buffers
from metafacs.synthesis.renderer import Subject, render

MODEL = load_face_model()


def projected(yaw: float, roll: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    view = frame_face(MODEL.neutral[MODEL.face_vertices], (yaw, 0.0, roll), 11.0, (0, 0, 1.3), 400)
    place = view.to_camera_space(MODEL.neutral)
    return view.to_picture(place), locate_landmarks(view.to_picture(place), view.rotation)


def test_candidates_are_barycentric() -> None:
    candidates = contour_candidates()
    np.testing.assert_allclose(candidates.weights.sum(2), 1, atol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(candidates.outward, axis=1), 1, atol=1e-5)


def test_frontal_landmarks_are_ordered_and_symmetric() -> None:
    _, points = projected(0.0)
    assert np.all(np.diff(points[CONTOUR, 0]) > 0)
    assert points[36, 0] < points[39, 0] < points[42, 0] < points[45, 0]  # the subject's right eye first
    assert points[48, 0] < points[54, 0]
    mirrored = points[CONTOUR][::-1] * [-1, 1] + [400, 0]
    assert np.abs(points[CONTOUR] - mirrored).max() < 6


@pytest.mark.parametrize("yaw", [-0.7, 0.7])
def test_far_contour_follows_the_silhouette(yaw: float) -> None:
    xy, points = projected(yaw)
    skin = MODEL.triangles_of(SKIN)
    skin = skin[~MODEL.ear_vertices[MODEL.triangles[skin]].any(1)]
    drawn = Buffers(400, 400).draw(xy, np.zeros(len(xy), np.float32), MODEL.triangles, skin).triangle >= 0
    far = slice(12, 15) if yaw > 0 else slice(2, 5)
    fixed = xy[MODEL.landmarks[far]]
    for (x, y), (old_x, _) in zip(points[far], fixed, strict=True):
        columns = np.flatnonzero(drawn[round(float(y))])
        edge = columns.max() if yaw > 0 else columns.min()
        assert abs(x - edge) < 6
        assert abs(x - edge) <= abs(old_x - edge) + 1


def test_roll_rotates_all_landmarks_together() -> None:
    model_centre = np.array([200.0, 200.0])
    _, upright = projected(0.0)
    _, rolled = projected(0.0, roll=0.3)
    a, b = upright - upright.mean(0), rolled - rolled.mean(0)
    cosine, sine = np.cos(0.3), np.sin(0.3)
    turned = a @ np.array([[cosine, -sine], [sine, cosine]])
    scale = np.linalg.norm(b) / np.linalg.norm(a)
    assert np.abs(turned * scale - b).max() < 6
    assert np.abs(rolled.mean(0) - model_centre).max() < 60


def test_mouth_landmarks_open_with_the_jaw() -> None:
    subject = Subject(sample_identity(3))
    closed, opened = (
        render(subject, Activation(aus), portrait_scene(96)).landmarks for aus in ({}, {27: 1.0})
    )
    assert (opened[66] - opened[62])[1] > (closed[66] - closed[62])[1] + 8
    assert opened[8, 1] > closed[8, 1] + 3
