from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image, ImageFilter
from scipy.ndimage import gaussian_filter1d
from torch import Tensor

from metafacs.data.styles import add_noise, blur, cast_colour, change_light, compress, make_grey

ALL, NONE = np.ones(16, bool), np.zeros(16, bool)


@pytest.fixture
def pictures() -> Tensor:
    """Sixteen blurred pictures of noise, 48 x 40."""
    noise = np.random.default_rng(0).integers(0, 256, (16, 48, 40, 3), dtype=np.uint8)
    blurred = [np.array(Image.fromarray(one).filter(ImageFilter.GaussianBlur(2))) for one in noise]
    return torch.from_numpy(np.stack(blurred))


def test_light_is_contrast_around_the_mean_then_brightness(pictures: Tensor) -> None:
    gains = np.linspace(0.7, 1.3, 16, dtype=np.float32)
    shifts = np.linspace(-20, 20, 16, dtype=np.float32)
    out = change_light(pictures, gains, shifts).numpy()
    values = pictures.numpy().astype(np.float64)
    mean = values.mean(axis=(1, 2, 3), keepdims=True)
    expected = (values - mean) * gains[:, None, None, None] + mean + shifts[:, None, None, None]
    assert np.abs(out - np.clip(expected, 0, 255)).max() < 1.001  # cut off, not rounded


def test_colours_are_multiplied(pictures: Tensor) -> None:
    factors = 1 + 0.1 * np.random.default_rng(0).standard_normal((16, 3)).astype(np.float32)
    expected = np.clip(pictures.numpy() * factors[:, None, None], 0, 255)
    np.testing.assert_allclose(cast_colour(pictures, factors).numpy(), expected, atol=0.5001)


def test_grey_is_the_luminance_of_those_chosen(pictures: Tensor) -> None:
    chosen = np.arange(16) < 3
    out = make_grey(pictures, chosen).numpy()
    expected = np.array(Image.fromarray(pictures[0].numpy()).convert("L"))
    assert np.abs(out[0] - expected[..., None].astype(float)).max() <= 1
    assert (out[:3, ..., 0] == out[:3, ..., 2]).all()
    np.testing.assert_array_equal(out[3:], pictures[3:].numpy())
    assert torch.equal(make_grey(pictures, NONE), pictures)


def test_blur_is_the_gaussian_of_the_given_width(pictures: Tensor) -> None:
    widths = 0.06 * 48 * np.random.default_rng(0).random(16)
    widths[0] = 2.8
    out = blur(pictures, ALL, widths).numpy()
    for mine, picture, width in zip(out, pictures.numpy(), widths, strict=True):
        expected = picture.astype(float)
        for axis in (0, 1):
            expected = gaussian_filter1d(expected, width, axis=axis, mode="nearest", radius=9)
        assert np.abs(mine - expected).max() <= 0.6
    some = blur(pictures, np.arange(16) == 5, widths).numpy()
    np.testing.assert_array_equal(np.delete(some, 5, 0), np.delete(pictures.numpy(), 5, 0))
    assert torch.equal(blur(pictures, NONE, widths), pictures)


def test_blur_of_tiny_pictures_stays_inside_them() -> None:
    tiny = torch.from_numpy(np.random.default_rng(0).integers(0, 256, (3, 2, 2, 3), dtype=np.uint8))
    assert blur(tiny, ALL[:3], np.array([0.0, 0.5, 1.0])).shape == tiny.shape


def test_noise_has_the_given_deviation_and_no_bias() -> None:
    grey = torch.full((8, 100, 100, 3), 128, dtype=torch.uint8)
    levels = 20 * np.random.default_rng(0).random(8).astype(np.float32)
    dice = np.random.default_rng(1).integers(0, 256, (2, *grey.shape), dtype=np.uint8)
    out = add_noise(grey, levels, dice).numpy().astype(float)
    np.testing.assert_allclose(
        out.std(axis=(1, 2, 3)), np.hypot(levels, np.sqrt(1 / 12)), rtol=0.02, atol=0.1
    )
    np.testing.assert_allclose(out.mean(axis=(1, 2, 3)), 128, atol=0.3)


def test_lower_quality_loses_more(pictures: Tensor) -> None:
    def loss(quality: int, chosen: np.ndarray = ALL) -> float:
        out = compress(pictures, chosen, np.full(16, quality))
        return float((out.float() - pictures).abs().mean())

    assert loss(5) > loss(60) > loss(95) > 0 == loss(5, NONE)
