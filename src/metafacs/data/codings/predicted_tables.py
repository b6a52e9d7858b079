"""Tables that programs write: metafacs, OpenFace, py-feat (Fex) and LibreFace.

Facts of the formats. OpenFace numbers frames from 1 and puts blanks behind its commas; rows of frames without
a face say ``success`` 0 and hold zeros. py-feat numbers from 0, writes probabilities without a suffix, and
names people ``Person_0`` in ``Identity``. LibreFace numbers from 0 in ``frame_idx``, with ``au_1`` (0 or 1)
and ``au_1_intensity`` (0 to 5); some of its versions write seconds into ``frame_time_in_ms``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

from metafacs.data.codings.coding import NOBODY, AuSeries, Floats, FrameCoding, ReadingRules
from metafacs.data.codings.delimited import CodingError
from metafacs.data.codings.frame_rows import FrameRows, first_frame_by_times, gather_rows
from metafacs.data.codings.raw_tables import RawTable
from metafacs.data.codings.usable_rows import usable_rows
from metafacs.data.codings.values import parse_au_name, parse_person
from metafacs.data.own_results import SIDECAR
from metafacs.facs import AU_NAMES, au_column
from metafacs.parsing import convert, read_json
from metafacs.seals import unsealed
from metafacs.texts import shown

_USUAL_THRESHOLD = 0.5
_FASTEST = 500.0
_SLOWEST = 1.0
"""Step from frame to frame up to which times that are called milliseconds must be seconds."""

_NEARLY_AU = re.compile(r"\W*(?:a+u+|ua|a)[\s_-]*[0-9]{1,2}(?:[\s_.-]?\w+)?", re.IGNORECASE)
_SUFFIXES = {"": "plain", "p": "p", "r": "r", "c": "c", "intensity": "r"}


@dataclass(frozen=True)
class Program:
    """How one program writes tables of frames.

    Attributes:
        name: As in messages.
        frame: Name of the column with the number of the frame, in lower case.
        first_frame: Number of the first frame of a video.
        plain: What a column without suffix holds: ``p`` a probability, ``c`` presence.
    """

    name: str
    frame: str = "frame"
    first_frame: int = 0
    plain: str = "p"


METAFACS = Program("metafacs table")
METAFACS_FEX = Program("metafacs table (Fex)")
OPENFACE = Program("OpenFace table", first_frame=1)
PY_FEAT = Program("py-feat table")
LIBREFACE = Program("LibreFace table", frame="frame_idx", plain="c")


@dataclass(frozen=True)
class Sidecar:
    """What metafacs tells beside a table, as far as it matters here.

    Attributes:
        thresholds: Name of an AU as in ``AU12`` -> probability from which on it is present.
        synthetic: Whether the model was trained on rendered faces.
        experimental: Names of the AUs that are not shown to carry over to real people.
    """

    thresholds: Mapping[str, Annotated[float, Meta(ge=0, le=1)]] = field(default_factory=dict)
    synthetic: bool = False
    experimental: tuple[str, ...] = ()


def recognise_program(header: tuple[str, ...], sidecar: Sidecar | None) -> Program | None:
    """Return which program wrote a table with this header, or None if it looks like a coding by people."""
    names = {name.lower() for name in header}
    suffixes = {parsed.after for name in header if (parsed := parse_au_name(name)) and not parsed.before}
    if "frame_idx" in names and suffixes:
        return LIBREFACE
    if "facescore" in names or "facerectx" in names:
        ours = sidecar is not None or {"face_id", "timestamp"} <= names
        return METAFACS_FEX if ours else PY_FEAT
    if "p" in suffixes or (suffixes & {"c", "r"} and names & {"success", "confidence"}):
        ours = sidecar is not None or "p" in suffixes or "face_x" in names
        return METAFACS if ours else OPENFACE
    return None


def read_sidecar(path: Path) -> Sidecar | None:
    """Return the description that metafacs wrote beside a table, or None if there is none.

    Raises:
        CodingError: If it is there but damaged.
    """
    sidecar = path.with_name(path.name + SIDECAR)
    if not sidecar.is_file():
        return None
    remedy = "remove it or predict again"
    content = read_json(sidecar, dict[str, Any], CodingError, remedy)
    if "metafacs" not in content:
        return None
    # The time of writing stands outside the seal.
    content.pop("written", None)
    content = unsealed(content, str(sidecar), CodingError, remedy)
    return convert(content, Sidecar, str(sidecar), CodingError, remedy)


def read_predicted_table(
    raw: RawTable, program: Program, sidecar: Sidecar | None, rules: ReadingRules
) -> FrameCoding:
    """Read a table that a program wrote; rows that it calls failed are unknown.

    Args:
        raw: The table.
        program: Who wrote it.
        sidecar: What :func:`read_sidecar` gives.
        rules: Thresholds, and from which confidence on a row counts.

    Raises:
        CodingError: If there is no column with frames or AUs, or a value is outside its range.
    """
    names = {name.lower(): name for name in reversed(raw.names)}
    if program.frame not in names:
        raise CodingError(
            f"{raw.path}: the {program.name} has no column '{program.frame}'; a table of a video has one, "
            "a table of single pictures cannot be compared by frames"
        )
    notes: list[str] = []
    warnings: list[str] = []
    usable = usable_rows(raw, rules, notes)
    series = _series(raw, program, usable, _thresholds(raw, program, sidecar, rules, notes), rules, notes)
    refuse_unread(raw, _SUFFIXES)
    if program is OPENFACE and "success" not in names:
        warnings.append("no column 'success': only a confidence of 0 tells that no face was found")
    numbers = raw.numbers(names[program.frame], what="the frame")
    people = _people(raw, names)
    if people is None:
        notes.append("no column tells whose face a row is of; all are taken to be of one person")
        people = [NOBODY] * raw.rows
    gathered = gather_rows(FrameRows(raw.error, numbers, _times(raw, names, notes), people, usable, series))
    assert gathered.frames is not None
    first = program.first_frame
    if first and (
        gathered.frames[0] < first or first_frame_by_times(gathered.frames, gathered.times) == first - 1
    ):
        notes.append("its frames start at 0, though OpenFace's own start at 1; taken as they are")
        first = 0
    elif first:
        notes.append("its frames start at 1, as OpenFace counts; frame 1 is frame 0 here")
    frames, times = gathered.frames - first, gathered.times
    if times is not None and len(times) > 1:
        rate = (frames[-1] - frames[0]) / (times[-1] - times[0])
        if rate > _FASTEST:
            warnings.append(
                f"its times run at {rate:.0f} frames per second, as OpenFace's do for folders of pictures; "
                "--rate tells the real rate"
            )
    if sidecar and sidecar.experimental:
        notes.append(f"not shown to carry over to real people: {', '.join(sidecar.experimental)}")
    return FrameCoding(
        raw.path,
        program.name,
        frames,
        times,
        gathered.people,
        synthetic=sidecar is not None and sidecar.synthetic,
        notes=tuple(notes),
        warnings=tuple(warnings + gathered.warnings),
    )


def refuse_unread(raw: RawTable, suffixes: Collection[str]) -> None:
    """Refuse a column that was meant to be one of an action unit: a misspelt one must not be passed over.

    Args:
        raw: The table.
        suffixes: What may stand behind the number of an action unit, in lower case.

    Raises:
        CodingError: If a column names an action unit, or nearly, in another way.
    """
    for name in raw.names:
        parsed = parse_au_name(name)
        if parsed is None:
            unread = _NEARLY_AU.fullmatch(name) is not None
        else:
            unread = not parsed.before and parsed.after not in suffixes
        if unread:
            known = ", ".join(f"AU12_{suffix}" for suffix in suffixes if suffix)
            raise CodingError(
                f"{raw.path}:1: column '{shown(name)}' looks like an action unit and is none that is read; "
                f"correct its name ({known}), or put another word before it, such as smooth_AU12"
            )


def _thresholds(
    raw: RawTable,
    program: Program,
    sidecar: Sidecar | None,
    rules: ReadingRules,
    notes: list[str],
) -> Callable[[int], float | None]:
    """Return AU -> threshold of its probabilities; None where the table's own presence counts."""
    if rules.threshold is not None:
        return lambda au: rules.threshold
    if sidecar is not None and sidecar.thresholds:
        thresholds = sidecar.thresholds

        def threshold_of(au: int) -> float:
            if au_column(au) not in thresholds:
                raise CodingError(
                    f"{raw.path}{SIDECAR} tells no threshold of AU{au}, so that it is of another table; "
                    "predict again, or give --threshold"
                )
            return thresholds[au_column(au)]

        return threshold_of
    if program in (PY_FEAT, METAFACS_FEX):
        notes.append(f"an AU counts as present from a probability of {_USUAL_THRESHOLD} on (--threshold)")
    return lambda au: None


def _series(
    raw: RawTable,
    program: Program,
    usable: NDArray[np.bool_],
    threshold_of: Callable[[int], float | None],
    rules: ReadingRules,
    notes: list[str],
) -> dict[int, AuSeries]:
    columns: dict[int, dict[str, str]] = {}
    strange: list[str] = []
    for name in raw.names:
        parsed = parse_au_name(name)
        if parsed is None or parsed.before or parsed.after not in _SUFFIXES:
            continue
        if parsed.au not in AU_NAMES:
            strange.append(name)
            continue
        role = _SUFFIXES[parsed.after]
        columns.setdefault(parsed.au, {})[program.plain if role == "plain" else role] = name
    if strange:
        notes.append(f"left out, since FACS has no such action unit: {shown(', '.join(strange))}")
    if not columns:
        raise CodingError(f"{raw.path}: the {program.name} has no column of an action unit such as AU12_c")
    series, from_intensity = {}, []
    for au, names in sorted(columns.items()):
        probability = _read(raw, names.get("p"), usable, 1.0)
        intensity = _read(raw, names.get("r"), usable, 5.0)
        if "c" in names and (rules.threshold is None or probability is None):
            presence = _read(raw, names["c"], usable, 1.0, whole=True)
        elif probability is not None:
            told = threshold_of(au)
            limit = _USUAL_THRESHOLD if told is None else told
            presence = np.where(np.isnan(probability), np.nan, probability >= limit)
        else:
            assert intensity is not None
            presence = np.where(np.isnan(intensity), np.nan, intensity >= rules.present_from)
            from_intensity.append(au)
        assert presence is not None
        series[au] = AuSeries(presence, intensity, _score(probability, intensity))
    if from_intensity:
        listed = ", ".join(f"AU{au}" for au in from_intensity)
        notes.append(f"present from an intensity of {rules.present_from:g} on: {listed}")
    return series


def _score(probability: Floats | None, intensity: Floats | None) -> Floats | None:
    """Return what ranks the frames; answers of 0 and 1 do not."""
    score = intensity if probability is None else probability
    return None if score is None or np.isin(score[~np.isnan(score)], (0.0, 1.0)).all() else score


def _read(
    raw: RawTable, name: str | None, usable: NDArray[np.bool_], highest: float, *, whole: bool = False
) -> Floats | None:
    """Return a column with NaN in the rows that hold nothing, after a check of its range."""
    if name is None:
        return None
    values = raw.numbers(name, what=name)
    values = np.where(usable, values, np.nan)
    wrong = (values < 0) | (values > highest) | (whole & ~np.isnan(values) & (values != np.round(values)))
    if wrong.any():
        row = int(np.flatnonzero(wrong)[0])
        expected = "0 or 1" if whole else f"0 to {highest:g}"
        raise raw.error(row, f"{name} is {values[row]:g}, outside {expected}")
    return values


def _times(raw: RawTable, names: dict[str, str], notes: list[str]) -> Floats | None:
    if "timestamp" in names:
        return raw.numbers(names["timestamp"], what="the timestamp")
    if "frame_time_in_ms" not in names:
        return None
    times = raw.numbers(names["frame_time_in_ms"], what="the time")
    steps = np.diff(times)
    steps = steps[steps > 0]
    if len(steps) and np.median(steps) <= _SLOWEST:
        notes.append("its frame_time_in_ms grows by less than 1 per frame, so it is taken to be in seconds")
        return times
    return times / 1000


def _people(raw: RawTable, names: dict[str, str]) -> list[str] | None:
    for column in ("face_id", "person", "identity"):
        if column in names:
            return [parse_person(name) for name in raw.texts(names[column])]
    return None
