"""The cylindrical texture space of the head, and the noise that procedural maps are made of.

A texel is addressed by the angle about the head's vertical axis and by height, both measured on the neutral
head, so that one map fits every person and every expression.
"""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from metafacs.compilation import compiled
from metafacs.synthesis.face_model import SKIN, FaceModel, load_face_model
from metafacs.synthesis.rasterizer import Buffers

Floats = NDArray[np.float32]

TEXTURE_SIZE = 512
"""Side of every map in texels."""

_AXIS_DEPTH = 0.35
_ANGLES = (-1.35, 1.35)
_HEIGHTS = (6.10, 8.25)


class TextureGrid(NamedTuple):
    """Where the texels lie on the neutral head, each of shape (512, 512).

    Attributes:
        x: Sideways position, positive on the subject's left.
        side: Distance from the middle of the face, ``abs(x)``.
        y: Height.
    """

    x: Floats
    side: Floats
    y: Floats


def head_angle(vertices: Floats) -> Floats:
    """Return the angle of points (n, 3) about the head's axis in radians, 0 at the front, shape (n,)."""
    return np.arctan2(vertices[:, 0], vertices[:, 2] - np.float32(_AXIS_DEPTH))


def texture_coordinates(vertices: Floats) -> Floats:
    """Return the texel coordinates (column, row) of points (n, 3) on the neutral head, shape (n, 2)."""
    column = (head_angle(vertices) - _ANGLES[0]) / (_ANGLES[1] - _ANGLES[0]) * (TEXTURE_SIZE - 1)
    row = (_HEIGHTS[1] - vertices[:, 1]) / (_HEIGHTS[1] - _HEIGHTS[0]) * (TEXTURE_SIZE - 1)
    return np.stack([column, row], 1).astype(np.float32)


@cache
def texture_grid() -> TextureGrid:
    """Return the positions of all texels."""
    model = load_face_model()
    neutral = model.neutral
    layer = draw_into_texture(model)
    angles = np.linspace(*_ANGLES, TEXTURE_SIZE, dtype=np.float32)
    heights = np.linspace(*_HEIGHTS[::-1], TEXTURE_SIZE, dtype=np.float32)
    x = np.repeat(np.sin(angles)[None], TEXTURE_SIZE, 0)
    drawn = layer.triangle >= 0
    corners = neutral[model.triangles[layer.triangle[drawn]], 0]
    wa, wb = layer.weights[drawn].T
    x[drawn] = corners[:, 0] * wa + corners[:, 1] * wb + corners[:, 2] * (1 - wa - wb)
    return TextureGrid(x, np.abs(x), np.repeat(heights[:, None], TEXTURE_SIZE, 1))


def draw_into_texture(model: FaceModel) -> Buffers:
    """Return which skin triangle lies at each texel, as buffers of 512 x 512."""
    neutral = model.neutral
    skin = model.triangles_of(SKIN)
    across_the_back = np.ptp(head_angle(neutral)[model.triangles[skin]], axis=1) >= 1.5
    radius = np.hypot(neutral[:, 0], neutral[:, 2] - np.float32(_AXIS_DEPTH))
    return Buffers(TEXTURE_SIZE, TEXTURE_SIZE).draw(
        texture_coordinates(neutral) + np.float32(0.5),
        -radius,
        model.triangles,
        skin[~across_the_back],
        cull=False,
    )


def value_noise(rng: np.random.Generator, cell_height: float, cell_width: float | None = None) -> Floats:
    """Return smooth noise of about unit variance over texture space.

    Args:
        rng: Random generator of the lattice values.
        cell_height: Distance of lattice rows in texels.
        cell_width: Distance of lattice columns in texels; the same as ``cell_height`` by default.

    Returns:
        Shape (512, 512).
    """
    cell_width = cell_height if cell_width is None else cell_width
    shape = (int(TEXTURE_SIZE / cell_height) + 3, int(TEXTURE_SIZE / cell_width) + 3)
    return _interpolate(rng.standard_normal(shape, dtype=np.float32), cell_height, cell_width, TEXTURE_SIZE)


@compiled
def _interpolate(lattice: Floats, cell_height: float, cell_width: float, size: int) -> Floats:
    noise = np.empty((size, size), np.float32)
    cells = np.empty(size, np.int32)
    shares = np.empty(size, np.float32)
    for column in range(size):
        cell = int(column / cell_width)
        share = column / cell_width - cell
        cells[column], shares[column] = cell, share * share * (3 - 2 * share)
    blended = np.empty(lattice.shape[1], np.float32)
    for row in range(size):
        cell = int(row / cell_height)
        between = row / cell_height - cell
        weight = np.float32(between * between * (3 - 2 * between))
        for k in range(lattice.shape[1]):
            blended[k] = lattice[cell, k] + weight * (lattice[cell + 1, k] - lattice[cell, k])
        for column in range(size):
            k = cells[column]
            noise[row, column] = blended[k] + shares[column] * (blended[k + 1] - blended[k])
    return noise


def smoothstep(start: float, end: float, x: ArrayLike) -> Floats:
    """Return 0 up to ``start``, 1 from ``end``, and a smooth step between; ``start`` may exceed ``end``.

    >>> [float(value) for value in smoothstep(0, 1, [-1.0, 0.5, 2.0])]
    [0.0, 0.5, 1.0]
    """
    t = np.clip((np.asarray(x, np.float32) - np.float32(start)) / np.float32(end - start), 0, 1)
    return t * t * (3 - 2 * t)


def bump(x: Floats, centre: float, width: float) -> Floats:
    """Return ``exp(-((x - centre) / width)^2)``."""
    t = (x - np.float32(centre)) * np.float32(1 / width)
    return np.exp(-t * t)
