from __future__ import annotations

import numpy as np

from metafacs.synthesis.texture_space import texture_grid
from metafacs.synthesis.wrinkles import AMPLITUDES, add_wrinkles, age_map, wrinkle_maps


def test_every_map_is_symmetric_and_about_as_deep_as_documented() -> None:
    for au, wrinkles in wrinkle_maps().items():
        highest = np.abs(wrinkles.heights).max()
        assert 0.3 * AMPLITUDES[au] < highest < 2.5 * AMPLITUDES[au], au
        grid = texture_grid().x[slice(*wrinkles.rows)]
        right, left = (wrinkles.heights[side].sum() for side in (grid < 0, grid > 0))
        assert abs(left - right) < 0.25 * np.abs(wrinkles.heights).sum(), au


def test_one_side_leaves_the_other_alone() -> None:
    heights = np.zeros((512, 512), np.float32)
    add_wrinkles(heights, 12, 1.0, 0.0)
    left = texture_grid().x > 0.01
    assert np.abs(heights[left]).max() > 0
    assert np.abs(heights[texture_grid().x < -0.01]).max() == 0


def test_action_unit_without_wrinkles_changes_nothing() -> None:
    heights = np.zeros((512, 512), np.float32)
    add_wrinkles(heights, 43, 1.0, 1.0)
    assert not heights.any()


def test_nasolabial_furrow_of_au11_lies_higher_than_that_of_au12() -> None:
    grid, depth = texture_grid(), {}
    for au in (11, 12):
        heights = np.zeros((512, 512), np.float32)
        add_wrinkles(heights, au, 1.0, 1.0)
        groove = np.maximum(-heights, 0)
        depth[au] = float((groove * grid.y).sum() / groove.sum())
    assert depth[11] > depth[12] + 0.03


def test_age_map_is_finite() -> None:
    assert np.isfinite(age_map()).all()
    assert age_map().min() < -0.002
