"""GFT: 96 people in groups of three, AU occurrence per frame; an adapter that is not checked on real data."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

from metafacs.data.datasets.folders import find_files, note_files
from metafacs.data.datasets.mismatches import CodeBook, refuse_moved_frames, refuse_unmatched
from metafacs.data.datasets.reading import (
    PROVENANCE_FILE,
    DatasetError,
    Reading,
    Sample,
    listed_names,
    occurrence,
    read_twin,
    shown,
    whole_number,
)
from metafacs.data.datasets.recorded_frames import (
    RecordedFrames,
    find_recorded_frames,
    note_unused_videos,
)
from metafacs.facs import AU_NAMES

_AU_COLUMN = re.compile(r"^(?:AU)?[ _]?0*(?P<au>[1-9]\d?)$", re.IGNORECASE | re.ASCII)
_FRAME_COLUMNS = ("frame", "frames", "frame_number", "framenumber", "0")
_UNKNOWN = (9, -9, -1, 999)


def read_gft(root: Path | str, *, first_frame: Literal[0, 1] | None = None) -> Reading:
    """Read a folder in the manner of GFT: one table of occurrence codes per person, and videos or frames.

    The layout of GFT's own files could not be checked: compare with the data set's wiki before relying on
    this reader. What it takes: ``labels/001A.csv`` (or the tables in the root) with a header that names the
    frame column (``frame`` or ``0``) and the AUs (``AU1``, ``AU01`` or ``1``), codes 0 and 1, unknown as 9,
    -9, -1, 999 or blank; ``videos/001A.mp4`` (any video), or extracted frames ``frames/001A/1.jpg`` whose
    number is the one in the frame column; ``train.txt`` and ``test.txt`` in the root with one person a line.

    Args:
        root: The folder that holds ``labels``.
        first_frame: What the frame column calls the first frame of a video, 0 or 1. None takes it from the
            tables: some must begin with it, and none with the other of the two.

    Returns:
        The reading; ``part`` is ``train`` or ``test`` where the split files name the person. Columns that
        are not read, people that a split file names and that have no table, and the other way round, are in
        ``skipped``.

    Raises:
        DatasetError: If there is no label file; a person is in both split files, or one of these names
            nobody who is there; if the tables do not tell what the first frame of a video is called, or
            contradict ``first_frame``; if tables and pictures count from different numbers; if many codes
            are of another code book.
        ValueError: If ``first_frame`` is neither 0 nor 1.
    """
    if first_frame not in (None, 0, 1):
        raise ValueError(f"first_frame is 0 or 1, not {first_frame}")
    root = Path(root)
    reading = Reading("gft", root, twin=read_twin(root))
    labels = root / "labels" if (root / "labels").is_dir() else root
    found = find_files(reading, labels, (".csv",), known=None if labels == root else ())
    files = [path for path in found if path.name != PROVENANCE_FILE]
    if not files:
        raise DatasetError(f"{labels} holds no *.csv file; GFT's labels are expected as labels/001A.csv")
    parts = _read_parts(reading, root, files)
    tables = [table for path in files if (table := _read_table(reading, path)) is not None]
    _refuse_shared_frames(tables)
    start = _start([table for table in tables if table.frames.video is not None], first_frame)
    alike = any(table.begins_as_its_pictures for table in tables)
    for table in tables:
        if table.frames.video is None:
            refuse_moved_frames(table.path, table.numbers, table.frames.pictures, from_the_first=not alike)
        _add_samples(reading, table, parts.get(table.path.stem), start)
    note_unused_videos(reading, [root / "videos"], [table.frames for table in tables])
    reading.aus = tuple(sorted({au for sample in reading.samples for au in sample.action_units}))
    return reading


@dataclass(frozen=True, eq=False)
class _Table:
    """The codes of one person.

    Attributes:
        path: The table.
        frames: The video or pictures.
        rows: Line -> number in the frame column and known codes per AU.
        numbers: All that stand in the frame column, of lines that are left out for something else too: what
            the first frame is called must not hang on a slip in its codes.
    """

    path: Path
    frames: RecordedFrames
    rows: Mapping[int, tuple[int, Mapping[int, float]]]
    numbers: Collection[int]

    @property
    def begins_as_its_pictures(self) -> bool:
        """Whether table and pictures begin with the same number: then those of other people count alike."""
        pictures = self.frames.pictures
        return bool(pictures and self.numbers) and min(self.numbers) == min(pictures) <= 1


def _read_parts(reading: Reading, root: Path, tables: Sequence[Path]) -> dict[str, str]:
    """Return person -> part of everybody whom the split files name."""
    people = {table.stem for table in tables}
    parts: dict[str, str] = {}
    for part in ("train", "test"):
        path = root / f"{part}.txt"
        if not path.is_file():
            continue
        names = listed_names(path)
        for name in names:
            if parts.setdefault(name, part) != part:
                raise DatasetError(f"{name} is in train.txt and in test.txt of {root}; it may be in one only")
        remedy = f"the tables are of {', '.join(sorted(people)[:3])}: write the names in the same way"
        refuse_unmatched(path, names, len(people & set(names)), "people", remedy)
        absent = sorted(set(names) - people)
        if absent:
            reason = f"listed person without a table, e.g. {shown(absent[0])}"
            reading.skip(path, None, reason, len(absent))
    if parts:
        unlisted = [table for table in tables if table.stem not in parts]
        note_files(reading, unlisted, "person is in neither train.txt nor test.txt")
    return parts


def _read_table(reading: Reading, path: Path) -> _Table | None:
    lines = reading.lines(path)
    if not lines:
        return None
    columns = _columns(lines[0][1])
    if isinstance(columns, str):
        reading.skip(path, lines[0][0], columns)
        return None
    for name in columns.others:
        reading.skip(path, lines[0][0], f"column {shown(name)!r} is no AU and is not read")
    subject = path.stem
    frames = find_recorded_frames(
        reading,
        [reading.root / "videos", reading.root],
        subject,
        [reading.root / "frames" / subject, reading.root / subject],
    )
    if frames is None:
        reading.skip(path, None, "labels without a video and without frames")
        return None
    rows: dict[int, tuple[int, Mapping[int, float]]] = {}
    book = CodeBook(path, "0, 1 and those for unknown", partial(occurrence, unknown=_UNKNOWN))
    numbers: set[int] = set()
    for number, line in lines[1:]:
        cells = _cells(line)
        # Of a line that is cut off within the number nobody knows what the number was.
        if columns.frame < len(cells) - 1 or len(cells) == columns.width:
            frame = whole_number(cells[columns.frame])
            numbers.update(() if frame is None else (frame,))
        row = _parse_row(cells, columns, book)
        if isinstance(row, str):
            reading.skip(path, number, row)
        else:
            rows[number] = row
    book.refuse_if_many("write 1 for present and 0 for absent, from the intensity on that you choose")
    return _Table(path, frames, rows, numbers)


def _refuse_shared_frames(tables: Sequence[_Table]) -> None:
    """Fail if two tables label the same frames: their names differ in upper and lower case only."""
    first: dict[Path, _Table] = {}
    for table in tables:
        place = table.frames.video or min(table.frames.pictures.values())
        if first.setdefault(place, table) is not table:
            raise DatasetError(
                f"{first[place].path} and {table.path} label the same frames, e.g. {place}; keep one of them"
            )


def _start(tables: Sequence[_Table], wanted: int | None) -> int:
    """Return what the tables of videos call the first frame, 0 or 1."""
    lowest = {table: min(table.numbers) for table in tables if table.numbers}
    starts = {start: table.path for table, start in lowest.items() if start in (0, 1)}
    if 0 in starts and wanted == 1:
        raise DatasetError(f"{starts[0]} has a frame 0, first_frame says that the first is 1; leave it out")
    if wanted is not None or not lowest:
        return wanted or 0
    if len(starts) == 1:
        return min(starts)
    seen = (
        f"{starts[0]} begins with frame 0, {starts[1]} with frame 1"
        if starts
        else f"{tables[0].path} and the other tables begin with frame {min(lowest.values())} or later"
    )
    raise DatasetError(
        f"{seen}: is the first frame of a video called 0 or 1? Say so with the option first_frame, e.g. "
        "--options.first_frame 1"
    )


def _add_samples(reading: Reading, table: _Table, part: str | None, start: int) -> None:
    subject, frames = table.path.stem, table.frames
    if frames.video is None:
        start = 0
    seen: set[int] = set()
    for number, (frame, known) in table.rows.items():
        place = frames.locate(frame - start, frame)
        if place is None:
            reading.skip(table.path, number, "label without a frame")
        elif frame in seen:
            reading.skip(table.path, number, "frame is labelled twice; the first label counts")
        else:
            seen.add(frame)
            key, (picture, index) = f"{subject}/{frame:05d}", place
            reading.samples.append(
                Sample(key, picture, subject=subject, action_units=known, part=part, frame=index)
            )
    frames.note_unlabelled(reading, table.path, {frame - start for frame in seen})


@dataclass(frozen=True)
class _Columns:
    """What the columns of a table are.

    Attributes:
        width: How many there are.
        frame: Which one is the frame.
        aus: Column -> AU.
        others: Names of the columns that are neither.
    """

    width: int
    frame: int
    aus: Mapping[int, int]
    others: tuple[str, ...]


def _columns(header: str) -> _Columns | str:
    """Return what the columns are, or what is wrong with the header."""
    cells = _cells(header)
    while cells and not cells[-1]:
        cells.pop()
    frames = [i for name in _FRAME_COLUMNS for i, cell in enumerate(cells) if cell.lower() == name]
    if not frames:
        return "wrong header: no column 'frame' (or '0')"
    aus = {
        i: int(match["au"])
        for i, cell in enumerate(cells)
        if (match := _AU_COLUMN.match(cell)) and int(match["au"]) in AU_NAMES
    }
    if not aus:
        return "wrong header: no column named after an AU, e.g. AU1"
    if len(set(aus.values())) < len(aus):
        return "wrong header: an AU has two columns"
    others = tuple(cell for i, cell in enumerate(cells) if i not in aus and i != frames[0])
    return _Columns(len(cells), frames[0], aus, others)


def _parse_row(cells: list[str], columns: _Columns, book: CodeBook) -> tuple[int, dict[int, float]] | str:
    if len(cells) < columns.width or any(cells[columns.width :]):
        return "row has another number of cells than the header"
    frame = whole_number(cells[columns.frame])
    if frame is None:
        return "frame number is not a whole number"
    known = book.read({au: cells[i] for i, au in columns.aus.items()})
    return f"code other than {book.words}" if known is None else (frame, known)


def _cells(line: str) -> list[str]:
    return [cell.strip().strip("'\"").strip() for cell in line.split(",")]
