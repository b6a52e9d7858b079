"""EmotioNet: AU codes of pictures from the web as one table, matched with a folder of local pictures."""

from __future__ import annotations

import csv
import importlib.util
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from metafacs.data.datasets.reading import (
    DatasetError,
    Reading,
    Sample,
    find_twin,
    listed_names,
    numbered_lines,
    occurrence,
    require_folder,
)
from metafacs.faces.pictures import SUFFIXES
from metafacs.facs import AU_NAMES

_AU_COLUMN = re.compile(r"^AU[ _]?0*(?P<au>[1-9]\d?)$", re.IGNORECASE | re.ASCII)
_UNKNOWN = (999,)
_PARTS = ("train", "validation", "test")


def read_emotionet(root: Path | str, *, table: Path | None = None, pictures: Path | None = None) -> Reading:
    """Read EmotioNet's table of AU codes and match its addresses with local pictures.

    Layout: ``EmotioNet_FACS_aws_2020_24600.xlsx`` or ``.csv`` with columns ``URL``, ``URL orig``, ``'AU 1'``
    to ``'AU 60'`` (the single quotes are part of the cells), codes 0, 1 and 999 for not coded; pictures in
    any depth below the root, e.g. ``optimization_set/N_0000000001/N_0000000001_00003.jpg``, found by the
    last two parts of the address, else by the name where only one picture has it. Optional lists
    ``train.txt``, ``validation.txt`` and ``test.txt`` in the root hold one picture a line and give ``part``;
    a listed picture that the table does not hold comes without labels, as unlabelled training pictures do.
    Pictures that are in neither are left alone.

    Args:
        root: The folder that holds the table and the pictures.
        table: The table, if it is not the only ``*.csv`` or else ``*.xlsx`` in the root.
        pictures: Folder of the pictures; None = the root.

    Returns:
        The reading. EmotioNet tells no subjects.

    Raises:
        DatasetError: If the table is missing, unreadable or without AU columns, or ``.xlsx`` is given
            without openpyxl.
    """
    root = require_folder(Path(root), "EmotioNet's table and pictures")
    folder = root if pictures is None else require_folder(Path(pictures), "EmotioNet's pictures")
    table = _find_table(root) if table is None else Path(table)
    reading = Reading("emotionet", root, twin=find_twin(root, folder))
    found = _Pictures(folder)
    parts = _read_parts(reading, root, found)
    rows = _rows(table)
    header_line, header = next(rows, (1, []))
    columns = _au_columns(header)
    if isinstance(columns, str):
        raise DatasetError(f"{table}, line {header_line}: {columns}")
    url_column, aus = columns
    labelled: dict[Path, Sample] = {}
    for number, cells in rows:
        sample = _parse_row(cells, len(header), url_column, aus, found, parts)
        if isinstance(sample, str):
            reading.skip(table, number, sample)
        elif sample.picture in labelled:
            reading.skip(table, number, "picture is labelled twice; the first row counts")
        else:
            labelled[sample.picture] = sample
    reading.samples = list(labelled.values())
    reading.samples += [
        Sample(found.key(path), path, part=part) for path, part in parts.items() if path not in labelled
    ]
    reading.aus = tuple(sorted({au for sample in reading.samples for au in sample.action_units}))
    return reading


class _Pictures:
    """The pictures below a folder, found by an address."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._by_name: dict[str, list[Path]] = defaultdict(list)
        for path in sorted(folder.rglob("*")):
            if path.suffix.lower() in SUFFIXES:
                self._by_name[path.name].append(path)

    def key(self, path: Path) -> str:
        return path.relative_to(self._folder).with_suffix("").as_posix()

    def find(self, address: str) -> Path | str:
        """Return the picture of an address or of a listed path, or why there is none."""
        place = PurePosixPath(address.replace("\\", "/"))
        candidates = self._by_name.get(place.name, [])
        beside = [path for path in candidates if path.parent.name == place.parent.name]
        chosen = beside if len(beside) == 1 else candidates
        if not chosen:
            return "label without a picture"
        return chosen[0] if len(chosen) == 1 else "several pictures have this name"


def _find_table(root: Path) -> Path:
    for pattern in ("*.csv", "*.xlsx"):
        tables = sorted(root.glob(pattern))
        if len(tables) == 1:
            return tables[0]
        if tables:
            names = ", ".join(path.name for path in tables)
            raise DatasetError(f"{root} holds several tables ({names}); name one with the option 'table'")
    raise DatasetError(f"{root} holds neither a *.csv nor an *.xlsx; EmotioNet's AU codes are one such table")


def _rows(table: Path) -> Iterator[tuple[int, list[str]]]:
    """Yield (1-based line, cells without quotes) of every row that is not blank."""
    if not table.is_file():
        raise DatasetError(f"{table} is missing: it should be EmotioNet's table of AU codes")
    rows = _xlsx_rows(table) if table.suffix.lower() == ".xlsx" else _csv_rows(table)
    for number, cells in rows:
        cleaned = [cell.strip().strip("'\"").strip() for cell in cells]
        if any(cleaned):
            yield number, cleaned


def _csv_rows(table: Path) -> Iterator[tuple[int, list[str]]]:
    for number, line in numbered_lines(table):
        try:
            yield number, next(csv.reader([line]))
        except csv.Error:
            # A line the CSV rules refuse still counts as a row, so that it is reported with its number.
            yield number, [line]


def _xlsx_rows(table: Path) -> Iterator[tuple[int, list[str]]]:
    if importlib.util.find_spec("openpyxl") is None:
        raise DatasetError(
            f"{table} is an Excel file: run 'pip install openpyxl', or save the table as CSV and give that"
        )
    import pandas

    try:
        frame = pandas.read_excel(table, header=None, dtype=str, keep_default_na=False, engine="openpyxl")
    except Exception as error:
        # Damaged archives surface as almost any kind of error.
        raise DatasetError(f"{table} is not a readable Excel file ({error}); download it again") from error
    for number, row in enumerate(frame.itertuples(index=False), start=1):
        yield number, [str(cell) for cell in row]


def _au_columns(header: list[str]) -> tuple[int, dict[int, int]] | str:
    """Return (column of the address, column -> AU), or what is wrong with the header."""
    names = [cell.lower() for cell in header]
    if "url" not in names:
        return "wrong header: expected 'URL', 'URL orig', 'AU 1', ..."
    aus = {
        i: int(match["au"])
        for i, cell in enumerate(header)
        if (match := _AU_COLUMN.match(cell)) and int(match["au"]) in AU_NAMES
    }
    if not aus:
        return "wrong header: no column such as 'AU 1'"
    if len(set(aus.values())) < len(aus):
        return "wrong header: an AU has two columns"
    return names.index("url"), aus


def _parse_row(
    cells: list[str],
    width: int,
    url_column: int,
    aus: dict[int, int],
    found: _Pictures,
    parts: dict[Path, str],
) -> Sample | str:
    if len(cells) < width or any(cells[width:]):
        return "row has another number of cells than the header"
    try:
        values = {au: occurrence(cells[i], _UNKNOWN) for i, au in aus.items()}
    except ValueError:
        return "code other than 0, 1 and 999"
    picture = found.find(cells[url_column])
    if isinstance(picture, str):
        return picture
    known = {au: value for au, value in values.items() if value is not None}
    return Sample(found.key(picture), picture, action_units=known, part=parts.get(picture))


def _read_parts(reading: Reading, root: Path, found: _Pictures) -> dict[Path, str]:
    parts: dict[Path, str] = {}
    for part in _PARTS:
        path = root / f"{part}.txt"
        for name in listed_names(path) if path.is_file() else ():
            picture = found.find(name)
            if isinstance(picture, str):
                reading.skip(path, None, "listed picture is missing or not unique")
            elif parts.setdefault(picture, part) != part:
                raise DatasetError(f"{path} lists {name}, which is in {parts[picture]}.txt too")
    return parts
