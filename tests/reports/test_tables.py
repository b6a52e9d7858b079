from __future__ import annotations

import csv
import io
from collections.abc import Callable
from dataclasses import replace

import pytest

from metafacs.evaluation.records import Record
from metafacs.reports.tables import (
    Column,
    Table,
    always_present_f1,
    by_method,
    data_label,
    f1_table,
    presence_rates,
    summary_table,
)

MakeRecord = Callable[..., Record]


def three_methods(record_of: MakeRecord, **options: bool) -> list[Record]:
    return [
        record_of(method, skill=skill, fold=fold, **options)
        for method, skill in (("mal", 1.4), ("single_task", 0.8), ("multi_task", 1.0))
        for fold in (1, 2)
    ]


def test_everything_made_from_a_twin_says_synthetic(record_of: MakeRecord) -> None:
    records = three_methods(record_of)
    for table in (f1_table(records), summary_table(records)):
        assert "synthetic" in table.title
        assert "synthetic" in table.to_markdown()
        heads = next(csv.reader(io.StringIO(table.to_csv())))
        assert any("synthetic" in head for head in heads)
    ours = [head for head in heads if head.startswith(("average F1", "accuracy", "AUC"))]
    assert all("synthetic" in head for head in ours)


def test_real_data_is_not_called_synthetic(record_of: MakeRecord) -> None:
    records = three_methods(record_of, synthetic=False)
    assert "synthetic" not in f1_table(records).to_markdown()
    assert data_label(records[0]) == "BP4D"


def test_paper_stands_beside_ours(record_of: MakeRecord) -> None:
    table = f1_table(three_methods(record_of))
    heads = [column.head for column in table.columns]
    assert heads == [
        *("Action unit", "present, %", "guess", "single_task", "multi_task", "mal"),
        *("STL", "MTL", "MAL", "MTAN", "L2T-WW"),
    ]
    row = next(row for row in table.rows if row[0] == "AU12 Lip corner puller")
    assert row[heads.index("MAL")] == "88.3"
    assert table.rows[-1][heads.index("MAL")] == "62.2"
    assert " ± " in row[heads.index("mal")]
    assert "Table 1" in table.note
    assert "MAL" not in [
        column.head for column in f1_table(three_methods(record_of), published=False).columns
    ]


def test_single_run_has_no_spread_and_says_so(record_of: MakeRecord) -> None:
    table = f1_table([record_of()])
    assert "±" not in "".join("".join(row) for row in table.rows)
    assert "without a spread" in table.note


def test_data_without_published_scores_stands_alone(record_of: MakeRecord) -> None:
    record = record_of()
    elsewhere = replace(record, data=replace(record.data, name="raf_ce"))
    assert [column.head for column in f1_table([elsewhere]).columns][-1] == "mal"
    assert data_label(elsewhere) == "RAF-CE twin, synthetic"


def test_missing_score_is_printed_as_such(record_of: MakeRecord) -> None:
    record = record_of()
    without = replace(record, f1=record.f1 | {12: float("nan")})
    assert next(row for row in f1_table([without]).rows if row[0].startswith("AU12"))[3] == "n/a"


def test_markdown_and_csv_have_the_cells(record_of: MakeRecord) -> None:
    table = summary_table(three_methods(record_of))
    lines = table.to_markdown().splitlines()
    assert lines[0].startswith("**Methods compared")
    assert lines[3].count("---") == len(table.columns)
    rows = list(csv.reader(io.StringIO(table.to_csv())))
    assert [tuple(row) for row in rows[1:]] == list(table.rows)


def test_methods_come_in_the_order_of_the_papers(record_of: MakeRecord) -> None:
    records = [record_of(method) for method in ("own_idea", "mal", "multi_task", "single_task")]
    assert list(by_method(records)) == ["single_task", "multi_task", "mal", "own_idea"]


def test_people_nobody_tells_of_have_no_interval(record_of: MakeRecord) -> None:
    record = record_of()
    counts = list(record.per_subject.values())
    total = {name: [sum(c[name][j] for c in counts) for j in range(5)] for name in counts[0]}
    unknown = replace(record, per_subject={"": total})
    table = summary_table([unknown])
    assert table.rows[0][2] == "n/a"
    assert "does not tell its people" in table.note
    assert "held-out pictures" in table.title
    assert "8 test people" in summary_table([record]).note
    assert f1_table([unknown]).rows == f1_table([record]).rows


def test_rows_of_one_method_are_kept_apart(record_of: MakeRecord) -> None:
    def fixed(action_units: float) -> Record:
        options = {"options": {"action_units": action_units}}
        return replace(record_of("compound_multi_task"), config=options)

    records = [record_of("mml"), fixed(1.0), fixed(0.0)]
    assert list(by_method(records)) == ["STL", "MTL", "MML, wild"]
    assert [row[0] for row in summary_table(records).rows] == ["STL", "MTL", "MML, wild"]


def test_mixed_data_is_refused(record_of: MakeRecord) -> None:
    with pytest.raises(ValueError, match="one data set"):
        by_method([record_of(), record_of(synthetic=False)])
    with pytest.raises(ValueError, match="no records"):
        by_method([])


def test_guess_is_scored_from_the_labels(record_of: MakeRecord) -> None:
    record = record_of()
    rate = presence_rates([record, record_of("single_task")])[1]
    known = sum(sum(c[0] for c in counts.values()) for counts in record.per_subject.values())
    assert rate == pytest.approx(record.positives[1] / known)
    assert always_present_f1(1.0) == 1.0


def test_uneven_table_is_refused() -> None:
    with pytest.raises(ValueError, match="2 columns"):
        Table("title", (Column("a"), Column("b")), (("1",),))


def test_a_row_of_fewer_runs_is_named(record_of: MakeRecord) -> None:
    records = three_methods(record_of)
    assert "only)" not in summary_table(records).note
    more = [*records, *(record_of("mal", skill=1.4, fold=fold, seed=1) for fold in (1, 2))]
    assert "(of single_task 2 runs, multi_task 2 runs only)" in summary_table(more).note
