"""What cameras, lights and files do to pictures: light, colour, grey, blur, noise, compression.

Every function takes ``batch x height x width x 3`` uint8 on any device and the numbers drawn for each
picture, and returns new pictures. :mod:`metafacs.data.changes` draws the numbers.
"""

from __future__ import annotations

import io
from math import ceil

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor
from torch.nn import functional

LUMA = (0.299, 0.587, 0.114)
"""Share of red, green and blue in grey (ITU-R BT.601), as in JPEG."""

BEST_QUALITY = 95
"""JPEG quality above which nothing is lost that could be seen."""

DICE = 2
"""Numbers from 0 to 255 whose sum stands for a normal distribution: near enough, and drawn much faster."""


def change_light(pictures: Tensor, gains: NDArray[np.float32], shifts: NDArray[np.float32]) -> Tensor:
    """Change contrast around the mean of every picture, then brightness.

    Args:
        pictures: The pictures.
        gains: ``batch``, factor of the differences from the mean.
        shifts: ``batch``, what is added, in grey levels of 0..255.
    """
    # Sums of whole numbers: the same on every device.
    pixels = pictures[0].numel()
    means = (pictures.flatten(1).sum(dim=1).double() / pixels).float()[:, None, None, None]
    values = pictures.float().sub_(means)
    values.mul_(_per_picture(gains, pictures)).add_(means).add_(_per_picture(shifts, pictures))
    return values.clamp_(0, 255).to(torch.uint8)


def cast_colour(pictures: Tensor, factors: NDArray[np.float32]) -> Tensor:
    """Multiply red, green and blue of every picture, as lamps and white balances do.

    Args:
        pictures: The pictures.
        factors: ``batch x 3``.
    """
    return _as_pictures(pictures.float().mul_(_on(factors, pictures)[:, None, None]))


def make_grey(pictures: Tensor, chosen: NDArray[np.bool_]) -> Tensor:
    """Turn some pictures grey.

    Args:
        pictures: The pictures.
        chosen: ``batch``, which of them.
    """
    rows = _on(np.flatnonzero(chosen), pictures)
    red, green, blue = (
        pictures[rows, :, :, channel].float().mul_(share) for channel, share in enumerate(LUMA)
    )
    grey = _as_pictures(red.add_(green).add_(blue))
    return pictures.index_copy(0, rows, grey[..., None].expand(-1, -1, -1, 3))


def blur(pictures: Tensor, chosen: NDArray[np.bool_], deviations: NDArray[np.float64]) -> Tensor:
    """Blur some pictures with a Gaussian, as a lens out of focus or a picture that was enlarged.

    Args:
        pictures: The pictures.
        chosen: ``batch``, which of them.
        deviations: ``batch``, standard deviation of the Gaussian in pixels.
    """
    if not chosen.any():
        return pictures
    rows = _on(np.flatnonzero(chosen), pictures)
    return pictures.index_copy(0, rows, _blurred(pictures[rows], np.maximum(deviations[chosen], 1e-3)))


def _blurred(pictures: Tensor, deviations: NDArray[np.float64]) -> Tensor:
    count, height, width, channels = pictures.shape
    # The picture ends are continued, so a kernel may not be longer than the picture.
    radius = min(ceil(3 * deviations.max()), height - 1, width - 1)
    places = np.arange(-radius, radius + 1)
    bells = np.exp(-0.5 * (places / deviations[:, None]) ** 2)
    bells /= bells.sum(axis=1, keepdims=True)
    kernels = _on(bells.astype(np.float32), pictures).repeat_interleave(channels, 0)[:, None, None]
    planes = pictures.permute(0, 3, 1, 2).reshape(1, -1, height, width).float()
    padded = functional.pad(planes, (radius, radius, radius, radius), mode="replicate")
    across = functional.conv2d(padded, kernels, groups=len(kernels))
    both = functional.conv2d(across, kernels.mT, groups=len(kernels))
    return _as_pictures(both.reshape(count, channels, height, width).permute(0, 2, 3, 1))


def add_noise(pictures: Tensor, levels: NDArray[np.float32], dice: NDArray[np.uint8]) -> Tensor:
    """Add noise, as sensors do in little light.

    Args:
        pictures: The pictures.
        levels: ``batch``, standard deviation of the noise in grey levels of 0..255.
        dice: ``DICE x batch x height x width x 3``, whole numbers of which each is as likely as any other.
    """
    first, second = _on(dice, pictures)
    deviation = np.float32(np.sqrt(DICE * (256**2 - 1) / 12))
    noise = first.float().add_(second).sub_(255).mul_(_per_picture(levels / deviation, pictures))
    return _as_pictures(noise.add_(pictures))


def compress(pictures: Tensor, chosen: NDArray[np.bool_], qualities: NDArray[np.int64]) -> Tensor:
    """Write some pictures as JPEG and read them again.

    Args:
        pictures: The pictures, on the processor.
        chosen: ``batch``, which of them.
        qualities: ``batch``, 1 to 95.
    """
    out = pictures.clone()
    for i in np.flatnonzero(chosen).tolist():
        file = io.BytesIO()
        Image.fromarray(pictures[i].numpy()).save(file, "JPEG", quality=int(qualities[i]))
        out[i] = torch.from_numpy(np.array(Image.open(file, formats=["JPEG"])))
    return out


def _on(numbers: NDArray[np.generic], pictures: Tensor) -> Tensor:
    """Return drawn numbers where the pictures are."""
    return torch.from_numpy(numbers).to(pictures.device)


def _per_picture(numbers: NDArray[np.float32], pictures: Tensor) -> Tensor:
    return _on(numbers, pictures)[:, None, None, None]


def _as_pictures(values: Tensor) -> Tensor:
    """Return values cut to 0..255 and rounded; the values are overwritten."""
    return values.clamp_(0, 255).round_().to(torch.uint8)
