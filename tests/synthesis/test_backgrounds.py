from __future__ import annotations

import numpy as np
import pytest

from metafacs.synthesis.backgrounds import lab_background, surface_colour, wild_background
from metafacs.synthesis.scenes import Surroundings, wild_scene


@pytest.mark.parametrize("side", [64, 97, 224])
def test_backgrounds_have_the_asked_size_and_stay_in_range(side):
    wild = wild_background(np.random.default_rng(5), side)
    lab = lab_background(5, side, np.array([0.4, 0.4, 0.5], np.float32))
    for picture in (wild, lab):
        assert picture.shape == (side, side, 3)
        assert picture.dtype == np.float32
        assert np.isfinite(picture).all()
        assert picture.min() >= 0
        assert picture.max() <= 1


def test_same_seed_same_bytes_and_other_seed_other_picture():
    first = wild_background(np.random.default_rng(1), 64)
    np.testing.assert_array_equal(first, wild_background(np.random.default_rng(1), 64))
    assert np.abs(first - wild_background(np.random.default_rng(2), 64)).mean() > 0.01


def test_lab_wall_is_even_and_of_its_colour():
    colour = np.array([0.2, 0.3, 0.4], np.float32)
    wall = lab_background(7, 96, colour)
    np.testing.assert_allclose(wall.mean((0, 1)), colour, rtol=0.2)
    assert wall.std((0, 1)).max() < 0.08


def test_wild_backgrounds_differ_in_brightness_and_structure():
    pictures = [wild_background(np.random.default_rng(seed), 48) for seed in range(60)]
    means = [float(picture.mean()) for picture in pictures]
    deviations = [float(picture.std((0, 1)).mean()) for picture in pictures]
    assert min(means) < 0.08
    assert max(means) > 0.45
    assert np.percentile(deviations, 90) > 4 * np.percentile(deviations, 10)


def test_surface_colours_keep_the_luminance_range():
    rng = np.random.default_rng(0)
    colours = np.array([surface_colour(rng, 0.05, 0.5, 0.3) for _ in range(200)])
    luminance = colours @ np.array([0.2126, 0.7152, 0.0722])
    assert luminance.min() > 0.045
    assert luminance.max() < 0.55


def test_shares_decide_what_is_behind_a_head():
    def brightness(*shares: float) -> float:
        return float(
            np.mean([wild_background(np.random.default_rng(s), 32, shares).mean() for s in range(12)])
        )

    assert brightness(0, 0, 0, 0, 1) < 0.5 * brightness(0, 0, 1, 0, 0), "evening against outdoors"
    with pytest.raises(ValueError, match="sum to 1"):
        wild_background(np.random.default_rng(0), 32, (0.5, 0.2, 0.2, 0.2, 0.2))


def test_a_scene_takes_its_background_from_the_surroundings():
    foliage = Surroundings(backgrounds=(0, 0, 0, 1, 0))
    pictures = [wild_scene(np.random.default_rng(s), 16, foliage).background.mean((0, 1)) for s in range(8)]
    red, green, blue = np.mean(pictures, 0)
    assert green > red > blue
