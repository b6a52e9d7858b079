from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from metafacs.evaluation.expression_results import ExpressionResult
from metafacs.evaluation.few_shot_records import FewShotRecord
from metafacs.evaluation.records import Record
from metafacs.reports.comparison import Comparison
from metafacs.reports.few_shot_comparison import FewShotComparison
from metafacs.reports.overview import (
    COLUMNS,
    few_shot_overview_lines,
    overview_lines,
    read_overview,
    write_overview,
)
from metafacs.reports.papers import PAPERS
from metafacs.reports.tables import summary_table

MakeRecord = Callable[..., Record]


def test_a_line_says_what_the_tables_say(record_of: MakeRecord) -> None:
    records = [
        record_of(method, fold=fold, seed=seed)
        for method in ("mal", "single_task")
        for fold in (1, 2)
        for seed in (0, 1)
    ]
    comparison = Comparison(records, PAPERS["mal"])
    lines = overview_lines("study", comparison)
    assert [line["row"] for line in lines] == ["single_task", "mal"]
    for line, row in zip(lines, summary_table(comparison).rows, strict=True):
        assert row[0] == line["row"]
        low, high = row[3].split(" to ")
        auc, f1, accuracy = (row[place].partition(" ")[0] for place in (1, 2, 5))
        printed = (auc, f1, low, high, accuracy)
        ours = [float(line[name]) for name in ("auc", "f1", "f1_low", "f1_high", "accuracy")]
        assert ours == pytest.approx([float(cell) for cell in printed], abs=0.056)
        assert (line["runs"], line["folds"], line["seeds"]) == ("4", "2", "2")
        assert (line["data"], line["split"], line["synthetic"]) == ("bp4d", "3fold", "yes")
        assert (line["minutes"], line["thresholds"]) == ("1.0", "0.5")
        assert (line["comparison"], line["expression_accuracy"]) == ("study", "")


def test_expressions_have_their_scores_and_unknown_people_no_interval(record_of: MakeRecord) -> None:
    record = record_of(synthetic=False)
    counts = list(record.per_subject.values())
    total = {name: [sum(c[name][j] for c in counts) for j in range(5)] for name in counts[0]}
    result = ExpressionResult(("happily sad", "sadly angry"), ((3, 1), (1, 0)), "11100")
    unknown = replace(record, per_subject={"": total}, expressions=result)
    (line,) = overview_lines("a", Comparison([unknown]))
    assert (line["f1_low"], line["f1_high"], line["synthetic"]) == ("", "", "no")
    assert (line["expression_accuracy"], line["expression_mean_recall"]) == ("60.00", "37.50")


def test_few_shot_lines_are_by_learner_and_shots(few_shot_record_of: Callable[..., FewShotRecord]) -> None:
    records = [
        few_shot_record_of(learner=learner, shots=shots, subject=person)
        for learner in ("maml", "baseline")
        for shots in (5, 1)
        for person in "ab"
    ]
    lines = few_shot_overview_lines("few", FewShotComparison(records))
    assert [line["row"] for line in lines] == [
        "baseline, 1 shot",
        "maml, 1 shot",
        "baseline, 5 shot",
        "maml, 5 shot",
    ]
    assert lines[0] == {
        "comparison": "few",
        "row": "baseline, 1 shot",
        "method": "baseline",
        "data": "bp4d",
        "split": "leave_one_subject_out",
        "synthetic": "yes",
        "runs": "2",
        "seeds": "1",
        "few_shot_accuracy": "67.50",
        "minutes": "1.0",
    }


def test_the_file_is_sorted_by_comparison_and_comes_back(tmp_path: Path) -> None:
    path = tmp_path / "summary.csv"
    assert read_overview(path) == []
    lines = [{"comparison": name, "row": row} for name, row in (("b", "z"), ("a", "y, 1"), ("b", "x"))]
    write_overview(path, lines)
    found = read_overview(path)
    assert [(line["comparison"], line["row"]) for line in found] == [("a", "y, 1"), ("b", "z"), ("b", "x")]
    assert set(found[0]) == set(COLUMNS)
    write_overview(path, found)
    assert read_overview(path) == found
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("method,F1\nmal,3\n", "lacks the columns comparison, row"),
        (f"{','.join(COLUMNS)}\na,b\n", "line 2: a cell is missing or too many"),
        (f"{','.join(COLUMNS)}\n{',' * len(COLUMNS)}\n", "line 2: a cell is missing or too many"),
    ],
)
def test_another_or_a_broken_file_is_refused(content: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "summary.csv").write_text(content)
    with pytest.raises(ValueError, match=rf"summary\.csv.*{message}"):
        read_overview(tmp_path / "summary.csv")


@pytest.mark.parametrize("content", [b"\xff\xfe", b"a,b\n\0", b'comparison,"row\n', b"\0" * 4096])
def test_a_damaged_overview_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "summary.csv").write_bytes(content)
    with pytest.raises(ValueError, match=r"summary\.csv"):
        read_overview(tmp_path / "summary.csv")
