"""The text lists of the RAF family, ``<name>.jpg <label>`` per line, and the aligned pictures they name."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from metafacs.data.datasets.folders import find_files, note_files
from metafacs.data.datasets.mismatches import refuse_moved_codes
from metafacs.data.datasets.reading import (
    DatasetError,
    Reading,
    Sample,
    finite_numbers,
    numbered_lines,
    whole_number,
)
from metafacs.data.datasets.soundness import ROUNDING

_NAME = re.compile(r"(?P<part>train_|test_)?(?P<number>[0-9]+)\.jpe?g", re.IGNORECASE)
_PICTURE = re.compile(r"(?P<part>train_|test_)?(?P<number>[0-9]+)_aligned\.jpe?g", re.IGNORECASE)
_DIGITS = 4
_FEWEST_VOTED = 4
_ENDINGS = (".jpg", ".jpeg")


@dataclass(frozen=True)
class Entry:
    """One line of a list.

    Attributes:
        line: 1-based number of the line.
        label: What follows the name, blanks around it dropped.
    """

    line: int
    label: str


def read_list(reading: Reading, path: Path) -> dict[str, Entry]:
    """Read a list of labels; what cannot be read is noted in ``reading``.

    Args:
        reading: Takes up the lines that were skipped.
        path: The list.

    Returns:
        Key of the picture -> its line. Keys are names without ending, plain numbers filled to four digits.

    Raises:
        DatasetError: If the list is missing or is not text in UTF-8.
    """
    if not path.is_file():
        raise DatasetError(f"{path} is missing: it is a list of labels, one '<name>.jpg <label>' per line")
    entries: dict[str, Entry] = {}
    number = 0
    for number, line in numbered_lines(path):
        name, _, label = line.rstrip(",").replace("\t", " ").partition(" ")
        key = _key(_NAME, name)
        if key is None:
            reading.skip(path, number, "line is not '<name>.jpg <label>'")
        elif not label.strip():
            reading.skip(path, number, "line has no label")
        elif key in entries:
            reading.skip(path, number, "picture is listed twice; the first line counts")
        else:
            entries[key] = Entry(number, label.strip())
    if not number:
        reading.skip(path, None, "empty file")
    return entries


def read_shares(label: str, count: int) -> tuple[float, ...] | None:
    """Return the numbers of a label if they are ``count`` shares that sum to one, else None.

    Sums may be off by :data:`ROUNDING`, as rounded shares are; the numbers are returned as written.
    """
    numbers = None if "," in label else finite_numbers(label)
    if numbers is None:
        return None
    shares = tuple(numbers.tolist())
    within = all(0 <= share <= 1 for share in shares)
    return shares if len(shares) == count and within and abs(sum(shares) - 1) <= ROUNDING else None


def read_code(label: str, low: int, high: int) -> int | None:
    """Return a whole number from ``low`` to ``high``, or None if the label is anything else."""
    if not re.fullmatch(r"[0-9]{1,3}", label):
        return None
    return int(label) if low <= int(label) <= high else None


def find_aligned_pictures(reading: Reading, folders: tuple[Path, ...]) -> dict[str, Path]:
    """Return the aligned pictures, ``<name>_aligned.jpg``, of the first folder that exists.

    Args:
        reading: Takes up the files that are no such pictures, and pictures that share a number, of which
            none can be told to be the one that the lists mean.
        folders: Where the pictures may be, the first choice first.

    Returns:
        Key of the picture -> its file.

    Raises:
        DatasetError: If there is none of the folders.
    """
    existing = [folder for folder in folders if folder.is_dir()]
    if not existing:
        places = " or ".join(str(folder) for folder in folders)
        raise DatasetError(f"{places} is missing: it should hold the aligned pictures '<name>_aligned.jpg'")
    note_files(reading, existing[1:], "second folder of aligned pictures; the first is read")
    by_key: dict[str | None, list[Path]] = defaultdict(list)
    for path in find_files(reading, existing[0], _ENDINGS, known=()):
        by_key[_key(_PICTURE, path.name)].append(path)
    note_files(reading, by_key.pop(None, []), "name of the picture is not '<name>_aligned.jpg'")
    shared = [path for paths in by_key.values() if len(paths) > 1 for path in paths]
    note_files(reading, shared, "several pictures have one number; none is read")
    return {key: paths[0] for key, paths in by_key.items() if key and len(paths) == 1}


def read_expressions(
    reading: Reading,
    path: Path,
    pictures: Mapping[str, Path],
    votes: Mapping[str, tuple[float, ...]] | None = None,
) -> None:
    """Read a list of expression codes, ``train_00001.jpg 5``, into the samples of a reading.

    Codes count from 1 in the order of the reading's expressions; the prefix of a name is its part. Pictures
    that the list does not name are noted.

    Args:
        reading: Takes up the samples and what was skipped.
        path: The list.
        pictures: Key -> aligned picture.
        votes: Key -> share of annotators per class, where the data set has them.

    Raises:
        DatasetError: If the list is missing or is not text in UTF-8, or its codes are of another list.
    """
    entries = read_list(reading, path)
    numbers = [whole_number(entry.label) for entry in entries.values()]
    refuse_moved_codes(path, numbers, 1, len(reading.expressions), "expressions")
    for key, entry in entries.items():
        code = read_code(entry.label, 1, len(reading.expressions))
        part = key.partition("_")[0]
        if code is None:
            reading.skip(path, entry.line, f"line is not '<name>.jpg <code 1..{len(reading.expressions)}>'")
        elif part not in ("train", "test"):
            reading.skip(path, entry.line, "name starts with neither train nor test")
        elif key not in pictures:
            reading.skip(path, entry.line, "label without a picture")
        else:
            shares = votes.get(key) if votes else None
            if votes and shares is None:
                reading.skip(path, entry.line, "picture without votes: they stay unknown")
            reading.samples.append(Sample(key, pictures[key], expression=code - 1, part=part, votes=shares))
    note_unlabelled(reading, pictures, entries)
    _refuse_other_votes(path, reading.samples)


def _refuse_other_votes(path: Path, samples: Sequence[Sample]) -> None:
    """Fail if most pictures got most votes for other classes than their labels."""
    voted = [(s.votes, s.expression) for s in samples if s.votes and s.expression is not None]
    other = sum(votes[expression] < max(votes) for votes, expression in voted)
    if 2 * other > max(len(voted), _FEWEST_VOTED):
        raise DatasetError(
            f"{path}: most votes of {other} of {len(voted)} pictures are for another class than their label; "
            "one of the two lists is of other pictures, or has its columns in another order"
        )


def note_unlabelled(reading: Reading, pictures: Mapping[str, Path], labelled: Mapping[str, object]) -> None:
    """Note the pictures that no list names."""
    without = [path for key, path in pictures.items() if key not in labelled]
    note_files(reading, without, "picture without a label")


def _key(pattern: re.Pattern[str], name: str) -> str | None:
    match = pattern.fullmatch(name)
    if match is None:
        return None
    if match["part"]:
        return f"{match['part'].lower()}{match['number']}"
    return match["number"].zfill(_DIGITS)
