"""GFT: 96 people in groups of three, AU occurrence per frame; an adapter that is not checked on real data."""

from __future__ import annotations

import re
from pathlib import Path

from metafacs.data.datasets.reading import (
    DatasetError,
    Reading,
    Sample,
    listed_names,
    occurrence,
    read_twin,
    whole_number,
)
from metafacs.data.datasets.recorded_frames import find_recorded_frames
from metafacs.facs import AU_NAMES

_AU_COLUMN = re.compile(r"^(?:AU)?[ _]?0*(?P<au>[1-9]\d?)$", re.IGNORECASE | re.ASCII)
_FRAME_COLUMNS = ("frame", "frames", "frame_number", "framenumber", "0")
_UNKNOWN = (9, -9, -1, 999)


def read_gft(root: Path | str, *, first_frame: int = 1) -> Reading:
    """Read a folder in the manner of GFT: one table of occurrence codes per person, and videos or frames.

    The layout of GFT's own files could not be checked: compare with the data set's wiki before relying on
    this reader. What it takes: ``labels/001A.csv`` (or the tables in the root) with a header that names the
    frame column (``frame`` or ``0``) and the AUs (``AU1``, ``AU01`` or ``1``), codes 0 and 1, unknown as 9,
    -9, -1, 999 or blank; ``videos/001A.mp4`` (any video), or extracted frames ``frames/001A/1.jpg`` whose
    number is the one in the frame column; ``train.txt`` and ``test.txt`` in the root with one person a line.

    Args:
        root: The folder that holds ``labels``.
        first_frame: What the frame column calls the first frame of a video, 0 or 1.

    Returns:
        The reading; ``part`` is ``train`` or ``test`` where the split files name the person.

    Raises:
        DatasetError: If there is no label file, or a person is in both split files.
        ValueError: If ``first_frame`` is neither 0 nor 1.
    """
    if first_frame not in (0, 1):
        raise ValueError(f"first_frame is 0 or 1, not {first_frame}")
    root = Path(root)
    labels = root / "labels" if (root / "labels").is_dir() else root
    files = sorted(labels.glob("*.csv"))
    if not files:
        raise DatasetError(f"{labels} holds no *.csv file; GFT's labels are expected as labels/001A.csv")
    parts = _read_parts(root)
    reading = Reading("gft", root, twin=read_twin(root))
    for path in files:
        _read_person(reading, path, parts.get(path.stem), first_frame)
    reading.aus = tuple(sorted({au for sample in reading.samples for au in sample.action_units}))
    return reading


def _read_parts(root: Path) -> dict[str, str]:
    parts: dict[str, str] = {}
    for part in ("train", "test"):
        path = root / f"{part}.txt"
        for name in listed_names(path) if path.is_file() else ():
            if parts.setdefault(name, part) != part:
                raise DatasetError(f"{name} is in train.txt and in test.txt of {root}; it may be in one only")
    return parts


def _read_person(reading: Reading, path: Path, part: str | None, first_frame: int) -> None:
    subject = path.stem
    lines = reading.lines(path)
    if not lines:
        reading.skip(path, None, "empty file")
        return
    columns = _columns(lines[0][1])
    if isinstance(columns, str):
        reading.skip(path, lines[0][0], columns)
        return
    width, frame_column, aus = columns
    frames = find_recorded_frames(
        [reading.root / "videos", reading.root],
        subject,
        [reading.root / "frames" / subject, reading.root / subject],
    )
    if frames is None:
        reading.skip(path, None, "labels without a video and without frames")
        return
    seen: set[int] = set()
    for number, line in lines[1:]:
        row = _parse_row(line, width, frame_column, aus)
        if isinstance(row, str):
            reading.skip(path, number, row)
            continue
        frame, known = row
        place = frames.locate(frame - first_frame, frame) if frame >= first_frame else None
        if place is None:
            reading.skip(path, number, "label without a frame")
        elif frame in seen:
            reading.skip(path, number, "frame is labelled twice; the first label counts")
        else:
            seen.add(frame)
            key, (picture, index) = f"{subject}/{frame:05d}", place
            reading.samples.append(
                Sample(key, picture, subject=subject, action_units=known, part=part, frame=index)
            )
    reading.skip(path, None, "frame without a label", len(frames.pictures.keys() - seen))


def _columns(header: str) -> tuple[int, int, dict[int, int]] | str:
    """Return (number of columns, frame column, column -> AU), or what is wrong with the header."""
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
    return len(cells), frames[0], aus


def _parse_row(
    line: str, width: int, frame_column: int, aus: dict[int, int]
) -> tuple[int, dict[int, float]] | str:
    cells = _cells(line)
    if len(cells) < width or any(cells[width:]):
        return "row has another number of cells than the header"
    frame = whole_number(cells[frame_column])
    if frame is None:
        return "frame number is not a whole number"
    try:
        values = {au: occurrence(cells[i], _UNKNOWN) for i, au in aus.items()}
    except ValueError:
        return "code other than 0, 1 and those for unknown"
    return frame, {au: value for au, value in values.items() if value is not None}


def _cells(line: str) -> list[str]:
    return [cell.strip().strip("'\"").strip() for cell in line.split(",")]
