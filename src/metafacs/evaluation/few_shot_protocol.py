"""The few-shot protocols of MAML-AU: people left out one at a time, and people of another data set."""

from __future__ import annotations

import json
import sys
import time
import traceback
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Literal

import numpy as np

from metafacs.checkpoints.checkpoint import load_checkpoint
from metafacs.data.splits import Split, SplitError, choose_split
from metafacs.data.store import Store
from metafacs.data.streams import Stream
from metafacs.differences import differences
from metafacs.evaluation.few_shot import FewShotTest, judge_subject
from metafacs.evaluation.few_shot_records import FewShotRecord, read_few_shot_record, write_few_shot_record
from metafacs.evaluation.records import RecordError
from metafacs.methods import FEW_SHOT
from metafacs.methods.few_shot import OUTER_RATE, FewShotLearner
from metafacs.methods.options import with_backbone_written_out
from metafacs.processes import out_of_memory, run_jobs, use_one_thread
from metafacs.progress import progress_bar
from metafacs.texts import check_folder_name
from metafacs.training.few_shot import FewShotTraining, train_few_shot
from metafacs.training.trainer import MODEL_FILE
from metafacs.training.training_data import chosen_aus

RECORDS, MODELS = "records", "models"
AS_PRINTED = FewShotTraining()
AS_TESTED = FewShotTest()


@dataclass(frozen=True)
class FewShotProtocol:
    """One few-shot comparison.

    Attributes:
        learners: Names in ``FEW_SHOT``.
        trained_on: Prepared store of the training tasks.
        tested_on: Prepared store of the people to adapt to; the same one leaves one person out at a time,
            another one trains on everybody and adapts to people of another data set.
        out: Folder of models and records.
        subjects: Ids of the people to adapt to.
        aus: FACS numbers of the training tasks.
        tested_aus: FACS numbers of the test tasks.
        training: How to train.
        testing: How to test.
        paper: Paper that the test is made for; empty for none.
    """

    learners: tuple[str, ...]
    trained_on: Path
    tested_on: Path
    out: Path
    subjects: tuple[str, ...]
    aus: tuple[int, ...]
    tested_aus: tuple[int, ...]
    training: FewShotTraining
    testing: FewShotTest
    paper: str = ""

    @property
    def crosses(self) -> bool:
        """Whether the people tested are of another data set than the training tasks."""
        return self.trained_on != self.tested_on

    def record_path(self, learner: str, subject: str, shots: int) -> Path:
        """Return the file of one record."""
        return self.out / RECORDS / f"{learner}-{subject}-{shots}shot.json"


def plan_few_shot(
    action_units: Path,
    out: Path,
    *,
    test: Path | None = None,
    learners: Sequence[str] = ("maml", "baseline"),
    subjects: int | Literal["all"] = 8,
    aus: Sequence[int] | None = None,
    training: FewShotTraining = AS_PRINTED,
    testing: FewShotTest = AS_TESTED,
    paper: str = "",
) -> FewShotProtocol:
    """Return the protocol after checking that stores, people and learners fit together.

    Args:
        action_units: Prepared store with AU labels of the training tasks.
        out: Folder of models and records; takes up stopped work.
        test: Prepared store of another data set, whose people are adapted to; None leaves people of
            ``action_units`` out of training.
        learners: Names in ``FEW_SHOT``.
        subjects: How many people to test, spread evenly over the sorted ids; ``all`` for everybody.
        aus: FACS numbers of the training tasks; None for those the field evaluates on this data set.
        training: How to train.
        testing: How to test.
        paper: Paper that the test is made for: its printed accuracies stand beside ours; empty for none.

    Raises:
        ValueError: If something does not fit; the message says what to change.
    """
    store = Store(action_units)
    target = store if test is None else Store(test)
    if test is not None and target.dataset == store.dataset:
        raise SplitError(
            f"{test} is {target.dataset} too: its people may be those trained on; leave --test out to hold "
            "people of one data set out"
        )
    numbers = chosen_aus(store, aus)
    tested = numbers if test is None else chosen_aus(target, None)
    if aus is not None and not aus:
        raise ValueError(
            "no action units are given; name some with --aus, or leave it out for the usual ones"
        )
    unknown = sorted(set(learners) - set(FEW_SHOT))
    if unknown or not learners or len(set(learners)) < len(learners):
        raise ValueError(f"unknown few-shot learners {unknown}; choose from {sorted(FEW_SHOT)}")
    if (target.size, target.description["alignment"]) != (store.size, store.description["alignment"]):
        raise ValueError(f"{test} and {action_units} hold crops of other sizes or cuts; prepare them alike")
    people = sorted(set(target.subjects.tolist()) - {""})
    chosen = choose_subjects(people, len(people) if subjects == "all" else subjects)
    for person in chosen:
        check_folder_name(person)  # it becomes one
    if test is None and training.shared_iterations and len(chosen) == len(people):
        raise SplitError(
            "a shared start excludes everybody who is tested, and everybody is tested; set "
            "--training.shared_iterations 0 or test fewer --subjects"
        )
    if not training.iterations and (test is not None or not training.shared_iterations):
        raise ValueError("nothing is trained: give --training.iterations or --training.shared_iterations")
    if training.optimizer.name == "adam" and training.optimizer.lr >= OUTER_RATE:
        warnings.warn(
            f"Adam at {training.optimizer.lr} is the rate that MAML-AU prints; it is high: if training does "
            "not settle, lower --training.optimizer.lr, e.g. to .003",
            stacklevel=2,
        )
    return FewShotProtocol(
        learners=tuple(learners),
        trained_on=action_units,
        tested_on=test or action_units,
        out=out,
        subjects=chosen,
        aus=numbers,
        tested_aus=tested,
        training=training,
        testing=testing,
        paper=paper,
    )


def choose_subjects(people: Sequence[str], count: int) -> tuple[str, ...]:
    """Return some people, spread evenly over the given order.

    Raises:
        SplitError: If there are not so many.

    >>> choose_subjects(["F001", "F002", "F003", "M001", "M002"], 3)
    ('F001', 'F003', 'M002')
    """
    if not 1 <= count <= len(people):
        raise SplitError(f"{count} people cannot be chosen from the {len(people)} in the store")
    places = np.linspace(0, len(people) - 1, count).round().astype(int) if count > 1 else [len(people) // 2]
    return tuple(people[place] for place in places)


@dataclass(frozen=True)
class _Job:
    protocol: FewShotProtocol
    learner: str
    subject: str | None


def run_few_shot(
    protocol: FewShotProtocol,
    *,
    workers: int | None = None,
    progress: bool = True,
    failed: list[str] | None = None,
) -> list[FewShotRecord]:
    """Train every learner, adapt it to every person and return the records; takes up stopped work.

    A damaged record is named and made again.

    Args:
        protocol: From :func:`plan_few_shot`.
        workers: Processes of one thread each; None = one per core.
        progress: Show a progress bar, and a line for every person.
        failed: Takes what went wrong, a sentence for every person; the others are tested all the same. None =
            the first error is raised.

    Raises:
        RecordError: If the folder holds records of other settings or other data.
    """
    wanted = _config(protocol)
    missing = [
        _Job(protocol, learner, subject)
        for subject in protocol.subjects
        for learner in protocol.learners
        if any(
            _existing(protocol, wanted, learner, subject, shots) is None for shots in protocol.testing.shots
        )
    ]
    starts: list[_Job] = []
    if protocol.crosses or protocol.training.shared_iterations:
        starts = [_Job(protocol, learner, None) for learner in dict.fromkeys(job.learner for job in missing)]
    with progress_bar(progress) as bar:
        task = bar.add_task("few-shot tests", total=len(starts) + len(missing))
        for jobs in (starts, missing):
            work = partial(_performed, raising=failed is None)
            for line, done in run_jobs(work, jobs, workers, initialise=use_one_thread, stop_at_once=False):
                bar.advance(task)
                if failed is not None and not done:
                    failed.append(line)
                if progress:
                    bar.console.print(line)
            if failed:
                break
    found = [
        _existing(protocol, wanted, learner, subject, shots)
        for learner in protocol.learners
        for shots in protocol.testing.shots
        for subject in protocol.subjects
    ]
    return [record for record in found if record is not None]


def _performed(job: _Job, *, raising: bool) -> tuple[str, bool]:
    """Do a job; return what to tell of it, and whether it was done."""
    try:
        return (_train_start if job.subject is None else _test_subject)(job), True
    except Exception as error:
        if raising:
            raise
        expected = isinstance(error, (ValueError, OSError, FloatingPointError))
        told = str(error) if expected else out_of_memory(error) or traceback.format_exc()
        return f"{job.learner}, {job.subject or 'the common start'}: {told}", False


def _train_start(job: _Job) -> str:
    """Train what all people of a protocol start from: nobody who is tested takes part."""
    p = job.protocol
    store = Store(p.trained_on)
    if p.crosses:
        split, iterations = choose_split(store, "everybody"), p.training.iterations
    else:
        others = sorted(set(store.subjects.tolist()) - {"", *p.subjects})
        split = Split("leave_subjects_out", 1, tuple(others), p.subjects)
        iterations = p.training.shared_iterations
    out = _start_folder(p, job.learner)
    train_few_shot(job.learner, store, p.aus, split, p.training, out, iterations=iterations, progress=False)
    return f"{job.learner}: trained on {len(split.train)} people"


def _test_subject(job: _Job) -> str:
    """Train the fold of one person unless there is a model for all, and test it."""
    p, subject = job.protocol, job.subject
    assert subject is not None
    store = Store(p.tested_on)
    shared = _start_folder(p, job.learner) / MODEL_FILE
    if p.crosses or not p.training.iterations:
        model = shared
    else:
        everybody = sorted(set(store.subjects.tolist()) - {""})
        split = choose_split(store, "leave_one_subject_out", everybody.index(subject) + 1)
        model = train_few_shot(
            job.learner,
            store,
            p.aus,
            split,
            p.training,
            p.out / MODELS / job.learner / subject,
            iterations=p.training.iterations,
            start=shared if p.training.shared_iterations else None,
            progress=False,
        )
    checkpoint = load_checkpoint(model)
    learner = checkpoint.build(FewShotLearner)
    rows = np.flatnonzero(store.subjects == subject)
    stream = Stream(store, rows, aus=p.tested_aus, name="person", batch_size=64, size=p.training.size, seed=0)
    lines = []
    for shots in p.testing.shots:
        began = time.perf_counter()
        scores, filled, skipped = judge_subject(learner, stream, shots, p.testing)
        told = checkpoint.description.more
        record = FewShotRecord(
            learner=job.learner,
            trained_on=Store(p.trained_on).dataset,
            tested_on=store.dataset,
            synthetic=checkpoint.description.synthetic or store.synthetic,
            protocol="cross_domain" if p.crosses else "leave_one_subject_out",
            subject=subject,
            shots=shots,
            steps=p.testing.steps,
            accuracy={au: tuple(values.mean(0).tolist()) for au, values in scores.items()},
            deviation={au: tuple(values.std(0).tolist()) for au, values in scores.items()},
            filled=filled,
            skipped=skipped,
            trained_aus=p.aus,
            training_tasks=told.get("tasks"),
            skipped_training_tasks=len(told.get("skipped_tasks", ())),
            iterations=checkpoint.iteration + (told["start"]["iterations"] if told["start"] else 0),
            seconds={"train": checkpoint.seconds, "test": time.perf_counter() - began},
            config=_config(p),
            paper=p.paper,
        )
        write_few_shot_record(record, p.record_path(job.learner, subject, shots))
        mean = np.mean([values[-1] for values in record.accuracy.values()]) if scores else float("nan")
        lines.append(f"{job.learner}, {subject}, {shots} shot: {mean:.3f}")
    return "\n".join(lines)


def _start_folder(protocol: FewShotProtocol, learner: str) -> Path:
    return protocol.out / MODELS / learner / "start"


def _config(protocol: FewShotProtocol) -> dict[str, object]:
    """Return what the numbers depend on, without paths: the shots and the people tested are free to grow."""
    stores = {path: Store(path) for path in (protocol.trained_on, protocol.tested_on)}
    training = {**asdict(protocol.training), "augmentation": protocol.training.augmentation.settings()}
    content = {
        "training": training,
        "testing": {key: value for key, value in asdict(protocol.testing).items() if key != "shots"},
        "data": [store.fingerprint for store in stores.values()],
        "aus": protocol.aus,
        "tested_aus": protocol.tested_aus,
        "start_without": protocol.subjects if protocol.training.shared_iterations else (),
    }
    plain: dict[str, object] = json.loads(json.dumps(content))
    return plain


def _existing(
    protocol: FewShotProtocol, wanted: Mapping[str, object], learner: str, subject: str, shots: int
) -> FewShotRecord | None:
    """Return a record that is there; None if there is none, or a damaged one, which is named."""
    path = protocol.record_path(learner, subject, shots)
    if not path.exists():
        return None
    try:
        record = read_few_shot_record(path)
    except RecordError as error:
        print(f"{error}; it is made again", file=sys.stderr)
        return None
    found = {**record.config, "of": [record.learner, record.subject, record.shots]}
    # Earlier versions had the backbone's weights beside its name.
    if isinstance(training := found.get("training"), Mapping):
        found["training"] = with_backbone_written_out(training)
    if told := differences(found, {**wanted, "of": [learner, subject, shots]}):
        raise RecordError(
            f"{path} was made with other settings or from other data: {told}; choose another --out or delete "
            f"{protocol.out}"
        )
    return record
