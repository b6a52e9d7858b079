from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from metafacs.data.splits import SplitError
from metafacs.data.store import Store
from metafacs.evaluation.protocols import evaluate_held_out
from metafacs.training.run import BatchSizes, train


def trained(out: Path, store: Store, fold: int | None = 1) -> Path:
    return train(
        "single_task",
        {"backbone": "small"},
        store.path,
        out,
        aus=[1, 4, 12],
        fold=fold,
        iterations=3,
        batch=BatchSizes(8, 8, 8),
        size=32,
        progress=False,
    )


def test_tests_exactly_the_held_out_people(au_store: Store, tmp_path: Path) -> None:
    record, predictions = evaluate_held_out(trained(tmp_path, au_store), au_store.path)
    assert set(record.per_subject) == set(predictions.subjects) == {"F004", "F006"}
    assert record.data.synthetic
    assert record.data.fold == 1
    assert record.aus == (1, 4, 12)
    assert record.iterations == 3
    assert record.seconds["train"] > 0


def test_people_seen_in_training_are_refused(au_store: Store, tmp_path: Path) -> None:
    model = trained(tmp_path, au_store)
    with pytest.raises(SplitError, match="in training and in test"):
        evaluate_held_out(model, au_store.path, fold=2)


def test_model_of_everybody_has_no_test_people(au_store: Store, tmp_path: Path) -> None:
    with pytest.raises(SplitError, match="nobody is held out"):
        evaluate_held_out(trained(tmp_path, au_store, fold=None), au_store.path)


def test_other_crops_are_refused(au_store: Store, tmp_path: Path) -> None:
    model = trained(tmp_path / "run", au_store)
    shutil.copytree(au_store.path, tmp_path / "other")
    description = json.loads((tmp_path / "other" / "store.json").read_text())
    description["alignment"]["box_enlarge"] = 2.0
    (tmp_path / "other" / "store.json").write_text(json.dumps(description))
    with pytest.raises(SplitError, match="prepare it alike"):
        evaluate_held_out(model, tmp_path / "other")
