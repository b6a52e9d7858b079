"""The pixels of a decoded picture as 8-bit RGB, whatever its colour mode, turned as the camera meant it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

_DEEP_MODES = ("I", "F", "I;16", "I;16L", "I;16B", "I;16N")
_ALPHA_MODES = ("RGBA", "LA", "PA", "RGBa", "La")

DEPTHS = (8, 10, 12, 14, 16)
"""Bits per pixel that cameras give; files have room for 8 or 16."""

_ORIENTATION, _BITS_PER_SAMPLE, _PHOTOMETRIC = 274, 258, 262

# Pixels that are converted at a time, so that a large picture is not in memory several times.
_STRIP = 1 << 22

Pixels = NDArray[np.uint8]


class DeepColourError(ValueError):
    """Colours whose depth cannot be told; the message goes on from the name of the file."""


def rgb_pixels(picture: Image.Image, path: Path) -> Pixels:
    """Return the pixels of a decoded picture.

    Whole grey values from 0 to 65535 are scaled by their depth: what the file states (TIFF's BitsPerSample,
    PNG's sBIT), else the fewest of 8, 10, 12, 14 and 16 bits that hold the brightest pixel, because
    cameras of 10 to 14 bit write their values into 16-bit files as they are. Other grey values, negative or
    fractional, are scaled from the range that they use.

    Args:
        picture: From :func:`metafacs.faces.pictures.open_picture`.
        path: Its file.

    Returns:
        ``height x width x 3``, uint8, RGB; turned as EXIF says, transparent pixels on white.

    Raises:
        DeepColourError: If colours of 16 bit use only the lowest of them, and would come out almost black.
    """
    turn = _orientation(picture)
    width, height = picture.size
    out = np.empty((width, height, 3) if turn >= 5 else (height, width, 3), np.uint8)
    stored = _as_stored(out, turn)
    if picture.mode in _DEEP_MODES:
        low, scale = _grey_range(picture, path)
        if scale and _white_is_zero(picture):
            low, scale = low + 255 / scale, -scale
        for top, part in _strips(picture):
            grey = (_finite(part) - low) * scale
            stored[top : top + part.height] = grey.round().astype(np.uint8)[:, :, None]
        return out
    _check_depth_of_colours(picture, path)
    for top, part in _strips(picture):
        stored[top : top + part.height] = np.asarray(_rgb(part))
    return out


def depth_of(highest: float) -> int:
    """Return the fewest bits that cameras give in which a grey value fits.

    >>> depth_of(900), depth_of(4095), depth_of(65535)
    (10, 12, 16)
    """
    return next(bits for bits in DEPTHS if highest < 1 << bits)


def _strips(picture: Image.Image) -> Iterator[tuple[int, Image.Image]]:
    """Yield the first row and the picture of strips from top to bottom."""
    width, height = picture.size
    rows = max(1, _STRIP // width)
    if rows >= height:
        yield 0, picture
        return
    for top in range(0, height, rows):
        yield top, picture.crop((0, top, width, min(height, top + rows)))


def _rgb(picture: Image.Image) -> Image.Image:
    if picture.mode in _ALPHA_MODES or "transparency" in picture.info:
        with_alpha = picture.convert("RGBA")
        picture = Image.alpha_composite(Image.new("RGBA", picture.size, "white"), with_alpha)
    return picture if picture.mode == "RGB" else picture.convert("RGB")


def _orientation(picture: Image.Image) -> int:
    """Return how the camera was held, 1-8 as EXIF counts; 1 where EXIF is damaged or says nothing."""
    with suppress(Exception):
        turn = picture.getexif().get(_ORIENTATION, 1)
        if turn in range(1, 9):
            return int(turn)
    return 1


def _as_stored(shown: Pixels, turn: int) -> Pixels:
    """Return a view of the turned picture in which its pixels lie as they are stored in the file."""
    if turn >= 5:
        shown = shown.transpose(1, 0, 2)
    rows, columns = {1: (1, 1), 2: (1, -1), 3: (-1, -1), 4: (-1, 1)}[turn if turn < 5 else _TRANSPOSED[turn]]
    return shown[::rows, ::columns]


# 5: mirrored at the diagonal; 6 to 8: turned clockwise, mirrored at the other diagonal, turned back.
_TRANSPOSED = {5: 1, 6: 4, 7: 3, 8: 2}


def _finite(picture: Image.Image) -> NDArray[np.float32 | np.float64]:
    values = np.asarray(picture)
    # 16 bits fit into a float32; 32 bits do not.
    kind = np.float32 if values.dtype.itemsize <= 2 else np.float64
    return np.nan_to_num(values.astype(kind), posinf=0.0, neginf=0.0)


def _grey_range(picture: Image.Image, path: Path) -> tuple[float, float]:
    """Return the value that becomes black, and what the others are multiplied with."""
    low, high = np.inf, -np.inf
    for _, part in _strips(picture):
        values = _finite(part)
        low, high = min(low, float(values.min())), max(high, float(values.max()))
    if picture.mode != "F" and low >= 0 and high <= 65535:
        bits = _stated_depth(picture, path) or depth_of(high)
        if high >= 1 << bits:
            # A PNG whose values were spread over all 16 bits, as its specification asks.
            bits = 16
        return 0.0, 255.0 / ((1 << bits) - 1)
    return low, 255.0 / (high - low) if high > low else 0.0


def _stated_depth(picture: Image.Image, path: Path) -> int | None:
    """Return the bits per grey value that the file itself tells; None where it only tells their room."""
    if picture.format == "PPM":
        # Pillow has scaled the values by the largest one that the file states.
        return 16
    if picture.format == "PNG":
        return _significant_bits(path)
    bits = _tiff_depth(picture)
    return None if bits in (0, 16, 32) else bits


def _tiff_depth(picture: Image.Image) -> int:
    """Return BitsPerSample of a TIFF; 0 of other pictures."""
    bits = getattr(picture, "tag_v2", {}).get(_BITS_PER_SAMPLE, (0,))
    return int(bits[0] if isinstance(bits, tuple) else bits)


def _white_is_zero(picture: Image.Image) -> bool:
    """Return whether the values of a TIFF say how dark they are; of 8 bits Pillow has turned them round."""
    return bool(getattr(picture, "tag_v2", {}).get(_PHOTOMETRIC) == 0)


def _significant_bits(path: Path) -> int | None:
    """Return what a PNG's sBIT chunk says of its grey values, if it has one."""
    with path.open("rb") as file:
        file.seek(8)
        while len(head := file.read(8)) == 8 and head[4:] != b"IDAT":
            size = int.from_bytes(head[:4], "big")
            if head[4:] == b"sBIT":
                bits = file.read(1)
                return bits[0] if bits and 1 <= bits[0] <= 16 else None
            file.seek(size + 4, 1)
    return None


def _check_depth_of_colours(picture: Image.Image, path: Path) -> None:
    """Refuse colours of 10 to 14 bit in values of 16, of which Pillow keeps the upper half."""
    if picture.format == "PNG":
        with path.open("rb") as file:
            deep = file.read(25)[24:] == b"\x10"
    else:
        deep = _tiff_depth(picture) == 16
    if deep and picture.mode not in ("L", "P"):
        bands = picture.getextrema()
        colours = bands[: 1 if picture.mode == "LA" else 3]
        if 0 < max(high for _, high in colours) < 64:  # type: ignore[misc]
            raise DeepColourError(
                "has colours of 16 bit that use 14 bits or fewer, and would come out almost black; save it "
                "with 8 bits per colour"
            )
