"""BP4D: 41 people, 8 tasks, occurrence codes per frame as CSV, frames as JPEG."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from metafacs.data.datasets.folders import find_files, find_folders, note_files
from metafacs.data.datasets.intensities import NO_INTENSITY, IntensityFile
from metafacs.data.datasets.list_files import BAD_LANDMARKS, find_lists, joined_lines, parse_landmarks
from metafacs.data.datasets.mismatches import CodeBook, refuse_moved_frames
from metafacs.data.datasets.reading import (
    DatasetError,
    Reading,
    Sample,
    read_twin,
    require_folder,
    whole_number,
)
from metafacs.data.datasets.recorded_frames import numbered_pictures
from metafacs.facs import AU_NAMES

_SEQUENCE = re.compile(r"^(?P<subject>[FM]\d{3})_(?P<task>T\d+)$", re.ASCII)
_CODES = {"0": 0.0, "1": 1.0, "9": None}
_UNKNOWN = 9
_PERSON = re.compile(r"^[FM]\d{3}$", re.ASCII)
_TASK = re.compile(r"^T\d+$", re.ASCII)
_INTENSITY_FOLDER = re.compile(r"^AU(?P<au>\d{1,2})$", re.IGNORECASE | re.ASCII)
_INTENSITIES = re.compile(r"^(?P<sequence>[FM]\d{3}_T\d+)_AU(?P<au>\d{1,2})$", re.IGNORECASE | re.ASCII)
_FRAME = re.compile(r"(?P<subject>[FM]\d{3})[/\\](?P<task>T\d+)[/\\](?P<frame>\d{1,9})\.\w+,?$", re.ASCII)

Landmarks = Mapping[tuple[str, str, int], NDArray[np.float32]]


@dataclass(frozen=True)
class _IntensityFolder:
    """The intensities of one AU: their folder, and sequence, such as ``F001_T1`` -> its file."""

    folder: Path
    files: Mapping[str, Path]


def read_bp4d(root: Path | str, *, landmarks: bool = False) -> Reading:
    """Read the occurrence codes and intensities of BP4D and match them with the frames.

    Layout: ``AUCoding/AU_OCC/F001_T1.csv`` (header of integers, column ``0`` is the frame number, column
    ``k`` is AU k, codes 0 absent, 1 present, 9 unknown) and ``Sequences(2D+3D)/F001/T1/2440.jpg`` (any
    number of leading zeros). Columns are taken by their header, never by position. Where they are there:
    ``AUCoding/AU_INT/AU06/F001_T1_AU06.csv`` (lines ``frame,intensity``, 0 to 5, unknown 9; taken for AUs
    that have occurrence codes), and ``Landmarks/BP4D_part1_path.txt`` with ``BP4D_part1_land.txt`` in the
    form of JAA-Net's lists: a picture a line, ``F001/T1/2440.jpg`` with any padding, and its 49 points, 98
    numbers, pixels counted from 1.

    Args:
        root: The folder that holds ``AUCoding`` and the sequences.
        landmarks: Cut the crops by the delivered landmarks. By default the face is found as in prediction,
            so that training and prediction see the same crop. The face is also found in frames without
            landmarks, which are counted in ``skipped``.

    Returns:
        The reading; rows with a wrong code, a wrong frame number or no picture are in ``skipped``, and how
        many frames of each sequence no row labels; so are files of intensities that belong to no sequence.

    Raises:
        DatasetError: If the label folder is missing or holds no label file, there is no list of wanted
            landmarks or its files do not belong together row by row, many codes are of another code book,
            or labels fit the pictures only when all frames are moved alike.
    """
    root = Path(root)
    labels = require_folder(root / "AUCoding" / "AU_OCC", "the occurrence codes, e.g. F001_T1.csv")
    sequences = _sequence_folder(root)
    reading = Reading("bp4d", root, twin=read_twin(root))
    files = find_files(reading, labels, (".csv",), known=())
    if not files:
        raise DatasetError(f"{labels} holds no *.csv file; BP4D's occurrence codes are one CSV per sequence")
    points = _read_landmarks(reading, root / "Landmarks") if landmarks else None
    intensities = _find_intensities(reading, root / "AUCoding" / "AU_INT")
    coded: dict[Path, str] = {}
    for path in files:
        match = _SEQUENCE.match(path.stem)
        if match is None:
            reading.skip(path, None, "file name is not <subject>_<task>.csv")
            continue
        sequence = match["subject"], match["task"]
        if sequences.joinpath(*sequence) in coded:
            reading.skip(path, None, "second file of one sequence; the first is read")
            continue
        coded[sequences.joinpath(*sequence)] = path.stem
        graded = [
            IntensityFile(reading, found.files[path.stem], au, unknown={_UNKNOWN})
            for au, found in intensities.items()
            if path.stem in found.files
        ]
        _read_sequence(reading, path, sequences.joinpath(*sequence), sequence, graded, points)
    note_files(reading, set(_recorded(sequences)) - coded.keys(), "frames of a sequence without labels")
    _note_unmatched_intensities(reading, intensities, set(coded.values()))
    reading.aus = tuple(sorted({au for sample in reading.samples for au in sample.action_units}))
    _leave_out_uncoded(reading, intensities)
    return reading


def _leave_out_uncoded(reading: Reading, folders: Mapping[int, _IntensityFolder]) -> None:
    """Leave out the intensities of AUs without known occurrence codes: a store has no column for them."""
    others = {au: found.folder for au, found in folders.items() if au not in reading.aus}
    note_files(reading, others.values(), "intensities of an action unit without known occurrence codes")
    if others:
        reading.samples = [
            replace(sample, intensities={au: x for au, x in sample.intensities.items() if au not in others})
            for sample in reading.samples
        ]


def _sequence_folder(root: Path) -> Path:
    for name in ("Sequences(2D+3D)", "Sequences"):
        if (root / name).is_dir():
            return root / name
    if any(root.glob("[FM][0-9][0-9][0-9]")):
        return root
    raise DatasetError(f"{root} has no 'Sequences(2D+3D)' folder and no subject folders such as F001")


def _read_landmarks(reading: Reading, folder: Path) -> Landmarks:
    """Return (subject, task, frame) -> points of all lists; of two lists with one frame the first counts."""
    lists = find_lists(
        reading, require_folder(folder, "lists such as BP4D_part1_path.txt and BP4D_part1_land.txt")
    )
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


def _recorded(sequences: Path) -> list[Path]:
    """Return the folders of all sequences of which there are frames."""
    people = [folder for folder in find_folders(sequences) if _PERSON.match(folder.name)]
    return [task for person in people for task in find_folders(person) if _TASK.match(task.name)]


def _find_intensities(reading: Reading, root: Path) -> dict[int, _IntensityFolder]:
    """Return AU -> folder of its intensities, and the file of each sequence in it."""
    folders = find_folders(root) if root.is_dir() else []
    found: dict[int, _IntensityFolder] = {}
    others, second = [], []
    for folder in folders:
        match = _INTENSITY_FOLDER.match(folder.name)
        au = int(match["au"]) if match else 0
        if au not in AU_NAMES:
            others.append(folder)
        elif au in found:
            second.append(folder)
        else:
            found[au] = _IntensityFolder(folder, _find_intensity_files(reading, folder, au))
    note_files(reading, others, "name of the folder of intensities is no AU such as AU06")
    note_files(reading, second, "second folder of intensities of one action unit; the first is read")
    return found


def _find_intensity_files(reading: Reading, folder: Path, au: int) -> dict[str, Path]:
    """Return sequence, such as ``F001_T1`` -> file of its intensities."""
    files: dict[str, Path] = {}
    others, second = [], []
    for path in find_files(reading, folder, (".csv",), known=()):
        match = _INTENSITIES.match(path.stem)
        if match is None or int(match["au"]) != au:
            others.append(path)
        elif files.setdefault(match["sequence"].upper(), path) is not path:
            second.append(path)
    note_files(reading, others, f"name of the file of intensities is not <subject>_<task>_AU{au:02d}.csv")
    note_files(reading, second, "second file of intensities of one sequence; the first is read")
    return files


def _note_unmatched_intensities(
    reading: Reading, folders: Mapping[int, _IntensityFolder], coded: Collection[str]
) -> None:
    """Note the files of intensities without codes, and how many coded sequences each AU has no file of."""
    for found in folders.values():
        uncoded = [path for sequence, path in found.files.items() if sequence not in coded]
        note_files(reading, uncoded, "intensities of a sequence without codes")
        lacking = sum(sequence not in found.files for sequence in coded)
        reading.skip(found.folder, None, "sequence without a file of intensities", lacking)


def _read_sequence(
    reading: Reading,
    path: Path,
    frames: Path,
    sequence: tuple[str, str],
    intensities: Sequence[IntensityFile],
    landmarks: Landmarks | None,
) -> None:
    lines = reading.lines(path)
    if not lines:
        return
    header, *lines = lines
    columns = [whole_number(cell) for cell in _cells(header[1].rstrip(", "))]
    if columns[0] != 0 or None in columns or len(set(columns)) < len(columns):
        reading.skip(path, header[0], "wrong header: expected '0,1,2,...' (0 = frame, k = AU k), each once")
        return
    if not frames.is_dir():
        reading.skip(path, None, "sequence has labels but no folder of frames")
        return
    pictures = numbered_pictures(reading, frames)
    wanted = [(index, au) for index, au in enumerate(columns) if au in AU_NAMES]
    others = [(index, au) for index, au in enumerate(columns) if au and au not in AU_NAMES]
    rows: dict[int, tuple[int, Mapping[int, float]]] = {}
    coded: set[int] = set()
    book = CodeBook(path, "0, 1 and 9", _occurrence)
    nameless: Counter[int] = Counter()
    for number, line in lines:
        cells = _cells(line)
        frame = whole_number(cells[0])
        # Of a row that is cut off within the number nobody knows what the number was.
        if frame is not None and (len(cells) > 1 or len(columns) == 1):
            coded.add(frame)
        if len(cells) < len(columns) or any(cells[len(columns) :]):
            reading.skip(path, number, "row has another number of cells than the header")
            continue
        if frame is None:
            reading.skip(path, number, "frame number is not a whole number")
            continue
        nameless.update(au for index, au in others if cells[index] == "1")
        known = book.read({au: cells[index] for index, au in wanted})
        if known is None:
            reading.skip(path, number, f"code other than {book.words}")
        elif frame in rows:
            reading.skip(path, number, "frame is labelled twice; the first label counts")
        else:
            rows[frame] = number, known
    for au, frames_shown in sorted(nameless.items()):
        reason = f"column {au} is no known AU and is not read, though frames show it"
        reading.skip(path, header[0], reason, frames_shown)
    book.refuse_if_many("BP4D's own lie in AUCoding/AU_INT, put the occurrence codes here")
    refuse_moved_frames(path, coded, pictures)
    subject, task = sequence
    for frame, (number, action_units) in rows.items():
        if frame not in pictures:
            reading.skip(path, number, "label without a frame")
            continue
        points = None if landmarks is None else landmarks.get((*sequence, frame))
        if landmarks is not None and points is None:
            reading.skip(path, number, "frame without delivered landmarks; its face is found instead")
        reading.samples.append(
            Sample(
                f"{subject}/{task}/{frame:04d}",
                pictures[frame],
                subject=subject,
                action_units=action_units,
                intensities={f.au: float(x) for f in intensities if (x := f.levels.get(frame)) is not None},
                part=task,
                landmarks=points,
            )
        )
    for file in intensities:
        reading.skip(file.path, None, NO_INTENSITY, len(rows.keys() - file.levels.keys()))
    graded = {frame for file in intensities for frame in file.levels}
    reading.skip(path, None, "frame with an intensity but without codes", len(graded - coded))
    reading.skip(frames, None, "frame without a label", len(pictures.keys() - rows.keys()))


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.split(",")]


def _occurrence(code: str) -> float | None:
    if code not in _CODES:
        raise ValueError(code)
    return _CODES[code]
