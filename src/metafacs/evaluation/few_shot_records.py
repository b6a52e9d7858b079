"""Records of few-shot tests: one JSON file per learner, person and number of shots."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any

from msgspec import Meta

from metafacs.evaluation.archive import archived_keys, find_archive, read_archive
from metafacs.evaluation.expression_results import Count
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
from metafacs.files import write_json
from metafacs.parsing import convert
from metafacs.seals import sealed, unsealed

FEW_SHOT_SCHEMA = 1


@dataclass(frozen=True)
class _Testing:
    judged: Annotated[int, Meta(ge=1)]
    repetitions: Annotated[int, Meta(ge=1)]


@dataclass(frozen=True)
class _Training:
    seed: Count = 0


@dataclass(frozen=True)
class _Configuration:
    """What reports ask of a configuration."""

    testing: _Testing
    training: _Training = _Training()


@dataclass(frozen=True)
class _Configured:
    config: _Configuration


@dataclass(frozen=True)
class FewShotRecord:
    """How well a learner knows one person after a few pictures of each action unit.

    Attributes:
        learner: Name in ``FEW_SHOT``.
        trained_on: Data set of the training tasks.
        tested_on: Data set of the person.
        synthetic: True if any of the pictures come from a twin; every report then says so.
        protocol: ``leave_one_subject_out`` or ``published``, who was held out, or ``cross_domain`` where the
            two data sets differ.
        subject: Id of the person.
        shots: K, pictures of each kind that were adapted on.
        steps: Numbers of gradient steps after which accuracy was measured, ascending.
        accuracy: AU -> mean accuracy over the repetitions, one per entry of ``steps``.
        deviation: AU -> standard deviation over the repetitions, one per entry of ``steps``.
        filled: AUs of which missing pictures of one kind were replaced by the other kind.
        skipped: AU -> why its task was left out.
        trained_aus: AUs of the training tasks; others were never seen before adaptation.
        training_tasks: Number of training tasks; None for a learner without tasks.
        skipped_training_tasks: Training tasks that were short of pictures.
        iterations: Iterations of training, those of a shared start included.
        seconds: Wall-clock time by phase: ``train``, of this person's fold alone, and ``test``.
        config: Everything the numbers depend on, as plain data.
        paper: Paper that the test is made for; empty for none; optional in the file.
    """

    learner: str
    trained_on: str
    tested_on: str
    synthetic: bool
    protocol: str
    subject: str
    shots: Count
    steps: Annotated[tuple[Count, ...], Meta(min_length=1)]
    accuracy: dict[int, tuple[float, ...]]
    deviation: dict[int, tuple[float, ...]]
    filled: tuple[int, ...]
    skipped: dict[int, str]
    trained_aus: tuple[int, ...]
    training_tasks: Count | None
    skipped_training_tasks: Count
    iterations: Count
    seconds: dict[str, float]
    config: dict[str, Any]
    paper: str = ""

    def __post_init__(self) -> None:
        convert({"config": self.config}, _Configured, "the record", RecordError, REMEDY)
        for scores in (self.accuracy, self.deviation):
            uneven = [au for au, values in scores.items() if len(values) != len(self.steps)]
            if uneven or set(scores) != set(self.accuracy):
                raise RecordError(
                    f"AUs {uneven or sorted(scores)} lack a score for each step of {self.steps}"
                )
        for au, values in self.accuracy.items():
            if not all(math.isfinite(value) and 0 <= value <= 1 for value in values):
                raise RecordError(f"the accuracy of AU{au} is {values}; accuracies lie in [0, 1]")
        for au, values in self.deviation.items():
            if not all(0 <= value <= 1 for value in values):
                raise RecordError(f"the deviation of AU{au} is {values}; deviations lie in [0, 1]")
        if any(not 0 <= seconds < math.inf for seconds in self.seconds.values()):
            raise RecordError(f"'seconds' is {self.seconds}; times are 0 or more")

    @property
    def seed(self) -> int:
        """Seed of the training."""
        return int(self.config.get("training", {}).get("seed", 0))

    @property
    def run(self) -> tuple[str, str]:
        """Name of the run within its comparison: the learner, and person, shots and seed."""
        return self.learner, f"{self.subject}-{self.shots}shot{seed_suffix(self.seed)}"

    def to_json(self) -> dict[str, Any]:
        """Return the record as JSON values."""
        return {"few_shot_schema": FEW_SHOT_SCHEMA, **asdict(self)}

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> FewShotRecord:
        """Return the record held by parsed JSON.

        Raises:
            RecordError: If the schema is another one, a key is missing or values contradict each other.
        """
        if not isinstance(content, Mapping) or content.get("few_shot_schema") != FEW_SHOT_SCHEMA:
            raise RecordError(f"this is no few-shot record of schema {FEW_SHOT_SCHEMA}; test again")
        values = unsealed(content, "the record", RecordError, REMEDY)
        del values["few_shot_schema"]
        check_keys(values, cls)
        return convert(values, cls, "the record", RecordError, REMEDY)


def seed_suffix(seed: int) -> str:
    """Return how names of files and runs tell the seed; that of seed 0 is empty, as before there were others.

    >>> seed_suffix(2)
    '-seed2'
    """
    return f"-seed{seed}" if seed else ""


def write_few_shot_record(record: FewShotRecord, path: Path) -> None:
    """Write a record as JSON with its digest, whole or not at all."""
    write_json(path, sealed(record.to_json()))


def read_few_shot_record(path: Path) -> FewShotRecord:
    """Read a record.

    Raises:
        RecordError: If the file is no such record; the path is named.
    """
    return read_one(path, FewShotRecord.from_json)


def read_few_shot_records(*places: Path, damaged: list[str] | None = None) -> list[FewShotRecord]:
    """Read few-shot records, each place in order of path; none if the places hold only others.

    One that several places hold counts once, see :func:`~metafacs.evaluation.merging.merged`.

    Args:
        places: Records, folders of them, archives or runs of one, as
            :func:`~metafacs.evaluation.records.read_records` takes them.
        damaged: Takes what is wrong with records that cannot be read, a sentence each; they are left out.
            None = the first one raises.

    Raises:
        RecordError: If a record is broken, some places hold few-shot records and others none, or two places
            contradict each other.
        ArchiveError: If an archive is broken, or lacks the runs asked for.
    """
    found = {place: _read_place(place, damaged) for place in places}
    lacking = [place for place, records in found.items() if not records]
    if lacking and len(lacking) < len(found):
        raise RecordError(f"{lacking[0]} holds no few-shot records, but others do; report them one by one")
    return merged(list(found.values()))


def _read_place(place: Path, damaged: list[str] | None) -> list[tuple[Path, FewShotRecord]]:
    if archive := find_archive(place):
        is_ours = "few_shot_schema" in archived_keys(archive[0])
        records = read_archive(archive[0], FewShotRecord.from_json, archive[1]) if is_ours else []
        return [(place, record) for record in records]
    return read_each(few_shot_record_paths(place), FewShotRecord.from_json, damaged)


def few_shot_record_paths(place: Path) -> list[Path]:
    """Return the files of few-shot records below a folder, in order, or a file that is one.

    What is named like a record and begins like none is among them, if there are few-shot records at all.
    """
    return record_paths(place, FEW_SHOT_HEAD, RECORD_HEAD)
