"""Runs of a comparison: which are finished, from what they were made, and that damage is made good."""

from __future__ import annotations

import errno
import json
from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np
import pytest

from conftest import AUS, paint, rows_of, write_store
from metafacs import tensor_files
from metafacs.checkpoints.checkpoint import load_checkpoint, save_checkpoint
from metafacs.data.store import Store
from metafacs.evaluation import comparison
from metafacs.evaluation.comparison import (
    RECORD_FILE,
    SETTINGS_FILE,
    ComparisonError,
    Run,
    finished_records,
    inputs_of,
    perform,
    unfinished,
)
from metafacs.evaluation.records import Record, write_record
from metafacs.files import write_json
from metafacs.seals import sealed
from metafacs.training.trainer import MODEL_FILE
from metafacs.training.training_data import BatchSizes


def planned(store: Path, out: Path, **changes: object) -> Run:
    arguments = {
        "method": "single_task",
        "options": {"backbone": "small"},
        "action_units": store,
        "out": out,
        "aus": [1, 4, 12],
        "iterations": 1,
        "size": 32,
        "batch": BatchSizes(4),
        **changes,
    }
    return Run("row", 1, 0, {"iterations": 1, "action_units": "store"}, arguments)


@pytest.fixture
def finished(au_store: Store, tmp_path: Path) -> Run:
    run = planned(au_store.path, tmp_path / "run")
    (todo,) = unfinished([run])
    assert perform(todo).error is None
    assert unfinished([run]) == []
    return run


def scores(run: Run) -> dict[str, object]:
    (record,) = finished_records([run])
    return {k: v for k, v in record.to_json().items() if k != "seconds"}


@pytest.mark.parametrize("name", [RECORD_FILE, SETTINGS_FILE])
@pytest.mark.parametrize("content", [b"", b"[1]", b"[" * 9999, None])
def test_a_damaged_file_is_named_and_the_run_ends_as_before(
    name: str, content: bytes | None, finished: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    before, path = scores(finished), finished.folder / name
    # One digit is another: still JSON, and no longer what was written.
    path.write_bytes(path.read_bytes().replace(b'"fold": 1', b'"fold": 2') if content is None else content)
    if content is None and name == SETTINGS_FILE:
        path.write_bytes(path.read_bytes().replace(b'"iterations": 1', b'"iterations": 2'))
    model = (finished.folder / MODEL_FILE).stat().st_mtime_ns
    assert unfinished([finished]) == [finished]
    assert str(path) in capsys.readouterr().err
    assert perform(finished).error is None
    assert scores(finished) == before
    assert (finished.folder / MODEL_FILE).stat().st_mtime_ns == model
    assert unfinished([finished]) == []


@pytest.mark.parametrize("tested", ["test", None])
def test_a_run_whose_model_is_damaged_is_trained_again(
    tested: Literal["test"] | None, finished: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    start = replace(finished, tested=tested)
    assert unfinished([start]) == []
    path = start.folder / MODEL_FILE
    path.write_bytes(path.read_bytes()[:-9])
    assert unfinished([start]) == [start]
    assert perform(start).error is None
    assert unfinished([start]) == []
    assert "is trained again" in capsys.readouterr().err


@pytest.mark.parametrize("name", [MODEL_FILE, RECORD_FILE, SETTINGS_FILE])
def test_a_sound_file_that_cannot_be_read_now_is_told_and_nothing_is_done_again(
    name: str, finished: Run, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def times() -> dict[str, int]:
        return {path.name: path.stat().st_mtime_ns for path in finished.folder.iterdir() if path.is_file()}

    def failing(path: Path, *words: object, **options: object) -> object:
        if path == finished.folder / name:
            raise OSError(errno.EIO, "Input/output error", str(path))
        return opened(path, *words, **options)  # type: ignore[call-overload]

    def unreadable(path: str, **options: object) -> None:
        raise OSError(errno.EIO, "Input/output error", path)

    before, opened = times(), Path.open
    with monkeypatch.context() as patch:
        patch.setattr(Path, "open", failing)
        if name == MODEL_FILE:
            patch.setattr(tensor_files, "safe_open", unreadable)
        with pytest.raises(OSError, match="Input/output error"):
            unfinished([finished])
        assert "Input/output error" in (perform(finished).error or "")
    assert capsys.readouterr().err == ""
    changed = {entry for entry, time in times().items() if before.get(entry) != time}
    assert not changed & {MODEL_FILE, RECORD_FILE, SETTINGS_FILE}
    assert unfinished([finished]) == []


def test_other_pictures_in_the_store_are_told(finished: Run, au_store: Store, tmp_path: Path) -> None:
    rows = [{**row, "image": paint(np.random.default_rng(9), 36, np.zeros(3))} for row in rows_of(au_store)]
    other = write_store(tmp_path / "other", rows, dataset="bp4d", aus=list(AUS), expressions=[], size=36)
    changed = replace(finished, arguments={**finished.arguments, "action_units": other.path})
    told = (
        rf"made from other data: inputs.action_units \({au_store.fingerprint} there, {other.fingerprint} here"
    )
    with pytest.raises(ComparisonError, match=told):
        unfinished([changed])


def test_other_thresholds_of_what_labels_pictures_are_told(
    finished: Run, untrained_model: Path, tmp_path: Path
) -> None:
    labeller = tmp_path / "labeller.safetensors"
    model = load_checkpoint(untrained_model)
    save_checkpoint(labeller, model)
    # As if the method of the run learned from such labels.
    run = replace(finished, arguments={**finished.arguments, "pseudo_labels": labeller})
    inputs = inputs_of(run)
    assert inputs["pseudo_labels"] == model.fingerprint
    assert inputs["pseudo_labels.threshold of AU4"] == "0.5"
    notes = finished.folder / SETTINGS_FILE
    settings = {**finished.settings, "inputs": inputs}
    write_json(notes, sealed(settings))
    assert unfinished([run]) == []
    save_checkpoint(labeller, replace(model, seconds=9.0))
    assert unfinished([run]) == []
    chosen = replace(model.description, thresholds={4: 0.3}, thresholds_chosen_on={"side": "validation"})
    save_checkpoint(labeller, replace(model, description=chosen))
    told = r"made from other data: inputs.pseudo_labels.threshold of AU4 \(0.5 there, 0.3 here\); choose"
    with pytest.raises(ComparisonError, match=told):
        unfinished([run])
    # Of a model that a run starts from they mean nothing, and earlier versions told none.
    start = replace(finished, arguments={**finished.arguments, "initialise": labeller})
    assert inputs_of(start)["initialise"] == model.fingerprint
    assert not any("threshold" in name for name in inputs_of(start))
    earlier = {name: told for name, told in inputs.items() if "threshold" not in name}
    write_json(notes, sealed({**settings, "inputs": earlier}))
    assert unfinished([run]) == []


def test_a_record_of_a_model_whose_start_was_made_again_is_of_this_run(
    finished: Run, au_store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = planned(au_store.path, tmp_path / "second", initialise=finished.folder / MODEL_FILE)
    assert perform(run).error is None
    (record,) = finished_records([run])
    for name, left in (("sha256", []), ("fingerprint", [run])):
        start = {**record.config["initialised_from"], name: "0" * 16}
        changed = replace(record, config={**record.config, "initialised_from": start})
        write_record(changed, run.folder / RECORD_FILE)
        assert unfinished([run]) == left
    assert "record.json is of another model: initialised_from.fingerprint (0" in capsys.readouterr().err


def test_records_stay_where_the_store_has_gone(finished: Run, tmp_path: Path) -> None:
    gone = replace(finished, arguments={**finished.arguments, "action_units": tmp_path / "gone"})
    assert unfinished([gone]) == []
    assert len(finished_records([gone])) == 1


def test_inputs_are_the_stores_that_the_method_reads_and_the_files_that_are_named(
    au_store: Store, expression_store: Store, expression_model: Path, tmp_path: Path
) -> None:
    run = planned(au_store.path, tmp_path, expression=expression_store.path)
    assert inputs_of(run) == {"action_units": au_store.fingerprint}
    options = {"backbone": {"name": "small", "weights": "none"}, "teacher": str(expression_model)}
    run = planned(au_store.path, tmp_path, method="l2t_ww", options=options, initialise=expression_model)
    found = inputs_of(run)
    assert set(found) == {"action_units", "initialise", "options.teacher"}
    assert found["initialise"] == found["options.teacher"]
    # Trained again it has taken another time, and learned the same.
    model = load_checkpoint(expression_model)
    again = tmp_path / "again.safetensors"
    save_checkpoint(again, replace(model, seconds=model.seconds + 1))
    assert inputs_of(replace(run, arguments={**run.arguments, "initialise": again})) == found
    weights = {name: value + 1 for name, value in model.weights.items()}
    save_checkpoint(again, replace(model, weights=weights))
    told = inputs_of(replace(run, arguments={**run.arguments, "initialise": again}))
    assert told["initialise"] != found["initialise"]
    run = planned(au_store.path, tmp_path, method="multi_task", expression=expression_store.path)
    assert inputs_of(run)["expression"] == expression_store.fingerprint


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (MemoryError(), "memory is short"),
        (RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory"), "memory is short"),
        (KeyError("bug"), "Traceback"),
        (ValueError("a sentence"), "a sentence"),
    ],
)
def test_what_goes_wrong_is_told_and_is_no_end_of_other_runs(
    error: Exception, told: str, au_store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(**arguments: object) -> Record:
        raise error

    monkeypatch.setattr(comparison, "train", failing)
    found = perform(planned(au_store.path, tmp_path)).error
    assert found is not None
    assert told in found


def test_settings_of_a_finished_run_hold_what_it_was_made_from(finished: Run, au_store: Store) -> None:
    content = json.loads((finished.folder / SETTINGS_FILE).read_text())
    assert content["inputs"] == {"action_units": au_store.fingerprint}


def test_a_tested_model_may_be_deleted(finished: Run) -> None:
    (finished.folder / MODEL_FILE).unlink()
    assert unfinished([finished]) == []
    assert unfinished([replace(finished, tested=None)]) != []


def test_a_record_of_another_model_is_no_result_of_this_run(
    finished: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = replace(finished, seed=1, settings={"seed": 1})
    other = replace(other, arguments={**finished.arguments, "seed": 1, "out": tmp_path / "other"})
    assert unfinished([other]) == [other]
    assert perform(other).error is None
    before = scores(finished)
    (finished.folder / RECORD_FILE).write_bytes((other.folder / RECORD_FILE).read_bytes())
    assert unfinished([finished]) == [finished]
    assert "record.json is of another model: seed (1 there, 0 here)" in capsys.readouterr().err
    assert perform(finished).error is None
    assert scores(finished) == before


def test_other_thresholds_are_another_test_and_no_other_training(
    au_store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    half = planned(au_store.path, tmp_path / "run", validation_people=1)
    chosen = replace(half, thresholds="validation")
    assert perform(half).error is None
    (before,) = finished_records([half])
    assert before.judged_at == "0.5"
    weights = load_checkpoint(half.folder / MODEL_FILE).fingerprint
    assert unfinished([chosen]) == [chosen]
    assert "was judged at thresholds 0.5, not validation: it is tested again" in capsys.readouterr().err
    # Where the test fails, or is another shard's, no table is made of what was there before.
    assert finished_records([chosen]) == []
    assert perform(chosen).error is None
    (after,) = finished_records([chosen])
    assert (after.judged_at, after.auc) == ("validation", before.auc)
    model = load_checkpoint(half.folder / MODEL_FILE)
    assert model.fingerprint == weights
    assert after.config["thresholds"] == model.description.to_json()["thresholds"]
    assert unfinished([chosen]) == []
    # And back: what the model keeps is not what is asked for.
    assert unfinished([half]) == [half]
    assert perform(half).error is None
    assert scores(half) == {k: v for k, v in before.to_json().items() if k != "seconds"}
    (half.folder / MODEL_FILE).unlink()
    assert unfinished([chosen]) == [chosen]
    assert "it is trained again, as its model is not there" in capsys.readouterr().err


def test_thresholds_need_validation_people_before_anything_is_trained(
    au_store: Store, tmp_path: Path
) -> None:
    run = replace(planned(au_store.path, tmp_path / "run"), thresholds="validation")
    told = perform(run).error
    assert told is not None
    assert "has no validation people to choose thresholds on" in told
    assert not (run.folder / MODEL_FILE).exists()
