"""Reads a picture file whatever its colour mode, turned as the camera meant it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

SUFFIXES = (".jpg", ".jpeg", ".jfif", ".png", ".bmp", ".tif", ".tiff", ".webp", ".gif", ".ppm", ".pgm")
"""File name endings that :func:`read_picture` reads everywhere, lower case."""

_DEEP_MODES = ("I", "F", "I;16", "I;16L", "I;16B", "I;16N")


class PictureError(ValueError):
    """A file that cannot be used as a picture; the message names it and says what to do."""


def read_picture(path: str | Path) -> NDArray[np.uint8]:
    """Return the pixels of a picture file.

    The EXIF rotation is applied. Transparent pixels are laid on white. Grey values deeper than 8 bit are
    scaled to 8 bit: from the full range of 16 bit, or from the range they use where that is larger or
    fractional.

    Args:
        path: A picture in any format that Pillow reads; of an animation the first frame is taken.

    Returns:
        ``height x width x 3``, uint8, RGB.

    Raises:
        PictureError: If the file is missing, empty, truncated, damaged, too large or not a picture.
    """
    path = Path(path)
    if not path.is_file():
        what = "is a folder, not a picture" if path.is_dir() else "does not exist"
        raise PictureError(f"{path} {what}; give the path of a picture file")
    if path.stat().st_size == 0:
        raise PictureError(f"{path} is empty (0 bytes); copy or download it again")
    try:
        with Image.open(path) as picture:
            picture.load()
            return _rgb(ImageOps.exif_transpose(picture))
    except UnidentifiedImageError:
        raise PictureError(f"{path} is not a picture that can be read; convert it to JPEG or PNG") from None
    except Image.DecompressionBombError as error:
        raise PictureError(f"{path} is too large ({error}); make it smaller first") from None
    except PermissionError as error:
        raise PictureError(f"{path} may not be read ({error.strerror}); change its permissions") from None
    except Exception as error:
        # Decoders meet damaged files with almost any kind of error.
        raise PictureError(f"{path} is truncated or damaged ({error}); copy or export it again") from error


def _rgb(picture: Image.Image) -> NDArray[np.uint8]:
    if picture.mode in _DEEP_MODES:
        return np.repeat(_eight_bit(np.asarray(picture))[:, :, None], 3, axis=2)
    if picture.mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in picture.info:
        with_alpha = picture.convert("RGBA")
        picture = Image.alpha_composite(Image.new("RGBA", picture.size, "white"), with_alpha)
    return np.array(picture.convert("RGB"))


def _eight_bit(grey: NDArray[np.generic]) -> NDArray[np.uint8]:
    values = np.nan_to_num(grey.astype(np.float64), posinf=0.0, neginf=0.0)
    low, high = float(values.min()), float(values.max())
    whole = np.issubdtype(grey.dtype, np.integer)
    if whole and low >= 0 and high <= 65535:
        # Pillow opens 8-bit-deep data in these modes too, e.g. from TIFF.
        return (values / (257.0 if high > 255 else 1.0)).round().astype(np.uint8)
    scale = 255.0 / (high - low) if high > low else 0.0
    return ((values - low) * scale).round().astype(np.uint8)
