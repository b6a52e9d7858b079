"""EmotioNet: AU codes of pictures from the web as one table, matched with a folder of local pictures."""

from __future__ import annotations

import importlib.util
import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path, PurePosixPath

from metafacs.data.datasets.list_files import BAD_LANDMARKS, joined_lines, parse_landmarks
from metafacs.data.datasets.reading import (
    PROVENANCE_FILE,
    DatasetError,
    Reading,
    Sample,
    find_twin,
    numbered_rows,
    occurrence,
    require_folder,
)
from metafacs.faces.pictures import SUFFIXES
from metafacs.facs import AU_NAMES

_AU_COLUMN = re.compile(r"^AU[ _]?0*(?P<au>[1-9]\d?)$", re.IGNORECASE | re.ASCII)
_UNKNOWN = (999,)
_PARTS = ("train", "validation", "test")


def read_emotionet(
    root: Path | str, *, table: Path | None = None, pictures: Path | None = None, landmarks: bool = False
) -> Reading:
    """Read EmotioNet's table of AU codes and match its addresses with local pictures.

    Layout: ``EmotioNet_FACS_aws_2020_24600.xlsx`` or ``.csv`` with columns ``URL``, ``URL orig``, ``'AU 1'``
    to ``'AU 60'`` (the single quotes are part of the cells), codes 0, 1 and 999 for not coded; pictures in
    any depth below the root, e.g. ``optimization_set/N_0000000001/N_0000000001_00003.jpg``, found by the
    last two parts of the address, else by the name where only one picture has it. Optional lists
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
            openpyxl, a picture is in two lists, or landmarks are asked for where there are none.
    """
    root = require_folder(Path(root), "EmotioNet's table and pictures")
    folder = root if pictures is None else require_folder(Path(pictures), "EmotioNet's pictures")
    table = _find_table(root) if table is None else Path(table)
    reading = Reading("emotionet", root, twin=find_twin(root, folder))
    found = _Pictures(folder)
    listed = _read_lists(reading, root, found, landmarks)
    rows = _rows(table)
    header_line, header = next(rows, (1, []))
    columns = _au_columns(header)
    if isinstance(columns, str):
        raise DatasetError(f"{table}, line {header_line}: {columns}")
    url_column, aus = columns
    labelled: dict[Path, Sample | None] = {}
    for number, cells in rows:
        row = _parse_row(cells, len(header), url_column, aus, found)
        if isinstance(row, str):
            reading.skip(table, number, row)
            continue
        picture, known = row
        if picture in labelled:
            reading.skip(table, number, "picture is labelled twice; the first row counts")
            continue
        sample = listed.pop(picture, None) or Sample(found.key(picture), picture)
        without = landmarks and sample.landmarks is None
        if without:
            reading.skip(table, number, "picture without landmarks")
        labelled[picture] = None if without else replace(sample, action_units=known)
    reading.samples = [sample for sample in labelled.values() if sample is not None]
    reading.samples += listed.values()
    reading.skip(folder, None, "picture without a label", len(found) - len(labelled) - len(listed))
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

    def __len__(self) -> int:
        return sum(len(paths) for paths in self._by_name.values())

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
        tables = sorted(path for path in root.glob(pattern) if path.name != PROVENANCE_FILE)
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
    rows = _xlsx_rows(table) if table.suffix.lower() == ".xlsx" else numbered_rows(table)
    for number, cells in rows:
        cleaned = [cell.strip().strip("'\"").strip() for cell in cells]
        if any(cleaned):
            yield number, cleaned


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
    cells: list[str], width: int, url_column: int, aus: dict[int, int], found: _Pictures
) -> tuple[Path, dict[int, float]] | str:
    if len(cells) < width or any(cells[width:]):
        return "row has another number of cells than the header"
    try:
        values = {au: occurrence(cells[i], _UNKNOWN) for i, au in aus.items()}
    except ValueError:
        return "code other than 0, 1 and 999"
    picture = found.find(cells[url_column])
    if isinstance(picture, str):
        return picture
    return picture, {au: value for au, value in values.items() if value is not None}


def _read_lists(reading: Reading, root: Path, found: _Pictures, landmarks: bool) -> dict[Path, Sample]:
    """Return the listed pictures with their parts, and with their landmarks where these are asked for."""
    paths = {part: root / f"{part}.txt" for part in _PARTS}
    points = {part: root / f"{part}_land.txt" for part in _PARTS}
    if landmarks and not any(path.is_file() for path in points.values()):
        names = ", ".join(path.name for path in points.values())
        raise DatasetError(f"{root} holds none of {names}; read it without the option 'landmarks'")
    listed: dict[Path, Sample] = {}
    for part, path in paths.items():
        if not path.is_file():
            continue
        for number, line, beside in joined_lines(reading, path, *([points[part]] if landmarks else [])):
            name = line.rstrip(",").strip()
            picture = found.find(name)
            land = parse_landmarks(beside[0]) if landmarks else None
            if isinstance(picture, str):
                reading.skip(path, number, "listed picture is missing or not unique")
            elif landmarks and land is None:
                reading.skip(path, number, BAD_LANDMARKS)
            elif picture not in listed:
                listed[picture] = Sample(found.key(picture), picture, part=part, landmarks=land)
            elif listed[picture].part == part:
                reading.skip(path, number, "picture is listed twice; the first line counts")
            else:
                raise DatasetError(f"{path} lists {name}, which is in {listed[picture].part}.txt too")
    return listed
