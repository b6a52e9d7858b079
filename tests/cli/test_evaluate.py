from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from metafacs.cli import evaluate, main
from metafacs.evaluation.predictions import ExpressionPredictions, Predictions
from metafacs.evaluation.records import DataSource, Record, read_record
from metafacs.evaluation.scoring import score_predictions


def record_without_people(seed: int) -> Record:
    rng = np.random.default_rng(seed)
    probabilities, targets = rng.random((40, 2)), rng.integers(0, 2, (40, 2)).astype(float)
    shown = rng.integers(0, 2, 40)
    seen = ExpressionPredictions(("happily sad", "sadly angry"), rng.random((40, 2)), shown)
    predictions = Predictions((4, 12), probabilities, targets, np.full(40, ""), np.arange(40), seen)
    data = DataSource("raf_ce", True, "parts", "hash", 0, 0)
    return score_predictions(predictions, method="mml", data=data, seed=seed, bootstrap=20)


@pytest.fixture
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Two models whose evaluation is made up."""
    paths = [tmp_path / f"seed{seed}" / "model.safetensors" for seed in (0, 1)]

    def made_up(model: Path, *_: object, **__: object) -> tuple[Record, None]:
        return record_without_people(paths.index(model)), None

    monkeypatch.setattr(evaluate, "evaluate_held_out", made_up)
    return list(map(str, paths))


def test_expressions_are_printed_and_tabulated(
    models: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = tmp_path / "expressions.md"
    words = ["evaluate", *models, "--action_units", str(tmp_path), "--expression_table", str(table)]
    assert main([*words, "--table", str(tmp_path / "f1.csv")]) == 0
    out = capsys.readouterr().out
    assert "2 expressions on 40 pictures: accuracy 0." in out
    assert "95% intervals over the pictures" in out
    assert "interval over the test pictures [" in out
    text = table.read_text()
    assert "Expressions recognised on held-out pictures (RAF-CE twin, synthetic)" in text
    assert "±" in text
    assert "AU12" in (tmp_path / "f1.csv").read_text()
    record = read_record(tmp_path / "seed1" / "record.json")
    assert record.expressions is not None
    assert record.expressions.intervals is not None


def test_table_of_another_kind_is_refused_before_anything_is_tested(
    models: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["evaluate", *models, "--action_units", str(tmp_path), "--expression_table", "table.txt"]
    assert main(words) == 1
    assert "must end in .md or .csv, not '.txt'" in capsys.readouterr().err
    assert not (tmp_path / "seed0").exists()


def test_records_of_known_people_speak_of_people(capsys: pytest.CaptureFixture[str]) -> None:
    record = record_without_people(0)
    counts = record.per_subject[""]
    assert record.expressions is not None
    assert record.expressions.intervals is not None
    over_people = replace(record.expressions.intervals, over="subjects")
    result = replace(record.expressions, intervals=over_people)
    evaluate.print_scores(replace(record, per_subject={"F001": counts}, expressions=result))
    out = capsys.readouterr().out
    assert "interval over 1 people" in out
    assert "intervals over 1 people" in out
