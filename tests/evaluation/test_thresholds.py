"""Thresholds of best F1 on validation people: their values, and that they go from training to prediction."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.metrics import f1_score

from metafacs.checkpoints.checkpoint import load_checkpoint, save_checkpoint
from metafacs.checkpoints.description import Description, Framing
from metafacs.data.splits import SplitError, choose_split
from metafacs.data.store import Store
from metafacs.evaluation.predictions import Predictions, collect_predictions
from metafacs.evaluation.protocols import evaluate, held_out_stream, keep_thresholds
from metafacs.evaluation.records import Record
from metafacs.evaluation.thresholds import check_validation_people, choose_thresholds
from metafacs.faces.alignment import AlignmentSpec
from metafacs.inference.loading import load_detector
from metafacs.training.run import train
from metafacs.training.training_data import BatchSizes

BARE = Description(Framing(32, 36, AlignmentSpec()))
SMALL = {"aus": [1, 4, 12], "iterations": 2, "batch": BatchSizes(8, 8, 8), "size": 32, "progress": False}


def trained(store: Store, out: Path, **changes: object) -> Path:
    options = {"backbone": "small"}
    settings = {"validation_people": 1, **SMALL, "options": options, **changes}
    return train("single_task", store.path, out, **settings)  # type: ignore[arg-type]


def adapted(source: Store, target: Store, out: Path) -> Path:
    options = {"width": 4, "source_share": 0.5}
    settings = {**SMALL, "validation_people": 1, "target": target.path}
    return train("adda", source.path, out, options=options, **settings)  # type: ignore[arg-type]


def on_validation_people(model: Path, store: Store, domain: str | None = None) -> Predictions:
    """Return what the model says of them, by the way that has nothing to do with thresholds."""
    checkpoint = load_checkpoint(model)
    method = checkpoint.build()
    if domain:
        method.domain = domain  # type: ignore[assignment]
    stream = held_out_stream(store, checkpoint, checkpoint.description.held_out, "validation", 8)
    return collect_predictions(method, stream)


def best_f1(predictions: Predictions, column: int) -> float:
    known = ~np.isnan(predictions.targets[:, column])
    scores, true = predictions.probabilities[known, column], predictions.targets[known, column]
    return max(f1_score(true, scores >= cut) for cut in scores)


def test_they_are_those_of_best_f1_and_an_action_unit_that_tells_nothing_keeps_one_half() -> None:
    nan = np.nan
    found = Predictions(
        (1, 4, 12, 17),
        np.array([[0.1, 0.9, 0.2, 0.1], [0.21, 0.8, 0.3, 0.2], [0.8, 0.1, 0.4, 0.3]], np.float32),
        np.array([[0, 1, 1, nan], [1, nan, 1, 0], [nan, 0, 1, nan]], np.float32),
        np.array(["F001", "F001", "F002"]),
        np.arange(3),
    )
    with pytest.warns(UserWarning, match="a threshold of AU12, AU17"):
        chosen = choose_thresholds(BARE, found)
    # AU1: .21 is present and .1 is not, .8 is unknown; AU4: .9 is present and .1 is not.
    assert chosen.thresholds == {1: 0.2, 4: 0.5}
    assert chosen.threshold_of(12) == chosen.threshold_of(17) == 0.5
    assert chosen.thresholds_chosen_on == {
        "side": "validation",
        "rule": "best F1",
        "people": 2,
        "pictures": 3,
        "read_as": None,
        "undecided": [12, 17],
    }


def test_a_model_keeps_them_and_evaluation_and_detector_use_them(au_store: Store, tmp_path: Path) -> None:
    model = trained(au_store, tmp_path)
    before, half = load_checkpoint(model), evaluate(model, au_store.path)
    asked = evaluate(model, au_store.path, thresholds="validation")
    assert load_checkpoint(model).description == before.description
    keep_thresholds(model, au_store.path)
    kept = load_checkpoint(model)
    assert kept.fingerprint == before.fingerprint
    found = on_validation_people(model, au_store)
    for column, au in enumerate(found.aus):
        known = ~np.isnan(found.targets[:, column])
        seen = found.probabilities[known, column] >= np.float32(kept.description.thresholds[au])
        assert f1_score(found.targets[known, column], seen) == best_f1(found, column)
    told = evaluate(model, au_store.path)
    assert told.config == asked.config
    assert told.f1 == asked.f1
    assert told.auc == half.auc
    assert (half.judged_at, asked.judged_at, told.judged_at) == ("0.5", "validation", "validation")
    assert Record.from_json(told.to_json()).judged_at == "validation"
    again = evaluate(model, au_store.path, thresholds=0.5)
    assert (again.f1, again.config, again.judged_at) == (half.f1, half.config, "0.5")
    detector = load_detector(model)
    assert detector.thresholds == kept.description.thresholds
    assert detector.description["thresholds_chosen_on"] == kept.description.thresholds_chosen_on


def test_training_goes_on_from_a_model_that_keeps_them(au_store: Store, tmp_path: Path) -> None:
    model = trained(au_store, tmp_path)
    keep_thresholds(model, au_store.path)
    written = model.stat().st_mtime_ns
    assert trained(au_store, tmp_path) == model
    keep_thresholds(model, au_store.path)
    assert model.stat().st_mtime_ns == written


def test_no_test_person_has_a_say(au_store: Store, tmp_path: Path) -> None:
    model = trained(au_store, tmp_path)
    split = load_checkpoint(model).description.held_out
    people = set(on_validation_people(model, au_store).subjects)
    assert people == set(split.validation)
    assert not people & {*split.test, *split.train}
    with pytest.raises(ValueError, match="too good on the same people"):
        evaluate(model, au_store.path, side="validation", thresholds="validation")
    keep_thresholds(model, au_store.path)
    with pytest.raises(ValueError, match="test at a number"):
        evaluate(model, au_store.path, side="validation")
    assert evaluate(model, au_store.path, side="validation", thresholds=0.5).judged_at == "0.5"


def test_without_validation_people_it_is_refused_before_training(au_store: Store, tmp_path: Path) -> None:
    model = trained(au_store, tmp_path, validation_people=0)
    with pytest.raises(SplitError, match="'3fold' has no validation people to choose thresholds on"):
        evaluate(model, au_store.path, thresholds="validation")
    with pytest.raises(SplitError, match="'3fold' has no validation people"):
        check_validation_people({"action_units": au_store.path})
    check_validation_people({"action_units": au_store.path, "validation_people": 1})


def test_a_sets_own_validation_part_serves(parted_store: Store, tmp_path: Path) -> None:
    model = trained(parted_store, tmp_path, validation_people=0)
    keep_thresholds(model, parted_store.path)
    chosen = load_checkpoint(model).description.thresholds_chosen_on
    assert (chosen["people"], chosen["pictures"]) == (1, 12)
    assert choose_split(parted_store, "parts").validation


def test_an_adapted_model_reads_the_sources_validation_people_as_it_reads_the_tested(
    au_store: Store, parted_store: Store, tmp_path: Path
) -> None:
    model = adapted(au_store, parted_store, tmp_path)
    with pytest.raises(SplitError, match=r"are of bp4d, .* holds raf_ce; name the store"):
        evaluate(model, parted_store.path, thresholds="validation")
    places = {"thresholds": "validation", "validation_store": au_store.path}
    wild = evaluate(model, parted_store.path, **places)  # type: ignore[arg-type]
    own = evaluate(model, au_store.path, thresholds="validation")
    keep_thresholds(model, au_store.path)
    kept = load_checkpoint(model).description
    assert kept.thresholds_chosen_on["read_as"] == "target"
    assert wild.config["thresholds"] == {str(au): value for au, value in kept.thresholds.items()}
    assert own.config["thresholds_chosen_on"]["read_as"] == "source"
    # The validation part of other data has chosen nothing.
    part = evaluate(model, parted_store.path, side="validation", thresholds="validation")
    assert (part.judged_at, part.data.split) == ("validation", "parts, validation people")
    # What is kept is for target pictures: others are asked for anew.
    again = evaluate(model, au_store.path, thresholds="validation")
    assert again.config == own.config
    for domain, record in (("target", wild), ("source", own)):
        found = on_validation_people(model, au_store, domain)
        for column, au in enumerate(found.aus):
            known = ~np.isnan(found.targets[:, column])
            cut = np.float32(record.config["thresholds"][str(au)])
            scores = f1_score(found.targets[known, column], found.probabilities[known, column] >= cut)
            assert scores == best_f1(found, column)
    # A kept model needs no store of the source.
    assert evaluate(model, parted_store.path, thresholds="validation").f1 == wild.f1


def both_ways(source: Store, target: Store, out: Path) -> Path:
    settings = {**SMALL, "validation_people": 1, "target": target.path}
    return train("adld", source.path, out, options={"width": 4}, **settings)  # type: ignore[arg-type]


def test_target_pictures_are_read_as_asked_and_the_thresholds_are_of_that_reading(
    au_store: Store, wild_store: Store, parted_store: Store, tmp_path: Path
) -> None:
    model = both_ways(au_store, wild_store, tmp_path)
    places = {"thresholds": "validation", "validation_store": au_store.path}
    own, restored, direct = (
        evaluate(model, parted_store.path, read=read, **places)  # type: ignore[arg-type]
        for read in (None, "reconstruction", "direct")
    )
    assert (own.auc, own.config) == (restored.auc, restored.config)
    assert direct.auc != own.auc
    assert [record.config["options"]["read"] for record in (own, direct)] == ["reconstruction", "direct"]
    told = [record.config["thresholds_chosen_on"]["read_as"] for record in (own, direct)]
    assert told == ["target, reconstruction", "target, direct"]
    assert own.config["thresholds"] != direct.config["thresholds"]
    # Source pictures read directly are read as source pictures are, since both share what extracts features.
    source = evaluate(model, au_store.path)
    assert evaluate(model, au_store.path, domain="target", read="direct").f1 == source.f1
    with pytest.raises(ValueError, match="source pictures are read in one way"):
        evaluate(model, au_store.path, read="direct")
    with pytest.raises(ValueError, match="single_task has one way to read pictures; leave --read direct out"):
        evaluate(trained(au_store, tmp_path / "other"), au_store.path, read="direct")


def test_people_whom_the_start_learned_from_choose_nothing(au_store: Store, tmp_path: Path) -> None:
    first = trained(au_store, tmp_path / "first", validation_people=0)
    model = trained(au_store, tmp_path / "second", initialise=first)
    with pytest.raises(SplitError, match=r"cannot be chosen on the validation people: .* training of model"):
        keep_thresholds(model, au_store.path)


def test_a_number_out_of_range_is_refused(au_store: Store, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="thresholds"):
        evaluate(trained(au_store, tmp_path), au_store.path, thresholds=1.5)


def test_models_of_earlier_versions_are_judged_as_before(au_store: Store, tmp_path: Path) -> None:
    model = trained(au_store, tmp_path)
    checkpoint = load_checkpoint(model)
    assert "thresholds" not in checkpoint.description.to_json()
    assert "thresholds_chosen_on" not in checkpoint.description.to_json()
    own = replace(checkpoint.description, thresholds={1: 0.3, 4: 0.4})
    save_checkpoint(model, replace(checkpoint, description=own))
    record = evaluate(model, au_store.path)
    assert record.judged_at == "the model's own"
    assert load_detector(model).thresholds == {1: 0.3, 4: 0.4, 12: 0.5}
    assert torch.tensor(record.config["threshold"]) == 0.5
