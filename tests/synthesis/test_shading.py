from __future__ import annotations

import numpy as np

from metafacs.synthesis.shading import develop

TONES = (np.linspace(0, 1, 4096) ** (1 / 2.2) * 255 + 0.5).astype(np.uint8)


def test_develop_averages_four_pixels_in_linear_light() -> None:
    picture = np.zeros((2, 2, 3), np.float32)
    picture[0, 0] = 1.0
    image = develop(picture, 1.0, TONES)
    linear = 0.25 / (1 + 0.18 * 0.25)
    assert image.shape == (1, 1, 3)
    assert abs(int(image[0, 0, 0]) - round(linear ** (1 / 2.2) * 255)) <= 1


def test_develop_clips_light_and_darkness() -> None:
    picture = np.stack([np.full((4, 4), value, np.float32) for value in (-1.0, 50.0, 0.0)], -1)
    np.testing.assert_array_equal(develop(picture, 1.0, TONES), np.tile([0, 255, 0], (2, 2, 1)))
