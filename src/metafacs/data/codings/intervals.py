"""From single intervals to a coding by intervals: checked, sorted, with the stretches that were coded."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from metafacs.data.codings.coding import (
    NOBODY,
    CodedInterval,
    IntervalCoding,
    ReadingRules,
    Stretch,
    Unit,
)
from metafacs.data.codings.delimited import CodingError

CODED_NAMES = frozenset({"coded", "annotated", "coded_range", "coded range"})
"""Names of tiers, or of entries in the column of the AU, that mark the stretches somebody coded."""


@dataclass(frozen=True)
class GatheredIntervals:
    """What the intervals of a file say before anybody has checked them.

    Attributes:
        intervals: (person, AU) -> intervals in the order of the file; an empty list is an AU that was coded
            and never seen.
        coded: Person -> stretches marked as coded; those of nobody are everybody's.
        graded: Whether numbers are intensities.
    """

    intervals: Mapping[tuple[str, int], Sequence[CodedInterval]]
    coded: Mapping[str, Sequence[CodedInterval]]
    graded: bool


def build_coding(
    path: Path,
    kind: str,
    unit: Unit,
    gathered: GatheredIntervals,
    rules: ReadingRules,
    notes: Iterable[str] = (),
    *,
    synthetic: bool = False,
    first_frame_guessed: bool = False,
) -> IntervalCoding:
    """Check and sort intervals and settle which stretches were coded.

    Raises:
        CodingError: If an offset lies before its onset, or intervals of one AU of one person overlap.
    """
    notes, warnings = list(notes), list[str]()
    people: dict[str, dict[int, Sequence[CodedInterval]]] = {}
    for (person, au), intervals in sorted(gathered.intervals.items()):
        for interval in intervals:
            _refuse_backward(interval, f"AU{au}", unit)
        people.setdefault(person, {})[au] = _sorted(intervals, au, unit)
    if gathered.graded:
        notes.append(f"intensities; present from {rules.present_from:g} on")
        people = {
            person: {au: [_graded(interval, rules) for interval in each] for au, each in aus.items()}
            for person, aus in people.items()
        }
    coded: dict[str, tuple[Stretch, ...]] = {}
    derived = False
    for person, aus in people.items():
        marked = [*gathered.coded.get(person, ()), *(gathered.coded.get(NOBODY, ()) if person else ())]
        for interval in marked:
            _refuse_backward(interval, "the coded stretch", unit)
        if rules.coded_range is not None:
            coded[person] = rules.coded_range
        elif marked:
            coded[person] = _joined((interval.onset, interval.offset) for interval in marked)
        else:
            derived = True
            coded[person] = _spanned(aus)
    if rules.coded_range is not None:
        told = ", ".join(f"{start:g} to {end:g} s" for start, end in rules.coded_range)
        whole = rules.coded_range == ((-math.inf, math.inf),)
        notes.append(f"coded, as --coded_range says: {'the whole video' if whole else told}")
    elif derived:
        warnings.append(
            "nothing tells which stretch was coded, so it is taken to reach from the first onset to the last "
            f"offset ({_in_words(coded, unit)}) and the rest to be unknown; a tier or entry 'coded', or "
            "--coded_range START-END or all, tells it"
        )
    else:
        notes.append(f"coded, as it says itself: {_in_words(coded, unit)}")
    return IntervalCoding(
        path,
        kind,
        unit,
        people,
        coded,
        "seconds" if rules.coded_range is not None else unit,
        with_intensities=gathered.graded,
        synthetic=synthetic,
        first_frame_guessed=first_frame_guessed,
        notes=tuple(notes),
        warnings=tuple(warnings),
    )


def _refuse_backward(interval: CodedInterval, what: str, unit: Unit) -> None:
    if interval.offset < interval.onset:
        raise CodingError(
            f"{interval.place}: {what} ends at {interval.offset:g}, before it begins at {interval.onset:g} "
            f"({unit})"
        )


def _sorted(intervals: Sequence[CodedInterval], au: int, unit: Unit) -> list[CodedInterval]:
    """Return the intervals of one AU by onset, after a check that those of one side do not overlap."""
    ordered = sorted(intervals, key=lambda interval: (interval.onset, interval.offset))
    last: dict[str, CodedInterval] = {}
    for interval in ordered:
        before = last.get(interval.side)
        if before is not None and (
            interval.onset <= before.offset if unit == "frames" else interval.onset < before.offset
        ):
            raise CodingError(
                f"{interval.place}: AU{au} from {interval.onset:g} to {interval.offset:g} overlaps with "
                f"{before.onset:g} to {before.offset:g} of {before.place} ({unit})"
            )
        last[interval.side] = interval
    return ordered


def _graded(interval: CodedInterval, rules: ReadingRules) -> CodedInterval:
    """Return an interval whose presence follows from its intensity where it has one."""
    if math.isnan(interval.intensity):
        return interval
    return replace(interval, presence=float(interval.intensity >= rules.present_from))


def _joined(stretches: Iterable[Stretch]) -> tuple[Stretch, ...]:
    joined: list[Stretch] = []
    for start, end in sorted(stretches):
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    return tuple(joined)


def _spanned(aus: Mapping[int, Sequence[CodedInterval]]) -> tuple[Stretch, ...]:
    ends = [(interval.onset, interval.offset) for intervals in aus.values() for interval in intervals]
    return ((min(start for start, _ in ends), max(end for _, end in ends)),) if ends else ()


def _in_words(coded: Mapping[str, tuple[Stretch, ...]], unit: Unit) -> str:
    short = "s" if unit == "seconds" else "frames"
    told = []
    for person, stretches in coded.items():
        parts = [f"{start:g} to {end:g} {short}" for start, end in stretches[:3]]
        if len(stretches) > 3:
            parts.append(f"{len(stretches) - 3} more stretches")
        told.append((f"person {person}: " if person else "") + (", ".join(parts) or "nothing"))
    return "; ".join(told)
