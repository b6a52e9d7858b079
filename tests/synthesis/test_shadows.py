from __future__ import annotations

import numpy as np

from metafacs.synthesis.shadows import SHADOW_SIZE, lit_share, shadow_axes, shadow_view


def test_axes_are_orthonormal_also_for_light_from_straight_above() -> None:
    for direction in ((0, 1, 0), (0, 0, 1), (-0.6, 0.64, 0.48)):
        axes = shadow_axes(np.array(direction, np.float32))
        np.testing.assert_allclose(axes @ axes.T, np.eye(3), atol=1e-6)
        np.testing.assert_allclose(axes[2], direction, atol=1e-6)


def test_points_behind_the_seen_depth_are_dark() -> None:
    axes = shadow_axes(np.array([0, 0, 1], np.float32))
    near, far = np.array([[0, 0.35, 1.0]], np.float32), np.array([[0, 0.35, 0.2]], np.float32)
    (column, row), depth = shadow_view(near, axes)[0][0], shadow_view(near, axes)[1][0]
    maps = np.full((1, SHADOW_SIZE, SHADOW_SIZE), np.inf, np.float32)
    maps[0, int(row) - 2 : int(row) + 3, int(column) - 2 : int(column) + 3] = depth
    share = [lit_share(maps, axes[None], 0, *map(float, point[0])) for point in (near, far)]
    assert share == [1.0, 0.0]
