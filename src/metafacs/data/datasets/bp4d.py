"""BP4D: 41 people, 8 tasks, occurrence codes per frame as CSV, frames as JPEG."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from metafacs.data.datasets.intensities import parse_intensity
from metafacs.data.datasets.list_files import BAD_LANDMARKS, find_lists, joined_lines, parse_landmarks
from metafacs.data.datasets.reading import (
    DatasetError,
    Reading,
    Sample,
    read_twin,
    require_folder,
    whole_number,
)
from metafacs.facs import AU_NAMES, HIGHEST_INTENSITY

_SEQUENCE = re.compile(r"^(?P<subject>[FM]\d{3})_(?P<task>T\d+)$")
_CODES = {"0": 0.0, "1": 1.0}
_UNKNOWN = "9"
_INTENSITY_FOLDER = re.compile(r"^AU(?P<au>\d{1,2})$", re.IGNORECASE | re.ASCII)
_FRAME = re.compile(r"(?P<subject>[FM]\d{3})[/\\](?P<task>T\d+)[/\\](?P<frame>\d{1,9})\.\w+,?$", re.ASCII)

Landmarks = Mapping[tuple[str, str, int], NDArray[np.float32]]
_FRAME_FORMATS = ("{:04d}", "{:03d}", "{:d}")


def read_bp4d(root: Path | str, *, landmarks: bool = False) -> Reading:
    """Read the occurrence codes and intensities of BP4D and match them with the frames.

    Layout: ``AUCoding/AU_OCC/F001_T1.csv`` (header of integers, column ``0`` is the frame number, column
    ``k`` is AU k, codes 0 absent, 1 present, 9 unknown) and ``Sequences(2D+3D)/F001/T1/2440.jpg`` (three,
    four or no padding digits). Columns are taken by their header, never by position. Where they are there:
    ``AUCoding/AU_INT/AU06/F001_T1_AU06.csv`` (lines ``frame,intensity``, 0 to 5, unknown 9), and
    ``Landmarks/BP4D_part1_path.txt`` with ``BP4D_part1_land.txt`` in the form of JAA-Net's lists: a picture
    a line, ``F001/T1/2440.jpg`` with any padding, and its 49 points, 98 numbers, pixels counted from 1.

    Args:
        root: The folder that holds ``AUCoding`` and the sequences.
        landmarks: Cut the crops by the delivered landmarks. By default the face is found as in prediction,
            so that training and prediction see the same crop. The face is also found in frames without
            landmarks, which are counted in ``skipped``.

    Returns:
        The reading; rows with a wrong code, a wrong frame number or no picture are in ``skipped``, and how
        many frames of each sequence no row labels.

    Raises:
        DatasetError: If the label folder is missing or holds no label file, or there is no list of wanted
            landmarks.
    """
    root = Path(root)
    labels = require_folder(root / "AUCoding" / "AU_OCC", "the occurrence codes, e.g. F001_T1.csv")
    sequences = _sequence_folder(root)
    reading = Reading("bp4d", root, twin=read_twin(root))
    files = sorted(labels.glob("*.csv"))
    if not files:
        raise DatasetError(f"{labels} holds no *.csv file; BP4D's occurrence codes are one CSV per sequence")
    points = _read_landmarks(reading, root / "Landmarks") if landmarks else None
    intensity_folders = _intensity_folders(root / "AUCoding" / "AU_INT")
    for path in files:
        match = _SEQUENCE.match(path.stem)
        if match is None:
            reading.skip(path, None, "file name is not <subject>_<task>.csv")
            continue
        intensities = _read_intensities(reading, intensity_folders, path.stem)
        sequence = match["subject"], match["task"]
        _read_sequence(reading, path, sequences.joinpath(*sequence), sequence, intensities, points)
    reading.aus = tuple(sorted({au for sample in reading.samples for au in sample.action_units}))
    return reading


def _sequence_folder(root: Path) -> Path:
    for name in ("Sequences(2D+3D)", "Sequences"):
        if (root / name).is_dir():
            return root / name
    if any(root.glob("[FM][0-9][0-9][0-9]")):
        return root
    raise DatasetError(f"{root} has no 'Sequences(2D+3D)' folder and no subject folders such as F001")


def _read_landmarks(reading: Reading, folder: Path) -> Landmarks:
    """Return (subject, task, frame) -> points of all lists; of two lists with one frame the first counts."""
    lists = find_lists(require_folder(folder, "lists such as BP4D_part1_path.txt and BP4D_part1_land.txt"))
    if not lists:
        raise DatasetError(f"{folder} holds no list such as BP4D_part1_path.txt")
    points: dict[tuple[str, str, int], NDArray[np.float32]] = {}
    for paths, _, lands in lists.values():
        for number, line, (land,) in joined_lines(reading, paths, lands):
            match, parsed = _FRAME.search(line), parse_landmarks(land)
            if match is None:
                reading.skip(paths, number, "path does not end with <subject>/<task>/<frame>.jpg")
            elif parsed is None:
                reading.skip(paths, number, BAD_LANDMARKS)
            else:
                points.setdefault((match["subject"], match["task"], int(match["frame"])), parsed)
    return points


def _intensity_folders(root: Path) -> dict[int, Path]:
    """Return AU -> folder of its intensities."""
    folders = sorted(entry for entry in root.iterdir() if entry.is_dir()) if root.is_dir() else []
    matches = [(folder, _INTENSITY_FOLDER.match(folder.name)) for folder in folders]
    return {int(m["au"]): folder for folder, m in matches if m is not None and int(m["au"]) in AU_NAMES}


def _read_intensities(
    reading: Reading, folders: Mapping[int, Path], sequence: str
) -> dict[int, dict[int, float]]:
    """Return frame -> AU -> intensity of one sequence; AUs without a file are unknown."""
    intensities: dict[int, dict[int, float]] = {}
    for au, folder in folders.items():
        path = folder / f"{sequence}_AU{au:02d}.csv"
        seen: set[int] = set()
        for number, line in reading.lines(path) if path.is_file() else ():
            parsed = parse_intensity(line, unknown={int(_UNKNOWN)})
            if parsed is None:
                reason = (
                    f"line is not 'frame,intensity' with an intensity 0 to {HIGHEST_INTENSITY} or {_UNKNOWN}"
                )
                reading.skip(path, number, reason)
                continue
            frame, intensity = parsed
            if frame in seen:
                reading.skip(path, number, "frame has two intensities; the first counts")
                continue
            seen.add(frame)
            known = intensities.setdefault(frame, {})
            if intensity is not None:
                known[au] = float(intensity)
    return intensities


def _read_sequence(
    reading: Reading,
    path: Path,
    frames: Path,
    sequence: tuple[str, str],
    intensities: Mapping[int, Mapping[int, float]],
    landmarks: Landmarks | None,
) -> None:
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
    coded: set[int] = set()
    for number, line in lines:
        cells = [cell.strip() for cell in line.rstrip(",").split(",")]
        if len(cells) != len(columns):
            reading.skip(path, number, "row has another number of cells than the header")
            continue
        frame = whole_number(cells[0])
        if frame is None:
            reading.skip(path, number, "frame number is not a whole number")
            continue
        coded.add(frame)
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
        points = None if landmarks is None else landmarks.get((*sequence, frame))
        if landmarks is not None and points is None:
            reading.skip(path, number, "frame without delivered landmarks; its face is found instead")
        subject, task = sequence
        reading.samples.append(
            Sample(
                f"{subject}/{task}/{frame:04d}",
                frames / name,
                subject=subject,
                action_units={au: _CODES[code] for au, code in codes.items() if code in _CODES},
                intensities=intensities.get(frame, {}),
                part=task,
                landmarks=points,
            )
        )
    reading.skip(path, None, "frame with an intensity but without codes", len(intensities.keys() - coded))
    pictures = {name for name in available if name.lower().endswith(".jpg")}
    reading.skip(frames, None, "frame without a label", len(pictures - set(seen.values())))
