"""What is behind the head: the wall of a laboratory, or a room, a street, foliage out of focus.

Backgrounds are painted small and enlarged, because a portrait lens leaves them out of focus anyway.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from metafacs.synthesis.noise import fractal_noise, smoothstep, value_noise

Picture = NDArray[np.float32]

_CANVAS = 112
_LUMINANCE = np.array([0.2126, 0.7152, 0.0722], np.float32)


def lab_background(seed: int, side: int, colour: NDArray[np.float32]) -> Picture:
    """Return an evenly lit wall, the same for every picture of a session.

    Args:
        seed: Decides unevenness and folds of the wall.
        side: Height and width in pixels.
        colour: Shape (3,), linear RGB of the wall.

    Returns:
        Shape (side, side, 3), linear RGB in [0, 1]; read-only, because the frames of a session share it.
    """
    red, green, blue = (float(value) for value in colour)
    return _wall(seed, side, (red, green, blue))


@lru_cache(maxsize=4)
def _wall(seed: int, side: int, colour: tuple[float, float, float]) -> Picture:
    rng = np.random.default_rng(seed)
    y, x = _grid(_CANVAS)
    centre = rng.uniform(0.35, 0.65), rng.uniform(0.25, 0.55)
    falloff = rng.uniform(0.2, 0.6)
    brightness = 1.08 - falloff * ((x - centre[0]) ** 2 + (y - centre[1]) ** 2)
    if rng.random() < 0.4:
        folds = value_noise(rng, (_CANVAS, _CANVAS), 3.0 * _CANVAS, rng.uniform(8, 20))
        brightness = brightness * (1 + rng.uniform(0.01, 0.05) * folds)
    brightness = brightness + 0.01 * value_noise(rng, (_CANVAS, _CANVAS), 30)
    wall = np.asarray(colour, np.float32) * brightness[..., None].astype(np.float32)
    enlarged = _enlarge(wall, side)
    enlarged.flags.writeable = False
    return enlarged


def wild_background(
    rng: np.random.Generator, side: int, shares: Sequence[float] = (0.2, 0.3, 0.2, 0.15, 0.15)
) -> Picture:
    """Return the out-of-focus surroundings of a snapshot.

    Args:
        rng: Random generator.
        side: Height and width in pixels.
        shares: How often each place is chosen: plain wall or paper, room, outdoors, foliage, evening; sums
            to 1.

    Returns:
        Shape (side, side, 3), linear RGB in [0, 1].
    """
    painters = (_plain, _room, _outdoors, _foliage, _evening)
    painter = painters[int(rng.choice(len(painters), p=shares))]
    canvas = painter(rng)
    radius = rng.uniform(0.6, 7.0)
    canvas = _defocus(canvas, radius)
    enlarged = _enlarge(canvas, side)
    grain = value_noise(rng, (side, side), max(1.5, side / 120)) * rng.uniform(0.0, 0.02)
    return np.clip(enlarged * (1 + grain[..., None]), 0, 1).astype(np.float32)


def surface_colour(
    rng: np.random.Generator, darkest: float = 0.02, brightest: float = 0.75, saturation: float = 0.35
) -> NDArray[np.float32]:
    """Return the colour of some man-made or natural surface.

    Args:
        rng: Random generator.
        darkest: Lowest luminance, linear.
        brightest: Highest luminance, linear.
        saturation: Typical saturation, 0 grey to 1; single draws scatter around it.

    Returns:
        Shape (3,), linear RGB in [0.003, 1].
    """
    luminance = float(np.exp(rng.uniform(np.log(darkest), np.log(brightest))))
    hue = rng.uniform(0, 2 * np.pi)
    # Most things people stand in front of are beige, brown, grey or bluish; pure green and magenta are rare.
    warm_cool = np.array([1.0, 0.15, -1.0], np.float32) * np.cos(hue)
    green_magenta = np.array([-0.5, 0.5, -0.5], np.float32) * np.sin(hue) * 0.6
    tint = (warm_cool + green_magenta) * min(abs(rng.normal(0, saturation)), 1.0)
    colour = 1 + tint
    colour = colour * (luminance / float(colour @ _LUMINANCE))
    return np.clip(colour, 0.003, 1.0).astype(np.float32)


def _plain(rng: np.random.Generator) -> Picture:
    """A wall or a studio paper with a gradient in a random direction."""
    y, x = _grid(_CANVAS)
    angle = rng.uniform(0, 2 * np.pi)
    t = np.clip(0.5 + (x - 0.5) * np.cos(angle) + (y - 0.5) * np.sin(angle), 0, 1)[..., None]
    first = surface_colour(rng, 0.03, 0.8)
    second = np.clip(first * rng.uniform(0.3, 1.4) + rng.normal(0, 0.02, 3), 0.005, 1)
    mottle = 1 + rng.uniform(0, 0.12) * fractal_noise(rng, (_CANVAS, _CANVAS), (50, 20, 8))
    return ((first * (1 - t) + second * t) * mottle[..., None]).astype(np.float32)


def _room(rng: np.random.Generator) -> Picture:
    """A wall with doors, shelves, pictures and sometimes a bright window."""
    canvas = _plain(rng)
    canvas *= rng.uniform(0.6, 1.0)
    if rng.random() < 0.5:
        _rectangle(rng, canvas, surface_colour(rng, 0.03, 0.5), tall=True)
    if rng.random() < 0.4:
        _rectangle(rng, canvas, surface_colour(rng, 0.6, 1.0, 0.15), tall=rng.random() < 0.5)
    for _ in range(int(rng.integers(2, 12))):
        _rectangle(rng, canvas, surface_colour(rng, 0.02, 0.7, 0.5), tall=rng.random() < 0.5, small=True)
    return canvas


def _outdoors(rng: np.random.Generator) -> Picture:
    """A sky above a horizon, buildings or trees below it."""
    y, _ = _grid(_CANVAS)
    shape = (_CANVAS, _CANVAS)
    horizon = rng.uniform(0.25, 0.75)
    top = np.array([0.25, 0.42, 0.75], np.float32) * rng.uniform(0.5, 1.2)
    haze = np.array([0.8, 0.85, 0.9], np.float32) * rng.uniform(0.6, 1.05)
    overcast = rng.uniform(0, 1)
    top = top * (1 - overcast) + haze * overcast
    t = np.clip(y / horizon, 0, 1)[..., None]
    sky = top * (1 - t) + haze * t
    clouds = smoothstep(0.1, 0.9, fractal_noise(rng, shape, (45, 20, 9)))[..., None] * rng.uniform(0, 0.5)
    sky = sky * (1 - clouds) + 0.95 * clouds
    near = surface_colour(rng, 0.03, 0.35, 0.4)
    far = surface_colour(rng, 0.05, 0.5, 0.3)
    texture = fractal_noise(rng, shape, (30, 12, 5))[..., None]
    ground = (far * (1 - y[..., None]) + near * y[..., None]) * (1 + 0.35 * texture)
    skyline = horizon + 0.06 * value_noise(rng, (1, _CANVAS), 1, rng.uniform(5, 30))
    below = smoothstep(-0.01, 0.01, y - skyline)[..., None]
    canvas = (sky * (1 - below) + ground * below).astype(np.float32)
    for _ in range(int(rng.integers(0, 5))):
        _rectangle(rng, canvas, surface_colour(rng, 0.04, 0.6, 0.3), tall=True)
    return canvas


def _foliage(rng: np.random.Generator) -> Picture:
    """Leaves with light spots between them."""
    shape = (_CANVAS, _CANVAS)
    base = np.array([0.07, 0.11, 0.04], np.float32) * rng.uniform(0.4, 1.8)
    base = base * (1 + rng.normal(0, 0.15, 3)).astype(np.float32)
    shade = np.exp(0.7 * fractal_noise(rng, shape, (28, 11, 5)))[..., None]
    light = smoothstep(0.5, 1.4, fractal_noise(rng, shape, (18, 7)))[..., None] * rng.uniform(0.1, 0.7)
    bright = np.array([0.72, 0.78, 0.62], np.float32)
    return (base * shade * (1 - light) + bright * light).astype(np.float32)


def _evening(rng: np.random.Generator) -> Picture:
    """A dark place with lamps that the lens turns into discs."""
    canvas = _plain(rng) * rng.uniform(0.1, 0.5)
    for _ in range(int(rng.integers(2, 8))):
        _rectangle(rng, canvas, surface_colour(rng, 0.01, 0.2, 0.5), tall=rng.random() < 0.5, small=True)
    y, x = _grid(_CANVAS)
    for _ in range(int(rng.integers(3, 18))):
        centre_x, centre_y, radius = rng.uniform(0, 1), rng.uniform(0, 0.9), rng.uniform(0.008, 0.06)
        distance = np.hypot(x - centre_x, y - centre_y)
        disc = smoothstep(radius + 0.008, radius - 0.008, distance)[..., None]
        lamp = surface_colour(rng, 0.3, 1.0, 0.5)
        canvas = canvas + disc * lamp * rng.uniform(0.3, 0.9)
    return canvas.astype(np.float32)


def _rectangle(
    rng: np.random.Generator,
    canvas: Picture,
    colour: NDArray[np.float32],
    tall: bool,
    small: bool = False,
) -> None:
    """Paint one upright box with a soft shading from side to side onto the canvas."""
    long, short = (0.3, 0.12) if small else (1.2, 0.35)
    extent = rng.uniform(0.3, 1.0) * long, rng.uniform(0.3, 1.0) * short
    height, width = extent if tall else extent[::-1]
    top, left = rng.uniform(-0.2, 1.0), rng.uniform(-0.2, 1.0)
    rows = slice(max(0, int(top * _CANVAS)), max(0, int((top + height) * _CANVAS)))
    columns = slice(max(0, int(left * _CANVAS)), max(0, int((left + width) * _CANVAS)))
    region = canvas[rows, columns]
    shading = np.linspace(rng.uniform(0.7, 1.0), 1.0, region.shape[1], dtype=np.float32)[None, :, None]
    region[...] = 0.15 * region + 0.85 * colour * shading


def _defocus(canvas: Picture, radius: float) -> Picture:
    """Blur by three box filters, which together are close to a Gaussian of the given radius in pixels."""
    blurred = canvas
    width = max(1, round(radius * 0.6)) * 2 + 1
    for axis in (0, 1):
        for _ in range(3):
            blurred = _box_filter(blurred, width, axis)
    return blurred


def _box_filter(picture: Picture, width: int, axis: int) -> Picture:
    """Average over ``width`` (odd) neighbours along an axis; the border is repeated."""
    pad = [(0, 0)] * picture.ndim
    pad[axis] = (width // 2 + 1, width // 2)
    summed = np.cumsum(np.pad(picture, pad, mode="edge").astype(np.float64), axis=axis)
    high = np.take(summed, np.arange(width, summed.shape[axis]), axis)
    low = np.take(summed, np.arange(0, summed.shape[axis] - width), axis)
    averaged: Picture = ((high - low) / width).astype(np.float32)
    return averaged


def _enlarge(canvas: Picture, side: int) -> Picture:
    """Resample to (side, side, 3) with a cubic filter, clipped to [0, 1]."""
    bands = [
        np.asarray(
            Image.fromarray(np.ascontiguousarray(canvas[..., band])).resize(
                (side, side), Image.Resampling.BICUBIC
            )
        )
        for band in range(3)
    ]
    return np.clip(np.stack(bands, axis=-1), 0, 1).astype(np.float32)


def _grid(side: int) -> tuple[Picture, Picture]:
    """Return y and x coordinates in 0..1, shapes (side, side)."""
    axis = (np.arange(side, dtype=np.float32) + 0.5) / np.float32(side)
    return np.broadcast_to(axis[:, None], (side, side)), np.broadcast_to(axis[None], (side, side))
