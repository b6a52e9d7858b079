"""The list of a person's own labelled pictures."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from metafacs.data.codings.delimited import CodingError, read_delimited
from metafacs.data.datasets.reading import whole_number
from metafacs.faces.pictures import SUFFIXES
from metafacs.facs import au_name
from metafacs.texts import shown

PICTURE, FRAME = "picture", "frame"
_AU_COLUMN = re.compile(r"^AU0*(?P<au>\d{1,2})$", re.IGNORECASE | re.ASCII)
_WHOLE_FLOAT = re.compile(r"(?<=[0-9])\.0{1,9}$")
"""What pandas puts behind whole numbers in columns with blanks."""

_LABELS = {"": float("nan"), "0": 0.0, "1": 1.0}
_APART = 30
_STILLS = frozenset(SUFFIXES) - {".gif"}
"""Endings of files that hold one picture; a GIF may be a video."""


class SupportError(ValueError):
    """The list of labelled pictures, or a picture in it, cannot be used; the message names file and line."""


@dataclass(frozen=True)
class SupportRow:
    """One labelled picture.

    Attributes:
        line: Line of the list, from 1.
        picture: Path of the picture or the video.
        frame: 0-based number of the frame of a video; None for a picture.
        box: Where the person's face is, ``left, top, right, bottom`` in pixels; None if nobody said so.
    """

    line: int
    picture: Path
    frame: int | None = None
    box: tuple[float, float, float, float] | None = None


@dataclass(frozen=True, eq=False)
class Support:
    """A person's labelled pictures.

    Attributes:
        path: The list they come from.
        aus: FACS numbers of the columns.
        rows: The pictures.
        labels: ``picture x au``, 1 present, 0 absent, NaN unknown.
    """

    path: Path
    aus: tuple[int, ...]
    rows: tuple[SupportRow, ...]
    labels: NDArray[np.float32]

    @property
    def groups(self) -> NDArray[np.int64]:
        """Number of the moment each picture shows, ``picture``.

        Frames of one video less than 30 apart look alike: a check that learned from one of them and judged
        by the next would flatter itself.
        """
        moments = np.arange(len(self.rows))
        ordered = sorted(
            range(len(self.rows)), key=lambda i: (str(self.rows[i].picture), self.rows[i].frame or 0)
        )
        for before, after in pairwise(ordered):
            first, second = self.rows[before], self.rows[after]
            if (
                first.frame is not None
                and second.frame is not None
                and first.picture == second.picture
                and second.frame - first.frame < _APART
            ):
                moments[after] = moments[before]
        return moments


def read_support(path: Path | str) -> Support:
    """Read a list of labelled pictures of one person.

    A table with commas, semicolons or tabs between the cells and the columns ``picture`` (a path, relative to
    the list), ``frame`` (0-based; only where the picture is a video) and one per action unit, e.g. ``AU12``:
    1 present, 0 absent, blank unknown. Whole numbers may be written as 1.0, which pandas does in columns with
    blanks.

    Args:
        path: The list.

    Raises:
        SupportError: If the list is missing or no text, a column is unknown, a cell has another value, or a
            picture is listed twice or without any label.
    """
    path = Path(path)
    if not path.is_file():
        raise SupportError(
            f"{path} does not exist; give a CSV file with the columns picture, frame and AUs such as AU12"
        )
    try:
        table = read_delimited(path, lambda header: range(len(header)))
    except CodingError as error:
        raise SupportError(str(error)) from error
    if not table.lines:
        raise SupportError(f"{path} lists no pictures; write a line of column names and a line per picture")
    header = table.header
    columns = _au_columns(path, header)
    rows: list[SupportRow] = []
    labels: list[list[float]] = []
    for number, *cells in zip(table.lines, *table.columns.values(), strict=True):
        row = _row(path, number, dict(zip(header, cells, strict=True)))
        known = [_label(path, number, header[column], cells[column]) for column in columns.values()]
        if all(np.isnan(known)):
            raise SupportError(f"{path}, line {number}: no action unit is labelled; write 0 or 1 somewhere")
        if (row.picture, row.frame) in {(r.picture, r.frame) for r in rows}:
            raise SupportError(
                f"{path}, line {number}: {row.picture.name} is listed before; remove one of them"
            )
        rows.append(row)
        labels.append(known)
    order = sorted(range(len(columns)), key=list(columns).__getitem__)
    return Support(path, tuple(sorted(columns)), tuple(rows), np.array(labels, np.float32)[:, order])


def _au_columns(path: Path, header: Sequence[str]) -> dict[int, int]:
    """Return AU -> position of its column."""
    if PICTURE not in header:
        raise SupportError(
            f"{path}, line 1: there is no column '{PICTURE}'; the columns are {shown(', '.join(header))}"
        )
    columns: dict[int, int] = {}
    for position, name in enumerate(header):
        if name in (PICTURE, FRAME):
            continue
        match = _AU_COLUMN.match(name)
        if match is None:
            raise SupportError(
                f"{path}, line 1: unknown column {shown(name)!r}; columns are {PICTURE}, {FRAME} and AUs "
                "as AU12"
            )
        au = int(match["au"])
        try:
            au_name(au)
        except ValueError as error:
            raise SupportError(f"{path}, line 1: {error}") from error
        if au in columns:
            raise SupportError(f"{path}, line 1: AU{au} has two columns; remove one of them")
        columns[au] = position
    if not columns:
        raise SupportError(f"{path}, line 1: there is no column of an action unit such as AU12")
    return columns


def _row(path: Path, number: int, cells: dict[str, str]) -> SupportRow:
    if not cells[PICTURE]:
        raise SupportError(f"{path}, line {number}: the column '{PICTURE}' is empty")
    if len(cells[PICTURE].splitlines()) > 1:
        raise SupportError(
            f"{path}, line {number}: the column '{PICTURE}' has several lines; close its quotes"
        )
    frame: int | None = None
    if cells.get(FRAME):
        frame = whole_number(_WHOLE_FLOAT.sub("", cells[FRAME]))
        if frame is None:
            raise SupportError(
                f"{path}, line {number}: frame {shown(cells[FRAME])!r} is no number; write 0, 1, 2 ... "
                "for a video "
                "and nothing for a picture"
            )
    picture = path.parent / cells[PICTURE]
    if frame is not None and picture.suffix.lower() in _STILLS:
        if frame:
            raise SupportError(
                f"{path}, line {number}: {picture.name} is a picture and has no frame {frame}; leave the "
                f"column '{FRAME}' empty"
            )
        frame = None
    return SupportRow(number, picture, frame)


def _label(path: Path, number: int, column: str, cell: str) -> float:
    label = _LABELS.get(_WHOLE_FLOAT.sub("", cell))
    if label is None:
        raise SupportError(
            f"{path}, line {number}: {column} is {shown(cell)!r}; write 1 (shown), 0 (not shown) or nothing "
            "(unknown)"
        )
    return label
