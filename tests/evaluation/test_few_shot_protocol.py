"""The protocols end to end on painted stores: who trains, what is recorded, and that work is taken up."""

from __future__ import annotations

import errno
import pickle
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from conftest import paint, rows_of, write_store
from metafacs.checkpoints.checkpoint import load_checkpoint
from metafacs.data.facts import DISFA, FACTS
from metafacs.data.splits import SplitError
from metafacs.data.store import Store
from metafacs.evaluation import few_shot_runs
from metafacs.evaluation.few_shot import FewShotTest
from metafacs.evaluation.few_shot_protocol import MODELS, RECORDS, FewShotProtocol, plan_few_shot
from metafacs.evaluation.few_shot_records import RecordError, few_shot_record_paths, read_few_shot_record
from metafacs.evaluation.few_shot_runs import run_few_shot
from metafacs.methods.base import DivergedError, OptimizerSpec
from metafacs.models.backbones import SMALL
from metafacs.training.few_shot import FewShotTraining
from metafacs.training.trainer import MODEL_FILE

TRAINING = FewShotTraining(
    iterations=1,
    shared_iterations=1,
    size=32,
    backbone=SMALL,
    shots=2,
    second_order=False,
    optimizer=OptimizerSpec("adam", 1e-3, momentum=0.0, weight_decay=0.0),
)
TESTING = FewShotTest((1,), repetitions=2, judged=2, steps=(0, 1))


def plan(store: Store, out: Path, **changes: object) -> FewShotProtocol:
    settings: dict = {
        "aus": (1, 4, 12),
        "subjects": 2,
        "learners": ("maml", "baseline"),
        "training": TRAINING,
        "testing": TESTING,
        **changes,
    }
    return plan_few_shot(store.path, out, **settings)


def run(protocol: FewShotProtocol) -> list:
    return run_few_shot(protocol, workers=1, progress=False)


@pytest.fixture(scope="module")
def finished(au_store: Store, tmp_path_factory: pytest.TempPathFactory) -> FewShotProtocol:
    protocol = plan(au_store, tmp_path_factory.mktemp("few_shot"))
    run(protocol)
    return protocol


def test_one_record_per_learner_person_and_shots(finished: FewShotProtocol) -> None:
    records = [read_few_shot_record(path) for path in few_shot_record_paths(finished.out / RECORDS)]
    assert {(r.learner, r.subject, r.shots) for r in records} == {
        (name, person, 1) for name in ("maml", "baseline") for person in finished.subjects
    }
    for record in records:
        assert record.synthetic
        assert (record.protocol, record.trained_on, record.tested_on) == (
            "leave_one_subject_out",
            *["bp4d"] * 2,
        )
        assert set(record.accuracy) | set(record.skipped) == {1, 4, 12}
        assert record.iterations == 2
        assert (record.training_tasks is None) == (record.learner == "baseline")


def test_the_shared_start_leaves_every_test_person_out(finished: FewShotProtocol, au_store: Store) -> None:
    start = load_checkpoint(finished.out / MODELS / "maml" / "start" / "model.safetensors")
    assert set(start.description.held_out.train) == set(au_store.subjects) - set(finished.subjects)
    for person in finished.subjects:
        fold = load_checkpoint(finished.out / MODELS / "maml" / person / "model.safetensors")
        assert set(fold.description.held_out.train) == set(au_store.subjects) - {person}
        assert person not in fold.description.more["start"]["split"]["train"]


def test_finished_work_is_not_done_again_and_missing_work_is(finished: FewShotProtocol) -> None:
    kept, lost = (finished.record_path("maml", person, 1) for person in finished.subjects)
    content = read_few_shot_record(lost)
    before = kept.stat().st_mtime_ns
    lost.unlink()
    records = run(finished)
    assert len(records) == 4
    assert kept.stat().st_mtime_ns == before
    assert read_few_shot_record(lost).accuracy == content.accuracy


def test_other_settings_do_not_mix(finished: FewShotProtocol) -> None:
    other = replace(finished, testing=replace(TESTING, repetitions=3))
    with pytest.raises(RecordError, match="other settings"):
        run(other)


@pytest.mark.parametrize("content", [b"", b"[1]", None])
def test_a_damaged_record_is_named_and_made_again(
    content: bytes | None, finished: FewShotProtocol, capsys: pytest.CaptureFixture[str]
) -> None:
    path = finished.record_path("baseline", finished.subjects[0], 1)
    before = read_few_shot_record(path).accuracy
    path.write_bytes(path.read_bytes().replace(b"0.", b"1.", 1) if content is None else content)
    assert len(run(finished)) == 4
    assert str(path) in capsys.readouterr().err
    assert read_few_shot_record(path).accuracy == before


def test_a_sound_record_that_cannot_be_read_now_is_not_made_again(
    finished: FewShotProtocol, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path, opened = finished.record_path("maml", finished.subjects[0], 1, 0), Path.open
    before = path.stat().st_mtime_ns

    def failing(here: Path, *words: object, **options: object) -> object:
        if here == path:
            raise OSError(errno.EIO, "Input/output error", str(path))
        return opened(here, *words, **options)  # type: ignore[call-overload]

    with monkeypatch.context() as patch:
        patch.setattr(Path, "open", failing)
        with pytest.raises(OSError, match="Input/output error"):
            run(finished)
    assert "made again" not in capsys.readouterr().err
    assert path.stat().st_mtime_ns == before


def test_a_record_of_somebody_else_is_refused(finished: FewShotProtocol) -> None:
    one, other = (finished.record_path("maml", person, 1) for person in finished.subjects)
    before = one.read_bytes()
    one.write_bytes(other.read_bytes())
    with pytest.raises(RecordError, match=f"{one} was made with other settings or from other data: of "):
        run(finished)
    one.write_bytes(before)


def test_other_pictures_are_other_data(finished: FewShotProtocol, au_store: Store, tmp_path: Path) -> None:
    rows = [{**row, "image": paint(np.random.default_rng(9), 36, np.zeros(3))} for row in rows_of(au_store)]
    other = write_store(tmp_path / "other", rows, dataset="bp4d", aus=[1, 4, 12], expressions=[], size=36)
    with pytest.raises(RecordError, match=rf"data \(\['{au_store.fingerprint}'\] there"):
        run(replace(finished, trained_on=other.path, tested_on=other.path))


def test_what_goes_wrong_with_one_person_is_told_and_the_others_are_tested(
    au_store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    protocol = plan(au_store, tmp_path, learners=("baseline",), training=replace(TRAINING, iterations=0))
    judge, calls = few_shot_runs.judge_subject, []

    def failing(*arguments: object) -> object:
        calls.append(1)
        if len(calls) == 1:
            raise MemoryError
        return judge(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(few_shot_runs, "judge_subject", failing)
    failed: list[str] = []
    (record,) = run_few_shot(protocol, workers=1, progress=False, failed=failed)
    assert record.subject == protocol.subjects[1]
    (told,) = failed
    assert told.startswith(
        f"baseline, seed 0, {protocol.subjects[0]}: memory is short for this; take smaller batches"
    )


@pytest.mark.parametrize(("split", "broken"), [("published", "fold1"), ("leave_one_subject_out", "start")])
def test_a_training_that_diverges_stops_only_its_own_tests(
    split: str, broken: str, au_store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    published = split == "published"
    protocol = plan(
        au_store,
        tmp_path,
        learners=("maml", "baseline"),
        subjects="all" if published else 2,
        split=split,
        seeds=(0, 1),
        training=replace(TRAINING, shared_iterations=int(not published)),
    )
    train = few_shot_runs.train_few_shot

    def diverging(name: str, *arguments: object, **named: object) -> object:
        if arguments[4] == protocol.model_folder("maml", 0, broken):
            raise DivergedError("the loss is nan")
        return train(name, *arguments, **named)  # type: ignore[arg-type]

    def far_away(work: Callable, jobs: list, *_: object, **__: object) -> Iterator:
        """Do jobs as other processes do, whose results are copies."""
        return (pickle.loads(pickle.dumps(work(job))) for job in jobs)

    monkeypatch.setattr(few_shot_runs, "train_few_shot", diverging)
    monkeypatch.setattr(few_shot_runs, "run_jobs", far_away)
    common = {person: protocol.common_training(person) for person in protocol.subjects}
    stopped = [person for person, training in common.items() if training and training.name == broken]
    assert 0 < len(stopped) < len(common) or not published
    failed: list[str] = []
    records = run_few_shot(protocol, progress=False, failed=failed)
    assert {(r.learner, r.seed, r.subject) for r in records} == {
        (learner, seed, person)
        for learner in protocol.learners
        for seed in protocol.seeds
        for person in protocol.subjects
        if (learner, seed) != ("maml", 0) or person not in stopped
    }
    training = f"maml, seed 0, training {broken}"
    assert failed == [
        f"{training}: the loss is nan",
        *(f"maml, seed 0, {person}: cannot begin, as {training} has failed" for person in stopped),
    ]


def test_people_whose_names_are_paths_are_refused(au_store: Store, tmp_path: Path) -> None:
    rows = [{**row, "subject": f"../{row['subject']}"} for row in rows_of(au_store)]
    odd = write_store(tmp_path / "odd", rows, dataset="bp4d", aus=[1, 4, 12], expressions=[], size=36)
    with pytest.raises(ValueError, match=r"'../F001' cannot be the name of a folder"):
        plan(odd, tmp_path / "out", subjects="all", training=replace(TRAINING, shared_iterations=0))


def test_without_iterations_per_fold_the_start_serves_everybody(au_store: Store, tmp_path: Path) -> None:
    protocol = plan(
        au_store, tmp_path, learners=("baseline",), training=replace(TRAINING, iterations=0), subjects=1
    )
    (record,) = run(protocol)
    assert record.iterations == 1
    assert not (tmp_path / MODELS / "baseline" / protocol.subjects[0]).exists()


@pytest.fixture(scope="module")
def folds(au_store: Store, tmp_path_factory: pytest.TempPathFactory) -> FewShotProtocol:
    out = tmp_path_factory.mktemp("folds")
    training = replace(TRAINING, shared_iterations=0)
    return plan(
        au_store,
        out,
        learners=("baseline_by_person",),
        subjects="all",
        split="published",
        seeds=(0, 3),
        training=training,
    )


def test_a_published_fold_is_trained_once_and_tests_its_people(
    folds: FewShotProtocol, au_store: Store
) -> None:
    records = run(folds)
    people = set(au_store.subjects)
    assert {(r.subject, r.seed, r.protocol) for r in records} == {
        (person, seed, "published") for person in people for seed in (0, 3)
    }
    tested: set[str] = set()
    for fold in (1, 2, 3):
        models = [
            load_checkpoint(folds.model_folder("baseline_by_person", seed, f"fold{fold}") / MODEL_FILE)
            for seed in (0, 3)
        ]
        held_out = models[0].description.held_out
        assert set(held_out.train) | set(held_out.test) == people
        tested |= set(held_out.test)
        weights = [model.weights["network.backbone.stages.0.weight"] for model in models]
        assert not torch.equal(*weights)
    assert tested == people
    trained = list((folds.out / MODELS).glob(f"*/*/{MODEL_FILE}"))
    assert len(trained) == 6


def test_folds_are_finished_one_after_the_other(
    folds: FewShotProtocol, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    protocol = replace(folds, out=tmp_path, learners=("maml", "baseline"), seeds=(0,))
    done: list[str] = []
    monkeypatch.setattr(few_shot_runs._Training, "do", lambda job: done.append(job.common.name) or "")
    monkeypatch.setattr(few_shot_runs._Test, "do", lambda job: done.append(job.subject) or "")
    run(protocol)
    trainings = [place for place, name in enumerate(done) if name.startswith("fold")]
    # Two learners are trained, then tested on two people each.
    assert trainings == [0, 1, 6, 7, 12, 13]


def test_a_seed_more_keeps_what_is_there(folds: FewShotProtocol) -> None:
    before = {path: path.stat().st_mtime_ns for path in few_shot_record_paths(folds.out / RECORDS)}
    assert {path.stem.endswith("-seed3") for path in before} == {True, False}
    records = run(replace(folds, seeds=(0, 3, 4)))
    assert len(records) == 18
    assert {path: path.stat().st_mtime_ns for path in before} == before


def test_another_data_set_is_adapted_to_with_aus_never_seen(
    au_store: Store, disfa_store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(FACTS, "disfa", replace(DISFA, evaluated_aus=(1, 4, 9)))
    protocol = plan(au_store, tmp_path, test=disfa_store.path, learners=("maml",), subjects="all")
    records = run(protocol)
    assert [record.subject for record in records] == ["SN001", "SN002", "SN003"]
    assert {record.protocol for record in records} == {"cross_domain"}
    assert all(9 in record.accuracy and 9 not in record.trained_aus for record in records)
    model = load_checkpoint(tmp_path / MODELS / "maml" / "start" / "model.safetensors")
    assert set(model.description.held_out.train) == set(au_store.subjects)
    assert model.iteration == TRAINING.iterations


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"learners": ("magic",)}, ValueError, "unknown few-shot learners"),
        ({"subjects": 7}, SplitError, "7 people cannot be chosen from the 6"),
        ({"subjects": "all"}, SplitError, "everybody is tested"),
        (
            {"training": replace(TRAINING, iterations=0, shared_iterations=0)},
            ValueError,
            "nothing is trained",
        ),
        ({"aus": (1, 2)}, ValueError, "no labels for AU"),
        ({"split": "published"}, SplitError, "share one training already"),
        ({"seeds": ()}, ValueError, "each once"),
        ({"seeds": (1, 1)}, ValueError, "each once"),
        ({"seeds": (-1,)}, ValueError, "seeds"),
    ],
)
def test_what_does_not_fit_is_refused(
    au_store: Store, tmp_path: Path, changes: dict[str, object], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        plan(au_store, tmp_path, **changes)


def test_the_same_data_set_is_no_other_one(au_store: Store, tmp_path: Path) -> None:
    with pytest.raises(SplitError, match="is bp4d too"):
        plan(au_store, tmp_path, test=au_store.path)


def test_nobody_is_held_out_of_another_data_set(au_store: Store, disfa_store: Store, tmp_path: Path) -> None:
    with pytest.raises(SplitError, match="nobody is held out where people of another data set"):
        plan(au_store, tmp_path, test=disfa_store.path, aus=(1, 4), split="published")


def test_the_printed_rate_is_warned_of(au_store: Store, tmp_path: Path) -> None:
    with pytest.warns(UserWarning, match="high"):
        plan(au_store, tmp_path, training=FewShotTraining(size=32))
