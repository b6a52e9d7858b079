"""Small pictures that are drawn once and copied onto every frame: words, digits, dots, edges.

Pillow draws better than it draws fast: what changes from frame to frame is put together from stamps by
copying and mixing pixels.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from torch.nn.functional import interpolate

from metafacs.inference.panels import PAPER, Colour

Pixels = NDArray[np.uint8]

_PHASES = 4
"""A dot is drawn to a quarter of a pixel: coarser, landmarks would tremble."""

_FINENESS = 8


def text_stamp(
    text: str,
    font: ImageFont.FreeTypeFont,
    ink: Colour,
    size: tuple[int, int],
    *,
    paper: Colour = PAPER,
    anchor: str = "l",
) -> Pixels:
    """Return a line of text in the middle of its height.

    Args:
        text: What to write.
        font: In which type.
        ink: Colour of the text.
        size: Width and height in pixels; what does not fit is cut off.
        paper: Colour behind the text.
        anchor: ``l``, ``m`` or ``r``: at the left, in the middle or at the right.

    Returns:
        ``height x width x 3``, RGB.
    """
    stamp = Image.new("RGB", size, paper)
    left = {"l": 0.0, "m": size[0] / 2, "r": float(size[0])}[anchor]
    # The line's middle, not the text's: words with and without descenders stand on one line.
    ascent, descent = font.getmetrics()
    baseline = round((size[1] + ascent - descent) / 2)
    ImageDraw.Draw(stamp).text((left, baseline), text, ink, font, anchor=f"{anchor}s")
    return np.asarray(stamp)


class Typewriter:
    """Writes lines of some characters, each of which was drawn once.

    Args:
        characters: All that will be written.
        font: Whose digits are equally wide.
        ink: Colour of the text.
        height: Of a line in pixels.
    """

    def __init__(self, characters: str, font: ImageFont.FreeTypeFont, ink: Colour, height: int) -> None:
        self._stamps = {
            character: text_stamp(character, font, ink, (round(font.getlength(character)), height))
            for character in set(characters)
        }

    def write(self, image: Pixels, text: str, left: int, top: int) -> int:
        """Write on an image and return where the line ends; what is outside it is cut off."""
        for character in text:
            stamp = self._stamps[character]
            paste(image, stamp, left, top)
            left += stamp.shape[1]
        return left


def paste(image: Pixels, stamp: Pixels, left: int, top: int) -> None:
    """Copy a stamp onto an image; what is outside it is cut off."""
    height, width = image.shape[:2]
    x, y = max(left, 0), max(top, 0)
    right, bottom = min(left + stamp.shape[1], width), min(top + stamp.shape[0], height)
    if x < right and y < bottom:
        image[y:bottom, x:right] = stamp[y - top : bottom - top, x - left : right - left]


def draw_outline(image: Pixels, box: Sequence[float], colour: Colour, thickness: int) -> None:
    """Draw the four edges of a box inwards from its border; what is outside the image is cut off.

    Args:
        image: ``height x width x 3``; drawn on.
        box: Left, top, right and bottom in pixels of the image.
        colour: Of the edges.
        thickness: Of the edges in pixels.
    """
    height, width = image.shape[:2]
    left, top, right, bottom = (round(value) for value in box)
    for x0, y0, x1, y1 in (
        (left, top, right, top + thickness),
        (left, bottom - thickness, right, bottom),
        (left, top, left + thickness, bottom),
        (right - thickness, top, right, bottom),
    ):
        x0, x1 = max(0, min(x0, width)), max(0, min(x1, width))
        y0, y1 = max(0, min(y0, height)), max(0, min(y1, height))
        image[y0:y1, x0:x1] = colour


def draw_dots(image: Pixels, points: NDArray[np.float64], radius: float, colour: Colour) -> None:
    """Draw smooth dots with a white heart; those that are not wholly inside the image are left out.

    Args:
        image: ``height x width x 3``, contiguous rows; drawn on.
        points: ``dot x 2``, (x, y) in pixels, the middle of the first pixel at 0.5.
        radius: Of the dots in pixels, at least 0.5.
        colour: Of their rims; a dot too small for a heart is all rim.
    """
    cover, heart = _dot(max(1, round(radius * 2)))
    side = cover.shape[-1]
    corners = np.round((points - side / 2) * _PHASES).astype(np.int64)
    corners, phases = corners // _PHASES, corners % _PHASES
    height, width = image.shape[:2]
    inside = ((corners >= 0) & (corners <= (width - side, height - side))).all(1)
    if not inside.any():
        return
    corners, phases = corners[inside], phases[inside]
    left, top = corners.min(0)
    right, bottom = corners.max(0) + side
    patch = image[top:bottom, left:right]
    steps = np.arange(side)
    places = (
        ((corners[:, 1] - top)[:, None, None] + steps[:, None]) * (right - left)
        + (corners[:, 0] - left)[:, None, None]
        + steps
    ).ravel()
    covers, hearts = (stamps[phases[:, 1], phases[:, 0]].ravel() for stamps in (cover, heart))
    places, covers, hearts = (values[covers > 0] for values in (places, covers, hearts))
    # Where dots overlap, the stronger one counts: else the corners of one would wipe out its neighbour.
    ink = np.zeros((2, (bottom - top) * (right - left)), np.float32)
    np.maximum.at(ink[0], places, covers)
    np.maximum.at(ink[1], places, hearts)
    strength, white = ink[0][places, None], ink[1][places, None]
    rows, columns = np.divmod(places, right - left)
    behind = patch[rows, columns]
    shade = np.asarray(colour, np.float32) * (1 - white) + np.asarray(PAPER, np.float32) * white
    patch[rows, columns] = (behind + (shade - behind) * strength + 0.5).astype(np.uint8)


@cache
def _dot(diameter: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return how far a dot covers the pixels around it, and how far its heart does.

    Args:
        diameter: In pixels.

    Returns:
        Twice ``phase in y x phase in x x side x side``, 0-1.
    """
    side = diameter + 3
    fine = (np.arange(side * _FINENESS) + 0.5) / _FINENESS
    offsets = side / 2 + np.arange(_PHASES) / _PHASES
    away = (fine - offsets[:, None]) ** 2
    distances = np.sqrt(away[:, None, :, None] + away[None, :, None, :])
    shape = (_PHASES, _PHASES, side, _FINENESS, side, _FINENESS)
    radius = diameter / 2
    cover, heart = (
        (distances <= reach).reshape(shape).mean((3, 5), dtype=np.float32)
        for reach in (radius, max(radius - max(0.8, radius * 0.4), 0.0))
    )
    return cover, heart


def resized(image: Pixels, width: int, height: int) -> Pixels:
    """Return an image at another size, smoothed when it is reduced.

    Args:
        image: ``height x width x 3``, uint8, RGB.
        width: Asked for, in pixels.
        height: Asked for, in pixels.
    """
    if image.shape[:2] == (height, width):
        return image
    # In this order torch sees that the channels are interleaved, and gives them so.
    planes = torch.from_numpy(np.ascontiguousarray(image))[None].permute(0, 3, 1, 2)
    scaled = interpolate(planes, (height, width), mode="bilinear", antialias=True)
    return np.asarray(scaled[0].permute(1, 2, 0).numpy(), np.uint8)
