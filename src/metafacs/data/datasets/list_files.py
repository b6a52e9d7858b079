"""List files as users of JAA-Net, ADLD and ME-GraphAU have them: paths, AU codes, landmarks, row by row."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray

from metafacs.data.datasets.folders import find_files, note_files
from metafacs.data.datasets.intensities import check_threshold
from metafacs.data.datasets.mismatches import (
    CodeBook,
    refuse_many,
    refuse_moved_frames,
    refuse_presence_codes,
    refuse_unmatched,
)
from metafacs.data.datasets.reading import (
    DatasetError,
    Reading,
    Sample,
    find_twin,
    finite_numbers,
    intensity,
    numbered_lines,
    occurrence,
    require_folder,
)
from metafacs.data.datasets.recorded_frames import number_of
from metafacs.facs import check_aus

_UNKNOWN = (-1, 9, 999)
_POINTS = (49, 66, 68)
_FARTHEST_PIXEL = 1e6
BAD_LANDMARKS = "landmarks are not 49, 66 or 68 pairs of numbers"
"""Reason for leaving out a row whose landmarks :func:`parse_landmarks` cannot read."""

NO_PICTURE = "label without a picture"
"""Reason for leaving out a row whose picture is not there."""

_BESIDE = re.compile(r"_(biocular|weight)(_fold\d+)?\.txt$", re.ASCII)
_JAA_NET = re.compile(r"^(?P<part>.+?)_?path\.txt$")
_ME_GRAPHAU = re.compile(r"^(?P<part>.+)_img_path_(?P<fold>fold\d+)\.txt$", re.ASCII)


def read_list_files(
    root: Path | str,
    *,
    aus: tuple[int, ...],
    pictures: Path | None = None,
    parts: tuple[str, ...] | None = None,
    subject_folder: int | None = 0,
    threshold: int | None = None,
    landmarks: bool = False,
    dataset: str = "list_files",
) -> Reading:
    """Read pictures and AU codes from list files whose lines belong together.

    Layout (JAA-Net, ADLD): ``BP4D_part1_path.txt`` with one picture a line, ``BP4D_part1_AUoccur.txt`` with
    blank-separated codes and ``BP4D_part1_land.txt`` with ``x1 y1 x2 y2 ...`` (49, 66 or 68 points, the
    centre of the first pixel at (1, 1)). Layout (ME-GraphAU): ``BP4D_train_img_path_fold1.txt`` and
    ``BP4D_train_label_fold1.txt``. Codes: 0 absent, 1 present, -1, 9 or 999 unknown. The files do not say
    which AU a column is, so the order is an argument. Blank lines may stand at the end, or at the same
    place in all files of a list.

    Args:
        root: The folder that holds the list files.
        aus: FACS numbers of the columns, in the order of the files.
        pictures: The folder the paths start from; None = ``root``.
        parts: Names of the lists to read, e.g. ``BP4D_part1`` or ``BP4D_train_fold1``; None = all. A
            picture that several lists name is taken from the first.
        subject_folder: Which folder of the path names the person, counted from 0; None = unknown people.
        threshold: The codes are intensities 0 to 5, present from this one on; None = they are 0 and 1.
        landmarks: Cut the crops by the delivered landmarks. By default the face is found as in prediction,
            so that training and prediction see the same crop.
        dataset: Name for the store; ``bp4d`` or ``disfa`` makes the published folds available.

    Returns:
        The reading; ``part`` is the name of the list.

    Raises:
        DatasetError: If there is no list, or one of ``parts`` is missing; if the files of a list do not
            belong together line by line; if none of its pictures is there; if many of its codes are of
            another code book, such as intensities, or presence where a threshold is given; or if lists give
            other codes to the same pictures.
        ValueError: If the AUs are unknown or repeated, or the threshold is no intensity.
    """
    root = require_folder(Path(root), "the lists, e.g. BP4D_part1_path.txt and BP4D_part1_AUoccur.txt")
    folder = root if pictures is None else require_folder(Path(pictures), "the pictures of the lists")
    aus = check_aus(aus)
    if threshold is not None:
        check_threshold(threshold)
    reading = Reading(dataset, root, twin=find_twin(root, folder))
    found = find_lists(reading, root)
    if not found:
        raise DatasetError(
            f"{root} holds no list such as BP4D_part1_path.txt or BP4D_train_img_path_fold1.txt"
        )
    missing = sorted(set(parts or ()) - set(found))
    if missing:
        raise DatasetError(f"{root} holds no list {', '.join(missing)}; it holds {', '.join(sorted(found))}")
    rows = _Rows(folder, aus, subject_folder, threshold)
    seen: dict[Path, Sample] = {}
    for part in parts or sorted(found):
        paths, labels, points = found[part]
        others = (labels, points) if landmarks else (labels,)
        book = CodeBook(labels, rows.words, rows.meaning)
        missed, matched, other_codes, narrow = set(), 0, [], 0
        lines = joined_lines(reading, paths, *others)
        for number, line, beside in lines:
            sample = rows.parse(line, beside, part, book)
            if isinstance(sample, str):
                reading.skip(paths, number, sample)
                if sample == NO_PICTURE:
                    missed.add(line)
                narrow += sample == rows.narrow
                continue
            matched += 1
            first = seen.setdefault(sample.picture, sample)
            if first is sample:
                reading.samples.append(sample)
            else:
                reading.skip(paths, number, "picture is listed twice; the first row counts")
                if first.action_units != sample.action_units:
                    other_codes.append(number)
        book.refuse_if_many("say from which one on an AU is present, e.g. --options.threshold 2")
        refuse_many(labels, narrow, len(lines), f"{len(aus)} codes, one for each AU given")
        _refuse_moved(paths, folder, [line for _, line, _ in lines], missed)
        refuse_unmatched(
            paths, missed, matched, "pictures", f"{folder} is where paths start, see the option 'pictures'"
        )
        _refuse_other_codes(paths, other_codes)
    if threshold is not None:
        levels = [level for sample in reading.samples for level in sample.intensities.values()]
        refuse_presence_codes(root, levels, threshold)
    _set_keys(reading)
    reading.aus = tuple(sorted({au for sample in reading.samples for au in sample.action_units}))
    return reading


def find_lists(reading: Reading, root: Path) -> dict[str, tuple[Path, Path, Path]]:
    """Return name -> (paths, codes, landmarks) of the lists in a folder; the last two may not exist.

    Text files that belong to no list, such as one whose name is misspelt, are noted.
    """
    lists = {}
    files = find_files(reading, root, (".txt",))
    for path in files:
        if match := _ME_GRAPHAU.match(path.name):
            part, fold = match["part"], match["fold"]
            others = (root / f"{part}_label_{fold}.txt", root / f"{part}_land_{fold}.txt")
            lists[f"{part}_{fold}"] = (path, *others)
        elif match := _JAA_NET.match(path.name):
            part = match["part"]
            lists[part] = (path, root / f"{part}_AUoccur.txt", root / f"{part}_land.txt")
    used = {path for paths in lists.values() for path in paths}
    strangers = [path for path in files if path not in used and not _BESIDE.search(path.name)]
    if lists:
        note_files(reading, strangers, "file belongs to no list, whose paths would be in <name>_path.txt")
    return lists


def joined_lines(reading: Reading, paths: Path, *others: Path) -> list[tuple[int, str, tuple[str, ...]]]:
    """Return the lines of a list together with the lines of the files that belong to it row by row.

    Args:
        reading: Takes up what was left out: a list whose other files are missing.
        paths: The list, one picture a line.
        others: Files with one line for each line of the list.

    Returns:
        (1-based line number in the list, its line, the lines of the others) of every row.

    Raises:
        DatasetError: If the files do not have their lines at the same places: nobody can tell then which
            rows belong together. One of them is no text.
    """
    missing = [path for path in others if not path.is_file()]
    if missing:
        reading.skip(paths, None, f"list without {missing[0].name}")
        return []
    rows = dict(numbered_lines(paths))
    columns = [dict(numbered_lines(path)) for path in others]
    for path, column in zip(others, columns, strict=True):
        if len(column) != len(rows):
            raise DatasetError(
                f"{paths} and {path.name} differ in length: {len(rows)} paths, {len(column)} rows beside "
                "them; give both one line for each picture"
            )
        blank = min(rows.keys() ^ column.keys(), default=None)
        if blank is not None:
            holder = path if blank in rows else paths
            raise DatasetError(
                f"{holder}, line {blank} is blank, while {(paths if holder is path else path).name} has a "
                "row there: nobody can tell which rows belong together; remove the blank line or restore "
                "what stood there"
            )
    if not rows:
        reading.skip(paths, None, "empty file")
    return [(number, line, tuple(column[number] for column in columns)) for number, line in rows.items()]


@dataclass(frozen=True)
class _Rows:
    """How the rows of all lists are read; see :func:`read_list_files`."""

    folder: Path
    aus: tuple[int, ...]
    subject_folder: int | None
    threshold: int | None

    @property
    def words(self) -> str:
        """What the codes are, in words."""
        return f"{'0 and 1' if self.threshold is None else '0 to 5'}, or -1, 9 and 999 for unknown"

    @property
    def narrow(self) -> str:
        """Reason for leaving out a row that is too short or too long."""
        return f"row has another number of codes than the {len(self.aus)} AUs given"

    def parse(self, line: str, beside: tuple[str, ...], part: str, book: CodeBook) -> Sample | str:
        """Return the sample of a row, or why there is none."""
        cells = beside[0].replace(",", " ").split()
        if len(cells) != len(self.aus):
            return self.narrow
        levels = book.read(dict(zip(self.aus, cells, strict=True)))
        if levels is None:
            return f"code other than {book.words}"
        points = parse_landmarks(beside[1]) if len(beside) > 1 else None
        if len(beside) > 1 and points is None:
            return BAD_LANDMARKS
        place = _place(line)
        if place.is_absolute() or ".." in place.parts:
            return "path does not stay below the folder of pictures"
        if not _is_file(self.folder / place):
            return NO_PICTURE
        folders = place.parts[:-1]
        subject = None
        if self.subject_folder is not None:
            if not 0 <= self.subject_folder < len(folders):
                return f"path has no folder number {self.subject_folder} to name the person"
            subject = folders[self.subject_folder]
        present = levels
        if self.threshold is not None:
            present = {au: float(level >= self.threshold) for au, level in levels.items()}
        return Sample(
            place.as_posix(),
            self.folder / place,
            subject=subject,
            action_units=present,
            intensities={} if self.threshold is None else levels,
            part=part,
            landmarks=points,
        )

    def meaning(self, cell: str) -> float | None:
        """Return what a code says: presence or an intensity, None for unknown."""
        level = None if self.threshold is None else intensity(cell)
        return occurrence(cell, _UNKNOWN) if level is None else level


def _place(line: str) -> PurePosixPath:
    """Return the path that a line of a list holds."""
    return PurePosixPath(line.rstrip(",").strip().replace("\\", "/"))


def _refuse_moved(paths: Path, folder: Path, lines: Sequence[str], missed: Collection[str]) -> None:
    """Fail if the numbered pictures of a recording are there, but counted from another number than listed."""
    listed: dict[PurePosixPath, set[int]] = defaultdict(set)
    for place in map(_place, lines):
        if (number := number_of(place)) is not None:
            listed[place.parent].add(number)
    for parent in sorted({_place(line).parent for line in missed}):
        if parent.is_absolute() or ".." in parent.parts or not _is_folder(folder / parent):
            continue
        # One name may have two endings: the numbers alone count here.
        numbers = {number_of(PurePosixPath(entry.name)) for entry in (folder / parent).iterdir()}
        there = {number for number in numbers if number is not None}
        refuse_moved_frames(paths, listed[parent], there)


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except (OSError, ValueError):
        return False


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):
        # Names too long or with a zero byte cannot exist.
        return False


def _refuse_other_codes(paths: Path, lines: Sequence[int]) -> None:
    """Fail if a list gives other codes than the lists before it to several of the same pictures."""
    if len(lines) > 1:
        raise DatasetError(
            f"{paths}: {len(lines)} pictures, first in line {lines[0]}, are in a list before it with other "
            "codes; correct the one that is wrong, or choose with the option 'parts'"
        )


def _set_keys(reading: Reading) -> None:
    """Call samples by their paths without ending, or with it where two pictures differ in nothing else."""
    short = [PurePosixPath(sample.key).with_suffix("").as_posix() for sample in reading.samples]
    counts = Counter(short)
    reading.samples = [
        replace(sample, key=key) if counts[key] == 1 else sample
        for sample, key in zip(reading.samples, short, strict=True)
    ]


def parse_landmarks(line: str) -> NDArray[np.float32] | None:
    """Return the points of one line, ``point x 2`` with the first pixel at (0, 0), or None if it is not one.

    The files count pixels from 1, as MATLAB does.
    """
    numbers = finite_numbers(line)
    return None if numbers is None or numbers.size % 2 else counted_from_zero(numbers.reshape(-1, 2))


def counted_from_zero(points: NDArray[np.float64]) -> NDArray[np.float32] | None:
    """Return landmarks whose pixels count from 1 with the first at (0, 0), or None if they cannot be any.

    Args:
        points: Any array; landmarks are 49, 66 or 68 pairs of finite numbers of the size of pixels.
    """
    if points.ndim != 2 or points.shape[1] != 2 or len(points) not in _POINTS:
        return None
    # The comparison is also false for NaN.
    return (points - 1).astype(np.float32) if (np.abs(points) < _FARTHEST_PIXEL).all() else None
