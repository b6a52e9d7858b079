"""What cameras, lights and files do to pictures: colour, grey, blur, noise and compression.

Every function takes ``batch x height x width x 3`` uint8, returns new pictures and is a pure function of the
state of its generator. Numbers are drawn for all pictures, also for those that stay as they are.
"""

from __future__ import annotations

import io
from math import ceil

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch.nn import functional

Pictures = NDArray[np.uint8]

LUMA = np.array([0.299, 0.587, 0.114], np.float32)
"""Share of red, green and blue in grey (ITU-R BT.601), as in JPEG."""

BEST_QUALITY = 95
"""JPEG quality above which nothing is lost that could be seen."""


def cast_colour(images: Pictures, spread: float, rng: np.random.Generator) -> Pictures:
    """Multiply red, green and blue of every picture, as lamps and white balances do.

    Args:
        images: The pictures.
        spread: Standard deviation of each channel's factor around 1.
        rng: Random generator.
    """
    factors = 1 + spread * rng.standard_normal((len(images), 1, 1, 3)).astype(np.float32)
    return _as_pictures(images * factors)


def make_grey(images: Pictures, probability: float, rng: np.random.Generator) -> Pictures:
    """Turn some pictures grey.

    Args:
        images: The pictures.
        probability: Share of the pictures that are turned.
        rng: Random generator.
    """
    chosen = rng.random(len(images)) < probability
    out = images.copy()
    out[chosen] = _as_pictures(images[chosen] @ LUMA)[..., None]
    return out


def blur(images: Pictures, probability: float, largest: float, rng: np.random.Generator) -> Pictures:
    """Blur some pictures with a Gaussian, as a lens out of focus or a picture that was enlarged.

    Args:
        images: The pictures.
        probability: Share of the pictures that are blurred.
        largest: Largest standard deviation of the Gaussian, as a share of the picture's height; each
            picture's lies anywhere between 0 and this.
        rng: Random generator.
    """
    chosen = rng.random(len(images)) < probability
    deviations = largest * images.shape[1] * rng.random(len(images))[chosen]
    out = images.copy()
    if chosen.any():
        out[chosen] = _blurred(images[chosen], np.maximum(deviations, 1e-3))
    return out


def _blurred(images: Pictures, deviations: NDArray[np.float64]) -> Pictures:
    count, height, width, channels = images.shape
    # The picture ends are continued, so a kernel may not be longer than the picture.
    radius = min(ceil(3 * deviations.max()), height - 1, width - 1)
    places = np.arange(-radius, radius + 1)
    bells = np.exp(-0.5 * (places / deviations[:, None]) ** 2)
    bells /= bells.sum(axis=1, keepdims=True)
    kernels = torch.from_numpy(bells.astype(np.float32)).repeat_interleave(channels, 0)[:, None, None]
    planes = torch.from_numpy(images).permute(0, 3, 1, 2).reshape(1, -1, height, width).float()
    padded = functional.pad(planes, (radius, radius, radius, radius), mode="replicate")
    across = functional.conv2d(padded, kernels, groups=len(kernels))
    both = functional.conv2d(across, kernels.mT, groups=len(kernels))
    return _as_pictures(both.reshape(count, channels, height, width).permute(0, 2, 3, 1).numpy())


def add_noise(images: Pictures, largest: float, rng: np.random.Generator) -> Pictures:
    """Add noise, as sensors do in little light.

    Args:
        images: The pictures.
        largest: Largest standard deviation in grey levels of 0..255; each picture's lies anywhere between 0
            and this.
        rng: Random generator.
    """
    levels = largest * rng.random((len(images), 1, 1, 1)).astype(np.float32)
    # The sum of two dice is near enough to a normal distribution and drawn several times as fast.
    dice = rng.integers(0, 256, (2, *images.shape), dtype=np.uint8)
    noise = dice[0].astype(np.float32) + dice[1] - 255
    deviation = np.float32(np.sqrt(2 * (256**2 - 1) / 12))
    return _as_pictures(images + noise * (levels / deviation))


def compress(images: Pictures, probability: float, lowest: int, rng: np.random.Generator) -> Pictures:
    """Write some pictures as JPEG and read them again.

    Args:
        images: The pictures.
        probability: Share of the pictures that are compressed.
        lowest: Lowest quality of the compression; each picture's lies anywhere between this and 95.
        rng: Random generator.
    """
    chosen = rng.random(len(images)) < probability
    qualities = rng.integers(lowest, BEST_QUALITY + 1, len(images))
    out = images.copy()
    for i in np.flatnonzero(chosen).tolist():
        file = io.BytesIO()
        Image.fromarray(images[i]).save(file, "JPEG", quality=int(qualities[i]))
        out[i] = np.asarray(Image.open(file, formats=["JPEG"]))
    return out


def _as_pictures(values: NDArray[np.floating]) -> Pictures:
    """Return values cut to 0..255 and rounded."""
    return np.rint(np.clip(values, 0, 255)).astype(np.uint8)
