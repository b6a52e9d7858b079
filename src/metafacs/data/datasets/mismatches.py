"""What does not match: single slips are left out and named, a pattern in them refuses the data set.

One wrong code in a list is a slip. Many are another code book, and then the codes that seem right are wrong
too: 1 is *trace* in a list of intensities and *present* in one of occurrences. The same holds for numbers
that fit if all of them are moved by one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from pathlib import Path

from metafacs.data.datasets.reading import DatasetError, intensity, shown

_SLIPS = 0.01
"""Share of the rows up to which wrong codes count as slips; one always does."""

_SLIPS_OF_SHOWN = 0.05
"""The same of the rows that show an action unit: a code book of a rare one differs in few rows."""

_STRANGE = -1.0
_FEWEST_FRAMES = 3
_NAMED = 3
_ENOUGH_LEVELS = 100


class CodeBook:
    """What the codes of one file mean; codes that it does not hold are counted.

    Args:
        path: The file.
        words: What the codes should be, e.g. ``0, 1 and 9 for unknown``.
        meaning: Returns what a code says, None for unknown; raises ValueError for one that is none.
    """

    def __init__(self, path: Path, words: str, meaning: Callable[[str], float | None]) -> None:
        self._path, self.words, self._meaning = path, words, meaning
        self._values: dict[str, float | None] = {}
        self._strange: Counter[tuple[int | None, str]] = Counter()
        self._rows = self._spoilt = self._showing = 0

    def read(self, codes: Mapping[int, str]) -> dict[int, float] | None:
        """Return AU -> what its code says, unknown ones left out; None if the row holds a strange code."""
        values = {au: self._value(code) for au, code in codes.items()}
        strange = [au for au, value in values.items() if value == _STRANGE]
        for au in strange:
            self.count_strange(au, codes[au])
        known = {au: value for au, value in values.items() if value is not None}
        self.count_row(spoilt=bool(strange), shows=any(known.values()))
        return None if strange else known

    def _value(self, code: str) -> float | None:
        """Return what a code says, ``_STRANGE`` for one that is none."""
        if code in self._values:  # files hold the same few over and over
            return self._values[code]
        try:
            value = self._meaning(code)
        except ValueError:
            return _STRANGE
        self._values[code] = value
        return value

    def count_strange(self, au: int | None, code: str) -> None:
        """Count one code that is none."""
        self._strange[au, shown(code.strip())] += 1

    def count_row(self, *, spoilt: bool, shows: bool) -> None:
        """Count one row.

        Args:
            spoilt: It held a code that is none.
            shows: It says of an action unit that it is there.
        """
        self._rows += 1
        self._spoilt += spoilt
        self._showing += shows

    def refuse_if_many(self, remedy: str) -> None:
        """Fail if so many rows are spoilt that the codes are no slips.

        Args:
            remedy: What to do where the codes are intensities; empty where they should be.

        Raises:
            DatasetError: With the columns, codes and numbers.
        """
        slips = min(_SLIPS * self._rows, _SLIPS_OF_SHOWN * self._showing)
        if self._spoilt < 2 or self._spoilt <= slips:
            return
        examples = ", ".join(
            f"{code or 'nothing'}{'' if au is None else f' for AU{au}'} ({count} times)"
            for (au, code), count in self._strange.most_common(_NAMED)
        )
        intensities = all((intensity(code) or 0) > 0 for _, code in self._strange)
        advice = f"these are intensities: {remedy}" if intensities and remedy else "correct the file"
        raise DatasetError(
            f"{self._path}: {self._spoilt} of {self._rows} rows hold other codes than {self.words}: "
            f"{examples}; so many are another code book, and then the other rows mean something else too; "
            f"{advice}"
        )


def refuse_many(path: Path, wrong: int, rows: int, what: str) -> None:
    """Fail if so many rows of a list are not what they should be that these are no slips.

    Args:
        path: The list.
        wrong: How many are not.
        rows: How many there are.
        what: What a row should hold.

    Raises:
        DatasetError: With the numbers.
    """
    if wrong > max(1, _SLIPS * rows):
        raise DatasetError(
            f"{path}: {wrong} of {rows} rows do not hold {what}; so many are another list or code book; "
            "correct the file"
        )


def refuse_moved_codes(path: Path, codes: Iterable[int | None], low: int, high: int, what: str) -> None:
    """Fail if the numbers of classes in a list begin one lower or higher than they should, or are others.

    Args:
        path: The list.
        codes: Number of every line; None for a line that holds none.
        low: Number of the first class.
        high: Number of the last class.
        what: What the numbers stand for, e.g. ``expressions``.

    Raises:
        DatasetError: With the evidence.
    """
    counts = Counter(code for code in codes if code is not None)
    outside = sum(count for code, count in counts.items() if not low <= code <= high)
    if not outside:
        return
    lowest, highest = min(counts), max(counts)
    moved = (lowest, highest) in ((low - 1, high - 1), (low + 1, high + 1))
    many = outside > max(1, _SLIPS * sum(counts.values()))
    if moved or many:
        raise DatasetError(
            f"{path}: the numbers of the {what} go from {lowest} to {highest} instead of {low} to {high}, "
            f"{outside} of {sum(counts.values())} lie outside; "
            + (
                f"they count from {lowest}: count from {low}"
                if moved
                else "this is another list or code book"
            )
        )


def refuse_moved_frames(
    place: Path, labels: Collection[int], pictures: Collection[int], *, from_the_first: bool = False
) -> None:
    """Fail if the numbers of labelled frames fit those of the pictures better when all are moved alike.

    A single lost picture is let be, also where it is the first or last of those that labels name.

    Args:
        place: File of the labels.
        labels: Numbers of the labelled frames.
        pictures: Numbers in the names of the pictures.
        from_the_first: The labels begin with the first frame of the recording: that they count from 0 and
            the pictures from 1, or the other way round, is evidence enough.

    Raises:
        DatasetError: With the evidence.
    """
    if len(labels) < _FEWEST_FRAMES or not pictures:
        return
    known, shift = set(pictures), min(pictures) - min(labels)
    moved = {label + shift for label in labels}
    explained = len(set(labels) - known) - len(moved - known)
    # One label more that fits is no evidence: one lost picture at the edge, with others behind it, looks so.
    by_one = abs(shift) == 1 and (explained > 1 or max(moved) == max(known))
    other_start = from_the_first and {min(labels), min(pictures)} == {0, 1}
    if other_start or (explained > 0 and (moved == known or by_one)):
        raise DatasetError(
            f"{place}: the labelled frames are {min(labels)} to {max(labels)}, the pictures {min(pictures)} "
            f"to {max(pictures)}: every label would go to another frame; number both alike (labels moved by "
            f"{shift:+d} fit {len(moved & known)} pictures, as they are {len(set(labels) & known)})"
        )


def refuse_unmatched(place: Path, names: Collection[str], matched: int, what: str, remedy: str) -> None:
    """Fail if nothing of a whole list is there.

    Args:
        place: The list.
        names: What it names.
        matched: How many of them are there.
        what: What is not there, e.g. ``pictures``.
        remedy: What to do.

    Raises:
        DatasetError: With the number and the first name.
    """
    if names and not matched:
        raise DatasetError(
            f"{place}: none of its {len(names)} {what} is there, e.g. {shown(min(names))}; {remedy}"
        )


def refuse_presence_codes(place: Path, intensities: Collection[float], threshold: int) -> None:
    """Fail if codes of presence, 0 and 1, would be read as intensities of which none counts as present.

    Args:
        place: The folder of the labels.
        intensities: All of them.
        threshold: Smallest intensity that counts as present.

    Raises:
        DatasetError: With the numbers.
    """
    counts = Counter(intensities)
    if threshold > 1 and counts.keys() <= {0, 1} and counts[1] and len(intensities) >= _ENOUGH_LEVELS:
        raise DatasetError(
            f"{place}: of {len(intensities)} intensities {counts[1]} are 1 and none is higher: they "
            "look like codes of presence; read them with the option threshold 1, e.g. --options.threshold 1"
        )
