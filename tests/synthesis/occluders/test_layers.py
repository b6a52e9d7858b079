from __future__ import annotations

import numpy as np

from metafacs.synthesis.occluders.layers import Layer, cast_shadow, paint, shade_capsules

LIGHT = np.array([-1.0, 0.0], np.float32)
ROD = np.array([[20, 16, 44, 16, 8, 8, 0, 0]], np.float32)


def test_paint_blends_by_opacity():
    image = np.full((4, 4, 3), 50, np.uint8)
    opacity = np.zeros((4, 4), np.float32)
    opacity[1, 1] = 1
    painted = paint(image, Layer(np.ones((4, 4, 3), np.float32), opacity))
    assert (painted[1, 1] == 255).all()
    assert (np.abs(painted[2, 2].astype(int) - 50) <= 1).all()


def test_capsule_covers_its_area_and_is_brighter_toward_the_light():
    layer = shade_capsules((32, 64), ROD, np.array([0.5, 0.4, 0.3], np.float32), LIGHT, blend=1.0)
    exact = 24 * 16 + np.pi * 64
    assert abs(float(layer.opacity.sum()) - exact) < 0.05 * exact
    assert layer.colour[16, 15].mean() > 1.2 * layer.colour[16, 49].mean()


def test_fingers_are_parted_by_a_dark_line_but_joints_are_not():
    colour = np.array([0.5, 0.5, 0.5], np.float32)
    up = np.array([0.0, 0.0], np.float32)
    side_by_side = np.array([[24, 4, 24, 28, 8, 8, 0, 1], [38, 4, 38, 28, 8, 8, 0, 2]], np.float32)
    same_finger = side_by_side.copy()
    same_finger[:, 7] = 1
    parted = shade_capsules((32, 64), side_by_side, colour, up, blend=1.5)
    joined = shade_capsules((32, 64), same_finger, colour, up, blend=1.5)
    assert parted.colour[16, 31].mean() < 0.9 * joined.colour[16, 31].mean()


def test_shadow_falls_beside_the_layer():
    image = np.full((40, 40, 3), 200, np.uint8)
    opacity = np.zeros((40, 40), np.float32)
    opacity[18:22, 18:22] = 1
    shadowed = cast_shadow(image, opacity, np.array([10.0, -5.0], np.float32), 1.0, 0.6)
    assert shadowed[15, 30].mean() < 160
    assert shadowed[20, 5].mean() >= 199
