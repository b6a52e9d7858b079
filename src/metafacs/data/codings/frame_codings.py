"""Codings by people, a row for each frame: ``frame,AU06,AU12`` with 0 and 1, 0 to 5, or letters A to E."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from metafacs.data.codings.coding import NOBODY, AuSeries, Floats, FrameCoding, Integers, ReadingRules
from metafacs.data.codings.delimited import CodingError
from metafacs.data.codings.frame_rows import FrameRows, first_frame_by_times, gather_rows
from metafacs.data.codings.raw_tables import RawTable
from metafacs.data.codings.usable_rows import FAILURE_COLUMNS, usable_rows
from metafacs.data.codings.values import (
    AuName,
    other_facs_code,
    parse_au_name,
    parse_code,
    parse_person,
    parse_side,
    says_letter,
)
from metafacs.facs import AU_NAMES
from metafacs.texts import shown

FRAME_COLUMNS = ("frame", "frames", "frame_number", "frame number", "frame_id", "frame_no", "framenumber")
TIME_COLUMNS = {"timestamp": 1.0, "time": 1.0, "seconds": 1.0, "time_s": 1.0, "time_ms": 0.001, "ms": 0.001}
PERSON_COLUMNS = ("person", "person_id", "face_id", "face", "subject", "participant")
IGNORED_COLUMNS = frozenset(
    {"", "coder", "rater", "note", "notes", "comment", "comments", "remark", "remarks"}
    | {"input", "video", "file", "filename", "date"}
    | FAILURE_COLUMNS
)

_PRESENCE = ("c", "presence", "present", "occurrence")
_INTENSITY = ("r", "intensity", "int", "level")


@dataclass(frozen=True)
class _Column:
    name: str
    au: int
    side: str
    is_intensity: bool | None


def read_frame_coding(raw: RawTable, rules: ReadingRules) -> FrameCoding:
    """Read a coding by frames; empty cells, 9, 999 and -1 are unknown.

    Args:
        raw: The table.
        rules: Number of the first frame, and from which intensity on an AU counts as present.

    Raises:
        CodingError: If a column or a code is none of those known, or no column tells the frame.
    """
    names = {name.lower(): name for name in reversed(raw.names)}
    frame = next((names[name] for name in FRAME_COLUMNS if name in names), None)
    time = next((name for name in TIME_COLUMNS if name in names), None)
    person = next((names[name] for name in PERSON_COLUMNS if name in names), None)
    if frame is None and time is None:
        raise CodingError(f"{raw.path}:1: no column tells the frame; name one 'frame' or 'timestamp'")
    told = {frame, person, None if time is None else names[time]}
    columns, notes = _au_columns(raw, [name for name in raw.names if name not in told])
    codes = {column: _codes(raw, column) for column in columns}
    graded = _graded(raw, codes)
    rows = FrameRows(
        raw.error,
        None if frame is None else raw.numbers(frame, what="the frame"),
        None if time is None else raw.numbers(names[time], what="the time") * TIME_COLUMNS[time],
        [parse_person(name) for name in raw.texts(person)] if person else [NOBODY] * raw.rows,
        usable_rows(raw, rules, notes),
        _series(codes, graded, rules),
    )
    gathered = gather_rows(rows)
    frames, guessed = gathered.frames, False
    if frames is not None:
        first, how, guessed = _first_frame(frames, gathered.times, rules)
        notes.append(how)
        if guessed and raw.blank is not None:
            raise CodingError(
                f"{raw.path}:{raw.blank}: the line is blank, and nothing tells whether the first frame is 0 "
                "or 1, since a row may be missing there; say it with --first_frame"
            )
        if frames[0] < first:
            raise CodingError(f"{raw.path}: a frame has the number 0, though --first_frame says 1")
        frames = frames - first
    if graded:
        notes.append(f"intensities; present from {rules.present_from:g} on")
    return FrameCoding(
        raw.path,
        "coding by frames",
        frames,
        gathered.times,
        gathered.people,
        first_frame_guessed=guessed,
        notes=tuple(notes),
        warnings=tuple(gathered.warnings),
    )


def _first_frame(frames: Integers, times: Floats | None, rules: ReadingRules) -> tuple[int, str, bool]:
    """Return the number of the video's first frame in a coding, why, and whether that is a guess."""
    if rules.first_frame is not None:
        return rules.first_frame, f"its frames start at {rules.first_frame}, as --first_frame says", False
    told = first_frame_by_times(frames, times)
    if told is not None:
        return told, f"its frames start at {told}, as its times tell", False
    if frames[0] == 0:
        return 0, "its lowest frame is 0, so its frames start at 0 (--first_frame)", False
    if frames[0] == 1:
        return 1, "its lowest frame is 1, so its frames are taken to start at 1 (--first_frame)", True
    return 0, "its frames are taken to start at 0 (--first_frame)", True


def _au_columns(raw: RawTable, names: Sequence[str]) -> tuple[list[_Column], list[str]]:
    columns, left_out = [], []
    # OpenFace's AU12_r is an intensity, but beside AU12_L an AU12_R is the right half of the face.
    halved = {parsed.au for name in names if (parsed := parse_au_name(name)) and parsed.after == "l"}
    for name in names:
        parsed = parse_au_name(name)
        if parsed is None:
            if name.lower() in IGNORED_COLUMNS:
                continue
            raise CodingError(
                f"{raw.path}:1: column '{shown(name)}' is unknown; expected frame, timestamp, person and "
                "action "
                "units such as AU12; call a column of remarks 'note'"
            )
        if parsed.au not in AU_NAMES:
            if not other_facs_code(parsed.au):
                raise CodingError(
                    f"{raw.path}:1: column '{shown(name)}': AU{parsed.au} is no FACS action unit"
                )
            left_out.append(name)
            continue
        columns.append(_column(raw, name, parsed, halved=parsed.au in halved))
    if not columns:
        raise CodingError(f"{raw.path}:1: no column of an action unit such as AU12")
    keys = [(column.au, column.side, column.is_intensity) for column in columns]
    twice = next((column.name for i, column in enumerate(columns) if keys[i] in keys[:i]), None)
    if twice:
        raise CodingError(f"{raw.path}:1: column '{shown(twice)}' is a second one of its action unit")
    notes = (
        [f"left out, since metafacs does not know these codes: {shown(', '.join(left_out))}"]
        if left_out
        else []
    )
    return columns, notes


def _column(raw: RawTable, name: str, parsed: AuName, *, halved: bool) -> _Column:
    side, is_intensity = "", None
    for word in (parsed.before, parsed.after):
        if not word:
            continue
        if word in _PRESENCE or (word in _INTENSITY and not (halved and word == "r")):
            is_intensity = word in _INTENSITY
        elif known := parse_side(word):
            side = known
        else:
            raise CodingError(
                f"{raw.path}:1: column '{shown(name)}': '{shown(word)}' is unknown; expected e.g. AU12, "
                "AU12_c (0 or 1), "
                "AU12_r (intensity), AU12_p (probability), AU12_L or AU12_R"
            )
    return _Column(name, parsed.au, side, is_intensity)


def _codes(raw: RawTable, column: _Column) -> Floats:
    cells = raw.texts(column.name)
    known: dict[str, float] = {}
    for row, cell in enumerate(cells):
        if cell in known:
            continue
        try:
            known[cell] = parse_code(cell)
        except ValueError as error:
            raise raw.error(row, f"{column.name}: {error}") from error
        if column.is_intensity is False and known[cell] not in (0, 1) and known[cell] == known[cell]:
            raise raw.error(row, f"{column.name} is '{shown(cell)}', neither 0 nor 1")
    return np.array([known[cell] for cell in cells])


def _graded(raw: RawTable, codes: dict[_Column, Floats]) -> bool:
    """Return whether columns without a suffix hold intensities: a code is above 1, or a letter."""
    plain = {column: values for column, values in codes.items() if column.is_intensity is None}
    graded = any(
        (values > 1).any() or any(says_letter(cell) for cell in set(raw.texts(column.name)))
        for column, values in plain.items()
    )
    for column, values in plain.items():
        between = np.flatnonzero((values > 0) & (values < 1))
        if len(between) and not graded:
            raise raw.error(
                int(between[0]),
                f"{column.name} is {values[between[0]]:g}, neither 0 nor 1; call columns of probabilities "
                f"AU{column.au:02d}_p and of intensities AU{column.au:02d}_r",
            )
    return graded


def _series(codes: dict[_Column, Floats], graded: bool, rules: ReadingRules) -> dict[int, AuSeries]:
    presence: dict[int, list[Floats]] = {}
    intensity: dict[int, list[Floats]] = {}
    for column, values in codes.items():
        is_intensity = graded if column.is_intensity is None else column.is_intensity
        (intensity if is_intensity else presence).setdefault(column.au, []).append(values)
    series = {}
    for au in sorted(presence.keys() | intensity.keys()):
        level = strongest(intensity[au]) if au in intensity else None
        if au in presence:
            present = strongest(presence[au])
        else:
            assert level is not None
            present = np.where(np.isnan(level), np.nan, level >= rules.present_from)
        series[au] = AuSeries(present, level)
    return series


def strongest(sides: Sequence[Floats]) -> Floats:
    """Return what both sides of a face show together: the stronger; unknown if an unknown one may be it.

    >>> strongest([np.array([0.0, 1.0, 0.0]), np.array([np.nan, np.nan, 0.0])])
    array([nan,  1.,  0.])
    """
    values = np.stack(list(sides))
    most = np.fmax.reduce(values)
    return np.where(np.isnan(values).any(axis=0) & (most == 0), np.nan, most)
