"""Thresholds of validation people from the command line, from training to the predicted table."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path

import pytest

from metafacs.checkpoints.checkpoint import load_checkpoint
from metafacs.cli import main, train
from metafacs.data.store import Store
from metafacs.evaluation.records import read_record, write_record


def training(store: Store, out: Path, *more: str) -> list[str]:
    words = ["train", "--method", "single_task", "--action_units", str(store.path), "--out", str(out)]
    words += ["--aus", "[1, 4, 12]", "--options.backbone", "small", "--size", "32", "--iterations", "2"]
    return [*words, "--batch.au", "8", "--progress", "false", *more]


def test_training_chooses_them_and_prediction_uses_them(
    au_store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    chosen = ("--thresholds", "validation")
    assert main(training(au_store, tmp_path / "run", *chosen)) == 1
    assert "no validation people to choose thresholds on" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()
    words = training(au_store, tmp_path / "run", "--validation_people", "1", *chosen)
    assert main(words) == 0
    model = tmp_path / "run" / "model.safetensors"
    thresholds = load_checkpoint(model).description.thresholds
    assert set(thresholds) == {1, 4, 12}
    assert main(words) == 0
    assert load_checkpoint(model).description.thresholds == thresholds

    assert main(["evaluate", str(model), "--action_units", str(au_store.path)]) == 0
    assert read_record(tmp_path / "run" / "record.json").judged_at == "validation"
    assert "threshold" in capsys.readouterr().out

    photo = Path(__file__).parents[2] / "docs" / "astronaut_overlay.jpg"
    found = tmp_path / "found"
    assert (
        main(["predict", str(photo), "--model", str(model), "--overlay", "false", "--out", str(found)]) == 0
    )
    note = json.loads((found / "faces.csv.meta.json").read_text())
    assert note["thresholds"] == {f"AU{au:02d}": value for au, value in thresholds.items()}
    assert note["model"]["thresholds_chosen_on"]["side"] == "validation"
    for row in csv.DictReader((found / "faces.csv").open()):
        for au, threshold in thresholds.items():
            assert int(row[f"AU{au:02d}_c"]) == (float(row[f"AU{au:02d}_p"]) >= threshold)


def test_they_are_chosen_where_the_model_was_trained(
    au_store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    places: list[str] = []
    monkeypatch.setattr(train, "keep_thresholds", lambda *_, device: places.append(device))
    words = training(au_store, tmp_path / "run", "--validation_people", "1", "--accelerator", "cpu:0")
    assert main([*words, "--thresholds", "validation"]) == 0
    assert places == ["cpu:0"]


def test_evaluation_chooses_them_for_a_finished_model(
    au_store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(training(au_store, tmp_path / "run", "--validation_people", "1")) == 0
    model = tmp_path / "run" / "model.safetensors"
    before = model.read_bytes()
    words = ["evaluate", str(model), "--action_units", str(au_store.path)]
    assert main(words) == 0
    own = tmp_path / "run" / "record.json"
    old = own.read_bytes()
    # Another test's record is refused before the model is written.
    write_record(replace(read_record(own), label="mine read as target"), own)
    assert main([*words, "--thresholds", "validation"]) == 1
    assert "is the record of another test" in capsys.readouterr().err
    assert model.read_bytes() == before
    own.write_bytes(old)
    elsewhere = ["--out", str(tmp_path / "out")]
    assert main([*words, *elsewhere, "--thresholds", "validation"]) == 0
    assert model.read_bytes() == before
    (path,) = (tmp_path / "out").rglob("record.json")
    chosen = read_record(path)
    assert chosen.judged_at == "validation"
    assert main([*words, "--thresholds", "validation"]) == 0
    kept = load_checkpoint(model).description
    assert read_record(own).judged_at == "validation"
    assert main([*words, "--thresholds", "0.5"]) == 1
    assert "judged at thresholds validation; give --out" in capsys.readouterr().err
    # The record is that of the model, which is another one now.
    own.write_bytes(old)
    assert main([*words, "--thresholds", "validation"]) == 0
    assert read_record(own).judged_at == "validation"
    assert kept.to_json()["thresholds"] == chosen.config["thresholds"]
    assert main([*words, "--out", str(tmp_path / "half"), "--thresholds", "0.5"]) == 0
    (path,) = (tmp_path / "half").rglob("record.json")
    half = read_record(path)
    assert (half.judged_at, half.auc) == ("0.5", chosen.auc)

    capsys.readouterr()
    both = ["report", str(tmp_path / "half"), str(tmp_path / "out"), "--out", str(tmp_path / "report")]
    assert main(both) == 1
    assert "records were judged at 0.5 and validation: report each alone" in capsys.readouterr().err
    assert main([*words, "--side", "validation", *elsewhere, "--thresholds", "validation"]) == 1
    assert "too good on the same people" in capsys.readouterr().err


def test_the_label_says_how_pictures_were_asked_to_be_read(
    au_store: Store, wild_store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["train", "--method", "adld", "--action_units", str(au_store.path), "--aus", "[1, 4, 12]"]
    words += ["--target", str(wild_store.path), "--options.width", "4", "--size", "32", "--iterations", "1"]
    assert main([*words, "--batch.au", "4", "--progress", "false", "--out", str(tmp_path / "run")]) == 0
    tested = ["evaluate", str(tmp_path / "run" / "model.safetensors"), "--action_units", str(au_store.path)]
    labels = []
    for number, asked in enumerate((["--domain", "target"], ["--domain", "target", "--read", "direct"], [])):
        out = tmp_path / str(number)
        assert main([*tested, *asked, "--out", str(out)]) == 0
        (path,) = out.rglob("record.json")
        labels.append(read_record(path).label)
    assert labels == ["adld read as target", "adld read directly as target", ""]
    assert main([*tested, "--read", "direct"]) == 1
    assert "source pictures are read in one way" in capsys.readouterr().err
