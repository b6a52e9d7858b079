"""Opens picture files: the one list of formats, the largest picture, and what is wrong with a file."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError, features

from metafacs.faces.pixels import DeepColourError, rgb_pixels
from metafacs.texts import printable

FORMATS = {
    "JPEG": (".jpg", ".jpeg", ".jfif"),
    "PNG": (".png",),
    "TIFF": (".tif", ".tiff"),
    "BMP": (".bmp",),
    "WEBP": (".webp",),
    "GIF": (".gif",),
    "PPM": (".ppm", ".pgm"),
    "AVIF": (".avif",),
    "HEIF": (".heic", ".heif", ".hif"),
}
"""Formats that are read, everywhere, and the endings of their files. No other decoder sees a file."""

SUFFIXES = tuple(suffix for suffixes in FORMATS.values() for suffix in suffixes)
"""File name endings of pictures, lower case. What a file holds decides how it is read, not its name."""

MOST_PIXELS = 120_000_000
"""Pixels of the largest picture that is read; it takes up to 2 GB meanwhile. The file may be tiny."""

# A progressive JPEG comes in about ten scans, each of which is a pass over the whole picture.
_MOST_SCANS = 200

# Brands of files laid out as MP4 (ISO/IEC 14496-12, 23008-12) that hold pictures.
_AVIF_BRANDS = frozenset({b"avif", b"avis"})
_HEIF_BRANDS = frozenset({b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"})
_PLAIN_FORMATS = tuple(name for name in FORMATS if name not in ("AVIF", "HEIF"))


class PictureError(ValueError):
    """A file that cannot be used as a picture; the message names it and says what to do."""


@contextmanager
def open_picture(source: Path | BinaryIO) -> Iterator[Image.Image]:
    """Open and decode a picture: the only way in for pictures that metafacs did not make a moment ago.

    Args:
        source: The file, or its content.

    Yields:
        The picture as it is stored; of an animation or of several pages the first picture.

    Raises:
        PictureError: If the file is missing, empty, truncated, damaged, no picture in one of
            :data:`FORMATS`, or larger than :data:`MOST_PIXELS`.
    """
    name = printable(source) if isinstance(source, Path) else "the picture"
    file = _open_file(source, name) if isinstance(source, Path) else source
    try:
        with _translated(name):
            picture = Image.open(file, formats=_formats_of(file, name))
            _check_size(picture, name)
            _check_scans(picture, file, name)
            picture.load()
        with picture:
            yield picture
    finally:
        if isinstance(source, Path):
            file.close()


def read_picture(path: str | Path) -> NDArray[np.uint8]:
    """Return the pixels of a picture file.

    The EXIF rotation is applied; one that makes no sense is none. Transparent pixels are laid on white.
    Deeper grey is scaled to 8 bit: see :func:`metafacs.faces.pixels.rgb_pixels`.

    Args:
        path: A picture in one of :data:`FORMATS`; of an animation the first frame is taken.

    Returns:
        ``height x width x 3``, uint8, RGB.

    Raises:
        PictureError: If the file is missing, empty, truncated, damaged, too large or not a picture.
    """
    path = Path(path)
    with open_picture(path) as picture, _translated(printable(path)):
        return rgb_pixels(picture, path)


def is_picture(path: Path) -> bool:
    """Return whether the beginning of a file says that it is a picture of one of the formats."""
    try:
        with path.open("rb") as file:
            if _brands(file) & (_AVIF_BRANDS | _HEIF_BRANDS):
                return True
            with Image.open(file, formats=_PLAIN_FORMATS):
                return True
    except Image.DecompressionBombError:
        return True
    except Exception:
        # Decoders meet what is no picture with almost any kind of error.
        return False


def _open_file(path: Path, name: str) -> BinaryIO:
    if not path.is_file():
        kinds = "is a folder, not a picture" if path.is_dir() else "is a pipe or a device, not a picture"
        what = kinds if path.exists() else "does not exist"
        raise PictureError(f"{name} {what}; give the path of a picture file")
    try:
        file = path.open("rb")
    except OSError as error:
        raise PictureError(f"{name} may not be read ({error.strerror}); change its permissions") from None
    if path.stat().st_size == 0:
        file.close()
        raise PictureError(f"{name} is empty (0 bytes); copy or download it again")
    return file


def _formats_of(file: BinaryIO, name: str) -> tuple[str, ...]:
    """Return the formats that a file may be in, and leave it at its beginning."""
    _silence_pillow()
    brands = _brands(file)
    if brands & _AVIF_BRANDS:
        if not features.check("avif"):
            raise PictureError(
                f"{name} is an AVIF picture, which Pillow reads from 11.3 on: pip install --upgrade pillow"
            )
        return ("AVIF",)
    if brands & _HEIF_BRANDS:
        if not _heif_is_there():
            raise PictureError(
                f"{name} is a HEIC picture; to read it, pip install 'metafacs[heic]', or convert it to JPEG"
            )
        return ("HEIF",)
    return _PLAIN_FORMATS


def _brands(file: BinaryIO) -> set[bytes]:
    """Return what a file laid out as MP4 says it is; of other files nothing."""
    head = file.read(64)
    file.seek(0)
    if head[4:8] != b"ftyp":
        return set()
    end = min(int.from_bytes(head[:4], "big"), len(head))
    return {head[place : place + 4] for place in (8, *range(16, end, 4))}


@lru_cache(maxsize=1)
def _silence_pillow() -> None:
    """Silence Pillow's warnings of large pictures, whose limit is another, and of damaged EXIF."""
    warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)
    warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\.(Tiff|Jpeg)ImagePlugin")


@lru_cache(maxsize=1)
def _heif_is_there() -> bool:
    try:
        from pillow_heif import register_heif_opener
    except ImportError:
        return False
    register_heif_opener()
    return True


def _check_size(picture: Image.Image, name: str) -> None:
    """Refuse what takes too much memory before anything is decoded."""
    # A TIFF may consist of tiles that are larger than the picture.
    tags = getattr(picture, "tag_v2", {})
    tile = int(tags.get(322, 0)), int(tags.get(323, 0))
    for width, height in (picture.size, tile):
        if width * height > MOST_PIXELS:
            raise PictureError(_too_large(name, f"{width} x {height} pixels"))


def _check_scans(picture: Image.Image, file: BinaryIO, name: str) -> None:
    """Refuse a small file that would be decoded for hours."""
    if picture.info.get("progressive"):
        file.seek(0)
        scans = sum(block.count(b"\xff\xda") for block in iter(lambda: file.read(1 << 20), b""))
        if scans > _MOST_SCANS:
            raise PictureError(f"{name} consists of {scans} scans, about ten are usual; save it anew")


def _too_large(name: str, size: str) -> str:
    return f"{name} is too large ({size}; at most {MOST_PIXELS:,} are read); make it smaller first"


@contextmanager
def _translated(name: str) -> Iterator[None]:
    """Say of any error of a decoder what it means for the user."""
    try:
        yield
    except PictureError:
        raise
    except UnidentifiedImageError:
        formats = ", ".join(FORMATS)
        raise PictureError(
            f"{name} is not a picture that can be read ({formats}); convert it to JPEG or PNG"
        ) from None
    except Image.DecompressionBombError:
        raise PictureError(_too_large(name, "hundreds of millions of pixels")) from None
    except DeepColourError as error:
        raise PictureError(f"{name} {error}") from None
    except MemoryError:
        raise PictureError(
            f"{name} does not fit into the memory that is left; make it smaller, or use fewer --workers"
        ) from None
    except Exception as error:
        # Decoders meet damaged files with almost any kind of error.
        raise PictureError(
            f"{name} is truncated or damaged ({printable(error)}); copy or export it again"
        ) from error
