"""How well landmarks are found, from a model to a table, records and pictures."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image

from metafacs.cli import main
from metafacs.data.splits import SplitError
from metafacs.data.store import Store
from metafacs.evaluation.landmarks import LandmarkScores
from metafacs.evaluation.protocols import HeldOutTest, evaluate, evaluate_landmarks, open_test
from metafacs.evaluation.records import read_record, write_record
from metafacs.training.run import train
from metafacs.training.training_data import BatchSizes


@pytest.fixture(scope="module")
def models(au_store: Store, wild_store: Store, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A landmark stage, two runs of a row of a comparison, and a method without landmarks."""
    root = tmp_path_factory.mktemp("models")

    def make(folder: str, method: str = "dual_domain", seed: int = 0, **options: object) -> Path:
        return train(
            method,
            au_store.path,
            root / folder,
            options={"width": 4, **options},
            target=wild_store.path,
            aus=[1, 4],
            iterations=1,
            batch=BatchSizes(au=2),
            size=32,
            seed=seed,
            progress=False,
        )

    return {
        "first": make("landmarks/fold1-seed0", stage="landmarks"),
        "zero": make("G/fold1-seed0"),
        "one": make("G/fold1-seed1", seed=1),
        "without": make("A/fold1-seed0", landmark_branches="none", projectors="none"),
        "source_only": make("source_only", "source_only"),
    }


def test_rows_of_a_comparison_are_tested_on_people_held_out(
    models: dict[str, Path], au_store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = [str(models[name]) for name in ("first", "zero", "one")]
    out = tmp_path / "out"
    assert main(["landmarks", *asked, str(au_store.path), "--out", str(out), "--pictures", "3"]) == 0
    table = (out / "landmarks.md").read_text()
    assert [line.split(" | ")[0] for line in table.splitlines() if line.startswith("| ")][2:] == [
        *("| landmarks", "| G")
    ]
    told = capsys.readouterr().out
    assert "BP4D, synthetic" in told
    assert "G has a lower landmark error than landmarks: " in told
    record = json.loads((out / "G" / "fold1-seed1.json").read_text())
    assert (record["domain"], record["data"]["synthetic"], record["seed"]) == ("source", True, 1)
    assert record["data"]["split"] == "3fold"
    held_out = set(record["config"]["split"]["test"])
    assert set(record["landmarks"]["per_subject"]) == held_out
    assert record["landmarks"]["faces"] == 32
    with Image.open(out / "landmarks" / "fold1-seed0_landmarks.png") as sheet:
        assert sheet.width > 3 * 176
    assert not list(out.rglob("*_separation.png"))


def test_pairs_of_both_domains_are_drawn(
    models: dict[str, Path],
    au_store: Store,
    wild_store: Store,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    out, stores = tmp_path / "out", [str(wild_store.path), "--source", str(au_store.path)]
    asked = [str(models[name]) for name in ("first", "without", "zero")]
    assert main(["landmarks", *asked, *stores, "--out", str(out), "--pictures", "2"]) == 0
    told = capsys.readouterr().out
    assert "A/fold1-seed0 has no landmark branch for target pictures: it is drawn" in told
    assert "lower landmark error" not in told, "Table 6 is of the source's people"
    assert sorted(path.parent.name for path in out.rglob("*_separation.png")) == ["A", "G"]
    assert not (out / "A" / "fold1-seed0.json").exists()
    assert main(["landmarks", str(models["without"]), str(wild_store.path), "--out", str(out)]) == 1
    assert "no landmark branch for target pictures" in capsys.readouterr().err
    assert json.loads((out / "G" / "fold1-seed0.json").read_text())["domain"] == "target"


def test_a_strange_store_is_tested_whole_where_that_is_said(
    models: dict[str, Path], expression_store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["landmarks", str(models["zero"]), str(expression_store.path), "--out", str(tmp_path)]
    assert main([*words, "--split", "everybody"]) == 0
    assert json.loads((tmp_path / "G" / "fold1-seed0.json").read_text())["landmarks"]["faces"] == 56
    assert main(["landmarks", str(models["source_only"]), *words[2:]]) == 1
    assert "was trained with source_only; give models of dual_domain" in capsys.readouterr().err


def test_records_of_the_method_tell_the_error(
    models: dict[str, Path], wild_store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    records = tmp_path / "records"
    tested = [str(models["zero"]), str(models["source_only"])]
    words = ["evaluate", *tested, "--action_units", str(wild_store.path), "--out", str(records)]
    assert main(words) == 0
    assert not (models["zero"].parent / "record.json").exists()
    record = read_record(records / "G" / "fold1-seed0" / "record.json")
    assert record.landmarks is not None
    assert record.landmarks.faces == 12
    assert read_record(records / "source_only" / "record.json").landmarks is None
    again = evaluate(models["zero"], wild_store.path)
    assert again.landmarks == record.landmarks
    write_record(again, tmp_path / "again.json")
    assert read_record(tmp_path / "again.json").landmarks == record.landmarks
    assert main(["report", str(records), "--out", str(tmp_path / "report")]) == 0
    assert "| dual_domain |" in (tmp_path / "report" / "landmarks.md").read_text()
    assert "failure rate" in (tmp_path / "report" / "report.html").read_text()


def test_a_domain_is_read_as_the_other_and_its_record_kept_apart(
    models: dict[str, Path], wild_store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["--action_units", str(wild_store.path), "--out", str(tmp_path)]
    assert main(["evaluate", str(models["zero"]), *words, "--domain", "source"]) == 0
    path = tmp_path / "G" / "fold1-seed0" / "record.json"
    assert read_record(path).label == "dual_domain read as source"
    beside = ["evaluate", str(path.with_name("model.safetensors")), *words[:2]]
    path.with_name("model.safetensors").write_bytes(models["zero"].read_bytes())
    assert main([*beside, "--domain", "source"]) == 0
    assert read_record(path).label == "dual_domain read as source"
    assert main(beside) == 1
    assert main(["evaluate", str(models["zero"]), *words]) == 1
    assert "dual_domain read as source, judged at thresholds 0.5; give --out" in capsys.readouterr().err
    assert main(["evaluate", str(models["source_only"]), *words, "--domain", "source"]) == 1
    assert "source_only reads all pictures alike; leave --domain source out" in capsys.readouterr().err


def test_pictures_a_model_has_adapted_to_are_no_test(
    au_store: Store, disfa_store: Store, tmp_path: Path
) -> None:
    model = train(
        "dual_domain",
        au_store.path,
        tmp_path,
        options={"width": 4},
        target=disfa_store.path,
        aus=[1, 4],
        iterations=1,
        batch=BatchSizes(au=2),
        size=32,
        progress=False,
    )
    with pytest.raises(SplitError, match="has adapted to all pictures of disfa: none is held out"):
        open_test(model, disfa_store.path, labelled=False)


def test_what_is_done_stays_when_another_model_fails_or_the_run_is_stopped(
    models: dict[str, Path],
    au_store: Store,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    out = tmp_path / "out"
    asked = [str(models[name]) for name in ("zero", "source_only", "one")]
    words = [str(au_store.path), "--out", str(out), "--pictures", "2"]
    assert main(["landmarks", *asked, *words]) == 1
    assert "1 of 3 models failed" in capsys.readouterr().err
    assert sorted(path.name for path in (out / "G").glob("*.json")) == [
        "fold1-seed0.json",
        "fold1-seed1.json",
    ]
    assert "| G " in (out / "landmarks.md").read_text()
    (out / "G" / "fold1-seed1.json").unlink()
    calls = []

    def stopped(test: HeldOutTest) -> LandmarkScores:
        calls.append(test)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return evaluate_landmarks(test)

    monkeypatch.setattr("metafacs.cli.landmarks.evaluate_landmarks", stopped)
    (out / "G" / "fold1-seed0.json").unlink()
    assert main(["landmarks", asked[0], asked[2], *words]) == 130
    assert [path.name for path in (out / "G").glob("*.json")] == ["fold1-seed0.json"]
    (out / "landmarks.md").write_text("mine")
    monkeypatch.undo()
    assert main(["landmarks", asked[0], *words]) == 1
    assert "landmarks.md is there already, and is not what metafacs wrote" in capsys.readouterr().err
    assert (out / "landmarks.md").read_text() == "mine"
