from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from metafacs.data.facts import BP4D, DISFA
from metafacs.evaluation.records import Record
from metafacs.reports.published import DUAL_DOMAIN_TABLES, EXPRESSION_TABLES, MAL_TABLES, PublishedTable
from metafacs.reports.tables import published_table

MakeRecord = Callable[..., Record]
F1_TABLES = {**MAL_TABLES, **{f"{a} to {b}": table for (a, b), table in DUAL_DOMAIN_TABLES.items()}}


@pytest.mark.parametrize("table", F1_TABLES.values(), ids=F1_TABLES)
def test_printed_averages_are_the_means_of_the_printed_rows(table: PublishedTable) -> None:
    assert set(table.f1) <= set(table.average)
    for row, scores in table.f1.items():
        assert len(scores) == len(table.aus)
        assert np.mean(scores) == pytest.approx(table.average[row], abs=0.08)


def test_action_units_are_those_of_the_data_sets() -> None:
    assert MAL_TABLES["bp4d"].aus == BP4D.evaluated_aus
    assert MAL_TABLES["disfa"].aus == DISFA.evaluated_aus


def test_tables_of_raf_ce_hold_each_row_whole() -> None:
    table = EXPRESSION_TABLES["raf_ce"]
    assert set(table.accuracy) == set(table.mean_recall) >= set(table.recalls)
    assert len(table.pictures) == len(table.expressions) == 14
    for row, recalls in table.recalls.items():
        assert len(recalls) == 14
        assert np.mean(recalls) == pytest.approx(table.mean_recall[row], abs=0.006)
        recognised = np.dot(recalls, table.pictures) / sum(table.pictures)
        assert recognised == pytest.approx(table.accuracy[row], abs=0.006)
    # Section 5.3 of the paper: gains over MAL and AM, and of its own statistics over the laboratory's.
    best = table.accuracy["MML, wild"]
    assert [
        round(best - table.accuracy[row], 2) for row in ("STL", "MTL", "MAL", "AM, wild", "MML, lab")
    ] == [*(3.74, 1.98, 2.86, 1.87, 0.22)]


@pytest.mark.parametrize(
    ("datasets", "pictures", "tested", "source"),
    [
        (["bp4d", "raf_db"], {"au": 1, "expression": 1}, "bp4d", "Meta Auxiliary Learning, Table 1"),
        (["bp4d", "emotionet"], {"source": 1, "target": 1}, "emotionet", "Tables 2 and 7"),
        (["bp4d", "emotionet"], {"source": 1, "target": 1}, "bp4d", "Table 4"),
        (["bp4d"], {"au": 1}, "emotionet", "Tables 2 and 7"),
        (["bp4d"], {"au": 1}, "disfa", None),
    ],
)
def test_the_printed_table_is_of_the_data_trained_and_tested_on(
    record_of: MakeRecord, datasets: list[str], pictures: dict[str, int], tested: str, source: str | None
) -> None:
    record = record_of()
    config = {"data": [{"dataset": name} for name in datasets], "pictures": pictures}
    record = replace(record, data=replace(record.data, name=tested), config=config)
    table = published_table(record)
    assert (table is None) == (source is None)
    assert source is None or (table is not None and table.source.endswith(source))
