"""Run a few-shot protocol: train, adapt and judge, job by job, and take up stopped work."""

from __future__ import annotations

import json
import sys
import time
import traceback
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from itertools import product
from pathlib import Path

import numpy as np

from metafacs.checkpoints.checkpoint import load_checkpoint
from metafacs.data.store import Store
from metafacs.data.streams import Stream
from metafacs.differences import differences
from metafacs.evaluation.few_shot import judge_subject
from metafacs.evaluation.few_shot_protocol import CommonTraining, FewShotProtocol
from metafacs.evaluation.few_shot_records import FewShotRecord, read_few_shot_record, write_few_shot_record
from metafacs.evaluation.records import RecordError
from metafacs.methods.few_shot import FewShotLearner
from metafacs.methods.options import with_backbone_written_out
from metafacs.models.devices import check_device
from metafacs.processes import out_of_memory, run_jobs, use_one_thread
from metafacs.progress import progress_bar
from metafacs.shares import ALL, Share
from metafacs.training.few_shot import train_few_shot
from metafacs.training.trainer import MODEL_FILE


@dataclass(frozen=True)
class _Training:
    """A common training of a learner and seed."""

    protocol: FewShotProtocol
    learner: str
    seed: int
    common: CommonTraining

    def __str__(self) -> str:
        return f"{self.learner}, seed {self.seed}, training {self.common.name}"

    @property
    def model(self) -> Path:
        """File of the model."""
        return self.protocol.model_folder(self.learner, self.seed, self.common.name) / MODEL_FILE

    def do(self) -> str:
        p = self.protocol
        train_few_shot(
            self.learner,
            Store(p.trained_on),
            p.aus,
            self.common.split,
            p.training_of(self.seed),
            self.model.parent,
            iterations=self.common.iterations,
            device=p.device,
            progress=False,
        )
        return f"{self}: {len(self.common.split.train)} people"


@dataclass(frozen=True)
class _Test:
    """A test of a learner and seed on a person, after training for this person alone where there is one.

    Attributes:
        needs: The common training that it begins from; None if there is none.
    """

    protocol: FewShotProtocol
    learner: str
    seed: int
    subject: str
    needs: _Training | None

    def __str__(self) -> str:
        return f"{self.learner}, seed {self.seed}, {self.subject}"

    def do(self) -> str:
        p = self.protocol
        checkpoint = load_checkpoint(self._model())
        learner = checkpoint.build(FewShotLearner).to(check_device(p.device))
        store, told = Store(p.tested_on), checkpoint.description.more
        rows = np.flatnonzero(store.subjects == self.subject)
        stream = Stream(
            store, rows, aus=p.tested_aus, name="person", batch_size=64, size=p.training.size, seed=0
        )
        lines = []
        for shots in p.testing.shots:
            began = time.perf_counter()
            scores, filled, skipped = judge_subject(learner, stream, shots, p.testing)
            record = FewShotRecord(
                learner=self.learner,
                trained_on=Store(p.trained_on).dataset,
                tested_on=store.dataset,
                synthetic=checkpoint.description.synthetic or store.synthetic,
                protocol=p.name,
                subject=self.subject,
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
                config=_config(p, self.seed),
                paper=p.paper,
            )
            write_few_shot_record(record, p.record_path(self.learner, self.subject, shots, self.seed))
            mean = np.mean([values[-1] for values in record.accuracy.values()]) if scores else float("nan")
            lines.append(f"{self}, {shots} shot: {mean:.3f}")
        return "\n".join(lines)

    def _model(self) -> Path:
        """Return the model to test, trained first where it is this person's own."""
        p = self.protocol
        start = self.needs.model if self.needs else None
        split = p.own_training(self.subject)
        if split is None:
            assert start is not None
            return start
        return train_few_shot(
            self.learner,
            Store(p.trained_on),
            p.aus,
            split,
            p.training_of(self.seed),
            p.model_folder(self.learner, self.seed, self.subject),
            iterations=p.training.iterations,
            start=start,
            device=p.device,
            progress=False,
        )


def run_few_shot(
    protocol: FewShotProtocol,
    *,
    workers: int | None = None,
    progress: bool = True,
    failed: list[str] | None = None,
    share: Share = ALL,
) -> list[FewShotRecord]:
    """Train every learner, adapt it to every person and return the records; takes up stopped work.

    A damaged record is named and made again.

    Args:
        protocol: From :func:`plan_few_shot`.
        workers: Processes of one thread each; None = one per core. On a GPU it is one.
        progress: Show a progress bar, and a line for every person.
        failed: Takes what went wrong, a sentence for every training and test, those among them that cannot
            begin because their training has failed; the others are done all the same. None = the first error
            is raised.
        share: What to do of it. A training and the tests that need it are of one share, so that shares never
            wait for each other; the records that other shares have left in the folder are returned too.

    Raises:
        RecordError: If the folder holds records of other settings or other data.
    """
    work = partial(_performed, raising=failed is None)
    if check_device(protocol.device).type != "cpu":
        # Several processes on one accelerator would only wait for each other.
        workers = 1
    wanted = {seed: _config(protocol, seed) for seed in protocol.seeds}
    stages = [stage for place in _places(protocol, share) for stage in _stages(protocol, place, wanted)]
    lacking: list[_Training] = []
    with progress_bar(progress) as bar:
        task = bar.add_task("few-shot tests", total=sum(map(len, stages)))

        def tell(line: str, *, done: bool) -> None:
            bar.advance(task)
            if failed is not None and not done:
                failed.append(line)
            if progress:
                bar.console.print(line)

        for stage in stages:
            jobs = []
            for job in stage:
                if isinstance(job, _Test) and job.needs in lacking:
                    tell(f"{job}: cannot begin, as {job.needs} has failed", done=False)
                else:
                    jobs.append(job)
            for job, line, done in run_jobs(
                work, jobs, workers, initialise=use_one_thread, stop_at_once=False
            ):
                tell(line, done=done)
                if isinstance(job, _Training) and not done:
                    lacking.append(job)
    found = [
        _existing(protocol, wanted[seed], learner, subject, shots, seed)
        for learner in protocol.learners
        for shots in protocol.testing.shots
        for seed in protocol.seeds
        for subject in protocol.subjects
    ]
    return [record for record in found if record is not None]


@dataclass(frozen=True)
class _Place:
    """A seed and the people whom one training serves, or all who have a training of their own.

    Attributes:
        seed: Of training.
        common: The training; None if each test has its own.
        work: Learner and person of every test.
    """

    seed: int
    common: CommonTraining | None
    work: tuple[tuple[str, str], ...]


def _places(protocol: FewShotProtocol, share: Share) -> Iterator[_Place]:
    """Yield what a share has to do, seed by seed and fold by fold.

    The jobs that are dealt out are a training with all its tests, learner after learner.
    """
    groups: dict[CommonTraining | str, list[str]] = {}
    for subject in protocol.subjects:
        groups.setdefault(protocol.common_training(subject) or subject, []).append(subject)
    jobs = list(product(protocol.learners, protocol.seeds, groups))
    mine = {job for place, job in enumerate(jobs) if share.holds(place)}
    trainings = dict.fromkeys(group if isinstance(group, CommonTraining) else None for group in groups)
    for seed, common in product(protocol.seeds, trainings):
        own = [group for group in groups if (group == common if common else isinstance(group, str))]
        work = [
            (learner, subject)
            for learner, group in product(protocol.learners, own)
            if (learner, seed, group) in mine
            for subject in groups[group]
        ]
        yield _Place(seed, common, tuple(work))


def _stages(
    protocol: FewShotProtocol, place: _Place, wanted: Mapping[int, Mapping[str, object]]
) -> Iterator[Sequence[_Training | _Test]]:
    """Yield what a place lacks: the trainings, then the tests that need them."""
    trainings = {
        learner: _Training(protocol, learner, place.seed, place.common) if place.common else None
        for learner, _ in place.work
    }
    tests = [
        _Test(protocol, learner, place.seed, subject, trainings[learner])
        for learner, subject in place.work
        if any(
            _existing(protocol, wanted[place.seed], learner, subject, shots, place.seed) is None
            for shots in protocol.testing.shots
        )
    ]
    needed = dict.fromkeys(test.learner for test in tests)
    yield [training for learner, training in trainings.items() if training and learner in needed]
    yield tests


def _performed(job: _Training | _Test, *, raising: bool) -> tuple[_Training | _Test, str, bool]:
    """Do a job; return it, what to tell of it, and whether it was done."""
    try:
        return job, job.do(), True
    except Exception as error:
        if raising:
            raise
        expected = isinstance(error, (ValueError, OSError, FloatingPointError))
        told = str(error) if expected else out_of_memory(error) or traceback.format_exc()
        return job, f"{job}: {told}", False


def _config(protocol: FewShotProtocol, seed: int) -> dict[str, object]:
    """Return what the numbers depend on, without paths: the shots and the people tested are free to grow."""
    stores = {path: Store(path) for path in (protocol.trained_on, protocol.tested_on)}
    plan = protocol.training_of(seed)
    training = {**asdict(plan), "augmentation": plan.augmentation.settings()}
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
    protocol: FewShotProtocol,
    wanted: Mapping[str, object],
    learner: str,
    subject: str,
    shots: int,
    seed: int,
) -> FewShotRecord | None:
    """Return a record that is there; None if there is none, or a damaged one, which is named."""
    path = protocol.record_path(learner, subject, shots, seed)
    if not path.exists():
        return None
    try:
        record = read_few_shot_record(path)
    except RecordError as error:
        print(f"{error}; it is made again", file=sys.stderr)
        return None
    found = {**record.config, "of": [record.learner, record.subject, record.shots, record.protocol]}
    # Earlier versions had the backbone's weights beside its name.
    if isinstance(training := found.get("training"), Mapping):
        found["training"] = with_backbone_written_out(training)
    if told := differences(found, {**wanted, "of": [learner, subject, shots, protocol.name]}):
        raise RecordError(
            f"{path} was made with other settings or from other data: {told}; choose another --out or delete "
            f"{protocol.out}"
        )
    return record
