from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from metafacs.evaluation.records import Record
from metafacs.reports.comparison import Comparison
from metafacs.reports.composition import compose_report
from metafacs.reports.papers import PAPERS

MakeRecord = Callable[..., Record]


def test_f1_and_auc_stand_beside_each_other(record_of: MakeRecord) -> None:
    records = [record_of("mal", skill=2.0), record_of("multi_task", skill=0.5)]
    content = compose_report(Comparison(records, PAPERS["mal"]))
    tables = {table.name: table for table in content.tables}
    assert "synthetic" in tables["differences"].title
    assert all(column.tag == "synthetic" for column in tables["differences"].columns[1:])
    (row,) = tables["differences"].rows
    assert row[0] == "mal > multi_task"
    assert (row[2], row[4]) == ("yes", "yes")
    claims = [claim for claim in content.claims if claim.difference is not None]
    assert [claim.difference.score for claim in claims if claim.difference] == ["average F1", "average AUC"]
    for cell, claim in zip(row[1::2], claims, strict=True):
        assert claim.difference is not None
        assert cell.startswith(f"{100 * claim.difference.estimate.value:+.1f} (")
    old = [replace(record, auc_by_unit=()) for record in records]
    tables = {table.name: table for table in compose_report(Comparison(old, PAPERS["mal"])).tables}
    assert [column.head for column in tables["differences"].columns] == [
        *("Claim", "difference, average F1", "supported")
    ]
    assert "differences" not in {t.name for t in compose_report(Comparison(records)).tables}


def test_every_row_is_asked_to_be_better_than_a_named_one(record_of: MakeRecord) -> None:
    records = [
        replace(record_of(method, skill=skill), label=label)
        for label, method, skill in (
            ("plain", "multi_task", 0.5),
            ("chosen", "multi_task", 2.0),
            ("mal", "mal", 0.4),
            ("multi_task", "multi_task", 1.0),
        )
    ]
    compared = Comparison(records, PAPERS["mal"])
    content = compose_report(compared, against="multi_task")
    (table,) = (table for table in content.tables if table.name == "differences")
    answers = {row[0]: (row[2], row[4]) for row in table.rows}
    assert answers["chosen > multi_task"] == ("yes", "yes")
    assert answers["plain > multi_task"] == ("no", "no")
    statements = [claim.statement for claim in content.claims]
    assert len(statements) == len(set(statements)), "the paper's own claim is made once"
    assert "mal > multi_task on average AUC" in statements
    with pytest.raises(
        ValueError, match="no row oracle with sound runs to compare with; choose one of multi_task"
    ):
        compose_report(compared, against="oracle")
