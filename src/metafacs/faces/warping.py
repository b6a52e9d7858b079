"""Cuts a turned, scaled square out of a picture.

Points are (x, y) in pixels with the centre of the first pixel at (0, 0), as in the landmark files of the data
sets. A matrix is ``2 x 3`` and maps points of the picture to points of the crop.
"""

from __future__ import annotations

from math import ceil, cos, floor, sin
from typing import NamedTuple

import numpy as np
from numpy.lib.stride_tricks import as_strided
from numpy.typing import NDArray
from PIL import Image

Matrix = NDArray[np.float64]
Picture = NDArray[np.uint8]
Row = tuple[float, float, float]

# Two-point interpolation skips pixels when it shrinks by more than this; then the picture is resized first.
SHRINK_LIMIT = 1.5


def similarity(centre: tuple[float, float], side: float, angle: float, size: int) -> Matrix:
    """Return the matrix that maps a turned square of the picture to an upright crop.

    Args:
        centre: Centre of the square (x, y) in pixels of the picture.
        side: Side of the square in pixels of the picture, more than 0.
        angle: Direction of the square's upper edge in radians, clockwise as seen (y points down).
        size: Side of the crop in pixels.

    Returns:
        ``2 x 3`` matrix, picture to crop.
    """
    scale = size / side
    turn = scale * np.array([[cos(angle), sin(angle)], [-sin(angle), cos(angle)]])
    shift = (size - 1) / 2 - turn @ np.asarray(centre, dtype=float)
    return np.concatenate([turn, shift[:, None]], axis=1)


def invert(matrix: Matrix) -> Matrix:
    """Return the ``2 x 3`` matrix that maps the other way."""
    turn = np.linalg.inv(matrix[:, :2])
    return np.concatenate([turn, -turn @ matrix[:, 2:]], axis=1)


def move_points(matrix: Matrix, points: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return ``points x 2`` mapped by a ``2 x 3`` matrix."""
    return np.asarray(points, dtype=np.float64) @ matrix[:, :2].T + matrix[:, 2]


def warp(image: Picture, matrix: Matrix, size: int, border: int) -> Picture:
    """Return the crop of a picture under a similarity transform.

    Interpolates between the nearest four pixels; where the crop is much smaller than what it shows, the
    picture is first reduced with an averaging filter, so that fine texture does not turn into noise.

    Args:
        image: ``height x width x 3``, uint8.
        matrix: ``2 x 3``, picture to crop.
        size: Side of the crop in pixels.
        border: Grey value 0-255 outside the picture.

    Returns:
        ``size x size x 3``, uint8.
    """
    height, width = image.shape[:2]
    inverse = invert(matrix)
    shrink = float(np.sqrt(abs(np.linalg.det(inverse[:, :2]))))
    edges = np.array([[0, 0], [size, 0], [0, size], [size, size]]) - 0.5
    corners = move_points(inverse, edges)
    margin = 2 * shrink + 2
    left, top = (max(0, floor(low - margin)) for low in corners.min(0))
    right = min(width, ceil(corners[:, 0].max() + margin))
    bottom = min(height, ceil(corners[:, 1].max() + margin))
    if right <= left or bottom <= top:
        return np.full((size, size, 3), border, np.uint8)
    part = _Part.of(image, left, top, right, bottom)
    across, down = 1.0, 1.0
    if shrink > SHRINK_LIMIT:
        small = part.reduced(max(1, round(part.width / shrink)), max(1, round(part.height / shrink)))
        across, down = part.width / small.width, part.height / small.height
        part = small
    # Loops and Pillow count from the corner of the first pixel, not from its centre.
    turn = inverse[:, :2]
    shift = inverse[:, 2] + 0.5 - turn @ (0.5, 0.5) - (left, top)
    row_x = (float(turn[0, 0] / across), float(turn[0, 1] / across), float(shift[0] / across))
    row_y = (float(turn[1, 0] / down), float(turn[1, 1] / down), float(shift[1] / down))
    return part.sampled(row_x, row_y, size, border)


class _Part(NamedTuple):
    """A part of a picture in memory: flat, read-only, with a byte to spare behind its last pixel."""

    flat: Picture
    start: int
    line: int
    width: int
    height: int

    @classmethod
    def of(cls, image: Picture, left: int, top: int, right: int, bottom: int) -> _Part:
        """Return a part without copying it, if it can be."""
        height, width = image.shape[:2]
        if image.flags.c_contiguous and (right < width or bottom < height):
            place = 3 * (top * width + left)
            return cls(_locked(image.reshape(-1)), place, 3 * width, right - left, bottom - top)
        return cls.copied(image[top:bottom, left:right])

    @classmethod
    def copied(cls, image: Picture) -> _Part:
        """Return a copy of a picture."""
        height, width = image.shape[:2]
        flat = np.empty(image.size + 1, np.uint8)
        flat[:-1].reshape(image.shape)[:] = image
        return cls(_locked(flat), 0, 3 * width, width, height)

    def reduced(self, width: int, height: int) -> _Part:
        """Return the part made smaller, as Pillow does it.

        Pillow itself does what is rare: pictures that become six times smaller are first averaged in whole
        pixels, and narrow ones are reduced in another order.
        """
        if self.height > 1.5 * self.width or self.width >= 6 * width or self.height >= 6 * height:
            rows = as_strided(self.flat[self.start :], (self.height, self.width, 3), (self.line, 3, 1))
            whole = Image.fromarray(np.ascontiguousarray(rows))
            picture = whole.resize((width, height), Image.Resampling.BILINEAR, reducing_gap=3.0)
            return self.copied(np.asarray(picture))
        # Numba takes half a second to load.
        from metafacs.faces.warping_kernels import reduce

        small = reduce(self.flat, self.start, self.line, self.width, self.height, width, height)
        return _Part(_locked(small), 0, 3 * width, width, height)

    def sampled(self, row_x: Row, row_y: Row, size: int, border: int) -> Picture:
        """Return a turned square of the part."""
        from metafacs.faces.warping_kernels import sample

        flat, start, line, width, height = self
        crop = sample(flat, start, line, width, height, row_x, row_y, size, border)
        return crop[:-1].reshape(size, size, 3)


def _locked(flat: Picture) -> Picture:
    """Return a read-only view: loops are compiled anew for what may and what may not be written."""
    view = flat.view()
    view.flags.writeable = False
    return view
