"""Tables as text: commas, semicolons or tabs between the cells, with or without a byte order mark."""

from __future__ import annotations

import codecs
import csv
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

MOST_CELLS = 100_000_000
"""Cells of the columns that are read; a video of ten hours has 40 million in a table of OpenFace."""

_CHUNK = 1 << 20
_DELIMITERS = ",;\t"
_DECIMAL_COMMA = re.compile(r"\s*[-+]?\d*,\d+(?:[eE][-+]?\d+)?\s*")


class CodingError(ValueError):
    """A table or a coding is not what it should be; the message names the file and, where known, the line."""


@dataclass(frozen=True)
class DelimitedFile:
    """The columns of a text table that somebody asked for.

    Attributes:
        path: The file.
        header: Names of all columns, without blanks around them.
        columns: Position of a column -> its cells, without blanks around them.
        lines: 1-based number of the line of each row.
        blank: 1-based number of the first blank line between header and rows or among them; None if there is
            none.
    """

    path: Path
    header: tuple[str, ...]
    columns: Mapping[int, list[str]]
    lines: list[int]
    blank: int | None = None

    def error(self, row: int, message: str) -> CodingError:
        """Return an error that names file and line of a row; -1 is the last."""
        line = self.lines[row] if self.lines else 1
        return CodingError(f"{self.path}:{line}: {message}")


def read_delimited(path: Path, wanted: Callable[[tuple[str, ...]], Iterable[int]]) -> DelimitedFile:
    """Read some columns of a text table.

    The separator is the one of ``,``, ``;`` and tab that cuts the first line into the most cells. Only where
    it is not the comma may a comma stand for the decimal point.

    Args:
        path: The file, UTF-8 with or without a byte order mark.
        wanted: The header -> positions of the columns to read.

    Raises:
        CodingError: If the file cannot be read, is not text in UTF-8, is empty, or a row has another number
            of cells than the header.
    """
    header: tuple[str, ...] = ()
    cells: dict[int, list[str]] = {}
    lines: list[int] = []
    blanks: list[int] = []
    before = 0
    with open_text(path) as file:
        first = next((line for line in file if line.strip()), "")
        file.seek(0)
        delimiter = max(_DELIMITERS, key=lambda mark: (first.count(mark), mark == ","))
        reader = csv.reader(file, delimiter=delimiter, skipinitialspace=True, strict=True)
        try:
            for row in reader:
                line, before = before + 1, reader.line_num
                if not any(cell.strip() for cell in row):
                    blanks += [line] if header else []
                    continue
                if not header:
                    header = tuple(cell.strip() for cell in row)
                    cells = {position: [] for position in wanted(header)}
                    continue
                if _length(row) > len(header) or len(row) < _length(header):
                    raise CodingError(
                        f"{path}:{line}: the row has {len(row)} cells, but the header {len(header)}; "
                        "correct the line, or leave it out if the file was cut off there"
                    )
                lines.append(line)
                if len(lines) * len(cells) > MOST_CELLS:
                    raise CodingError(
                        f"{path} has more than {MOST_CELLS:,} cells to read; cut it into a file per video"
                    )
                if delimiter == "," and len(row) == len(header):
                    for position, column in cells.items():
                        column.append(row[position].strip())
                else:
                    for position, column in cells.items():
                        column.append(_cell(row, position, delimiter))
        except csv.Error as error:
            raise CodingError(f"{path}:{reader.line_num}: not a table ({error})") from error
    if not header:
        raise CodingError(f"{path} is empty")
    blank = next((line for line in blanks if lines and line < lines[-1]), None)
    return DelimitedFile(path, header, cells, lines, blank)


def open_text(path: Path) -> TextIO:
    """Open a text file after a look through all of it; a byte order mark is dropped.

    Raises:
        CodingError: If the file cannot be read or is not text in UTF-8.
    """
    decoder = codecs.getincrementaldecoder("utf-8")()
    line = 1
    if path.exists() and not path.is_file():
        raise CodingError(f"{path} is no regular file")
    try:
        with path.open("rb") as file:
            while True:
                raw = file.read(_CHUNK)
                if file.tell() == len(raw) and raw.startswith((b"\xff\xfe", b"\xfe\xff")):
                    raise CodingError(
                        f"{path} is text in UTF-16; save it as UTF-8 (in a spreadsheet: CSV UTF-8)"
                    )
                if b"\0" in raw:
                    line += raw.count(b"\n", 0, raw.index(b"\0"))
                    raise CodingError(f"{path}:{line}: not text (a zero byte)")
                try:
                    decoder.decode(raw, final=not raw)
                except UnicodeDecodeError as error:
                    line += raw.count(b"\n", 0, error.start)
                    raise CodingError(
                        f"{path}:{line}: not text in UTF-8 ({error.reason}); save the file as UTF-8 "
                        "(in a spreadsheet: CSV UTF-8)"
                    ) from error
                if not raw:
                    break
                line += raw.count(b"\n")
        return path.open(encoding="utf-8-sig", newline="")
    except OSError as error:
        raise CodingError(f"{path} cannot be read ({error.strerror})") from error


def _cell(row: list[str], position: int, delimiter: str) -> str:
    cell = row[position].strip() if position < len(row) else ""
    if delimiter != "," and "," in cell and _DECIMAL_COMMA.fullmatch(cell):
        return cell.replace(",", ".")
    return cell


def _length(cells: list[str] | tuple[str, ...]) -> int:
    """Return the number of cells up to the last that is not empty; spreadsheets add empty ones."""
    return next((i + 1 for i in reversed(range(len(cells))) if cells[i].strip()), 0)
