"""The notation of action units in RAF-AU and RAF-CE: ``1+4+25``, ``L12+T24``, ``9+AD19``, ``null``."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from metafacs.data.datasets.mismatches import refuse_many
from metafacs.data.datasets.raf_lists import read_list
from metafacs.data.datasets.reading import Reading, shown
from metafacs.facs import AU_NAMES

NO_ACTION_UNIT = "null"
"""What is written for a face that shows none: all are absent, none is unknown."""

_TOKEN = re.compile(r"(?P<where>L|R|T|B|AD)?(?P<number>[0-9]{1,3})", re.IGNORECASE)
_PLUS = re.compile(r"\s*\+\s*")


@dataclass(frozen=True)
class CodedPicture:
    """One line of a list of codes.

    Attributes:
        line: 1-based number of the line.
        codes: The codes as written, e.g. ``L12+24``.
        action_units: FACS number -> 1.0 present, 0.0 absent, for every AU of the list's vocabulary.
    """

    line: int
    codes: str
    action_units: dict[int, float]


def parse_action_units(codes: str) -> frozenset[int]:
    """Return the FACS numbers of a face from its codes joined by ``+``.

    The prefixes L, R, T and B say that only the left, right, top or bottom part of the face shows the
    action unit; AD marks an action descriptor. All are dropped: the number counts as present. Numbers may
    repeat and stand in any order.

    Args:
        codes: Text as in ``RAFAU_label.txt``; blanks around it and around ``+`` do not matter.

    Returns:
        The numbers as written, whether this project knows a name for them or not; empty for ``null``.

    Raises:
        ValueError: If the text is anything else.

    >>> sorted(parse_action_units("R1+R2+25"))
    [1, 2, 25]
    >>> sorted(parse_action_units("null"))
    []
    """
    text = codes.strip()
    if text.lower() == NO_ACTION_UNIT:
        return frozenset()
    numbers = set()
    for token in _PLUS.split(text):
        match = _TOKEN.fullmatch(token)
        if match is None or not int(match["number"]):
            raise ValueError(
                f"'{shown(token)}' is no action unit code; expected e.g. '4+L12+T24+AD19' or 'null'"
            )
        numbers.add(int(match["number"]))
    return frozenset(numbers)


def read_action_unit_list(reading: Reading, path: Path) -> dict[str, CodedPicture]:
    """Read a list of codes into labels: every AU of the list's own vocabulary is present or absent.

    The vocabulary are the numbers that occur anywhere in the list; an AU outside it stays unknown. A number
    without a name in this project is left out and noted, the other codes of its picture count.

    Args:
        reading: Takes up what was skipped.
        path: List with lines ``0001.jpg 1+4+25``.

    Returns:
        Key of the picture -> its codes and labels, in the order of the list.

    Raises:
        DatasetError: If the list is missing or is not text in UTF-8, or many lines are no such codes.
    """
    entries = read_list(reading, path)
    present: dict[str, frozenset[int]] = {}
    for key, entry in entries.items():
        try:
            numbers = parse_action_units(entry.label)
        except ValueError as error:
            reading.skip(path, entry.line, str(error))
            continue
        for number in sorted(numbers - AU_NAMES.keys()):
            reading.skip(path, entry.line, f"code {number} is no known action unit and was left out")
        present[key] = numbers & AU_NAMES.keys()
    refuse_many(path, len(entries) - len(present), len(entries), "codes such as '4+L12+T24' or 'null'")
    vocabulary = sorted(frozenset[int]().union(*present.values()))
    return {
        key: CodedPicture(
            entries[key].line, entries[key].label, {au: float(au in numbers) for au in vocabulary}
        )
        for key, numbers in present.items()
    }


def vocabulary_of(coded: dict[str, CodedPicture]) -> tuple[int, ...]:
    """Return the AUs of a list, ascending; empty for an empty list."""
    first = next(iter(coded.values()), None)
    return tuple(first.action_units) if first else ()
