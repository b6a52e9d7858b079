from __future__ import annotations

import csv
import io
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from metafacs.compounds import COMPOUND_EXPRESSIONS
from metafacs.evaluation.expression_results import ExpressionResult
from metafacs.evaluation.records import Record
from metafacs.reports.comparison import Comparison
from metafacs.reports.expression_table import expression_table
from metafacs.reports.papers import PAPERS
from metafacs.reports.tables import Table

MakeRecord = Callable[..., Record]
MML = PAPERS["mml"]
PAPER = MML.expressions["raf_ce", "raf_ce"]


def tabulated(records: list[Record]) -> Table:
    return expression_table(Comparison(records, MML))


def result(recalls: tuple[float, ...]) -> ExpressionResult:
    """Return RAF-CE's test pictures, the given percentages recognised, others taken for the next class."""
    confusion = np.zeros((14, 14), dtype=int)
    for label, (count, percent) in enumerate(zip(PAPER.pictures, recalls, strict=True)):
        correct = round(percent / 100 * count)
        confusion[label, label] = correct
        confusion[label, (label + 1) % 14] = count - correct
    right = int(confusion.trace())
    recognised = "1" * right + "0" * (int(confusion.sum()) - right)
    return ExpressionResult(COMPOUND_EXPRESSIONS, tuple(map(tuple, confusion.tolist())), recognised)


def run(
    record_of: MakeRecord,
    row: str,
    method: str = "mml",
    seed: int = 0,
    synthetic: bool = False,
    **options: object,
) -> Record:
    record = record_of(method, seed=seed, synthetic=synthetic)
    return replace(
        record,
        data=replace(record.data, name="raf_ce"),
        expressions=result(PAPER.recalls[row]),
        config={"options": options},
    )


def paper_runs(record_of: MakeRecord, **options: bool) -> list[Record]:
    return [
        run(record_of, "MML, wild", **options),
        run(record_of, "MTL", "compound_multi_task", **options),
        run(record_of, "STL", "compound_multi_task", action_units=0.0, **options),
    ]


def cells(records: list[Record]) -> dict[str, dict[str, str]]:
    """Return row -> column -> cell, printed columns with their tag."""
    rows = list(csv.DictReader(io.StringIO(tabulated(records).to_csv())))
    return {row["Expression"]: row for row in rows}


def test_the_papers_own_counts_give_the_papers_table(record_of: MakeRecord) -> None:
    found = cells(paper_runs(record_of))
    for name, row in found.items():
        for ours in ("STL", "MTL", "MML, wild"):
            printed = row[f"{ours} (printed)"]
            assert float(row[ours]) == pytest.approx(float(printed), abs=0.051), (name, ours)
    assert found["Accuracy"]["MML, wild"] == "55.2"
    assert found["Accuracy"]["MML, wild (printed)"] == "55.23"
    assert found["Mean recall (Diag.)"]["MML, wild (printed)"] == "31.68"
    assert found["Accuracy"]["pictures"] == "909"


def test_columns_are_ours_then_the_papers(record_of: MakeRecord) -> None:
    table = tabulated(paper_runs(record_of))
    assert [column.head for column in table.columns] == [
        *("Expression", "pictures", "STL", "MTL", "MML, wild"),
        *("STL", "MTL", "MAL", "AM, lab", "AM, wild", "MML, lab", "MML, wild"),
    ]
    assert "Tables 2 and 3" in table.note
    assert len(expression_table(Comparison(paper_runs(record_of))).columns) == 5
    assert table.last_row_is_total


def test_seeds_give_a_spread(record_of: MakeRecord) -> None:
    runs = [run(record_of, row, seed=seed) for seed, row in enumerate(("MML, wild", "MTL"))]
    assert cells(runs)["Accuracy"]["MML, wild"] == "54.2 ± 1.4"
    assert "2 seeds" in tabulated(runs).note
    with pytest.raises(ValueError, match="more than one record of fold 1 seed 0"):
        tabulated([runs[0], runs[0]])


def test_twin_is_called_synthetic(record_of: MakeRecord) -> None:
    table = tabulated(paper_runs(record_of, synthetic=True))
    assert "synthetic" in table.title
    heads = next(csv.reader(io.StringIO(table.to_csv())))
    assert "MML, wild (synthetic)" in heads


def test_class_without_pictures_has_no_score(record_of: MakeRecord) -> None:
    record = run(record_of, "MTL")
    names = COMPOUND_EXPRESSIONS[:2]
    record = replace(record, expressions=ExpressionResult(names, ((2, 1), (0, 0)), "101"))
    assert cells([record])[names[1]]["MML, wild"] == "n/a"


def test_records_that_recognise_nothing_are_left_out(record_of: MakeRecord) -> None:
    records = [run(record_of, "MTL"), run(record_of, "MTL", "single_task")]
    records[1] = replace(records[1], expressions=None)
    assert "single_task" not in tabulated(records).to_markdown()
    with pytest.raises(ValueError, match="none of the records"):
        tabulated(records[1:])
    other = replace(records[0], seed=1, expressions=ExpressionResult(("a", "b"), ((1, 0), (0, 1)), "11"))
    with pytest.raises(ValueError, match="different expression classes"):
        tabulated([records[0], other])
