"""Whom a model may be tested on: by its own description, whatever its pictures are called elsewhere."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import pytest

from metafacs.checkpoints.checkpoint import Checkpoint, save_checkpoint
from metafacs.checkpoints.description import Description
from metafacs.data.splits import Split, SplitError, choose_split
from metafacs.data.store import Store
from metafacs.evaluation.held_out import choose_test_split, warn_if_learned_from
from metafacs.evaluation.thresholds import check_validation_people
from metafacs.methods import METHODS


def model_of(*datasets: str, split: Split, **description: object) -> Checkpoint:
    """Return an untrained model that says it has learned from these data sets."""
    told = {
        "data": [{"dataset": name} for name in datasets],
        "split": asdict(split),
        "input_size": 32,
        "alignment": {},
        **description,
    }
    return Checkpoint("single_task", {"backbone": "small"}, (1, 4, 12), (), {}, Description.from_json(told))


def test_its_validation_people_are_not_tested_by_another_split(au_store: Store) -> None:
    people = sorted(set(au_store.subjects))
    own = Split("leave_one_subject_out", 1, tuple(people[2:]), (people[0],), (people[1],))
    model = model_of("bp4d", split=own)
    with pytest.raises(SplitError, match=f"in the validation of the model.* and in test: {people[1]}"):
        choose_test_split(model, au_store, fold=2)
    assert choose_test_split(model, au_store) == own


@pytest.mark.parametrize("learned", [("raf_au",), ("bp4d", "raf_ml")])
def test_pictures_that_another_data_set_labels_too_are_refused(
    parted_store: Store, learned: tuple[str, ...]
) -> None:
    model = model_of(*learned, split=Split("everybody", 1, ("",), ()))
    with pytest.raises(SplitError, match=f"learned from {learned[-1]}, whose pictures are those of raf_ce"):
        choose_test_split(model, parted_store)
    choose_test_split(model_of("raf_db", split=Split("everybody", 1, ("",), ())), parted_store)


def test_of_a_further_data_set_the_part_for_training_is_known(au_store: Store, parted_store: Store) -> None:
    """The split of the model is of its first data set, whatever people of the other are called."""
    model = model_of("disfa", "raf_ce", split=Split("3fold", 1, ("002B",), ("001A",)))
    assert choose_test_split(model, parted_store) == choose_split(parted_store, "parts")
    with pytest.raises(SplitError, match="learned from the training part of raf_ce: everybody would"):
        choose_test_split(model, parted_store, "everybody")
    model = model_of("disfa", "bp4d", split=Split("3fold", 1, ("SN001",), ("F004",)))
    with pytest.raises(SplitError, match="learned from all pictures of bp4d: none is held out"):
        choose_test_split(model, au_store)


def test_what_the_meta_net_learned_by_is_not_passed_off_as_unseen(parted_store: Store) -> None:
    split, people = choose_split(parted_store), Split("3fold", 1, ("a",), ("b",), ("c",))
    mal, plain = (
        METHODS[name].build((1, 4), ("happy",), {"backbone": "small"})  # type: ignore[call-arg]
        for name in ("mal", "multi_task")
    )
    with pytest.warns(UserWarning, match="learned its weights by the validation part"):
        warn_if_learned_from(mal, split)
    warn_if_learned_from(plain, split)
    warn_if_learned_from(mal, people)


def test_a_start_that_knows_the_validation_people_is_refused_before_training(
    au_store: Store, tmp_path: Path
) -> None:
    training = {"action_units": au_store.path, "validation_people": 1}
    check_validation_people(training)
    everybody = Split("everybody", 1, tuple(sorted(set(au_store.subjects))), ())
    method = METHODS["single_task"].build((1, 4, 12), (), {"backbone": "small"})  # type: ignore[call-arg]
    start = model_of("bp4d", split=everybody)
    start.weights = method.state_dict()
    save_checkpoint(tmp_path / "start.safetensors", start)
    with pytest.raises(SplitError, match="cannot be chosen on the validation people"):
        check_validation_people({**training, "initialise": tmp_path / "start.safetensors"})
