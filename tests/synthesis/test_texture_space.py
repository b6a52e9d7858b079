from __future__ import annotations

import numpy as np

from metafacs.synthesis.face_model import load_face_model
from metafacs.synthesis.texture_space import (
    TEXTURE_SIZE,
    bump,
    smoothstep,
    texture_coordinates,
    texture_grid,
    value_noise,
)


def test_grid_agrees_with_texture_coordinates() -> None:
    model, grid = load_face_model(), texture_grid()
    points = model.neutral[model.landmarks[17:48]]
    columns, rows = np.round(texture_coordinates(points)).astype(int).T
    np.testing.assert_allclose(grid.y[rows, columns], points[:, 1], atol=0.005)
    np.testing.assert_allclose(grid.x[rows, columns], points[:, 0], atol=0.02)


def test_noise_has_about_unit_scale_and_repeats_with_its_seed() -> None:
    noise = value_noise(np.random.default_rng(1), 6)
    assert noise.shape == (TEXTURE_SIZE, TEXTURE_SIZE)
    assert 0.4 < noise.std() < 1.1
    np.testing.assert_array_equal(noise, value_noise(np.random.default_rng(1), 6))


def test_noise_is_smooth_at_its_cell_size() -> None:
    noise = value_noise(np.random.default_rng(2), 40, 8)
    assert np.abs(np.diff(noise, axis=0)).mean() < 0.4 * np.abs(np.diff(noise, axis=1)).mean()


def test_smoothstep_runs_both_ways_and_bump_peaks_at_its_centre() -> None:
    assert smoothstep(1, 0, 0.25) == 1 - smoothstep(0, 1, 0.25)
    x = np.array([0.0, 1.0, 2.0], np.float32)
    np.testing.assert_allclose(bump(x, 1, 1), [np.exp(-1), 1, np.exp(-1)], rtol=1e-6)
