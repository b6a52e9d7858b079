from __future__ import annotations

import numpy as np
import pytest

from metafacs.facs import BP4D_AUS, DISFA_AUS
from metafacs.reports.published import EXPRESSION_TABLES, MAL_TABLES, PUBLISHED_NAMES


@pytest.mark.parametrize("dataset", MAL_TABLES)
def test_printed_averages_are_the_means_of_the_printed_rows(dataset: str) -> None:
    table = MAL_TABLES[dataset]
    assert set(table.f1) == set(table.average) == set(PUBLISHED_NAMES.values())
    for row, scores in table.f1.items():
        assert len(scores) == len(table.aus)
        assert np.mean(scores) == pytest.approx(table.average[row], abs=0.08)


def test_action_units_are_those_of_the_data_sets() -> None:
    assert MAL_TABLES["bp4d"].aus == BP4D_AUS
    assert MAL_TABLES["disfa"].aus == DISFA_AUS


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
