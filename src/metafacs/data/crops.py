"""Decodes the crops of a store, with simplejpeg where it is installed; the pixels are Pillow's."""

from __future__ import annotations

import io
from collections.abc import Callable
from functools import lru_cache

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from PIL import Image

Crop = NDArray[np.uint8]
Decoder = Callable[[bytes | pa.Buffer, int], Crop]


class CropError(ValueError):
    """Bytes are no crop of the side that was asked for; the message says what they are."""


@lru_cache(maxsize=1)
def fastest_decoder() -> Decoder:
    """Return simplejpeg's decoder, if it is installed, else Pillow's; the pixels are the same."""
    try:
        import simplejpeg  # noqa: F401 (whether it is there)
    except ImportError:
        return decode_with_pillow
    return decode_with_simplejpeg


def decode_with_pillow(encoded: bytes | pa.Buffer, side: int) -> Crop:
    """Return a crop, ``side x side x 3`` RGB.

    Raises:
        CropError: If the bytes are not a JPEG of that side.
    """
    try:
        with Image.open(io.BytesIO(encoded), formats=("JPEG",)) as picture:
            _check_side(picture.size, side)
            return np.asarray(picture if picture.mode == "RGB" else picture.convert("RGB"))
    except CropError:
        raise
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise CropError(str(error)) from error


def decode_with_simplejpeg(encoded: bytes | pa.Buffer, side: int) -> Crop:
    """Return the same as :func:`decode_with_pillow` for half the work: no copies are made in between.

    Raises:
        CropError: If the bytes are not a JPEG of that side.
    """
    from simplejpeg import decode_jpeg, decode_jpeg_header

    # Arrow's bytes are signed.
    content = memoryview(encoded).cast("B")
    try:
        height, width, *_ = decode_jpeg_header(content)
        # What is larger must not be decoded: a few bytes may ask for gigabytes.
        _check_side((width, height), side)
        crop: Crop = decode_jpeg(content, "RGB", fastdct=False, fastupsample=False)
    except CropError:
        raise
    except ValueError as error:
        raise CropError(str(error)) from error
    return crop


def _check_side(size: tuple[int, int], side: int) -> None:
    if size != (side, side):
        raise CropError(f"{size[0]} x {size[1]} pixels, not {side}")
