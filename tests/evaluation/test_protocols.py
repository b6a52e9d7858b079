from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.metrics import f1_score

from conftest import rows_of, write_store
from metafacs.checkpoints.checkpoint import load_checkpoint, save_checkpoint
from metafacs.data.splits import SplitError
from metafacs.data.store import Store
from metafacs.evaluation.predictions import Predictions, collect_predictions
from metafacs.evaluation.protocols import evaluate, held_out_stream, open_test
from metafacs.training.run import train
from metafacs.training.training_data import BatchSizes


def trained(out: Path, store: Store, **options: object) -> Path:
    return train(
        "single_task",
        store.path,
        out,
        options={"backbone": "small"},
        aus=[1, 4, 12],
        iterations=3,
        batch=BatchSizes(8, 8, 8),
        size=32,
        progress=False,
        **options,  # type: ignore[arg-type]
    )


def predicted(model: Path, store: Store, **settings: object) -> Predictions:
    test = open_test(model, store.path, **settings)  # type: ignore[arg-type]
    return collect_predictions(test.method, test.stream)


def test_tests_exactly_the_held_out_people(au_store: Store, tmp_path: Path) -> None:
    model = trained(tmp_path, au_store)
    record, predictions = evaluate(model, au_store.path), predicted(model, au_store)
    assert set(record.per_subject) == set(predictions.subjects) == {"F004", "F006"}
    assert record.data.synthetic
    assert record.data.fold == 1
    assert record.aus == (1, 4, 12)
    assert record.iterations == 3
    assert record.seconds["train"] > 0


def test_every_action_unit_is_judged_at_its_own_threshold(au_store: Store, tmp_path: Path) -> None:
    model = trained(tmp_path, au_store)
    checkpoint, found = load_checkpoint(model), predicted(model, au_store)
    thresholds = {au: float(np.median(found.probabilities[:, k])) for k, au in enumerate(found.aus)}
    checkpoint.description = replace(checkpoint.description, thresholds=thresholds)
    save_checkpoint(model, checkpoint)
    record = evaluate(model, au_store.path)
    for k, au in enumerate(found.aus):
        known = ~np.isnan(found.targets[:, k])
        seen = found.probabilities[known, k] >= np.float32(thresholds[au])
        assert record.f1[au] == pytest.approx(f1_score(found.targets[known, k], seen))


def test_people_seen_in_training_are_refused(au_store: Store, tmp_path: Path) -> None:
    model = trained(tmp_path, au_store)
    with pytest.raises(SplitError, match="in training and in test"):
        evaluate(model, au_store.path, fold=2)


def test_model_of_everybody_has_no_test_people(au_store: Store, tmp_path: Path) -> None:
    with pytest.raises(SplitError, match="nobody is held out"):
        evaluate(trained(tmp_path, au_store, split="everybody"), au_store.path)


def test_another_split_than_the_one_trained_with_is_not_passed_over(
    au_store: Store, parted_store: Store, tmp_path: Path
) -> None:
    model = trained(tmp_path / "people", au_store)
    for settings in (
        {"split": "everybody"},
        {"split": "everybody", "fold": 1},
        {"split": "everybody", "fold": 2},
    ):
        with pytest.raises(
            SplitError, match=r"by the split '3fold': everybody would be tested .* leave --split"
        ):
            open_test(model, au_store.path, **settings)  # type: ignore[arg-type]
    with pytest.raises(SplitError, match="the split 'leave_one_subject_out' would be tested"):
        open_test(model, au_store.path, split="leave_one_subject_out")
    for settings in ({"split": "published"}, {"fold": 1}, {"split": "published", "fold": 1}):
        assert open_test(model, au_store.path, **settings).data.split == "3fold"  # type: ignore[arg-type]
    # Somebody of those held out, alone.
    number = sorted(set(au_store.subjects)).index("F004") + 1
    alone = predicted(model, au_store, split="leave_one_subject_out", fold=number)
    assert set(alone.subjects) == {"F004"}
    parts = trained(tmp_path / "parts", parted_store)
    with pytest.raises(SplitError, match="by the split 'parts': everybody"):
        open_test(parts, parted_store.path, split="everybody")
    with pytest.raises(SplitError, match="has one fold; leave --fold out"):
        open_test(parts, parted_store.path, fold=2)


def test_people_of_the_split_who_are_missing_are_named(au_store: Store, tmp_path: Path) -> None:
    model = trained(tmp_path / "run", au_store)
    rows = rows_of(au_store)
    some = [row for row in rows if row["subject"] != "F006"]
    store = write_store(tmp_path / "some", some, **{**au_store.description, "pictures": len(some)})
    with pytest.warns(UserWarning, match=r"1 of the 2 test people of the model's split '3fold' .*: F006"):
        assert set(predicted(model, store).subjects) == {"F004"}
    none = [row for row in rows if row["subject"] not in ("F004", "F006")]
    write_store(tmp_path / "none", none, **{**au_store.description, "pictures": len(none)})
    with (
        pytest.warns(UserWarning, match="2 of the 2 test people"),
        pytest.raises(SplitError, match="none holds no picture of the test side of the split '3fold'"),
    ):
        open_test(model, tmp_path / "none")


def test_a_record_names_the_content_of_its_store(au_store: Store, tmp_path: Path) -> None:
    record = evaluate(trained(tmp_path, au_store), au_store.path)
    assert record.data.store == au_store.fingerprint
    assert record.to_json()["data"]["store"] == au_store.fingerprint


def test_people_seen_by_the_model_it_started_from_are_refused(au_store: Store, tmp_path: Path) -> None:
    model = trained(tmp_path, au_store)
    checkpoint = load_checkpoint(model)
    start = {
        "file": "first.safetensors",
        "data": [{"dataset": "bp4d"}],
        "split": {"train": ["F004"], "by": "subject"},
    }
    checkpoint.description = replace(checkpoint.description, initialised_from=start)
    save_checkpoint(model, checkpoint)
    with pytest.raises(SplitError, match="F004"):
        evaluate(model, au_store.path)


def test_a_model_without_action_units_is_refused(
    au_store: Store, expression_model: Path, tmp_path: Path
) -> None:
    with pytest.raises(SplitError, match="detects no action units"):
        evaluate(expression_model, au_store.path)


def test_other_crops_are_refused(au_store: Store, tmp_path: Path) -> None:
    model = trained(tmp_path / "run", au_store)
    alignment = {"box_enlarge": 2.0, "border": 128}
    write_store(tmp_path / "other", rows_of(au_store), **{**au_store.description, "alignment": alignment})
    with pytest.raises(SplitError, match="prepare it alike"):
        evaluate(model, tmp_path / "other")


def test_validation_people_choose_and_test_people_stay_unseen(au_store: Store, tmp_path: Path) -> None:
    model = trained(tmp_path, au_store, validation_people=1)
    chosen = evaluate(model, au_store.path, side="validation")
    tested = evaluate(model, au_store.path)
    assert len(chosen.per_subject) == 1
    assert set(tested.per_subject) == {"F004", "F006"}
    assert chosen.data.split != tested.data.split
    without = trained(tmp_path / "without", au_store)
    with pytest.raises(SplitError, match="no validation side"):
        evaluate(without, au_store.path, side="validation")


def test_a_left_out_person_is_tested(au_store: Store, tmp_path: Path) -> None:
    model = trained(tmp_path, au_store, split="leave_one_subject_out", fold=3)
    record = evaluate(model, au_store.path)
    assert set(record.per_subject) == {sorted(set(au_store.subjects))[2]}


def test_changed_parts_are_refused(parted_store: Store, tmp_path: Path) -> None:
    model = trained(tmp_path / "run", parted_store)
    rows = rows_of(parted_store)
    parts = [row["part"] for row in rows]
    changed = [{**row, "part": part} for row, part in zip(rows, parts[1:] + parts[:1], strict=True)]
    write_store(tmp_path / "other", changed, **parted_store.description)
    with pytest.raises(SplitError, match="are not those that the model was trained with"):
        evaluate(model, tmp_path / "other")


def adapted(out: Path, source: Store, target: Store, **options: object) -> Path:
    settings = {"aus": [1, 4, 12], "iterations": 2, "batch": BatchSizes(8, 8, 8), "size": 32}
    return train(
        "adda",
        source.path,
        out,
        options={"width": 4, "source_share": 0.5},
        target=target.path,
        progress=False,
        **settings,  # type: ignore[arg-type]
        **options,  # type: ignore[arg-type]
    )


def test_an_adapted_model_is_tested_on_the_test_part_of_its_target(
    au_store: Store, parted_store: Store, tmp_path: Path
) -> None:
    first = adapted(tmp_path / "first", au_store, parted_store)
    # What it started from saw the same part without labels: no reason to refuse.
    model = adapted(tmp_path / "second", au_store, parted_store, initialise=first)
    record, predictions = evaluate(model, parted_store.path), predicted(model, parted_store)
    assert (record.data.name, record.data.split) == ("raf_ce", "parts")
    assert set(predictions.index) == set((parted_store.parts == "test").nonzero()[0])

    # Pictures of its own data set are read as source ones.
    own = predicted(model, au_store)
    method = load_checkpoint(model).build()
    assert method.domain == "target"
    method.domain = "source"
    pictures = held_out_stream(
        au_store,
        load_checkpoint(model),
        load_checkpoint(model).description.held_out,
        "test",
        8,
    )
    with torch.inference_mode():
        expected = method.predict(pictures.at(np.arange(4)).images).probabilities.numpy()
    np.testing.assert_allclose(own.probabilities[:4], expected, atol=1e-6)
    restored = predicted(model, au_store, domain="target")
    assert not np.allclose(restored.probabilities, own.probabilities)
