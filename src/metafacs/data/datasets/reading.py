"""What a data set reader returns: samples, what was skipped and why."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from metafacs.facs import HIGHEST_INTENSITY
from metafacs.parsing import read_bytes, read_json
from metafacs.texts import printable

TWIN_FILE = "TWIN.json"
PROVENANCE_FILE = "twin_provenance.csv"
"""What a twin tells beside the data set's own files; readers leave it alone."""

LARGEST_FILE = 1 << 29
"""Bytes of a file of labels that is read; the largest known, a list of a million addresses, has 0.3 GB."""

_CODE = re.compile(r"-?\d{1,9}(\.0{1,9})?", re.ASCII)
_LEVEL = re.compile(r"\d(\.\d{1,9})?", re.ASCII)
_NUMBERS = re.compile(r"[-+.,\s0-9eE]*", re.ASCII)
_SHOWN = 40
_MOST_REASONS = 20


class DatasetError(ValueError):
    """The folder is not what the reader expects; the message says what is missing and where."""


@dataclass(frozen=True)
class Sample:
    """One labelled picture of a data set.

    Attributes:
        key: Unique name within the data set, e.g. ``F001/T1/2440``.
        picture: Path of the picture file, or of the video that holds the picture.
        subject: The person's id as the data set writes it; None where it tells none.
        action_units: FACS number -> 1.0 present, 0.0 absent; an AU that is missing here, or NaN, is unknown.
        intensities: FACS number -> 0 absent, 1 to 5 levels A to E, with fractions where the set tells
            them; an AU that is missing here, or NaN, is unknown.
        expression: Class index into the reading's expressions; None = unknown.
        part: The data set's own partition, e.g. ``train``; None where it has none.
        votes: Share of annotators per expression, sums to 1; None where the data set has none.
        frame: 0-based number of the frame where ``picture`` is a video; None for a picture file.
        landmarks: Points delivered with the data set, ``49, 66 or 68 x 2`` as (x, y) in pixels, the centre
            of the first pixel at (0, 0); None where the face is to be found.
        pose: Yaw (positive: toward the right of the picture), pitch (positive: nodding down) and roll
            (positive: the top of the head toward the left) in radians, as in the picture; None = unknown.
    """

    key: str
    picture: Path
    subject: str | None = None
    action_units: Mapping[int, float] = field(default_factory=dict)
    intensities: Mapping[int, float] = field(default_factory=dict)
    expression: int | None = None
    part: str | None = None
    votes: tuple[float, ...] | None = None
    frame: int | None = None
    landmarks: NDArray[np.float32] | None = field(default=None, compare=False)
    pose: tuple[float, float, float] | None = None


@dataclass(frozen=True)
class Skipped:
    """Something that was left out: the file, the line where one is known (1-based), the reason, how many."""

    file: str
    line: int | None
    reason: str
    count: int = 1

    @property
    def place(self) -> str:
        """The file, with the line where one is known, in letters that can be printed."""
        return printable(self.file if self.line is None else f"{self.file}:{self.line}")

    def __str__(self) -> str:
        times = "" if self.count == 1 else f" ({self.count} times)"
        return f"{self.place}: {printable(self.reason)}{times}"


def count_reasons(skipped: Iterable[Skipped]) -> dict[str, int]:
    """Return reason -> how many things were left out for it, the most frequent first."""
    reasons: Counter[str] = Counter()
    for entry in skipped:
        reasons[entry.reason] += entry.count
    return dict(reasons.most_common())


@dataclass
class Reading:
    """Everything a reader found below a root folder.

    Readers open no picture: one that is empty or damaged is found, and named, when the store is prepared.
    What samples hold is checked then too, see :func:`metafacs.data.datasets.soundness.check_reading`.

    Attributes:
        dataset: Name of the data set, e.g. ``bp4d``.
        root: The folder that was read.
        aus: Action units with at least one known label, ascending; samples have labels of no others.
        expressions: Names of the expression classes; empty where the set has none.
        samples: The labelled pictures in the data set's order.
        skipped: What was left out.
        pre_aligned: The pictures are face crops delivered with the data set, not whole scenes.
        twin: Content of ``TWIN.json`` where the folder is a synthetic twin, else None.
        reader: Module and name of the reader; empty where the reading was made otherwise.
        options: The reader's own options as plain data, with those that were left at their defaults.
    """

    dataset: str
    root: Path
    aus: tuple[int, ...] = ()
    expressions: tuple[str, ...] = ()
    samples: list[Sample] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)
    pre_aligned: bool = False
    twin: dict[str, object] | None = None
    reader: str = ""
    options: dict[str, object] = field(default_factory=dict)

    def skip(self, file: Path | str, line: int | None, reason: str, count: int = 1) -> None:
        """Note that a file, a line or ``count`` things of one kind were left out; nothing if that is 0."""
        if not count:
            return
        path = Path(file)
        name = path.relative_to(self.root).as_posix() if path.is_relative_to(self.root) else path.as_posix()
        self.skipped.append(Skipped(printable(name), line, reason, count))

    def lines(self, path: Path) -> list[tuple[int, str]]:
        """Return the numbered lines of one file of many; one without any, or that is no text, is noted."""
        try:
            lines = list(numbered_lines(path))
        except DatasetError as error:
            self.skip(path, None, "not a UTF-8 text file" if "UTF-8" in str(error) else "cannot be read")
            return []
        if not lines:
            self.skip(path, None, "empty file")
        return lines

    def summary(self) -> dict[str, object]:
        """Return the counts as plain data for JSON."""
        return {
            "dataset": self.dataset,
            "synthetic": self.twin is not None,
            "pictures": len(self.samples),
            "subjects": len({s.subject for s in self.samples if s.subject is not None}),
            "aus": list(self.aus),
            "expressions": list(self.expressions),
            "skipped": count_reasons(self.skipped),
        }

    def __str__(self) -> str:
        counts = self.summary()
        synthetic = " (synthetic twin)" if self.twin is not None else ""
        lines = [f"{self.dataset}{synthetic}: {counts['pictures']} pictures, {counts['subjects']} subjects"]
        reasons = list(counts["skipped"].items())  # type: ignore[attr-defined]
        for reason, count in reasons[:_MOST_REASONS]:
            first = next(entry for entry in self.skipped if entry.reason == reason)
            lines.append(f"  skipped {count}: {printable(reason)} (first: {first.place})")
        if len(reasons) > _MOST_REASONS:
            lines.append(f"  and more, for {len(reasons) - _MOST_REASONS} other reasons")
        return "\n".join(lines)


def read_twin(root: Path) -> dict[str, object] | None:
    """Return the content of ``TWIN.json`` below ``root``, or None for a real data set.

    Raises:
        DatasetError: If the file is there but damaged: a twin must never pass for real data. If the twin is
            half rendered: it would pass for a small data set.
    """
    path = root / TWIN_FILE
    if not path.exists():
        return None
    twin = read_json(path, dict[str, Any], DatasetError, "render the twin again")
    if twin.get("complete") is False:
        raise DatasetError(f"{path}: the twin is not finished; start the same 'metafacs twin' again")
    return twin


def find_twin(*folders: Path) -> dict[str, object] | None:
    """Return the content of the first ``TWIN.json`` in the folders or above them, or None.

    For readers whose lists and pictures may lie apart, anywhere below the twin they were taken from.

    Raises:
        DatasetError: As :func:`read_twin`.
    """
    for folder in folders:
        for place in (folder, *folder.resolve().parents):
            twin = read_twin(place)
            if twin is not None:
                return twin
    return None


def require_folder(path: Path, what: str) -> Path:
    """Return ``path`` if it is a folder, else fail with what it should hold.

    Raises:
        DatasetError: If the folder is missing.
    """
    if not path.is_dir():
        raise DatasetError(f"{path} is missing: it should hold {what}")
    return path


def numbered_lines(path: Path) -> Iterator[tuple[int, str]]:
    """Yield (1-based line number, stripped line) of the non-empty lines; BOM and CRLF are dropped.

    Raises:
        DatasetError: If the file cannot be read, is no regular file, too large, or not text in UTF-8.
    """
    try:
        content = read_bytes(path, DatasetError, "give the file of labels", largest=LARGEST_FILE)
    except OSError as error:
        raise DatasetError(f"{path} cannot be read ({error.strerror})") from error
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DatasetError(
            f"{path} is not a UTF-8 text file ({error.reason} at byte {error.start})"
        ) from error
    # An editor's lines end like this; splitlines() would also cut at form feeds and the like.
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    for number, line in enumerate(lines, start=1):
        if line.strip():
            yield number, line.strip()


def numbered_rows(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Yield (1-based line number, stripped cells) of the non-empty lines of a CSV file.

    A line that the rules of CSV refuse counts as one cell, so that it is reported with its number.

    Raises:
        DatasetError: If the file cannot be read or is not text in UTF-8.
    """
    for number, line in numbered_lines(path):
        try:
            cells = next(csv.reader([line]))
        except csv.Error:
            cells = [line]
        yield number, [cell.strip() for cell in cells]


def listed_names(path: Path) -> list[str]:
    """Return the names a list file gives, one a line; blank lines and trailing commas are dropped.

    Raises:
        DatasetError: If the file is missing or not text in UTF-8.
    """
    if not path.is_file():
        raise DatasetError(f"{path} is missing: it should hold one name a line")
    names = (line.rstrip(",").strip() for _, line in numbered_lines(path))
    return [name for name in names if name]


def whole_number(cell: str) -> int | None:
    """Return the number a cell of digits stands for, or None for anything else.

    >>> whole_number("0012"), whole_number("-1"), whole_number("1.5"), whole_number("")
    (12, None, None, None)
    """
    # Python refuses to convert very long numbers; no frame or code needs ten digits.
    return int(cell) if cell.isascii() and cell.isdecimal() and len(cell) < 10 else None


def intensity(code: str) -> float | None:
    """Return the intensity that a code stands for, 0 to 5, with fractions if need be; None for anything else.

    >>> intensity("3"), intensity("2.5"), intensity("5.1"), intensity("9")
    (3.0, 2.5, None, None)
    """
    level = float(code) if _LEVEL.fullmatch(code.strip()) else None
    return level if level is not None and level <= HIGHEST_INTENSITY else None


def finite_numbers(text: str) -> NDArray[np.float64] | None:
    """Return the numbers of a text with blanks or commas between them, or None if they are anything else.

    Only what every program takes for a number is one: no ``nan``, no ``1_000``, no digits of other scripts.

    >>> finite_numbers("0.5, -2 1e3").tolist(), finite_numbers("nan 2"), finite_numbers("1_0")
    ([0.5, -2.0, 1000.0], None, None)
    """
    if _NUMBERS.fullmatch(text) is None:
        return None
    try:
        values = np.array([float(cell) for cell in text.replace(",", " ").split()], np.float64)
    except ValueError:
        return None
    return values if np.isfinite(values).all() else None


def shown(text: str) -> str:
    """Return a text of a file as a message may quote it: printable and not too long."""
    return printable(text if len(text) <= _SHOWN else f"{text[:_SHOWN]}...")


def occurrence(code: str, unknown: Collection[int]) -> float | None:
    """Return what an occurrence code says: 1.0 present, 0.0 absent, None unknown or left blank.

    Args:
        code: The cell of the file; ``1`` and ``1.0`` are the same.
        unknown: Codes that stand for an AU that was not coded.

    Raises:
        ValueError: For any other code.

    >>> occurrence("1", {9}), occurrence("0.0", {9}), occurrence("9", {9}), occurrence("", {9})
    (1.0, 0.0, None, None)
    """
    code = code.strip()
    if not code:
        return None
    # float() alone would take 1e-400 for 0 and the digits of any script.
    value = float(code) if _CODE.fullmatch(code) else None
    if value in (0.0, 1.0):
        return abs(value)
    if value in unknown:
        return None
    raise ValueError(f"code {shown(code)!r} is neither 0 nor 1 nor one of {sorted(unknown)}")
