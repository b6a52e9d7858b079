"""BP4D: 41 people, 8 tasks, occurrence codes per frame as CSV, frames as JPEG."""

from __future__ import annotations

import re
from pathlib import Path

from metafacs.data.datasets.reading import (
    DatasetError,
    Reading,
    Sample,
    read_twin,
    require_folder,
    whole_number,
)
from metafacs.facs import AU_NAMES

_SEQUENCE = re.compile(r"^(?P<subject>[FM]\d{3})_(?P<task>T\d+)$")
_CODES = {"0": 0.0, "1": 1.0}
_UNKNOWN = "9"
_FRAME_FORMATS = ("{:04d}", "{:03d}", "{:d}")


def read_bp4d(root: Path | str) -> Reading:
    """Read the occurrence codes of BP4D and match them with the frames.

    Layout: ``AUCoding/AU_OCC/F001_T1.csv`` (header of integers, column ``0`` is the frame number, column
    ``k`` is AU k, codes 0 absent, 1 present, 9 unknown) and ``Sequences(2D+3D)/F001/T1/2440.jpg`` (three,
    four or no padding digits). Columns are taken by their header, never by position.

    Args:
        root: The folder that holds ``AUCoding`` and the sequences.

    Returns:
        The reading; rows with a wrong code, a wrong frame number or no picture are in ``skipped``, and how
        many frames of each sequence no row labels.

    Raises:
        DatasetError: If the label folder is missing or holds no label file.
    """
    root = Path(root)
    labels = require_folder(root / "AUCoding" / "AU_OCC", "the occurrence codes, e.g. F001_T1.csv")
    sequences = _sequence_folder(root)
    reading = Reading("bp4d", root, twin=read_twin(root))
    files = sorted(labels.glob("*.csv"))
    if not files:
        raise DatasetError(f"{labels} holds no *.csv file; BP4D's occurrence codes are one CSV per sequence")
    for path in files:
        match = _SEQUENCE.match(path.stem)
        if match is None:
            reading.skip(path, None, "file name is not <subject>_<task>.csv")
            continue
        _read_sequence(
            reading, path, sequences / match["subject"] / match["task"], match["subject"], match["task"]
        )
    reading.aus = tuple(sorted({au for sample in reading.samples for au in sample.action_units}))
    return reading


def _sequence_folder(root: Path) -> Path:
    for name in ("Sequences(2D+3D)", "Sequences"):
        if (root / name).is_dir():
            return root / name
    if any(root.glob("[FM][0-9][0-9][0-9]")):
        return root
    raise DatasetError(f"{root} has no 'Sequences(2D+3D)' folder and no subject folders such as F001")


def _read_sequence(reading: Reading, path: Path, frames: Path, subject: str, task: str) -> None:
    lines = reading.lines(path)
    if not lines:
        reading.skip(path, None, "empty file")
        return
    header, *lines = lines
    columns = [whole_number(cell.strip()) for cell in header[1].rstrip(",").split(",")]
    if columns[0] != 0 or None in columns or len(set(columns)) < len(columns):
        reading.skip(path, header[0], "wrong header: expected '0,1,2,...' (0 = frame, k = AU k), each once")
        return
    if not frames.is_dir():
        reading.skip(path, None, "sequence has labels but no folder of frames")
        return
    available = {entry.name for entry in frames.iterdir()}
    wanted = [(index, au) for index, au in enumerate(columns) if au in AU_NAMES]
    seen: dict[int, str] = {}
    for number, line in lines:
        cells = [cell.strip() for cell in line.rstrip(",").split(",")]
        if len(cells) != len(columns):
            reading.skip(path, number, "row has another number of cells than the header")
            continue
        frame = whole_number(cells[0])
        if frame is None:
            reading.skip(path, number, "frame number is not a whole number")
            continue
        codes = {au: cells[index] for index, au in wanted}
        if any(code not in _CODES and code != _UNKNOWN for code in codes.values()):
            reading.skip(path, number, "code other than 0, 1 and 9")
            continue
        if frame in seen:
            reading.skip(path, number, "frame is labelled twice; the first label counts")
            continue
        name = next((n for f in _FRAME_FORMATS if (n := f"{f.format(frame)}.jpg") in available), None)
        if name is None:
            reading.skip(path, number, "label without a frame")
            continue
        seen[frame] = name
        known = {au: _CODES[code] for au, code in codes.items() if code in _CODES}
        key = f"{subject}/{task}/{frame:04d}"
        reading.samples.append(Sample(key, frames / name, subject=subject, action_units=known, part=task))
    pictures = {name for name in available if name.lower().endswith(".jpg")}
    reading.skip(frames, None, "frame without a label", len(pictures - set(seen.values())))
