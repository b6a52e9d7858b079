"""Parts of one table over many files: Parquet files in a folder, each with a receipt of what it is of.

The receipt stands in the foot of the part, so that rows and receipt are there together or not at all.
Readers of Parquet do not see it: ``pandas.read_parquet`` takes the folder as one table.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from json import dumps
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from metafacs.parsing import convert, parse_json
from metafacs.seals import sealed, unsealed

RECEIPT = "metafacs.receipt"
"""Key of the receipt among the metadata of the Parquet file."""

_SUFFIX = ".parquet"
_REMEDY = "remove it and predict again"


class PartError(ValueError):
    """A part that is not what was written; the message names it and says what to do."""


@dataclass(frozen=True)
class Failure:
    """A file that could not be analysed.

    Attributes:
        number: Of the file in the list of all, from 0.
        input: What results call it.
        problem: Why, as a sentence.
        tries: How often it was tried.
    """

    number: int
    input: str
    problem: str
    tries: int


@dataclass(frozen=True)
class Receipt:
    """What one part is of.

    Attributes:
        part: Name of the part.
        first: Number of its first file in the list of all.
        rows: Rows of every file, in order. Where it failed, 1 of a picture, which says so, and 0 of a video;
            earlier versions wrote none of either.
        faces: Faces in all of them.
        failed: The files that could not be analysed.
        videos: What results call its videos, in order; empty if it is of pictures.
    """

    part: str
    first: int
    rows: tuple[int, ...]
    faces: int
    failed: tuple[Failure, ...] = ()
    videos: tuple[str, ...] = ()

    def to_json(self) -> str:
        """Return the receipt as it stands in a part."""
        return dumps(sealed(asdict(self)), separators=(",", ":"))


def read_receipt(path: Path) -> Receipt:
    """Return the receipt of a part, of which only the foot is read.

    Raises:
        PartError: If the file is damaged or no part of metafacs.
    """
    try:
        with pq.ParquetFile(path) as file:
            text = (file.metadata.metadata or {}).get(RECEIPT.encode())
    except (OSError, pa.ArrowException) as error:
        raise PartError(f"{path} cannot be read as Parquet ({error}); {_REMEDY}") from error
    if text is None:
        raise PartError(f"{path} has no receipt, so that it is no part of metafacs; move it elsewhere")
    content = unsealed(
        parse_json(text, dict[str, Any], str(path), PartError, _REMEDY), str(path), PartError, _REMEDY
    )
    return convert(content, Receipt, str(path), PartError, _REMEDY)


def part_files(folder: Path) -> list[Path]:
    """Return the Parquet files of a folder by their names; empty if it is none."""
    if not folder.is_dir():
        return []
    return sorted(path for path in folder.iterdir() if path.suffix == _SUFFIX and path.name[0] not in "._")


def holds_parts(folder: Path) -> bool:
    """Return whether a folder is one of parts."""
    found = part_files(folder)
    if not found:
        return False
    try:
        read_receipt(found[0])
    except PartError:
        return False
    return True


def videos_of_parts(folder: Path) -> dict[str, list[Path]]:
    """Return what results call the videos of a folder of parts -> the parts that hold rows of each.

    Raises:
        PartError: If a part is damaged.
    """
    found: dict[str, list[Path]] = {}
    for path in part_files(folder):
        receipt = read_receipt(path)
        for name, rows in zip(receipt.videos, receipt.rows if receipt.videos else (), strict=True):
            if rows:
                found.setdefault(name, []).append(path)
    return found
