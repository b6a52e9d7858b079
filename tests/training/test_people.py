"""The set of rendered people as a set to train on: its own parts say who trains and who is held out."""

from __future__ import annotations

from pathlib import Path

import pytest

from metafacs.checkpoints.checkpoint import load_checkpoint
from metafacs.data.datasets.people import PEOPLE_AUS, read_people
from metafacs.data.prepare import prepare_store
from metafacs.data.splits import Side
from metafacs.evaluation.protocols import evaluate
from metafacs.training.run import train
from metafacs.training.training_data import BatchSizes


def test_its_parts_train_choose_and_test_a_detector(people: Path, tmp_path: Path) -> None:
    reading = read_people(people, landmarks=True)
    store = prepare_store(reading, tmp_path / "store", size=40, workers=1, progress=False)
    model = train(
        "single_task",
        store.path,
        tmp_path / "run",
        options={"backbone": "small"},
        split="parts",
        iterations=2,
        batch=BatchSizes(8),
        size=32,
        progress=False,
    )
    split = load_checkpoint(model).description.held_out
    sides: list[Side] = ["train", "validation", "test"]
    assert [int(split.rows(store, side).sum()) for side in sides] == [48, 6, 6]
    with pytest.warns(UserWarning, match="no positive label"):
        record = evaluate(model, store.path)
    assert (record.data.name, record.data.split, record.data.synthetic) == ("people", "parts", True)
    assert record.aus == PEOPLE_AUS
    with pytest.warns(UserWarning, match="no positive label"):
        evaluate(model, store.path, side="validation")
