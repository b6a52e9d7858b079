from __future__ import annotations

import json
import shlex
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from metafacs.cli import compare, main
from metafacs.cli.comparison_file import plan_runs, read_comparison
from metafacs.data.store import Store
from metafacs.evaluation.comparison import ComparisonError, finished_records, perform_runs, unfinished
from metafacs.executors.local import LocalExecutor
from metafacs.methods import METHODS
from metafacs.methods.base import DivergedError, OptimizerSpec
from metafacs.models.backbones import Backbone


@pytest.fixture
def content(au_store: Store, expression_store: Store, tmp_path: Path) -> dict[str, object]:
    return {
        "out": str(tmp_path / "out"),
        "folds": [1, 3],
        "seeds": [0],
        "common": {
            "options": {"backbone": "small"},
            "action_units": str(au_store.path),
            "expression": str(expression_store.path),
            "aus": [1, 4, 12],
            "iterations": 2,
            "size": 32,
            "batch": {"au": 8, "expression": 8, "validation": 8},
        },
        "methods": {
            "single_task": None,
            "half": {
                "method": "multi_task",
                "options": {"balance": 0.5},
                "optimizers": {"base": {"name": "adamw", "lr": 0.001}},
            },
        },
    }


def write(content: object, tmp_path: Path) -> Path:
    path = tmp_path / "comparison.yaml"
    path.write_text(yaml.safe_dump(content, sort_keys=False))
    return path


def test_runs_every_method_on_every_fold_and_writes_tables(
    content: dict[str, object], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write(content, tmp_path)
    assert main(["compare", str(path), "--workers", "1"]) == 0
    out = tmp_path / "out"
    records = sorted(p.parent.relative_to(out).as_posix() for p in out.rglob("record.json"))
    assert records == [
        "half/fold1-seed0",
        "half/fold3-seed0",
        "single_task/fold1-seed0",
        "single_task/fold3-seed0",
    ]
    record = json.loads((out / "half/fold1-seed0/record.json").read_text())
    assert (record["method"], record["label"]) == ("multi_task", "half")
    assert "half" in (out / "f1.md").read_text()
    assert "<html" in (out / "report.html").read_text()
    before = {p: p.stat().st_mtime_ns for p in out.rglob("model.safetensors")}
    assert main(["compare", str(path), "--workers", "1"]) == 0
    assert before == {p: p.stat().st_mtime_ns for p in out.rglob("model.safetensors")}
    told = capsys.readouterr().out
    assert "report:" in told
    assert "no paper is named: to see printed scores" in told
    assert main(["report", str(out), "--out", str(tmp_path / "again")]) == 0
    assert (tmp_path / "again" / "f1.md").read_text() == (out / "f1.md").read_text()


def test_a_comparison_names_its_paper(
    content: dict[str, object], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    content |= {"folds": [1], "methods": {"single_task": None, "multi_task": None}}
    out = tmp_path / "out"
    assert main(["compare", str(write(content, tmp_path)), "--workers", "1"]) == 0
    assert "printed" not in (out / "f1.md").read_text()
    # Runs that were finished before the paper was named are the paper's all the same.
    content["methods"]["mal"] = None  # type: ignore[index]
    path = write({"paper": "mal", **content}, tmp_path)
    assert main(["compare", str(path), "--workers", "1"]) == 0
    records = {p.parent.parent.name: json.loads(p.read_text())["paper"] for p in out.rglob("record.json")}
    assert records == {"single_task": "", "multi_task": "", "mal": "mal"}
    told = capsys.readouterr().out
    assert "STL (printed)" in (out / "f1.md").read_text()
    assert "SRERL" in (out / "printed.md").read_text()
    assert "mal > multi_task on average F1" in told
    words = ["report", str(out), "--out", str(tmp_path / "again")]
    assert main(words) == 0
    assert (tmp_path / "again" / "f1.md").read_text() == (out / "f1.md").read_text()
    assert main([*words, "--paper", "mml"]) == 1
    assert "the records belong to the paper mal, not to mml" in capsys.readouterr().err


def test_settings_are_laid_over_the_common_ones(content: dict[str, object], tmp_path: Path) -> None:
    content["methods"]["half"]["initialise"] = None  # type: ignore[index]
    content["methods"]["half"]["expression"] = "{out}/store-{seed}-{fold}"  # type: ignore[index]
    _, runs = plan_runs(content, tmp_path / "x.yaml")
    assert [str(run) for run in runs[:2]] == ["single_task, fold 1, seed 0", "half, fold 1, seed 0"]
    assert runs[1].arguments["options"] == {
        "backbone": Backbone("small"),
        "reduction": "sum",
        "balance": 0.5,
    }
    assert runs[3].arguments["expression"] == tmp_path / "out" / "store-0-3"


def test_a_comparison_changes_one_field_of_an_optimizer(content: dict[str, object], tmp_path: Path) -> None:
    content["methods"]["half"]["optimizers"] = {"base": {"lr": "1e-5"}}  # type: ignore[index]
    usual = OptimizerSpec("adam", betas=(0.5, 0.9))
    _, runs = plan_runs(content, tmp_path / "x.yaml")
    assert runs[1].arguments["optimizers"]["base"].laid_over(usual) == replace(usual, lr=1e-5)
    content["methods"]["half"]["optimizers"] = {"base": {"lr": -1}}  # type: ignore[index]
    with pytest.raises(ComparisonError, match="half"):
        plan_runs(content, tmp_path / "x.yaml")


def test_other_settings_in_the_folder_are_refused(content: dict[str, object], tmp_path: Path) -> None:
    _, runs = plan_runs(content, tmp_path / "x.yaml")
    list(perform_runs(unfinished(runs[:1]), LocalExecutor(1)))
    content["common"]["iterations"] = 3  # type: ignore[index]
    _, changed = plan_runs(content, tmp_path / "x.yaml")
    with pytest.raises(ComparisonError, match=r"other settings: iterations \(2 there, 3 here\)"):
        unfinished(changed)


def test_a_failed_run_does_not_stop_the_others(content: dict[str, object], tmp_path: Path) -> None:
    content["methods"]["single_task"] = {"aus": [9]}  # type: ignore[index]
    content["folds"] = [1]
    assert main(["compare", str(write(content, tmp_path)), "--workers", "1"]) == 1
    assert (tmp_path / "out/half/fold1-seed0/record.json").is_file()
    assert not (tmp_path / "out/single_task/fold1-seed0/record.json").exists()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"methods": {"mals": None}}, "unknown method 'mals'"),
        ({"methods": {"mal": {"iteration": 3}}}, "iteration"),
        ({"methods": {}}, "needs 'methods'"),
        ({"methods": {"mal": {"options": 0}}}, "mal: options are names with values, not 0"),
        ({"methods": {"mal": {"batch": ["a"]}}}, r"mal: batch is \"\['a'\]\"; give names with values"),
        ({"methods": {"mal": 3}}, r"methods\[...\]: Expected object . null, got int"),
        ({"methods": {"mal": {"method": ["mal"]}}}, "unknown method"),
        ({"methods": {"../../x": {"method": "mal"}}}, "'../../x' cannot be the name of a folder"),
        ({"methods": {"f1.csv": {"method": "mal"}}}, "'f1.csv' is the name of a table or page"),
        ({"starts": {"single_task": None}}, "'single_task' is a start and a method"),
        ({"folds": [1, 1]}, r"folds names a number twice: \[1, 1\]"),
        ({"folds": [0]}, r"folds\[0\]: Expected int >= 1"),
        ({"folds": []}, "folds: Expected array of length >= 1"),
        ({"seeds": [-1]}, r"seeds\[0\]: Expected int >= 0"),
        ({"seeds": [True]}, r"seeds\[0\]: Expected int, got bool"),
        ({"common": None}, "common: Expected object, got null"),
        ({"out": ""}, "out: Expected str of length >= 1"),
        ({"slurm": {"partion": "gpu"}}, r"slurm has the unknown keys \['partion'\]; known: \['account'"),
        ({"slurm": {"time": 0}}, "slurm.*time is 0; give a number from 1"),
        ({"ray": {"gpus": "two"}}, r"ray\.gpus: Expected"),
        ({"fold": [1]}, r"unknown keys \['fold'\]"),
        ({"sources": {"single_task": None}}, "'sources' is called 'starts' now; rename it"),
        ({"paper": "mals"}, "comparison.yaml: there is no paper 'mals'; choose one of mal, mml"),
        ({"paper": ["mal"]}, r"comparison.yaml: there is no paper '\['mal'\]'"),
    ],
)
def test_mistakes_in_the_file_are_named(
    content: dict[str, object], tmp_path: Path, change: dict[str, object], message: str
) -> None:
    path = write({**content, **change}, tmp_path)
    with pytest.raises(ComparisonError, match=message):
        plan_runs(read_comparison(path), path)


def test_a_study_tests_on_validation_people(content: dict[str, object], tmp_path: Path) -> None:
    content["side"], content["folds"] = "validation", [1]
    content["common"]["validation_people"] = 1  # type: ignore[index]
    _, runs = plan_runs(content, tmp_path / "x.yaml")
    list(perform_runs(unfinished(runs), LocalExecutor(1)))
    assert [len(record.per_subject) for record in finished_records(runs)] == [1, 1]
    with pytest.raises(ComparisonError, match=r"comparison.yaml: side: Invalid enum value 'train'"):
        plan_runs({**content, "side": "train"}, tmp_path / "comparison.yaml")


def test_thresholds_are_asked_for_in_the_file(content: dict[str, object], tmp_path: Path) -> None:
    assert {run.thresholds for run in plan_runs(content, tmp_path / "x.yaml")[1]} == {0.5}
    for value in ("validation", 0.3, 1):
        _, runs = plan_runs({**content, "thresholds": value}, tmp_path / "x.yaml")
        assert {run.thresholds for run in runs} == {value}
        assert runs[0].settings == plan_runs(content, tmp_path / "x.yaml")[1][0].settings
    for value, told in (("valid", "thresholds: "), (1.5, "thresholds: "), (None, "thresholds: ")):
        with pytest.raises(ComparisonError, match=told):
            plan_runs({**content, "thresholds": value}, tmp_path / "x.yaml")
    both = {**content, "side": "validation", "thresholds": "validation"}
    with pytest.raises(ComparisonError, match="too good on the same people"):
        plan_runs(both, tmp_path / "x.yaml")
    assert plan_runs({**both, "tested_on": "elsewhere"}, tmp_path / "x.yaml")[1]


def test_two_stages_are_trained_in_every_fold_and_tested_on_the_target(
    content: dict[str, object], parted_store: Store, tmp_path: Path
) -> None:
    common = {**content["common"], "options": {"width": 4}, "target": str(parted_store.path)}  # type: ignore[dict-item]
    common = {name: value for name, value in common.items() if name != "expression"}
    first = "{out}/landmarks/fold{fold}-seed{seed}/model.safetensors"
    content |= {
        "common": {**common, "iterations": 1},
        "tested_on": str(parted_store.path),
        "starts": {"landmarks": {"method": "dual_domain", "options": {"stage": "landmarks"}}},
        "methods": {"source_only": {"target": None}, "dual_domain": {"initialise": first}},
    }
    assert plan_runs({**content, "methods": {"source_only": {"target": None}}}, tmp_path / "x.yaml")[0] == []
    starts, runs = plan_runs(content, tmp_path / "comparison.yaml")
    assert [run.fold for run in starts] == [1, 3]
    for batch in (starts, runs):
        assert [outcome.error for outcome in perform_runs(unfinished(batch), LocalExecutor(1))] == [
            None
        ] * len(batch)
    records = finished_records(runs)
    assert {record.data.name for record in records} == {parted_store.dataset}
    assert len(records) == 4


def test_a_start_may_start_from_one_listed_before_it(content: dict[str, object], tmp_path: Path) -> None:
    model = "{{out}}/{}/fold{{fold}}-seed{{seed}}/model.safetensors"
    content |= {
        "folds": [1],
        "starts": {
            "first": {"method": "single_task"},
            "second": {"method": "multi_task", "initialise": model.format("first")},
        },
        "methods": {"single_task": {"initialise": model.format("second")}},
    }
    words = ["compare", str(write(content, tmp_path)), "--workers", "2"]
    assert main(words) == 0
    record = json.loads((tmp_path / "out/single_task/fold1-seed0/record.json").read_text())
    before = record["config"]["initialised_from"]
    assert before["method"] == "multi_task"
    assert before["initialised_from"]["method"] == "single_task"
    # Nothing is left to begin from them.
    for start in ("first", "second"):
        shutil.rmtree(tmp_path / "out" / start)
    assert main(words) == 0
    assert not (tmp_path / "out" / "second").exists()


def test_a_failed_start_stops_only_what_starts_from_it(
    content: dict[str, object], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = "{{out}}/{}/fold{{fold}}-seed{{seed}}/model.safetensors"
    content |= {
        "folds": [1],
        "starts": {
            "broken": {"method": "single_task", "aus": [9]},
            "after": {"method": "single_task", "initialise": model.format("broken")},
            "sound": {"method": "single_task"},
        },
        "methods": {
            "from_broken": {"method": "single_task", "initialise": model.format("broken")},
            "from_after": {"method": "single_task", "initialise": model.format("after")},
            "from_sound": {"method": "single_task", "initialise": model.format("sound")},
            "single_task": None,
        },
    }
    assert main(["compare", str(write(content, tmp_path)), "--workers", "1"]) == 1
    made = {path.parent.parent.name for path in (tmp_path / "out").rglob("model.safetensors")}
    assert made == {"sound", "from_sound", "single_task"}
    told = " ".join(capsys.readouterr().out.split())
    at = ", fold 1, seed 0"
    assert f"after{at}: cannot begin, as broken{at} failed" in told
    assert f"from_broken{at}: cannot begin, as broken{at} failed" in told
    assert f"from_after{at}: cannot begin, as broken{at} and after{at} failed" in told
    assert "4 runs failed or cannot begin: broken" in told
    assert "| from_sound |" in (tmp_path / "out" / "summary.md").read_text()


def test_lost_games_are_counted_and_no_failure(
    content: dict[str, object],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def lose(*_: object) -> dict[str, object]:
        raise DivergedError("the game of the toys is lost")

    monkeypatch.setattr(METHODS["multi_task"], "update", lose)
    words = ["compare", str(write({**content, "folds": [1]}, tmp_path)), "--workers", "1"]
    assert main(words) == 0
    told = " ".join(capsys.readouterr().out.split())
    assert "half, fold 1, seed 0: lost: the game of the toys is lost at iteration 0 of 2" in told
    assert "1 of 2 runs lost" in told
    assert "delete its folder" in told
    assert "| half | n/a |" in (tmp_path / "out" / "summary.md").read_text()
    assert main(words) == 0
    again = " ".join(capsys.readouterr().out.split())
    assert ": lost: " not in again
    assert "the same command leaves them as they are" in again
    assert main(["report", str(tmp_path / "out"), "--out", str(tmp_path / "again")]) == 0
    assert (tmp_path / "again" / "lost.md").read_text() == (tmp_path / "out" / "lost.md").read_text()
    assert main([*words, "--methods", "[half]"]) == 0
    assert "1 of 1 runs lost" in " ".join(capsys.readouterr().out.split())


def test_the_command_of_the_page_performs_the_same_runs() -> None:
    words = ["my file.yaml", "--out", "my runs", "--methods", "[mal, single_task]", "--folds", "[1, 3]"]
    words += ["--seeds", "[0]", "--accelerator", "cpu"]
    told = compare._command(compare.build_parser([]).parse_args([*words, "--workers", "2"]))
    assert shlex.split(told) == ["metafacs", "compare", *words]
    assert compare._command(compare.build_parser([]).parse_args(["a.yaml"])) == "metafacs compare a.yaml"
