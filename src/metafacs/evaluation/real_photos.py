"""The two sets of real people that detectors are measured on: which picture shows what, and who is on it.

Neither has coded action units, neither is trained on, neither is shipped. The London set is the Face Research
Lab London Set (DeBruine & Jones 2017, CC BY 4.0): people told to be neutral and to smile. Web faces are press
photos and film stills with the emotion that others saw, as in the repository muxspace/facial_expressions.
"""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from metafacs.faces.pictures import SUFFIXES

NEUTRAL = "neutral"
LONDON_KINDS = (NEUTRAL, "smiling")
"""Folders of the London set."""

WEB_KINDS = (NEUTRAL, "happiness", "surprise", "anger")
"""Emotions of the web faces that are measured on; pictures of others are left aside."""

HALVES: Mapping[str, str] = MappingProxyType(
    {"first": "01234567", "second": "89abcdef", "all": "0123456789abcdef"}
)
"""Half of the web faces -> first digits of their names' SHA-256: the second is for a final test."""


class PhotoSetError(ValueError):
    """A folder or list that is no such set; the message says what is missing."""


@dataclass(frozen=True)
class Photo:
    """One picture of a set.

    Attributes:
        path: Picture file.
        kind: What it shows: ``neutral`` or an expression.
        person: Who is on it; None where nobody is known.
    """

    path: Path
    kind: str
    person: str | None = None


def london_photos(root: Path) -> list[Photo]:
    """Return the pictures of a folder laid out as the London set.

    Args:
        root: Folder with ``neutral/`` and ``smiling/``; both name the picture of a person alike.

    Returns:
        Neutral pictures first, each kind sorted by person.

    Raises:
        PhotoSetError: If one of the folders has no pictures.
    """
    found = [
        Photo(path, kind, path.stem)
        for kind in LONDON_KINDS
        for path in sorted((root / kind).glob("*"))
        if path.suffix.lower() in SUFFIXES
    ]
    kinds = {photo.kind for photo in found}
    if missing := [f"{kind}/" for kind in LONDON_KINDS if kind not in kinds]:
        raise PhotoSetError(
            f"{root} has no pictures in {' and '.join(missing)}; give the folder that holds both "
            "neutral/ and smiling/"
        )
    return found


def web_photos(root: Path, legend: Path, half: str = "first") -> tuple[list[Photo], list[str]]:
    """Return the pictures of a legend that belong to a half and show an emotion that is measured on.

    Args:
        root: Folder of the pictures.
        legend: CSV with the columns ``image`` (path below the folder) and ``emotion`` (in any case).
        half: Name in ``HALVES``: the SHA-256 of the file name, without folders, decides.

    Returns:
        The pictures sorted by name, and the names of those that the legend gives several emotions; these are
        left out.

    Raises:
        PhotoSetError: If the legend is missing, lacks a column or lists no such picture.
    """
    if not legend.is_file():
        raise PhotoSetError(f"{legend} does not exist; give the table of images and emotions")
    emotions: dict[str, set[str]] = {}
    with legend.open(newline="", encoding="utf-8-sig") as file:
        rows = csv.DictReader(file)
        if missing := sorted({"image", "emotion"} - set(rows.fieldnames or ())):
            raise PhotoSetError(f"{legend} has no column {' and '.join(missing)} in its first line")
        for row in rows:
            if row["image"] and row["emotion"] and in_half(row["image"], half):
                emotions.setdefault(row["image"], set()).add(row["emotion"].strip().lower())
    photos = [
        Photo(root / name, kind)
        for name, seen in sorted(emotions.items())
        for kind in seen
        if len(seen) == 1 and kind in WEB_KINDS
    ]
    if not photos:
        raise PhotoSetError(
            f"{legend} lists no picture of {', '.join(WEB_KINDS)} in the part {half!r} of the files"
        )
    return photos, sorted(name for name, seen in emotions.items() if len(seen) > 1)


def in_half(name: str, half: str) -> bool:
    """Return whether a picture belongs to a half of the web faces.

    >>> in_half("images/a.jpg", "first"), in_half("a.jpg", "second"), in_half("a.jpg", "all")
    (True, False, True)
    """
    return hashlib.sha256(Path(name).name.encode()).hexdigest()[0] in HALVES[half]
