"""Records: one JSON file per trained and tested run, the only thing that reports are made of.

Finished comparisons are kept as archives of records, see :mod:`metafacs.evaluation.archive`.

Schema 1. Every key is required except where :class:`Record` says otherwise. Scores without a value (an AU
without positive labels has no F1) are ``null`` in the file and NaN in memory; ``expressions`` is ``null``
where none were recognised. Files are written to a temporary name first and renamed, so a record is either
whole or absent.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from metafacs.evaluation.archive import archives_in, find_archive, read_archive
from metafacs.evaluation.expression_results import ExpressionResult, Unit, bounds_from_json
from metafacs.evaluation.landmarks import LandmarkScores
from metafacs.facs import check_aus
from metafacs.files import write_json

SCHEMA = 1
OUTCOME_NAMES = ("tp", "fp", "fn", "tn")


class RecordError(ValueError):
    """A record file is missing something, contradicts itself or was written by another version."""


@dataclass(frozen=True)
class DataSource:
    """What a run was trained and tested on.

    Attributes:
        name: Data set, e.g. ``bp4d``.
        synthetic: True if the pictures come from a twin; every report then says so.
        split: Name of the split, e.g. ``3fold``.
        split_hash: Hash of who is in training and who in test.
        fold: 1-based fold number; 0 where the split has one fold only.
        twin_seed: Generator seed of the twin; None for real data.
    """

    name: str
    synthetic: bool
    split: str
    split_hash: str
    fold: int
    twin_seed: int | None = None


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
    bootstrap: int
    over: Unit = "subjects"


@dataclass(frozen=True)
class Record:
    """One run: a method trained with one seed and tested on the held-out people or pictures of one fold.

    Attributes:
        method: Name in the METHODS table, e.g. ``mal``.
        label: Name of the variant where a comparison gave it one; empty for the method itself; optional in
            the file.
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
            ``weight_action_units`` and ``weight_expression`` (from mal mean-normalised: they sum to one).
        versions: Version by package.
    """

    method: str
    data: DataSource
    seed: int
    aus: tuple[int, ...]
    f1: dict[int, float]
    f1_average: float
    accuracy: dict[int, float]
    auc: dict[int, float]
    positives: dict[int, int]
    per_subject: dict[str, dict[str, list[int]]]
    expressions: ExpressionResult | None = None
    landmarks: LandmarkScores | None = None
    config: dict[str, Any] = field(default_factory=dict)
    interval: Interval | None = None
    seconds: dict[str, float] = field(default_factory=dict)
    iterations: int = 0
    history: dict[str, list[float]] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)
    label: str = ""

    def __post_init__(self) -> None:
        _check(self)

    @property
    def people(self) -> int:
        """Number of test people; 0 where the data set does not tell them."""
        return len(set(self.per_subject) - {""})

    @property
    def run(self) -> tuple[str, str]:
        """Name of the run within its comparison: the variant or method, and fold and seed."""
        return self.label or self.method, f"fold{self.data.fold}-seed{self.seed}"

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
            "data": {
                "name": data.name,
                "synthetic": data.synthetic,
                "twin_seed": data.twin_seed,
                "split": data.split,
                "split_hash": data.split_hash,
                "fold": data.fold,
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
        if content.get("schema") != SCHEMA:
            raise RecordError(
                f"this program reads record schema {SCHEMA}, but the file has {content.get('schema')!r}; "
                "evaluate the run again or use the version that wrote it"
            )
        try:
            source, interval = content["data"], content.get("interval")
            expressions, landmarks = content.get("expressions"), content.get("landmarks")
            return cls(
                method=content["method"],
                data=DataSource(
                    name=source["name"],
                    synthetic=source["synthetic"],
                    split=source["split"],
                    split_hash=source["split_hash"],
                    fold=int(source["fold"]),
                    twin_seed=source["twin_seed"],
                ),
                seed=int(content["seed"]),
                aus=tuple(int(au) for au in content["aus"]),
                f1=_per_au(content["f1"]),
                f1_average=_number(content["f1_average"]),
                accuracy=_per_au(content["accuracy"]),
                auc=_per_au(content["auc"]),
                positives={int(au): int(count) for au, count in content["positives"].items()},
                per_subject=content["per_subject"],
                expressions=None if expressions is None else ExpressionResult.from_json(expressions),
                landmarks=None if landmarks is None else LandmarkScores(**landmarks),
                config=content["config"],
                interval=None if interval is None else _interval(interval),
                seconds={phase: float(seconds) for phase, seconds in content["seconds"].items()},
                iterations=int(content["iterations"]),
                history={
                    name: [_number(value) for value in curve]
                    for name, curve in content.get("history", {}).items()
                },
                versions=dict(content["versions"]),
                label=content.get("label", ""),
            )
        except KeyError as error:
            raise RecordError(f"the record lacks the key {error}") from error
        except RecordError:
            raise
        except (TypeError, AttributeError, ValueError) as error:
            raise RecordError(f"the record holds a value of the wrong kind: {error}") from error


def write_record(record: Record, path: Path) -> None:
    """Write a record as JSON, atomically; folders are made."""
    write_json(path, record.to_json())


def read_record(path: Path) -> Record:
    """Read one record.

    Raises:
        RecordError: If the file is absent, is not JSON, or is not a valid record; the path is named.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise RecordError(f"{path}: there is no such record") from None
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise RecordError(f"{path} is not JSON: {error}") from error
    try:
        return Record.from_json(content)
    except RecordError as error:
        raise RecordError(f"{path}: {error}") from error


def read_records(*places: Path) -> list[Record]:
    """Read records, each place in order of path.

    Args:
        places: A record's file, or a folder: every ``*.json`` below it that carries a record's schema; or an
            archive, or runs of one, as :func:`~metafacs.evaluation.archive.find_archive` has them.

    Raises:
        RecordError: If a record is broken, or there is none at a place.
        ArchiveError: If an archive is broken, or lacks the runs asked for.
    """
    records = []
    for place in places:
        if archive := find_archive(place):
            records += read_archive(archive[0], Record.from_json, archive[1])
            continue
        paths = [place] if place.is_file() else record_paths(place, "schema", "method")
        if not paths:
            raise RecordError(f"{place} holds no records; evaluate a trained run first")
        records += [read_record(path) for path in paths]
    return records


def record_paths(place: Path, *keys: str) -> list[Path]:
    """Return the JSON files below a folder that begin with the given keys, in order, or a file that does.

    Raises:
        RecordError: If the folder holds archives: each is a comparison of its own.
    """
    if archives := archives_in(place):
        names = ", ".join(path.name for path in archives)
        raise RecordError(f"{place} holds a comparison in each of its archives; name one of them: {names}")
    paths = [place] if place.is_file() else sorted(place.rglob("*.json"))
    return [path for path in paths if _begins_with(path, keys)]


def _begins_with(path: Path, keys: Sequence[str]) -> bool:
    head = path.read_bytes()[:200].lstrip()
    return head.startswith(b"{") and all(f'"{key}"'.encode() in head for key in keys)


def _per_au(scores: Mapping[str, Any]) -> dict[int, float]:
    return {int(au): _number(score) for au, score in scores.items()}


def _number(value: Any) -> float:
    return float("nan") if value is None else float(value)


def _interval(content: Mapping[str, Any]) -> Interval:
    return Interval(
        bounds_from_json(content["f1_average"]),
        float(content["level"]),
        int(content["bootstrap"]),
        content.get("over", "subjects"),
    )


def _without_nan(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): _without_nan(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_without_nan(item) for item in value]
    return value


def _check(record: Record) -> None:
    try:
        check_aus(record.aus)
    except ValueError as error:
        raise RecordError(str(error)) from error
    for name in ("f1", "accuracy", "auc", "positives"):
        if set(getattr(record, name)) != set(record.aus):
            raise RecordError(f"'{name}' must have one value for each of the AUs {list(record.aus)}")
    for name in ("f1", "accuracy", "auc"):
        for au, score in getattr(record, name).items():
            if not (math.isnan(score) or 0 <= score <= 1):
                raise RecordError(f"'{name}' of AU{au} is {score}; scores lie in [0, 1]")
    for subject, counts in record.per_subject.items():
        if set(counts) != set(OUTCOME_NAMES) or any(len(c) != len(record.aus) for c in counts.values()):
            raise RecordError(
                f"the counts of subject {subject} must be tp, fp, fn and tn with one number per AU each"
            )
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
