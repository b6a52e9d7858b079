from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from metafacs.checkpoints.checkpoint import CheckpointError, load_checkpoint, save_checkpoint
from metafacs.data.splits import Split, SplitError, choose_split
from metafacs.data.store import Store
from metafacs.methods import FEW_SHOT
from metafacs.methods.base import OptimizerSpec
from metafacs.methods.few_shot import FewShotLearner
from metafacs.models.backbones import SMALL
from metafacs.training.few_shot import FewShotTraining, train_few_shot
from metafacs.training.trainer import CHECKPOINT_FILE

AUS = (1, 4, 12)
PLAN = FewShotTraining(
    size=32,
    backbone=SMALL,
    shots=2,
    second_order=False,
    optimizer=OptimizerSpec("adam", 1e-3, momentum=0.0, weight_decay=0.0),
    checkpoint_every=2,
)


class KilledError(Exception):
    pass


def run(store: Store, out: Path, name: str = "maml", **changes: object) -> Path:
    settings: dict = {"iterations": 4, "progress": False, **changes}
    split = settings.pop("split", choose_split(store, "leave_one_subject_out", 1))
    return train_few_shot(name, store, AUS, split, settings.pop("plan", PLAN), out, **settings)


@pytest.mark.parametrize("name", ["maml", "baseline", "baseline_by_person"])
def test_killed_and_resumed_run_ends_with_the_same_weights(
    name: str, tmp_path: Path, au_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = load_checkpoint(run(au_store, tmp_path / "whole", name))
    update, calls = FEW_SHOT[name].update, []

    def dying(self, batches, step):
        calls.append(1)
        if len(calls) == 4:
            raise KilledError
        return update(self, batches, step)

    with monkeypatch.context() as patch:
        patch.setattr(FEW_SHOT[name], "update", dying)
        with pytest.raises(KilledError):
            run(au_store, tmp_path / "parts", name)
    assert (tmp_path / "parts" / CHECKPOINT_FILE).exists()
    parts = load_checkpoint(run(au_store, tmp_path / "parts", name))
    assert all(torch.equal(value, parts.weights[key]) for key, value in whole.weights.items())
    assert parts.history == whole.history


def test_model_tells_its_tasks_people_and_crop(tmp_path: Path, au_store: Store) -> None:
    checkpoint = load_checkpoint(run(au_store, tmp_path))
    learner = checkpoint.build(FewShotLearner)
    known = checkpoint.description
    assert (learner.aus, learner.shots, learner.inner_rate) == (AUS, 2, 0.03)
    assert (known.framing.input_size, known.framing.crop_size, known.synthetic) == (32, 36, True)
    assert au_store.subjects[0] in known.held_out.test
    assert known.more["tasks"] == 5 * 3 - len(known.more["skipped_tasks"])
    assert str(tmp_path) not in str(known.to_json())


def test_model_of_the_control_tells_whom_it_was_drawn_from(tmp_path: Path, au_store: Store) -> None:
    known = load_checkpoint(run(au_store, tmp_path, "baseline_by_person", iterations=1)).description
    assert set(known.more["people_drawn"]) <= set(known.held_out.train)


def test_a_fold_goes_on_from_a_start_without_its_person(tmp_path: Path, au_store: Store) -> None:
    people = sorted(set(au_store.subjects))
    split = Split("leave_subjects_out", 1, tuple(people[2:]), tuple(people[:2]))
    start = run(au_store, tmp_path / "start", split=split)
    still = replace(PLAN, optimizer=OptimizerSpec("sgd", 0.0, momentum=0.0, weight_decay=0.0))
    fold = load_checkpoint(run(au_store, tmp_path / "fold", start=start, plan=still, iterations=1))
    begun = load_checkpoint(start)
    assert all(torch.equal(value, fold.weights[key]) for key, value in begun.weights.items())
    assert fold.description.more["start"]["iterations"] == 4


def test_a_start_that_has_seen_the_person_is_refused(tmp_path: Path, au_store: Store) -> None:
    start = run(au_store, tmp_path / "start")
    with pytest.raises(SplitError, match="1 people are in the training of the start and in test"):
        run(
            au_store,
            tmp_path / "fold",
            start=start,
            split=choose_split(au_store, "leave_one_subject_out", 2),
        )


def test_a_detector_is_no_few_shot_learner(tmp_path: Path, au_store: Store) -> None:
    path = run(au_store, tmp_path)
    checkpoint = load_checkpoint(path)
    checkpoint.method = "single_task"
    save_checkpoint(path, checkpoint)
    with pytest.raises(CheckpointError, match="which is no FewShotLearner"):
        load_checkpoint(path).build(FewShotLearner)
