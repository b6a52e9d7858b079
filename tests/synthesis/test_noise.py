from __future__ import annotations

import numpy as np

from metafacs.synthesis.noise import fractal_noise, smoothstep, value_noise


def test_value_noise_is_repeatable_smooth_and_of_the_asked_shape():
    field = value_noise(np.random.default_rng(3), (40, 70), 10.0)
    again = value_noise(np.random.default_rng(3), (40, 70), 10.0)
    assert field.shape == (40, 70)
    assert field.dtype == np.float32
    np.testing.assert_array_equal(field, again)
    # A cubic ramp over 10 pixels is at most 1.5 / 10 of the lattice difference steep.
    assert np.abs(np.diff(field, axis=1)).max() < 0.16 * 2 * np.abs(field).max() + 0.3


def test_unequal_cells_give_streaks():
    field = value_noise(np.random.default_rng(0), (200, 200), 60.0, 4.0)
    assert np.abs(np.diff(field, axis=0)).mean() < 0.2 * np.abs(np.diff(field, axis=1)).mean()


def test_fractal_noise_keeps_its_spread_whatever_the_octaves():
    one = fractal_noise(np.random.default_rng(1), (300, 300), (10,))
    many = fractal_noise(np.random.default_rng(1), (300, 300), (20, 10, 5, 2.5))
    assert 0.5 < one.std() < 0.9
    assert 0.5 < many.std() < 0.9


def test_smoothstep_ends_and_falls_when_limits_are_swapped():
    x = np.array([-1.0, 0.0, 0.5, 1.0, 2.0], np.float32)
    np.testing.assert_allclose(smoothstep(0, 1, x), [0, 0, 0.5, 1, 1])
    np.testing.assert_allclose(smoothstep(1, 0, x), [1, 1, 0.5, 0, 0])
