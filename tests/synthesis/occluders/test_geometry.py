from __future__ import annotations

import numpy as np
import pytest

from metafacs.synthesis.occluders.geometry import FaceGeometry, skin_colour


def schematic(yaw_factor: float = 1.0) -> FaceGeometry:
    landmarks = np.full((68, 2), 50, np.float32)
    landmarks[36:42] = (50 + 12 * yaw_factor, 40)
    landmarks[42:48] = (50 - 12 * yaw_factor, 40)
    landmarks[48:] = (50, 66)
    return FaceGeometry(landmarks, np.array([0, -1], np.float32))


def test_eyes_come_from_left_to_right_whatever_their_order():
    left, right = schematic().eyes
    assert left[0] < right[0]
    np.testing.assert_allclose(schematic().mouth, [50, 66])


def test_unit_survives_a_turned_head():
    assert schematic(0.3).unit == pytest.approx(schematic(1.0).unit, rel=0.05)


def test_skin_colour_is_the_brighter_cheek():
    image = np.zeros((100, 100, 3), np.uint8)
    image[:, 50:] = 180
    face = schematic()
    face.landmarks[[2, 31, 48]] = (30, 50)
    face.landmarks[[14, 35, 54]] = (70, 50)
    np.testing.assert_allclose(skin_colour(image, face), (180 / 255) ** 2.2, rtol=1e-4)
