"""The columns of CSV, JSON lines and Parquet files in one form."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from metafacs.data.codings.coding import Floats
from metafacs.data.codings.delimited import MOST_CELLS, CodingError, open_text, read_delimited
from metafacs.data.codings.values import looks_like_au, parse_au_name, parse_number
from metafacs.data.parts import PartError, part_files, videos_of_parts
from metafacs.parsing import parse_json
from metafacs.texts import from_cell, shown

SUFFIXES = (".csv", ".tsv", ".txt", ".jsonl", ".parquet")
"""Endings of the tables that can be read."""

_NEVER = ("x_", "y_", "z_", "p_", "eye_", "gaze_", "pose_", "facerect", "lm_", "landmarks")
"""Beginnings of the many columns of programs that nobody asks for here."""


@dataclass(frozen=True)
class RawTable:
    """A table before anybody has said what it means.

    Attributes:
        path: The file.
        names: Names of its columns, in order; a name that stands twice is named once.
        rows: Number of rows.
        error: (row, message) -> an error that names the file and, for text, the line.
        cells: Name -> cells as text, or as numbers with NaN for unknown.
        blank: Number of the first blank line among the rows of a text; None if there is none.
    """

    path: Path
    names: tuple[str, ...]
    rows: int
    error: Callable[[int, str], CodingError]
    cells: Mapping[str, list[str] | Floats]
    blank: int | None = None

    def numbers(self, name: str, *, what: str) -> Floats:
        """Return a column as numbers, NaN where nothing is told.

        Raises:
            CodingError: If a cell is no finite number.
        """
        cells = self.cells[name]
        if not isinstance(cells, np.ndarray):
            cells = self._parsed(cells, what)
        infinite = np.flatnonzero(np.isinf(cells))
        if len(infinite):
            raise self.error(int(infinite[0]), f"{what} is infinite")
        return cells

    def texts(self, name: str) -> list[str]:
        """Return a column as text, empty where nothing is told."""
        cells = self.cells[name]
        if isinstance(cells, np.ndarray):
            return ["" if math.isnan(cell) else f"{cell:.17g}" for cell in cells.tolist()]
        return [from_cell(cell) for cell in cells]

    def _parsed(self, cells: list[str], what: str) -> Floats:
        letters = "".join(cells)
        if letters.isascii() and "_" not in letters:
            # NumPy takes what Python takes, see parse_number.
            with suppress(ValueError):
                return np.array([cell or "nan" for cell in cells], dtype=np.float64)
        return np.array([self._number(row, cell, what) for row, cell in enumerate(cells)], dtype=np.float64)

    def _number(self, row: int, cell: str, what: str) -> float:
        if cell.lower() in ("", "na", "n/a", "none", "null"):
            return math.nan
        number = parse_number(cell)
        if math.isnan(number) and cell.lower() != "nan":
            raise self.error(row, f"{what} is '{shown(cell)}', not a number")
        return number


def read_raw_table(path: Path, video: str | None = None) -> RawTable:
    """Read a table by the ending of its name, or a folder of parts.

    Args:
        path: The file; or a folder of parts, see :mod:`metafacs.data.parts`.
        video: Which video of the parts is read, as results call it; None for the only one, or for all
            pictures where there is no video.

    Raises:
        CodingError: If the file cannot be read or is not what its ending says.
    """
    if path.is_dir():
        return _read_parts(path, video)
    if path.suffix.lower() == ".parquet":
        return _read_parquet(path)
    if path.suffix.lower() == ".jsonl":
        return _read_json_lines(path)
    return _read_text(path)


def _asked_for(name: str) -> bool:
    return parse_au_name(name) is not None or looks_like_au(name) or not name.lower().startswith(_NEVER)


def _read_text(path: Path) -> RawTable:
    file = read_delimited(path, lambda header: [i for i, name in enumerate(header) if _asked_for(name)])
    cells: dict[str, list[str] | Floats] = {}
    for position, column in file.columns.items():
        name = file.header[position]
        # pandas writes an index without a name, and py-feat the frame as index and as column.
        if not name or cells.get(name) == column:
            continue
        if name in cells:
            raise CodingError(f"{path}: two columns are called '{shown(name)}' and differ; name them apart")
        cells[name] = column
    return RawTable(path, tuple(cells), len(file.lines), file.error, cells, file.blank)


def _read_json_lines(path: Path) -> RawTable:
    records: list[dict[str, object]] = []
    names: dict[str, None] = {}
    lines: list[int] = []
    with open_text(path) as file:
        for number, line in enumerate(file, start=1):
            if not line.strip():
                continue
            record = parse_json(
                line, dict[str, Any], f"{path}:{number}", CodingError, "the file may be cut off there"
            )
            records.append({name: value for name, value in record.items() if _asked_for(name)})
            lines.append(number)
            names.update(dict.fromkeys(records[-1]))
            if len(lines) * len(names) > MOST_CELLS:
                raise CodingError(f"{path} has more than {MOST_CELLS:,} cells; cut it into a file per video")
    if not records:
        raise CodingError(f"{path} is empty")

    cells = {name: _column(record.get(name) for record in records) for name in names}
    return RawTable(
        path,
        tuple(cells),
        len(records),
        lambda row, message: CodingError(f"{path}:{lines[row]}: {message}"),
        cells,
    )


def _read_parquet(path: Path) -> RawTable:
    return _from_arrow(path, _read_columns(path))


def _read_parts(folder: Path, video: str | None) -> RawTable:
    try:
        videos = videos_of_parts(folder)
    except PartError as error:
        raise CodingError(str(error)) from error
    if video is None and len(videos) > 1:
        raise CodingError(f"{folder} holds {len(videos)} videos; name a coding of one of them beside it")
    name = next(iter(videos), None) if video is None else video
    if name is None:
        return _from_arrow(folder, pa.concat_tables([_read_columns(path) for path in part_files(folder)]))
    if name not in videos:
        raise CodingError(f"{folder} holds no video {shown(name)}")
    rows = [_read_columns(path, name) for path in videos[name]]
    return _from_arrow(folder, pa.concat_tables(rows))


def _read_columns(path: Path, video: str | None = None) -> pa.Table:
    """Return the columns that are asked for here, of one video if it is named."""
    try:
        with pq.ParquetFile(path) as file:
            wanted = [name for name in file.schema_arrow.names if _asked_for(name)]
            if twice := next((name for name in wanted if wanted.count(name) > 1), None):
                raise CodingError(f"{path}: two columns are called '{shown(twice)}'; name them apart")
            table = _rows_of(path, file, wanted, video)
    except (OSError, pa.ArrowException, UnicodeDecodeError) as error:
        raise CodingError(f"{path} cannot be read as Parquet ({error}); it may be cut off") from error
    return table.replace_schema_metadata(None)


def _rows_of(path: Path, file: pq.ParquetFile, wanted: list[str], video: str | None) -> pa.Table:
    """Return the rows of a file, of a part those of one video: all of its videos are never held together."""

    def refuse_many(rows: int) -> None:
        if rows * len(wanted) > MOST_CELLS:
            raise CodingError(f"{path} tells of {rows:,} rows; no video has so many")

    if video is None:
        refuse_many(file.metadata.num_rows)
        table = file.read(columns=wanted)
        table.validate(full=True)
        return table
    kept, rows = [], 0
    for batch in file.iter_batches(columns=wanted):
        batch.validate(full=True)
        kept.append(batch.filter(pc.equal(batch.column("input"), video)))
        rows += kept[-1].num_rows
        refuse_many(rows)
    return pa.Table.from_batches(kept) if kept else file.read(columns=wanted)


def _from_arrow(path: Path, table: pa.Table) -> RawTable:
    cells = {name: _arrow_column(table.column(name)) for name in table.column_names}
    return RawTable(
        path,
        tuple(cells),
        table.num_rows,
        lambda row, message: CodingError(f"{path}: row {row % max(table.num_rows, 1) + 1}: {message}"),
        cells,
    )


def _arrow_column(column: pa.ChunkedArray) -> list[str] | Floats:
    if pa.types.is_integer(column.type) or pa.types.is_floating(column.type):
        numbers = column.to_numpy().astype(np.float64)
        # .35 is .34999999 in single precision, below a threshold of .35 that the same number as text reaches.
        return numbers.round(6) if column.type == pa.float32() else numbers
    return _column(column.to_pylist())


def _column(values: Iterable[object]) -> list[str] | Floats:
    """Return typed values as numbers if all are, else as text."""
    told = list(values)
    if all(value is None or isinstance(value, (bool, int, float)) for value in told):
        with suppress(OverflowError):  # a whole number that no float holds
            return np.array([math.nan if value is None else value for value in told], dtype=np.float64)
    return ["" if value is None else str(value) for value in told]
