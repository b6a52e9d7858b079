"""Records: one JSON file per trained and tested run, the only thing that reports are made of.

Finished comparisons are kept as archives of records, see :mod:`metafacs.evaluation.archive`.

Schema 1. Every key is required except where :class:`Record` says otherwise. Scores without a value (an AU
without positive labels has no F1) are ``null`` in the file and NaN in memory; ``expressions`` is ``null``
where none were recognised. Files are written to a temporary name first and renamed, so a record is either
whole or absent, and end with a digest (``sha256``): one that was damaged or edited is refused. Files of
earlier versions have none and are read.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from metafacs.evaluation.archive import find_archive, read_archive
from metafacs.evaluation.configuration import configuration_of
from metafacs.evaluation.diagnostics import Level, Lost
from metafacs.evaluation.expression_results import Count, ExpressionResult, Unit
from metafacs.evaluation.landmarks import LandmarkScores
from metafacs.evaluation.merging import merged
from metafacs.evaluation.record_files import (
    FEW_SHOT_HEAD,
    RECORD_HEAD,
    REMEDY,
    RecordError,
    check_keys,
    read_each,
    read_one,
    record_paths,
)
from metafacs.facs import check_aus
from metafacs.files import write_json
from metafacs.parsing import convert
from metafacs.seals import sealed, unsealed

SCHEMA = 1
OUTCOME_NAMES = ("tp", "fp", "fn", "tn")
_WIDEST = 1e100
"""No curve of a training that went on holds a larger number; a figure of one cannot be drawn."""
_CLOSE = 1e-5
"""Scores are computed in single precision."""
_SCORES = ("f1", "f1_average", "accuracy", "auc", "seconds", "history")
_SCORES_OR_NONE = ("landmarks", "interval")


@dataclass(frozen=True)
class TestedData:
    """What a run was trained and tested on.

    Attributes:
        name: Data set, e.g. ``bp4d``.
        synthetic: True if the pictures come from a twin; every report then says so.
        split: Name of the split, e.g. ``3fold``.
        split_hash: Hash of who is in training and who in test.
        fold: 1-based number of the fold tested on; see :attr:`Record.run` for that trained for.
        twin_seed: Generator seed of the twin; None for real data.
        store: Fingerprint of the prepared store; empty in files of earlier versions.
    """

    name: str
    synthetic: bool
    split: str
    split_hash: str
    fold: Count
    twin_seed: int | None = None
    store: str = ""


@dataclass(frozen=True)
class Interval:
    """An interval of the average F1 by resampling test subjects, or pictures where these are unknown.

    Attributes:
        f1_average: Lower and upper bound, in [0, 1].
        level: Nominal coverage, e.g. 0.95.
        bootstrap: Number of resamples.
        over: What was resampled; ``subjects`` where a file does not say.
    """

    f1_average: tuple[float, float]
    level: float
    bootstrap: Count
    over: Unit = "subjects"


@dataclass(frozen=True)
class Record:
    """One run: a method trained with one seed and tested on the held-out people or pictures of one fold.

    A run that lost its game, or whose numbers were no longer finite, has a record without scores: those of
    its AUs are NaN, and there are no counts.

    Attributes:
        method: Name in the METHODS table, e.g. ``mal``.
        label: Name of the variant where a comparison gave it one; empty for the method itself; optional in
            the file.
        paper: Paper that the comparison is made for, e.g. ``mal``; empty where it names none; optional in the
            file.
        data: What it was trained and tested on.
        seed: Seed of training.
        aus: FACS numbers in the order of the per-subject counts.
        f1: F1 per AU, in [0, 1]; NaN where no test label is positive.
        f1_average: Mean F1 over the AUs that have one.
        accuracy: Share of known labels predicted rightly, per AU.
        auc: Area under the ROC curve per AU.
        positives: Positive test labels per AU.
        per_subject: Subject id -> ``tp, fp, fn, tn``, each a list with one count per AU. A data set that does
            not tell its people has one entry for all of them, whose id is empty.
        expressions: How expressions were recognised; None if they were not; optional in the file.
        landmarks: How far landmarks were off on the test pictures; None from a method that finds none;
            optional in the file.
        config: The configuration as it was run.
        interval: Bootstrap interval of the average F1; optional in the file.
        seconds: Wall-clock time by phase: ``train``, ``test``.
        iterations: Training iterations.
        history: Curves by name, all as long as ``iteration``; optional in the file. The reports know
            ``loss_action_units``, ``loss_expression`` and, from methods that learn sample weights,
            ``weight_action_units`` and ``weight_expression`` (from mal mean-normalised: they sum to one);
            ``gain_action_units`` and ``gain_expression`` tell what moves these.
        versions: Version by package.
        diagnostics: Curve of the history -> at which level it ended, for those that its method calls telling;
            optional in the file.
        auc_by_unit: What each test person, by id, or where nobody is known each picture makes of the AUC
            averaged over AUs, see :func:`metafacs.evaluation.resampling.area_by_unit`; none in files of
            earlier versions.
        lost: Why there are no scores; None where there are; optional in the file.
    """

    method: str
    data: TestedData
    seed: int
    aus: tuple[int, ...]
    f1: dict[int, float]
    f1_average: float
    accuracy: dict[int, float]
    auc: dict[int, float]
    positives: dict[int, Count]
    per_subject: dict[str, dict[str, list[Count]]]
    expressions: ExpressionResult | None = None
    landmarks: LandmarkScores | None = None
    config: dict[str, Any] = field(default_factory=dict)
    interval: Interval | None = None
    seconds: dict[str, float] = field(default_factory=dict)
    iterations: Count = 0
    history: dict[str, list[float]] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)
    label: str = ""
    paper: str = ""
    diagnostics: dict[str, Level] = field(default_factory=dict)
    auc_by_unit: tuple[float, ...] = ()
    lost: Lost | None = None

    def __post_init__(self) -> None:
        _check(self)

    @property
    def people(self) -> int:
        """Number of test people; 0 where the data set does not tell them."""
        return len(set(self.per_subject) - {""})

    @property
    def run(self) -> tuple[str, str]:
        """Name of the run within its comparison: the variant or method, and fold and seed.

        A fold of another data set than trained on is told behind it where it is another: ``fold2on1``.
        """
        trained, tested = self.config.get("split", {}).get("fold", self.data.fold), self.data.fold
        fold = f"{trained}" if trained == tested else f"{trained}on{tested}"
        return self.label or self.method, f"fold{fold}-seed{self.seed}"

    @property
    def judged_at(self) -> str:
        """From which probability on AUs counted as present: a number, or how each AU's was chosen."""
        return configuration_of(self.config).judged_at

    @property
    def synthetic(self) -> bool:
        """True if the pictures tested on are rendered."""
        return self.data.synthetic

    def to_json(self) -> dict[str, Any]:
        """Return the record as JSON values: string keys, NaN as None."""
        data = self.data
        content: dict[str, Any] = {
            "schema": SCHEMA,
            "method": self.method,
            "label": self.label,
            "paper": self.paper,
            "data": {
                "name": data.name,
                "synthetic": data.synthetic,
                "twin_seed": data.twin_seed,
                "split": data.split,
                "split_hash": data.split_hash,
                "fold": data.fold,
                **({"store": data.store} if data.store else {}),
            },
            "seed": self.seed,
            "aus": list(self.aus),
            "config": self.config,
            "f1": self.f1,
            "f1_average": self.f1_average,
            "accuracy": self.accuracy,
            "auc": self.auc,
            "positives": self.positives,
            "per_subject": self.per_subject,
            "expressions": None if self.expressions is None else self.expressions.to_json(),
            "seconds": self.seconds,
            "iterations": self.iterations,
            "history": self.history,
            "versions": self.versions,
        }
        if self.auc_by_unit:
            content["auc_by_unit"] = list(self.auc_by_unit)
        if self.lost is not None:
            content["lost"] = asdict(self.lost)
        if self.diagnostics:
            content["diagnostics"] = {curve: asdict(level) for curve, level in self.diagnostics.items()}
        if self.landmarks is not None:
            content["landmarks"] = asdict(self.landmarks)
        if self.interval is not None:
            content["interval"] = {
                "f1_average": list(self.interval.f1_average),
                "level": self.interval.level,
                "bootstrap": self.interval.bootstrap,
                "over": self.interval.over,
            }
        return _without_nan(content)

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Record:
        """Return the record held by parsed JSON.

        Raises:
            RecordError: If the schema is another one, a key is missing or values contradict each other.
        """
        if not isinstance(content, Mapping):
            raise RecordError("a record is a JSON object")
        values = unsealed(content, "the record", RecordError, REMEDY)
        if values.pop("schema", None) != SCHEMA:
            raise RecordError(
                f"this program reads record schema {SCHEMA}, but the file has {content.get('schema')!r}; "
                "evaluate the run again or use the version that wrote it"
            )
        check_keys(values, cls, optional={"expressions", "history", "diagnostics"})
        values |= {key: _with_nan(values[key]) for key in _SCORES if key in values}
        values |= {key: _with_nan(values[key]) for key in _SCORES_OR_NONE if values.get(key) is not None}
        expressions = values.get("expressions")
        if isinstance(expressions, Mapping) and expressions.get("intervals") is not None:
            values["expressions"] = {**expressions, "intervals": _with_nan(expressions["intervals"])}
        record = convert(values, cls, "the record", RecordError, REMEDY)
        _check_scores(record)
        return record


def write_record(record: Record, path: Path) -> None:
    """Write a record as JSON, whole or not at all; folders are made."""
    write_json(path, sealed(record.to_json()))


def read_record(path: Path) -> Record:
    """Read one record.

    Raises:
        RecordError: If the file is absent, is not JSON, or is not a valid record; the path is named.
    """
    return read_one(path, Record.from_json)


def read_records(*places: Path, damaged: list[str] | None = None) -> list[Record]:
    """Read records, each place in order of path; one that several places hold counts once.

    Args:
        places: A record's file, or a folder: every ``*.json`` below it that carries a record's schema or is
            named ``record.json``; or an archive, or runs of one, as
            :func:`~metafacs.evaluation.archive.find_archive` has them.
        damaged: Takes what is wrong with records that cannot be read, a sentence each; they are left out.
            None = the first one raises.

    Raises:
        RecordError: If a record is broken, there is none at a place, or two places contradict each other, see
            :func:`~metafacs.evaluation.merging.merged`.
        ArchiveError: If an archive is broken, or lacks the runs asked for.
    """
    found = []
    for place in places:
        if archive := find_archive(place):
            found.append(
                [(place, record) for record in read_archive(archive[0], Record.from_json, archive[1])]
            )
            continue
        paths = [place] if place.is_file() else record_paths(place, RECORD_HEAD, FEW_SHOT_HEAD, alone=True)
        if not paths:
            raise RecordError(f"{place} holds no records; evaluate a trained run first")
        found.append(read_each(paths, Record.from_json, damaged))
    return merged(found)


def _with_nan(value: Any) -> Any:
    """Return scores with NaN for None."""
    if value is None:
        return math.nan
    if isinstance(value, Mapping):
        return {key: _with_nan(item) for key, item in value.items()}
    return [_with_nan(item) for item in value] if isinstance(value, list) else value


def _without_nan(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): _without_nan(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_without_nan(item) for item in value]
    return value


def _check(record: Record) -> None:
    configuration_of(record.config)
    try:
        check_aus(record.aus)
    except ValueError as error:
        raise RecordError(str(error)) from error
    # No limits of the types: those are of 64 bits, a seed may have more.
    if record.seed < 0 or (record.data.twin_seed or 0) < 0:
        raise RecordError("a seed is 0 or more")
    for name in ("f1", "accuracy", "auc", "positives"):
        if set(getattr(record, name)) != set(record.aus):
            raise RecordError(f"'{name}' must have one value for each of the AUs {list(record.aus)}")
    for name in ("f1", "accuracy", "auc"):
        for au, score in getattr(record, name).items():
            if not (math.isnan(score) or 0 <= score <= 1):
                raise RecordError(f"'{name}' of AU{au} is {score}; scores lie in [0, 1]")
    if record.lost is not None and (record.per_subject or not math.isnan(record.f1_average)):
        raise RecordError("a run that was lost has no scores, but the record holds some")
    for subject, counts in record.per_subject.items():
        if set(counts) != set(OUTCOME_NAMES) or any(len(c) != len(record.aus) for c in counts.values()):
            raise RecordError(
                f"the counts of subject {subject} must be tp, fp, fn and tn with one number per AU each"
            )
        if any(count < 0 for c in counts.values() for count in c):
            raise RecordError(f"the counts of subject {subject} hold a negative number")
    for column, au in enumerate(record.aus):
        present = sum(counts["tp"][column] + counts["fn"][column] for counts in record.per_subject.values())
        if present != record.positives[au]:
            raise RecordError(
                f"the subjects' counts hold {present} positive labels of AU{au}, "
                f"but 'positives' says {record.positives[au]}"
            )
    if record.history:
        if "iteration" not in record.history:
            raise RecordError("'history' has curves but no 'iteration' to draw them over")
        lengths = {name: len(curve) for name, curve in record.history.items()}
        if len(set(lengths.values())) > 1:
            raise RecordError(f"the curves of 'history' differ in length: {lengths}")
        if any(abs(value) > _WIDEST for curve in record.history.values() for value in curve):
            raise RecordError(f"the curves of 'history' hold a number beyond {_WIDEST:g}")


def _check_scores(record: Record) -> None:
    """Raise a RecordError if the scores of a file are not those of its counts."""
    for column, au in enumerate(record.aus):
        tp, fp, fn, tn = (
            sum(counts[name][column] for counts in record.per_subject.values()) for name in OUTCOME_NAMES
        )
        for name, right, of in (
            ("f1", 2 * tp, 2 * tp + fp + fn),
            ("accuracy", tp + tn, tp + fp + fn + tn),
        ):
            score = getattr(record, name)[au]
            if not math.isnan(score) and (not of or abs(score - right / of) > _CLOSE):
                raise RecordError(f"'{name}' of AU{au} is {score}, which the subjects' counts do not give")
    known = [score for score in record.f1.values() if not math.isnan(score)]
    if known and not abs(record.f1_average - sum(known) / len(known)) <= _CLOSE:
        raise RecordError(f"'f1_average' is {record.f1_average}, which is not the mean of 'f1'")
    if (found := record.interval) is not None:
        _check_bounds("interval", found.f1_average, found.level)
    if record.expressions is not None and (told := record.expressions.intervals) is not None:
        _check_bounds("accuracy of expressions", told.accuracy, told.level)
        _check_bounds("mean recall of expressions", told.mean_recall, told.level)
    marks = record.landmarks
    if marks is not None and (marks.mean_error < 0 or not 0 <= marks.failure_rate <= 1 + _CLOSE):
        raise RecordError("'landmarks' has a negative error, or a failure rate outside [0, 1]")
    if any(seconds < 0 for seconds in record.seconds.values()):
        raise RecordError(f"'seconds' is {record.seconds}; times are 0 or more")


def _check_bounds(name: str, bounds: tuple[float, float], level: float) -> None:
    low, high = bounds
    if not (0 < level < 1 and (math.isnan(low) or math.isnan(high) or -_CLOSE <= low <= high <= 1 + _CLOSE)):
        raise RecordError(f"the bounds of '{name}' are {bounds} at level {level}; all lie in [0, 1]")
