"""Which files the page takes: those that prediction reads, by their endings, and how a browser is told."""

from __future__ import annotations

from pathlib import PurePosixPath

from metafacs.app.records import Kind
from metafacs.data.videos import VIDEO_SUFFIXES
from metafacs.faces.pictures import SUFFIXES
from metafacs.texts import printable

_LONGEST_NAME = 200
"""Bytes of a name, so that endings of results can follow it."""

_MEDIA_TYPES = {
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".jfif": "image/jpeg",
    ".png": "image/png",
    ".gif": "image/gif",
    ".webp": "image/webp",
    ".avif": "image/avif",
    ".bmp": "image/bmp",
    ".mp4": "video/mp4",
    ".m4v": "video/mp4",
    ".mov": "video/quicktime",
    ".webm": "video/webm",
    ".ogv": "video/ogg",
    ".mkv": "video/x-matroska",
    ".avi": "video/x-msvideo",
}
"""Ending -> what a browser is told; of others that it is bytes."""

TABLES = {
    "openface.csv": "{stem}.csv",
    "fex.csv": "{stem}_fex.csv",
    "table.jsonl": "{stem}.jsonl",
    "table.parquet": "{stem}.parquet",
}
"""Table that can be had of every file -> what it is called on the user's disk."""

ABOUT = {"about.json": "{stem}.csv.meta.json"}
"""What a reader of the tables must know -> what it is called."""

OVER_TIME = {
    "events.csv": "{stem}_events.csv",
    "events.eaf": "{stem}.eaf",
    "boris.csv": "{stem}_boris.csv",
    "plot.png": "{stem}_plot.png",
    "plot.svg": "{stem}_plot.svg",
}
"""What can be had of videos and recordings besides -> what it is called."""


class FormatError(ValueError):
    """A name whose ending is none of a picture or a video."""


def name_of(given: str) -> str:
    r"""Return what to call a file: the last part of the name that was given, in letters that can be printed.

    >>> name_of("../../etc/pass\nwd.png"), name_of("C:\\me.mp4")
    ('pass\\nwd.png', 'me.mp4')
    """
    # Without dots at its beginning it is hidden nowhere, and no folder above.
    name = printable(given.replace("\\", "/").rpartition("/")[2]).strip().lstrip(".")
    if len(name.encode()) > _LONGEST_NAME:
        ending = PurePosixPath(name).suffix[-10:]
        name = name.encode()[: _LONGEST_NAME - len(ending.encode())].decode(errors="ignore") + ending
    return name


def stem_of(name: str) -> str:
    """Return the name of a file without its ending."""
    return PurePosixPath(name).stem


def kind_of(name: str) -> tuple[Kind, str, str]:
    """Return what a file is by its name, its ending in small letters, and what a browser is told.

    Raises:
        FormatError: If prediction reads no such files.
    """
    ending = PurePosixPath(name).suffix.lower()
    media_type = _MEDIA_TYPES.get(ending, "application/octet-stream")
    if ending in SUFFIXES:
        return "picture", ending, media_type
    if ending in VIDEO_SUFFIXES:
        return "video", ending, media_type
    what = f"files ending in {printable(ending)}" if ending else "files without an ending"
    raise FormatError(
        f"{what} are not read; choose a picture, such as .jpg or .png, or a video, such as .mp4 or .mov"
    )
