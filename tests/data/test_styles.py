from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image, ImageFilter
from scipy.ndimage import gaussian_filter1d

from metafacs.data.styles import add_noise, blur, cast_colour, compress, make_grey

Style = Callable[[np.ndarray, np.random.Generator], np.ndarray]
STYLES: dict[str, Style] = {
    "colour": lambda images, rng: cast_colour(images, 0.1, rng),
    "grey": lambda images, rng: make_grey(images, 0.5, rng),
    "blur": lambda images, rng: blur(images, 0.5, 0.05, rng),
    "noise": lambda images, rng: add_noise(images, 10, rng),
    "compression": lambda images, rng: compress(images, 0.5, 20, rng),
}


@pytest.fixture
def pictures() -> np.ndarray:
    """Sixteen blurred pictures of noise, 48 x 40."""
    noise = np.random.default_rng(0).integers(0, 256, (16, 48, 40, 3), dtype=np.uint8)
    return np.stack([np.array(Image.fromarray(one).filter(ImageFilter.GaussianBlur(2))) for one in noise])


def changed(images: np.ndarray, out: np.ndarray) -> np.ndarray:
    return (images != out).any(axis=(1, 2, 3))


@pytest.mark.parametrize("name", STYLES)
def test_a_style_is_a_pure_function_of_the_generator(name: str, pictures: np.ndarray) -> None:
    before = pictures.copy()
    first = STYLES[name](pictures, np.random.default_rng(1))
    np.testing.assert_array_equal(first, STYLES[name](pictures, np.random.default_rng(1)))
    assert not np.array_equal(first, STYLES[name](pictures, np.random.default_rng(2)))
    np.testing.assert_array_equal(pictures, before)
    assert (first.shape, first.dtype) == (pictures.shape, np.uint8)


@pytest.mark.parametrize("name", ["grey", "blur", "compression"])
def test_a_probability_is_the_share_of_changed_pictures(name: str, pictures: np.ndarray) -> None:
    functions = {
        "grey": lambda p: make_grey(many, p, np.random.default_rng(0)),
        "blur": lambda p: blur(many, p, 0.1, np.random.default_rng(0)),
        "compression": lambda p: compress(many, p, 10, np.random.default_rng(0)),
    }
    many = np.concatenate([pictures] * 10)
    assert changed(many, functions[name](0.3)).mean() == pytest.approx(0.3, abs=0.1)
    assert not changed(many, functions[name](0.0)).any()
    assert changed(many, functions[name](1.0)).mean() > 0.9


def test_what_one_picture_gets_does_not_depend_on_the_others(pictures: np.ndarray) -> None:
    others = pictures[::-1].copy()
    others[3] = pictures[3]
    for name in ("colour", "grey", "blur", "compression"):
        mine = STYLES[name](pictures, np.random.default_rng(4))[3]
        np.testing.assert_array_equal(mine, STYLES[name](others, np.random.default_rng(4))[3])


def test_colours_are_multiplied(pictures: np.ndarray) -> None:
    out = cast_colour(pictures, 0.1, np.random.default_rng(0))
    factors = 1 + 0.1 * np.random.default_rng(0).standard_normal((16, 1, 1, 3)).astype(np.float32)
    np.testing.assert_allclose(out, np.clip(pictures * factors, 0, 255), atol=0.5001)


def test_grey_is_the_luminance(pictures: np.ndarray) -> None:
    out = make_grey(pictures, 1.0, np.random.default_rng(0))
    expected = np.array(Image.fromarray(pictures[0]).convert("L"))
    assert np.abs(out[0] - expected[..., None].astype(float)).max() <= 1
    assert (out[..., 0] == out[..., 2]).all()


def test_blur_is_the_gaussian_of_the_drawn_width(pictures: np.ndarray) -> None:
    rng = np.random.default_rng(0)
    rng.random(16)
    widths = 0.06 * 48 * rng.random(16)
    out = blur(pictures, 1.0, 0.06, np.random.default_rng(0))
    for mine, picture, width in zip(out, pictures, widths, strict=True):
        expected = picture.astype(float)
        for axis in (0, 1):
            expected = gaussian_filter1d(expected, width, axis=axis, mode="nearest", radius=9)
        assert np.abs(mine - expected).max() <= 0.6


def test_blur_of_tiny_pictures_stays_inside_them() -> None:
    tiny = np.random.default_rng(0).integers(0, 256, (3, 2, 2, 3), dtype=np.uint8)
    out = blur(tiny, 1.0, 0.5, np.random.default_rng(0))
    assert out.shape == tiny.shape


def test_noise_has_the_drawn_deviation_and_no_bias() -> None:
    grey = np.full((8, 100, 100, 3), 128, np.uint8)
    out = add_noise(grey, 20.0, np.random.default_rng(0)).astype(float)
    levels = 20 * np.random.default_rng(0).random((8, 1, 1, 1)).astype(np.float32).ravel()
    np.testing.assert_allclose(
        out.std(axis=(1, 2, 3)), np.hypot(levels, np.sqrt(1 / 12)), rtol=0.02, atol=0.1
    )
    np.testing.assert_allclose(out.mean(axis=(1, 2, 3)), 128, atol=0.3)


def test_lower_quality_loses_more(pictures: np.ndarray) -> None:
    def loss(quality: int) -> float:
        out = compress(pictures, 1.0, quality, np.random.default_rng(0))
        return float(np.abs(out.astype(float) - pictures).mean())

    assert loss(5) > loss(60) > loss(95) > 0
