"""Lists of intervals as text: ``onset_s,offset_s,au`` and, where they were coded, intensity and person."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from metafacs.data.codings.coding import NOBODY, CodedInterval, Floats, IntervalCoding, ReadingRules, Unit
from metafacs.data.codings.delimited import CodingError
from metafacs.data.codings.frame_codings import IGNORED_COLUMNS, PERSON_COLUMNS
from metafacs.data.codings.intervals import CODED_NAMES, GatheredIntervals, build_coding
from metafacs.data.codings.raw_tables import RawTable
from metafacs.data.codings.usable_rows import usable_rows
from metafacs.data.codings.values import (
    AuCode,
    other_facs_code,
    parse_au_codes,
    parse_au_name,
    parse_code,
    parse_person,
    parse_side,
    says_letter,
)
from metafacs.facs import AU_NAMES
from metafacs.texts import shown

_AU_COLUMNS = ("au", "aus", "action_unit", "action_units", "code", "tier", "behavior", "behaviour")
_VALUE_COLUMNS = ("intensity", "level", "value", "presence")
_IGNORED = ("name", "complete", "duration", "duration_s", "duration_ms", "duration_frames", "apex")
_IGNORED_BEGINNINGS = ("peak", "mean_")
_BEGINNINGS = {"onset": "onset", "start": "onset", "begin": "onset"}
_BEGINNINGS |= {"offset": "offset", "end": "offset", "stop": "offset"}
_UNITS: dict[str, tuple[Unit, float]] = {
    **dict.fromkeys(("s", "sec", "seconds", "ss_msec", "in_s", "in_seconds"), ("seconds", 1.0)),
    **dict.fromkeys(("ms", "msec", "milliseconds", "in_ms"), ("seconds", 0.001)),
    **dict.fromkeys(("frame", "frames", "frame_number", "f"), ("frames", 1.0)),
}


def is_interval_list(header: Sequence[str]) -> bool:
    """Return whether a table with this header is a list of intervals: it has onsets and offsets.

    >>> is_interval_list(["onset", "offset", "au"]), is_interval_list(["frame", "AU12"])
    (True, False)
    """
    ends = {parsed[0] for name in header if (parsed := _parse_end(name))}
    return ends == {"onset", "offset"}


def read_interval_list(raw: RawTable, rules: ReadingRules) -> IntervalCoding:
    """Read a list of intervals; an entry ``coded`` in the column of the AU marks a stretch that was coded.

    Offsets in frames are the last frame of an interval; in seconds they are when it has ended. A table of
    events that metafacs wrote is such a list.

    Args:
        raw: The table.
        rules: Number of the first frame, the coded range, and from which intensity on an AU is present.

    Raises:
        CodingError: If a column, an AU or a value is none of those known, or the unit is not told.
    """
    names = {_normalised(name): name for name in reversed(raw.names)}
    onset, offset, unit = _ends(raw)
    au = next((names[name] for name in _AU_COLUMNS if name in names), None)
    person = next((names[name] for name in PERSON_COLUMNS if name in names), None)
    value = next((names[name] for name in _VALUE_COLUMNS if name in names), None)
    if au is None:
        raise CodingError(f"{raw.path}:1: no column tells the action unit; name one 'au'")
    _refuse_unknown(raw, {au, person, value})
    _refuse_several_inputs(raw, names.get("input"))
    values = raw.texts(value) if value else [""] * raw.rows
    people = [parse_person(name) for name in raw.texts(person)] if person else [NOBODY] * raw.rows
    codes = [_codes_of(raw, row, cell) for row, cell in enumerate(raw.texts(au))]
    levels = [_level(raw, row, cell) for row, cell in enumerate(values)]
    graded = any(level > 1 for level in levels) or any(map(says_letter, values))
    graded |= any(not math.isnan(code.level) for _, each in codes for code in each)
    _refuse_probabilities(raw, levels, graded=graded)
    notes = ["an AU without any entry is unknown"]
    usable = usable_rows(raw, rules, notes)
    intervals: dict[tuple[str, int], list[CodedInterval]] = {}
    coded: dict[str, list[CodedInterval]] = {}
    left_out = set()
    for row in range(raw.rows):
        who, each = codes[row]
        who = who or people[row]
        place = str(raw.error(row, "")).removesuffix(": ")
        ends = float(onset[row]), float(offset[row])
        if not each and usable[row]:
            coded.setdefault(who, []).append(CodedInterval(*ends, place=place))
        for code in each:
            if code.au not in AU_NAMES:
                left_out.add(code.au)
                continue
            level = levels[row] if math.isnan(code.level) else code.level
            interval = _interval(ends, level, values[row], graded=graded, side=code.side, place=place)
            if not usable[row]:
                interval = replace(interval, presence=math.nan, intensity=math.nan)
            intervals.setdefault((who, code.au), []).append(interval)
    if left_out:
        notes.append(f"left out, since metafacs does not know these codes: {sorted(left_out)}")
    guessed = False
    if unit == "frames":
        first = rules.first_frame or 0
        guessed = rules.first_frame is None and not (onset == 0).any()
        if first > onset.min():
            raise raw.error(int(onset.argmin()), f"the onset lies before frame {first}, the first")
        intervals = {key: [_earlier(one, first) for one in each] for key, each in intervals.items()}
        coded = {who: [_earlier(one, first) for one in each] for who, each in coded.items()}
        notes.append(f"its frames are taken to start at {first} (--first_frame)")
    if not intervals:
        raise CodingError(f"{raw.path}: the list holds no interval of an action unit")
    return build_coding(
        raw.path,
        "list of intervals",
        unit,
        GatheredIntervals(intervals, coded, graded),
        rules,
        notes,
        first_frame_guessed=guessed,
    )


def _interval(
    ends: tuple[float, float], level: float, value: str, *, graded: bool, side: str, place: str
) -> CodedInterval:
    """Return an interval; without a value it is present, with an unknown one not to be judged."""
    told = not math.isnan(level)
    presence = 1.0 if not value and not told else float(level > 0) if told else math.nan
    return CodedInterval(*ends, presence, level if graded else math.nan, side, place)


def _earlier(interval: CodedInterval, first: int) -> CodedInterval:
    return replace(interval, onset=interval.onset - first, offset=interval.offset - first)


def _refuse_probabilities(raw: RawTable, levels: Sequence[float], *, graded: bool) -> None:
    """Refuse values between 0 and 1 where none says that they are intensities."""
    between = next((row for row, level in enumerate(levels) if 0 < level < 1), None)
    if between is not None and not graded:
        raise raw.error(
            between,
            f"{levels[between]:g} is neither 0 nor 1, and no value of the list is an intensity above 1; "
            "presence is 0 or 1, or nothing for present",
        )


def _normalised(name: str) -> str:
    return re.sub(r"[^0-9a-z]+", "_", name.strip().lower()).strip("_")


def _parse_end(name: str) -> tuple[str, tuple[Unit, float] | None] | None:
    """Return (onset or offset, (unit, its size) or None if it is not told), or None for another column."""
    word, _, rest = _normalised(name).partition("_")
    if word not in _BEGINNINGS:
        return None
    rest = re.sub(r"^time_?", "", rest)
    if not rest:
        return _BEGINNINGS[word], None
    return (_BEGINNINGS[word], _UNITS[rest]) if rest in _UNITS else None


def _ends(raw: RawTable) -> tuple[Floats, Floats, Unit]:
    """Return onsets and offsets of the rows and their unit; seconds where a list has both."""
    found: dict[str, dict[tuple[Unit, float] | None, str]] = {"onset": {}, "offset": {}}
    for name in raw.names:
        if parsed := _parse_end(name):
            found[parsed[0]].setdefault(parsed[1], name)
    shared = [unit for unit in found["onset"] if unit in found["offset"]]
    if not shared:
        raise CodingError(f"{raw.path}:1: onset and offset are in different units")
    # Frames beside them say that a bare 'onset' is in seconds.
    best = min(shared, key=lambda unit: (unit is not None and unit[0] == "frames", unit is None))
    values = [raw.numbers(found[end][best], what=f"the {end}") for end in ("onset", "offset")]
    for end, numbers in zip(("onset", "offset"), values, strict=True):
        missing = np.flatnonzero(np.isnan(numbers))
        if len(missing):
            raise raw.error(int(missing[0]), f"the {end} is missing")
    unit, scale = best or ("seconds", 1.0)
    whole = all((numbers == np.round(numbers)).all() for numbers in values)
    if best is None and len(shared) == 1 and whole:
        raise CodingError(
            f"{raw.path}:1: '{found['onset'][None]}' holds whole numbers, which may be seconds or frames; "
            "call the columns onset_s and offset_s, or onset_frame and offset_frame"
        )
    if unit == "frames" and not whole:
        row = int(np.flatnonzero((values[0] != np.round(values[0])) | (values[1] != np.round(values[1])))[0])
        raise raw.error(row, "a frame has no whole number")
    return values[0] * scale, values[1] * scale, unit


def _refuse_unknown(raw: RawTable, told: set[str | None]) -> None:
    for name in raw.names:
        plain = _normalised(name)
        if name in told or _parse_end(name) or plain in IGNORED_COLUMNS or plain in _IGNORED:
            continue
        if not plain.startswith(_IGNORED_BEGINNINGS):
            raise CodingError(
                f"{raw.path}:1: column '{shown(name)}' is unknown; expected onset, offset, au, intensity and "
                "person; call a column of remarks 'note'"
            )


def _refuse_several_inputs(raw: RawTable, name: str | None) -> None:
    inputs = dict.fromkeys(raw.texts(name)) if name else {}
    if len(inputs) > 1:
        listed = ", ".join(list(inputs)[:3])
        raise CodingError(
            f"{raw.path}: the list is of {len(inputs)} videos ({listed}); give one list per video"
        )


def _codes_of(raw: RawTable, row: int, cell: str) -> tuple[str, list[AuCode]]:
    """Return (person or nobody, AUs) that a cell names; no AU for a stretch that was coded."""
    if cell.lower() in CODED_NAMES:
        return NOBODY, []
    parsed = parse_au_name(cell)
    if parsed is not None and parsed.before and not parsed.after:
        side = parse_side(parsed.before)
        person = NOBODY if side else parse_person(parsed.before)
        codes = [AuCode(parsed.au, math.nan, side or "")]
    else:
        person, codes = NOBODY, parse_au_codes(cell, prefixed=False) or []
    wrong = [code.au for code in codes if code.au not in AU_NAMES and not other_facs_code(code.au)]
    if not codes or wrong:
        raise raw.error(
            row,
            f"'{shown(cell)}' is no action unit; expected e.g. AU12, 12, L12B, AU6+AU12, or 'coded' for a "
            "stretch "
            "that was coded",
        )
    return person, codes


def _level(raw: RawTable, row: int, cell: str) -> float:
    try:
        return parse_code(cell)
    except ValueError as error:
        raise raw.error(row, str(error)) from error
