"""Compound expressions from training to the table, on pictures of people nobody knows."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import pytest

from metafacs.cli import evaluate as evaluate_command
from metafacs.cli import main, output
from metafacs.data.store import Store
from metafacs.evaluation.protocols import evaluate
from metafacs.evaluation.records import read_record, read_records, write_record

SMALL = ["--options.backbone", "small", "--size", "32", "--batch.au", "8", "--batch.validation", "8"]


@pytest.fixture(scope="module")
def models(compound_store: Store, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """MML with two seeds and STL, each after a few iterations."""
    out = tmp_path_factory.mktemp("runs")
    runs = {
        "mml0": ["mml", "--seed", "0"],
        "mml1": ["mml", "--seed", "1"],
        "stl": ["compound_multi_task", "--options.action_units", "0"],
    }
    for name, (method, *more) in runs.items():
        words = ["train", "--method", method, "--action_units", str(compound_store.path), *SMALL, *more]
        assert main([*words, "--out", str(out / name), "--iterations", "6", "--progress", "false"]) == 0
    return [out / name / "model.safetensors" for name in runs]


@pytest.mark.filterwarnings("ignore:AU1")
def test_expressions_are_printed_recorded_and_tabulated(
    models: list[Path], compound_store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = tmp_path / "expressions.md"
    words = ["evaluate", *map(str, models), "--action_units", str(compound_store.path)]
    tables = ["--expression_table", str(table), "--table", str(tmp_path / "f1.csv")]
    assert main([*words, *tables, "--paper", "mml"]) == 0
    out = capsys.readouterr().out
    assert "2 expressions on 8 pictures: accuracy " in out
    assert "95% intervals over the pictures" in out
    assert "interval over the test pictures [" in out
    text = table.read_text()
    assert "Expressions recognised on held-out pictures (RAF-CE twin, synthetic)" in text
    assert "| STL (synthetic) | MML, wild (synthetic) | STL (printed) |" in text
    assert "±" in text
    assert main([*words, *tables]) == 0
    alone = table.read_text()
    assert "printed" not in alone
    assert "| compound_multi_task (synthetic) | mml (synthetic) |" in alone
    assert "AU12" in (tmp_path / "f1.csv").read_text()
    record = read_record(models[0].parent / "record.json")
    assert record.expressions is not None
    assert record.expressions.pictures == {"happily surprised": 4, "happily disgusted": 4}
    assert {"weight_action_units", "weight_alignment"} <= set(record.history)


@pytest.mark.filterwarnings("ignore:AU1")
def test_the_record_of_another_test_is_not_overwritten(
    models: list[Path], compound_store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = models[2].parent / "record.json"
    words = ["evaluate", str(models[2]), "--action_units", str(compound_store.path)]
    assert main(words) == 0
    record = read_record(path)
    write_record(replace(record, label="STL again", paper="mml"), path)
    assert main(words) == 0
    assert (read_record(path).label, read_record(path).paper) == ("STL again", "mml")
    assert main([*words, "--out", str(tmp_path)]) == 0
    (elsewhere,) = read_records(tmp_path)
    assert (elsewhere.label, elsewhere.paper) == ("STL again", "mml")
    elsewhere = replace(record, data=replace(record.data, name="raf_au"))
    write_record(elsewhere, path)
    assert main(words) == 1
    assert "is the record of another test, on raf_au" in capsys.readouterr().err
    assert read_record(path).data == elsewhere.data


@pytest.mark.filterwarnings("ignore:AU1")
def test_the_record_of_other_thresholds_is_not_overwritten(
    models: list[Path],
    compound_store: Store,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    words = ["evaluate", str(models[0]), "--action_units", str(compound_store.path), "--out", str(tmp_path)]
    assert main([*words, "--thresholds", "0.3"]) == 0
    (path,) = tmp_path.rglob("record.json")
    before = path.read_bytes()
    assert read_record(path).judged_at == "0.3"
    monkeypatch.setattr(evaluate_command, "evaluate", None)
    capsys.readouterr()
    for more in ([], ["--thresholds", "0.4"], ["--thresholds", "validation"]):
        assert main([*words, *more]) == 1
        assert "judged at thresholds 0.3; give --out" in capsys.readouterr().err
    assert path.read_bytes() == before
    monkeypatch.undo()
    assert main([*words, "--thresholds", "0.3"]) == 0


def test_table_of_another_kind_is_refused_before_anything_is_tested(
    models: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["evaluate", str(models[0]), "--action_units", str(tmp_path), "--expression_table", "table.txt"]
    assert main(words) == 1
    assert "must end in .md or .csv, not '.txt'" in capsys.readouterr().err


@pytest.mark.filterwarnings("ignore:AU1")
def test_records_of_known_people_speak_of_people(
    models: list[Path], compound_store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    record = evaluate(models[0], compound_store.path)
    counts = record.per_subject[""]
    assert record.expressions is not None
    assert record.expressions.intervals is not None
    result = replace(record.expressions, intervals=replace(record.expressions.intervals, over="subjects"))
    empty = {name: [0] * len(record.aus) for name in counts}
    output.print_scores(replace(record, per_subject={"F001": counts, "F002": empty}, expressions=result))
    out = capsys.readouterr().out
    assert "interval over 2 people" in out
    assert "intervals over 2 people" in out
    assert record.interval is not None
    unknown = (math.nan, math.nan)
    intervals = replace(record.expressions.intervals, accuracy=unknown, mean_recall=unknown)
    result = replace(result, intervals=intervals)
    interval = replace(record.interval, f1_average=unknown)
    output.print_scores(replace(record, per_subject={"F001": counts}, interval=interval, expressions=result))
    assert "interval" not in capsys.readouterr().out


@pytest.mark.filterwarnings("ignore:AU1")
def test_one_model_that_cannot_be_tested_takes_no_others_away(
    models: list[Path], compound_store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = tmp_path / "broken" / "model.safetensors"
    broken.parent.mkdir()
    broken.write_bytes(models[0].read_bytes()[:5000])
    asked = ["evaluate", str(models[0]), str(broken), str(models[2])]
    words = ["--action_units", str(compound_store.path), "--out", str(tmp_path / "out")]
    assert main([*asked, *words, "--table", str(tmp_path / "f1.csv")]) == 1
    told = capsys.readouterr()
    assert f"metafacs evaluate: {broken}: " in told.err
    assert "1 of 3 models failed" in told.err
    assert "record: " in told.out
    assert [record.method for record in read_records(tmp_path / "out")] == ["mml", "compound_multi_task"]
    heads = (tmp_path / "f1.csv").read_text().partition("\n")[0]
    assert "mml" in heads
    assert "compound_multi_task" in heads


@pytest.mark.filterwarnings("ignore:AU1")
def test_foreign_files_are_no_tables(
    models: list[Path], compound_store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    notes = tmp_path / "notes.md"
    notes.write_text("# Mine\n")
    words = ["evaluate", str(models[0]), "--action_units", str(compound_store.path), "--out", str(tmp_path)]
    assert main([*words, "--table", str(notes)]) == 1
    assert "notes.md is there already, and is no table of this kind" in capsys.readouterr().err
    assert notes.read_text() == "# Mine\n"
    assert len(read_records(tmp_path)) == 1


def test_labels_of_others_are_printed_as_they_are(
    models: list[Path], compound_store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    record = evaluate(models[0], compound_store.path)
    data = replace(record.data, name="\x1b[2J[/red]")
    output.print_scores(replace(record, method="[bold]x[/y]", data=data))
    assert "[bold]x[/y] on \\x1b[2J[/red] (synthetic faces)" in capsys.readouterr().out
