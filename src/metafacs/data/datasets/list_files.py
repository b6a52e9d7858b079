"""List files as users of JAA-Net, ADLD and ME-GraphAU have them: paths, AU codes, landmarks, row by row."""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray

from metafacs.data.datasets.reading import (
    DatasetError,
    Reading,
    Sample,
    find_twin,
    occurrence,
    require_folder,
)
from metafacs.facs import check_aus

_UNKNOWN = (-1, 9, 999)
_POINTS = (49, 66, 68)
BAD_LANDMARKS = "landmarks are not 49, 66 or 68 pairs of numbers"
"""Reason for leaving out a row whose landmarks :func:`parse_landmarks` cannot read."""

_JAA_NET = re.compile(r"^(?P<part>.+?)_?path\.txt$")
_ME_GRAPHAU = re.compile(r"^(?P<part>.+)_img_path_(?P<fold>fold\d+)\.txt$", re.ASCII)


def read_list_files(
    root: Path | str,
    *,
    aus: tuple[int, ...],
    pictures: Path | None = None,
    parts: tuple[str, ...] | None = None,
    subject_folder: int | None = 0,
    landmarks: bool = False,
    dataset: str = "list_files",
) -> Reading:
    """Read pictures and AU codes from list files whose lines belong together.

    Layout (JAA-Net, ADLD): ``BP4D_part1_path.txt`` with one picture a line, ``BP4D_part1_AUoccur.txt`` with
    blank-separated codes and ``BP4D_part1_land.txt`` with ``x1 y1 x2 y2 ...`` (49, 66 or 68 points, the
    centre of the first pixel at (1, 1)). Layout (ME-GraphAU): ``BP4D_train_img_path_fold1.txt`` and
    ``BP4D_train_label_fold1.txt``. Codes: 0 absent, 1 present, -1, 9 or 999 unknown. The files do not say
    which AU a column is, so the order is an argument. Blank lines are dropped; where two files then differ
    in length the whole list is left out, because its rows no longer belong together.

    Args:
        root: The folder that holds the list files.
        aus: FACS numbers of the columns, in the order of the files.
        pictures: The folder the paths start from; None = ``root``.
        parts: Names of the lists to read, e.g. ``BP4D_part1`` or ``BP4D_train_fold1``; None = all. A
            picture that several lists name is taken from the first.
        subject_folder: Which folder of the path names the person, counted from 0; None = unknown people.
        landmarks: Cut the crops by the delivered landmarks. By default the face is found as in prediction,
            so that training and prediction see the same crop.
        dataset: Name for the store; ``bp4d`` or ``disfa`` makes the published folds available.

    Returns:
        The reading; ``part`` is the name of the list.

    Raises:
        DatasetError: If there is no list, or one of ``parts`` is missing.
        ValueError: If the AUs are unknown or repeated.
    """
    root = require_folder(Path(root), "the lists, e.g. BP4D_part1_path.txt and BP4D_part1_AUoccur.txt")
    folder = root if pictures is None else require_folder(Path(pictures), "the pictures of the lists")
    aus = check_aus(aus)
    found = _find_lists(root)
    if not found:
        raise DatasetError(
            f"{root} holds no list such as BP4D_part1_path.txt or BP4D_train_img_path_fold1.txt"
        )
    missing = sorted(set(parts or ()) - set(found))
    if missing:
        raise DatasetError(f"{root} holds no list {', '.join(missing)}; it holds {', '.join(sorted(found))}")
    reading = Reading(dataset, root, twin=find_twin(root, folder))
    seen: set[str] = set()
    for part in parts or sorted(found):
        paths, labels, points = found[part]
        others = (labels, points) if landmarks else (labels,)
        for number, line, beside in joined_lines(reading, paths, *others):
            sample = _parse_row(folder, line, beside, aus, subject_folder, part)
            if isinstance(sample, str):
                reading.skip(paths, number, sample)
            elif sample.key in seen:
                reading.skip(paths, number, "picture is listed twice; the first row counts")
            else:
                seen.add(sample.key)
                reading.samples.append(sample)
    reading.aus = tuple(sorted({au for sample in reading.samples for au in sample.action_units}))
    return reading


def _find_lists(root: Path) -> dict[str, tuple[Path, Path, Path]]:
    """Return name -> (paths, codes, landmarks); the last two may not exist."""
    lists = {}
    for path in sorted(root.glob("*path*.txt")):
        if match := _ME_GRAPHAU.match(path.name):
            part, fold = match["part"], match["fold"]
            others = (root / f"{part}_label_{fold}.txt", root / f"{part}_land_{fold}.txt")
            lists[f"{part}_{fold}"] = (path, *others)
        elif match := _JAA_NET.match(path.name):
            part = match["part"]
            lists[part] = (path, root / f"{part}_AUoccur.txt", root / f"{part}_land.txt")
    return lists


def joined_lines(reading: Reading, paths: Path, *others: Path) -> list[tuple[int, str, tuple[str, ...]]]:
    """Return the lines of a list together with the lines of the files that belong to it row by row.

    Blank lines are dropped. Where a file is missing or another number of lines is left, the rows no longer
    belong together: that is noted and nothing is returned.

    Args:
        reading: Takes up what was left out.
        paths: The list, one picture a line.
        others: Files with one line for each line of the list.

    Returns:
        (1-based line number in the list, its line, the lines of the others) of every row.
    """
    columns = []
    for path in others:
        if not path.is_file():
            reading.skip(paths, None, f"list without {path.name}")
            return []
        columns.append([line for _, line in reading.lines(path)])
    rows = reading.lines(paths)
    for column in columns:
        if len(column) != len(rows):
            reading.skip(
                paths, None, f"lists differ in length: {len(rows)} paths, {len(column)} rows beside them"
            )
            return []
    if not rows:
        reading.skip(paths, None, "empty file")
    return [(number, line, tuple(column[i] for column in columns)) for i, (number, line) in enumerate(rows)]


def _parse_row(
    folder: Path,
    line: str,
    beside: tuple[str, ...],
    aus: tuple[int, ...],
    subject_folder: int | None,
    part: str,
) -> Sample | str:
    cells = beside[0].replace(",", " ").split()
    if len(cells) != len(aus):
        return f"row has another number of codes than the {len(aus)} AUs given"
    try:
        values = [occurrence(cell, _UNKNOWN) for cell in cells]
    except ValueError:
        return "code other than 0, 1, -1, 9 and 999"
    points = parse_landmarks(beside[1]) if len(beside) > 1 else None
    if len(beside) > 1 and points is None:
        return BAD_LANDMARKS
    place = PurePosixPath(line.rstrip(",").strip().replace("\\", "/"))
    if place.is_absolute() or ".." in place.parts:
        return "path does not stay below the folder of pictures"
    picture = folder / place
    try:
        present = picture.is_file()
    except (OSError, ValueError):
        # Names too long or with a zero byte cannot exist.
        present = False
    if not present:
        return "label without a picture"
    folders = place.parts[:-1]
    subject = None
    if subject_folder is not None:
        if not 0 <= subject_folder < len(folders):
            return f"path has no folder number {subject_folder} to name the person"
        subject = folders[subject_folder]
    known = {au: value for au, value in zip(aus, values, strict=True) if value is not None}
    key = place.with_suffix("").as_posix()
    return Sample(key, picture, subject=subject, action_units=known, part=part, landmarks=points)


def parse_landmarks(line: str) -> NDArray[np.float32] | None:
    """Return the points of one line, ``point x 2`` with the first pixel at (0, 0), or None if it is not one.

    The files count pixels from 1, as MATLAB does.
    """
    try:
        numbers = np.array([float(cell) for cell in line.replace(",", " ").split()], dtype=np.float64)
    except ValueError:
        return None
    if numbers.size not in [2 * count for count in _POINTS] or not np.isfinite(numbers).all():
        return None
    return (numbers.reshape(-1, 2) - 1).astype(np.float32)
