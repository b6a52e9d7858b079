from __future__ import annotations

import csv
import io
from collections.abc import Callable
from dataclasses import replace

import pytest

from metafacs.evaluation.records import Record
from metafacs.reports.comparison import Comparison
from metafacs.reports.papers import PAPERS
from metafacs.reports.tables import (
    Column,
    Table,
    always_present_f1,
    auc_table,
    f1_table,
    printed_table,
    summary_table,
)

MakeRecord = Callable[..., Record]


MAL = PAPERS["mal"]


def three_methods(record_of: MakeRecord, **options: bool) -> list[Record]:
    return [
        record_of(method, skill=skill, fold=fold, **options)
        for method, skill in (("mal", 1.4), ("single_task", 0.8), ("multi_task", 1.0))
        for fold in (1, 2)
    ]


def test_everything_made_from_a_twin_says_synthetic(record_of: MakeRecord) -> None:
    compared = Comparison(three_methods(record_of), MAL)
    for table in (f1_table(compared), summary_table(compared)):
        assert "synthetic" in table.title
        assert "synthetic" in table.to_markdown()
        heads = next(csv.reader(io.StringIO(table.to_csv())))
        assert any("synthetic" in head for head in heads)
    ours = [head for head in heads if head.startswith(("average F1", "accuracy", "AUC"))]
    assert all("synthetic" in head for head in ours)


def test_real_data_is_not_called_synthetic(record_of: MakeRecord) -> None:
    compared = Comparison(three_methods(record_of, synthetic=False), MAL)
    assert "synthetic" not in f1_table(compared).to_markdown()
    assert compared.label == "BP4D"


def test_paper_stands_beside_ours(record_of: MakeRecord) -> None:
    table = f1_table(Comparison(three_methods(record_of), MAL))
    heads = [column.head for column in table.columns]
    assert heads == [
        *("Action unit", "present, %", "guess", "single_task", "multi_task", "mal"),
        *("STL", "MTL", "MTAN", "L2T-WW", "MAL"),
    ]
    row = next(row for row in table.rows if row[0] == "AU12 Lip corner puller")
    assert row[heads.index("MAL")] == "88.3"
    assert table.rows[-1][heads.index("MAL")] == "62.2"
    assert " ± " in row[heads.index("mal")]
    assert "Table 1" in table.note
    alone = f1_table(Comparison(three_methods(record_of)))
    assert [column.head for column in alone.columns] == [
        *("Action unit", "present, %", "guess", "mal", "multi_task", "single_task")
    ]
    assert "Printed" not in alone.note


def test_the_papers_own_table_is_told_whole(record_of: MakeRecord) -> None:
    compared = Comparison(three_methods(record_of), MAL)
    table = printed_table(compared)
    assert table is not None
    assert [row[0] for row in table.rows][-3:] == ["STL", "MTL", "MAL"]
    assert len(table.rows) == 14
    cells = {row[0]: row[1:] for row in table.rows}
    assert cells["SRERL"][0] == "46.9"
    assert cells["SRERL"][-1] == "62.9"
    assert cells["gBN"] == (*("",) * 12, "57.0")
    assert all("printed" in head for head in table.to_csv().splitlines()[0].split(",")[1:])
    assert printed_table(Comparison(three_methods(record_of))) is None


def test_printed_accuracy_stands_beside_ours(record_of: MakeRecord, lost_record_of: MakeRecord) -> None:
    def to_target(record: Record, label: str) -> Record:
        data = replace(record.data, name="emotionet")
        return replace(record, data=data, label=label, config={"data": [{"dataset": "bp4d"}]})

    rows = [to_target(record_of("dual_domain"), "G"), to_target(lost_record_of("adld"), "")]
    compared = Comparison(rows, PAPERS["dual_domain"])
    table = summary_table(compared)
    place = [(column.head, column.tag) for column in table.columns].index(("accuracy", "printed"))
    assert [(row[0], row[place]) for row in table.rows] == [("adld", ""), ("G", "88.5")]
    assert "Tables 2 and 7" in table.note
    whole = printed_table(compared)
    assert whole is not None
    assert whole.columns[-1].head == "accuracy"
    assert {row[0]: row[-1] for row in whole.rows}["B"] == "87.1"
    assert {row[0]: row[-1] for row in whole.rows}["ADLD"] == ""
    assert "Table 1" not in summary_table(Comparison(three_methods(record_of), MAL)).note


def test_a_foreign_method_on_the_same_data_stands_alone(record_of: MakeRecord) -> None:
    foreign = record_of("mine:FocalTask")
    table = f1_table(Comparison([foreign]))
    assert [column.head for column in table.columns] == [*("Action unit", "present, %", "guess", "FocalTask")]
    assert "Li & Shan" not in table.to_markdown()
    beside = f1_table(Comparison([replace(foreign, paper="mal")]))
    assert [column.head for column in beside.columns][-2:] == ["L2T-WW", "MAL"]


def test_single_run_has_no_spread_and_says_so(record_of: MakeRecord) -> None:
    table = f1_table(Comparison([record_of()], MAL))
    assert "±" not in "".join("".join(row) for row in table.rows)
    assert "without a spread" in table.note


def test_data_without_published_scores_stands_alone(record_of: MakeRecord) -> None:
    record = record_of()
    elsewhere = replace(record, data=replace(record.data, name="raf_ce"))
    compared = Comparison([elsewhere], MAL)
    assert [column.head for column in f1_table(compared).columns][-1] == "mal"
    assert compared.label == "RAF-CE twin, synthetic"


def test_missing_score_is_printed_as_such(record_of: MakeRecord) -> None:
    record = record_of()
    without = replace(record, f1=record.f1 | {12: float("nan")})
    assert next(row for row in f1_table(Comparison([without])).rows if row[0].startswith("AU12"))[3] == "n/a"


def test_an_au_that_nobody_shows_has_no_guess(record_of: MakeRecord) -> None:
    record = record_of()
    never = {
        person: {name: [0, *count[1:]] if name in ("tp", "fn") else count for name, count in counts.items()}
        for person, counts in record.per_subject.items()
    }
    without = replace(
        record,
        f1=record.f1 | {1: float("nan")},
        positives=record.positives | {1: 0},
        per_subject=never,
    )
    assert f1_table(Comparison([without])).rows[0] == ("AU1 Inner brow raiser", "0.0", "", "n/a")


def test_markdown_and_csv_have_the_cells(record_of: MakeRecord) -> None:
    table = summary_table(Comparison(three_methods(record_of)))
    lines = table.to_markdown().splitlines()
    assert lines[0].startswith("**Methods compared")
    assert lines[3].count("---") == len(table.columns)
    rows = list(csv.reader(io.StringIO(table.to_csv())))
    assert [tuple(row) for row in rows[1:]] == list(table.rows)


def test_people_nobody_tells_of_have_no_interval(record_of: MakeRecord) -> None:
    record = record_of()
    counts = list(record.per_subject.values())
    total = {name: [sum(c[name][j] for c in counts) for j in range(5)] for name in counts[0]}
    unknown = replace(record, per_subject={"": total})
    table = summary_table(Comparison([unknown]))
    assert table.rows[0][3] == "n/a"
    assert "does not tell its people" in table.note
    assert "held-out pictures" in table.title
    assert "8 test people" in summary_table(Comparison([record])).note
    assert f1_table(Comparison([unknown])).rows == f1_table(Comparison([record])).rows


def judged_at_thresholds_of_validation_people(record: Record) -> Record:
    chosen = {"threshold": 0.5, "thresholds": {"1": 0.2}, "thresholds_chosen_on": {"side": "validation"}}
    return replace(record, config=record.config | chosen)


def test_tables_say_at_which_thresholds_and_mix_none(record_of: MakeRecord) -> None:
    half = record_of()
    chosen = judged_at_thresholds_of_validation_people(half)
    own = replace(half, config=half.config | {"thresholds": {"12": 0.3}})
    for record, told in (
        (half, "where its probability reaches 0.5."),
        (replace(half, config={"threshold": 0.25}), "reaches 0.25."),
        (chosen, "reaches its threshold of best F1 on validation people."),
        (own, "reaches the model's own threshold."),
    ):
        compared = Comparison([record])
        assert told in f1_table(compared).note
        assert told in summary_table(compared).note
    with pytest.raises(ValueError, match=r"judged at 0\.5 and validation: report each alone"):
        Comparison([half, chosen])


def test_areas_stand_beside_f1(record_of: MakeRecord) -> None:
    records = [record_of("mal", fold=fold) for fold in (1, 2)]
    table = auc_table(Comparison(records))
    heads = [column.head for column in summary_table(Comparison(records)).columns]
    assert heads[1:3] == ["AUC", "average F1"]
    mean = sum(record.auc[12] for record in records) / 2
    row = next(row for row in table.rows if row[0].startswith("AU12"))
    assert float(row[1].partition(" ")[0]) == pytest.approx(100 * mean, abs=0.051)
    assert table.rows[-1][0] == "Average"
    assert table.rows[-1][1] == summary_table(Comparison(records)).rows[0][1]


def test_guess_is_scored_from_the_rate() -> None:
    assert always_present_f1(1.0) == 1.0


def test_uneven_table_is_refused() -> None:
    with pytest.raises(ValueError, match="2 columns"):
        Table("title", (Column("a"), Column("b")), (("1",),))


def test_a_row_of_fewer_runs_is_named(record_of: MakeRecord) -> None:
    records = three_methods(record_of)
    assert "only)" not in summary_table(Comparison(records)).note
    more = [*records, *(record_of("mal", skill=1.4, fold=fold, seed=1) for fold in (1, 2))]
    assert "(of single_task 2 runs, multi_task 2 runs only)" in summary_table(Comparison(more, MAL)).note
