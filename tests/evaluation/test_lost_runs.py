"""A run that loses its game is a result: noted in its folder, not tried again, and without scores."""

from __future__ import annotations

import math
import re
import shutil
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from torch import Tensor

from metafacs.batch import Batch
from metafacs.data.store import Store
from metafacs.evaluation.archive import write_archive
from metafacs.evaluation.comparison import (
    RECORD_FILE,
    Run,
    finished_records,
    lost_runs,
    perform,
    unfinished,
)
from metafacs.evaluation.diagnostics import Lost
from metafacs.evaluation.records import Record, RecordError, read_record, read_records, write_record
from metafacs.evaluation.thresholds import Thresholds
from metafacs.methods.base import DETECTION, DivergedError, OptimizerSpec, Stepper
from metafacs.methods.single_task import SingleTask
from metafacs.training.trainer import CHECKPOINT_FILE
from metafacs.training.training_data import BatchSizes

GAME = "the game of the toys is lost; play more slowly"


@pytest.fixture
def losing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a method lose in the middle of its run."""
    usual = SingleTask.update

    def update(method: SingleTask, batches: Mapping[str, Batch], step: Stepper) -> dict[str, Tensor]:
        if step.progress >= 0.5:
            raise DivergedError(GAME)
        return usual(method, batches, step)

    monkeypatch.setattr(SingleTask, "update", update)
    monkeypatch.setattr(SingleTask, "diagnostics", lambda *_: (DETECTION,))


def planned(store: Store, out: Path) -> Run:
    arguments = {
        "method": "single_task",
        "options": {"backbone": "small"},
        "action_units": store.path,
        "out": out,
        "aus": [1, 4, 12],
        "iterations": 4,
        "size": 32,
        "batch": BatchSizes(4),
        "checkpoint_every": 1,
    }
    return Run("row", 1, 0, {"iterations": 4}, arguments, paper="mal")


@pytest.mark.usefixtures("losing")
def test_a_lost_run_is_noted_and_not_tried_again(au_store: Store, tmp_path: Path) -> None:
    run = planned(au_store, tmp_path / "run")
    (todo,) = unfinished([run])
    outcome = perform(todo)
    assert outcome.error is None
    assert outcome.lost == Lost(GAME, 2, 4)
    assert unfinished([run]) == []
    (record,) = finished_records([run])
    assert (record.run, record.paper, record.iterations) == (("row", "fold1-seed0"), "mal", 2)
    assert record.lost == outcome.lost
    assert str(record.lost) == f"{GAME} at iteration 2 of 4"
    assert record.data.store == au_store.fingerprint
    assert record.history["iteration"] == [2.0]
    assert record.diagnostics["loss_action_units"].value == record.history["loss_action_units"][0]
    assert math.isnan(record.f1_average)
    # What has no scores was not judged at any thresholds.
    assert unfinished([replace(run, thresholds="validation")]) == []
    assert lost_runs([run]) == [(run, Lost(GAME, 2, 4))]
    shutil.rmtree(run.folder)
    assert unfinished([run]) == [run]


@pytest.mark.usefixtures("losing")
def test_a_folder_of_an_earlier_version_is_told_from_its_last_checkpoint(
    au_store: Store, tmp_path: Path
) -> None:
    run = planned(au_store, tmp_path / "run")
    perform(unfinished([run])[0])
    (run.folder / RECORD_FILE).unlink()
    assert (run.folder / CHECKPOINT_FILE).exists()
    assert perform(unfinished([run])[0]).lost == Lost(GAME, 2, 4)


@pytest.mark.usefixtures("losing")
def test_what_others_start_from_has_failed(au_store: Store, tmp_path: Path) -> None:
    run = replace(planned(au_store, tmp_path / "run"), tested=None)
    error = perform(unfinished([run])[0]).error
    assert error == f"{GAME} at iteration 2; the last checkpoint is kept"
    assert unfinished([run]) == [run]


@pytest.mark.parametrize("iterations", [1, 2])
@pytest.mark.parametrize("thresholds", [0.5, "validation"])
def test_numbers_that_end_in_the_test_are_lost_too(
    iterations: int, thresholds: Thresholds, au_store: Store, tmp_path: Path
) -> None:
    run = planned(au_store, tmp_path / "run")
    wild = {"base": OptimizerSpec("sgd", 1e6, momentum=0.0)}
    changed = {"iterations": iterations, "optimizers": wild, "validation_people": 1}
    run = replace(run, arguments={**run.arguments, **changed}, thresholds=thresholds)
    outcome = perform(unfinished([run])[0])
    assert outcome.error is None
    assert outcome.lost is not None
    told = (
        r"of (\d+) of \1 pictures the model tells NaN or infinity instead of a probability: its training has"
    )
    assert re.match(told, outcome.lost.reason)
    assert (outcome.lost.iteration, outcome.lost.planned) == (iterations, iterations)
    assert unfinished([run]) == []
    (record,) = finished_records([run])
    assert record.lost == outcome.lost
    assert record.history["iteration"] == [float(iterations)]
    assert (record.config["threshold"], "thresholds" in record.config) == (0.5, False)


def test_a_start_that_no_file_may_hold_has_failed(
    au_store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usual = SingleTask.update

    def update(method: SingleTask, batches: Mapping[str, Batch], step: Stepper) -> dict[str, Tensor]:
        curves = usual(method, batches, step)
        next(value for name, value in method.named_buffers() if "running_mean" in name).fill_(math.nan)
        return curves

    monkeypatch.setattr(SingleTask, "update", update)
    run = planned(au_store, tmp_path / "run")
    start = replace(run, arguments={**run.arguments, "out": tmp_path / "start"}, tested=None)
    error, lost = perform(start).error, perform(run).lost
    assert lost is not None
    assert lost.reason.endswith("running_mean holds NaN or infinity")
    assert error == f"{lost.reason} at iteration 1; the last checkpoint is kept"
    assert (unfinished([start]), unfinished([run])) == ([start], [])


def test_records_of_lost_runs_travel_with_the_others(
    record_of: Callable[..., Record], lost_record_of: Callable[..., Record], tmp_path: Path
) -> None:
    sound, lost = record_of(), lost_record_of(seed=1)
    write_record(lost, tmp_path / "record.json")
    again = read_record(tmp_path / "record.json")
    assert again.lost == lost.lost
    assert again.to_json() == lost.to_json()
    assert "lost" not in sound.to_json()
    write_archive(tmp_path / "two.jsonl", [sound, lost], name="two")
    assert [record.lost for record in read_records(tmp_path / "two")] == [None, lost.lost]
    with pytest.raises(RecordError, match="lost has no scores"):
        replace(sound, lost=lost.lost)
