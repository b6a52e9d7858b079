"""EmotioNet: AU codes of pictures from the web as one table, matched with a folder of local pictures."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from metafacs.data.datasets.addresses import BY_NAME, LocalPictures
from metafacs.data.datasets.excel import excel_rows
from metafacs.data.datasets.folders import find_files
from metafacs.data.datasets.list_files import BAD_LANDMARKS, joined_lines, parse_landmarks
from metafacs.data.datasets.mismatches import CodeBook, refuse_unmatched
from metafacs.data.datasets.reading import (
    PROVENANCE_FILE,
    DatasetError,
    Reading,
    Sample,
    find_twin,
    numbered_rows,
    occurrence,
    require_folder,
    shown,
)
from metafacs.faces.pictures import SUFFIXES
from metafacs.facs import AU_NAMES

_AU_COLUMN = re.compile(r"^AU[ _]?0*(?P<au>[1-9]\d?)$", re.IGNORECASE | re.ASCII)
_UNKNOWN = (999,)
_PARTS = ("train", "validation", "test")
_BESIDE = (".txt", ".csv", ".xlsx", ".json")
_OTHER_COLUMN = re.compile(r"^URL\b|^AU[ _]?0*[1-9]\d?$", re.IGNORECASE | re.ASCII)


def read_emotionet(
    root: Path | str, *, table: Path | None = None, pictures: Path | None = None, landmarks: bool = False
) -> Reading:
    """Read EmotioNet's table of AU codes and match its addresses with local pictures.

    Layout: ``EmotioNet_FACS_aws_2020_24600.xlsx`` or ``.csv`` with columns ``URL``, ``URL orig``, ``'AU 1'``
    to ``'AU 60'`` (the single quotes are part of the cells), codes 0, 1 and 999 for not coded; pictures in
    any depth below the root, e.g. ``optimization_set/N_0000000001/N_0000000001_00003.jpg``, found by the end
    of the address, by the name alone only where nothing speaks against it, see
    :class:`~metafacs.data.datasets.addresses.LocalPictures`. Optional lists
    ``train.txt``, ``validation.txt`` and ``test.txt`` in the root hold one picture a line and give ``part``;
    a listed picture that the table does not hold comes without labels, as unlabelled training pictures do.
    Pictures that are in neither are left out and counted. Beside the lists may lie ADLD's landmarks,
    ``train_land.txt`` etc.: one line of ``x1 y1 x2 y2 ...`` (49 points, the centre of the first pixel at
    (1, 1)) for each line of the list.

    Args:
        root: The folder that holds the table and the pictures.
        table: The table, if it is not the only ``*.csv`` or else ``*.xlsx`` in the root.
        pictures: Folder of the pictures; None = the root.
        landmarks: Cut the crops by the delivered landmarks, and leave out pictures without any. By default
            the face is found as in prediction, so that training and prediction see the same crop.

    Returns:
        The reading. EmotioNet tells no subjects.

    Raises:
        DatasetError: If the table is missing, unreadable or without AU columns, ``.xlsx`` is given without
            openpyxl, many codes are of another code book, a picture is in two lists, none of the pictures of
            a list is there, or landmarks are asked for where there are none.
    """
    root = require_folder(Path(root), "EmotioNet's table and pictures")
    folder = root if pictures is None else require_folder(Path(pictures), "EmotioNet's pictures")
    reading = Reading("emotionet", root, twin=find_twin(root, folder))
    table = _find_table(reading, root) if table is None else Path(table)
    paths = find_files(reading, folder, SUFFIXES, below=True, known=_BESIDE)
    lists = _read_lists(reading, root, landmarks)
    rows = _read_table(reading, table)
    local = LocalPictures(folder, paths)
    listed = _find_listed(reading, lists, local, landmarks)
    labelled = _find_labelled(reading, table, rows, local)
    for picture, row in labelled.items():
        sample = listed.get(picture, Sample("", picture))
        if landmarks and sample.landmarks is None:
            reading.skip(table, row.line, "picture without landmarks")
            continue
        if listed and picture not in listed:
            reading.skip(table, row.line, "picture is in no list: its part stays unknown")
        reading.samples.append(replace(sample, action_units=row.known))
    reading.samples += [sample for picture, sample in listed.items() if picture not in labelled]
    for path in lists:
        codes = [picture in labelled for picture, sample in listed.items() if sample.part == path.stem]
        if any(codes):  # lists of pictures without any codes are there on purpose
            reading.skip(path, None, "listed picture without a row in the table", codes.count(False))
    short = Counter(path.with_suffix("") for path in paths)
    reading.samples = [replace(sample, key=_key(folder, sample.picture, short)) for sample in reading.samples]
    reading.skip(folder, None, "picture without a label", len(set(paths) - labelled.keys() - listed.keys()))
    reading.aus = tuple(sorted({au for sample in reading.samples for au in sample.action_units}))
    return reading


def _key(folder: Path, picture: Path, short: Mapping[Path, int]) -> str:
    """Return a picture's path without its ending, or with it where another differs in nothing else."""
    stem = picture.with_suffix("")
    return (stem if short[stem] == 1 else picture).relative_to(folder).as_posix()


def _find_table(reading: Reading, root: Path) -> Path:
    for ending in (".csv", ".xlsx"):
        tables = [path for path in find_files(reading, root, (ending,)) if path.name != PROVENANCE_FILE]
        if len(tables) == 1:
            return tables[0]
        if tables:
            names = ", ".join(path.name for path in tables)
            raise DatasetError(f"{root} holds several tables ({names}); name one with the option 'table'")
    raise DatasetError(f"{root} holds neither a *.csv nor an *.xlsx; EmotioNet's AU codes are one such table")


@dataclass(frozen=True)
class _Row:
    """A row of the table: its line, the address, and what is known of the picture there."""

    line: int
    address: str
    known: Mapping[int, float]


def _read_table(reading: Reading, table: Path) -> list[_Row]:
    """Return the rows of the table; what cannot be read is noted."""
    lines = _rows(table)
    header_line, header = next(lines, (1, []))
    while header and not header[-1]:
        header.pop()
    columns = _au_columns(header)
    if isinstance(columns, str):
        raise DatasetError(f"{table}, line {header_line}: {columns}")
    for i, name in enumerate(header):
        if i not in columns.aus and not _OTHER_COLUMN.match(name):
            reading.skip(table, header_line, f"column {shown(name)!r} is no AU and is not read")
    book = CodeBook(table, "0, 1 and 999", partial(occurrence, unknown=_UNKNOWN))
    rows = []
    for number, cells in lines:
        if len(cells) < len(header) or any(cells[len(header) :]):
            reading.skip(table, number, "row has another number of cells than the header")
            continue
        known = book.read({au: cells[i] for i, au in columns.aus.items()})
        if known is None:
            reading.skip(table, number, f"code other than {book.words}")
        else:
            rows.append(_Row(number, cells[columns.address], known))
    book.refuse_if_many("write 1 for present and 0 for absent")
    return rows


def _find_labelled(
    reading: Reading, table: Path, rows: Sequence[_Row], local: LocalPictures
) -> dict[Path, _Row]:
    """Return picture -> row of the table; rows without a picture of their own are noted."""
    found = local.find_all([row.address for row in rows])
    labelled: dict[Path, _Row] = {}
    for row in rows:
        picture = found[row.address]
        if isinstance(picture, str):
            reading.skip(table, row.line, picture)
        elif labelled.setdefault(picture, row) is not row:
            reading.skip(table, row.line, "picture is labelled twice; the first row counts")
        elif local.by_name_alone(row.address, picture):
            reading.skip(table, row.line, BY_NAME)
    return labelled


def _rows(table: Path) -> Iterator[tuple[int, list[str]]]:
    """Yield (1-based line, cells without quotes) of every row that is not blank."""
    if not table.exists():
        raise DatasetError(f"{table} is missing: it should be EmotioNet's table of AU codes")
    rows = excel_rows(table) if table.suffix.lower() == ".xlsx" else numbered_rows(table)
    for number, cells in rows:
        cleaned = [cell.strip().strip("'\"").strip() for cell in cells]
        if any(cleaned):
            yield number, cleaned


@dataclass(frozen=True)
class _Columns:
    """Which column is the address, and column -> AU."""

    address: int
    aus: Mapping[int, int]


def _au_columns(header: list[str]) -> _Columns | str:
    """Return the columns, or what is wrong with the header."""
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
    return _Columns(names.index("url"), aus)


@dataclass(frozen=True)
class _Entry:
    """A line of a list: its number, the name of a picture, and the landmarks beside it."""

    line: int
    name: str
    landmarks: str


def _read_lists(reading: Reading, root: Path, landmarks: bool) -> dict[Path, list[_Entry]]:
    """Return list -> its lines, with those of the landmarks where these are asked for."""
    paths = {root / f"{part}.txt": root / f"{part}_land.txt" for part in _PARTS}
    if landmarks and not any(points.is_file() for points in paths.values()):
        names = ", ".join(points.name for points in paths.values())
        raise DatasetError(f"{root} holds none of {names}; read it without the option 'landmarks'")
    return {
        path: [
            _Entry(number, line.rstrip(",").strip(), "".join(beside))
            for number, line, beside in joined_lines(reading, path, *([points] if landmarks else []))
        ]
        for path, points in paths.items()
        if path.is_file()
    }


def _find_listed(
    reading: Reading, lists: Mapping[Path, Sequence[_Entry]], local: LocalPictures, landmarks: bool
) -> dict[Path, Sample]:
    """Return the listed pictures with their parts, and with their landmarks where these are asked for."""
    found = local.find_all([entry.name for entries in lists.values() for entry in entries])
    listed: dict[Path, Sample] = {}
    for path, entries in lists.items():
        names = [entry.name for entry in entries]
        there = sum(isinstance(found[name], Path) for name in names)
        refuse_unmatched(path, names, there, "pictures", "copy them, or take the list away")
        for entry in entries:
            picture = found[entry.name]
            land = parse_landmarks(entry.landmarks) if landmarks else None
            if isinstance(picture, str):
                reading.skip(path, entry.line, "listed picture is missing or not unique")
            elif landmarks and land is None:
                reading.skip(path, entry.line, BAD_LANDMARKS)
            elif picture not in listed:
                listed[picture] = Sample("", picture, part=path.stem, landmarks=land)
                if local.by_name_alone(entry.name, picture):
                    reading.skip(path, entry.line, BY_NAME)
            elif listed[picture].part == path.stem:
                reading.skip(path, entry.line, "picture is listed twice; the first line counts")
            else:
                raise DatasetError(f"{path} lists {entry.name}, which is in {listed[picture].part}.txt too")
    return listed
