from __future__ import annotations

import numpy as np
import pytest

from metafacs.facs import BP4D_AUS, DISFA_AUS
from metafacs.reports.published import MAL_TABLES, PUBLISHED_NAMES


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
