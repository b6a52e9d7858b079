from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from metafacs.evaluation.records import Record
from metafacs.reports.published import EXPRESSION_TABLES
from metafacs.reports.rows import published_row, row_name, row_position

MakeRecord = Callable[..., Record]


@pytest.mark.parametrize(
    ("method", "options", "row", "name"),
    [
        ("compound_multi_task", {"action_units": 0.0}, "STL", "STL"),
        ("compound_multi_task", {}, "MTL", "MTL"),
        ("compound_multi_task", {"action_units": 0.3}, "MTL", "MTL, action_units 0.3"),
        ("compound_multi_task", {"alignment": 1.0}, "AM, wild", "AM, wild"),
        ("compound_multi_task", {"alignment": 0.5, "statistics": "lab"}, "AM, lab", "AM, lab, alignment 0.5"),
        ("mml", {"alignment": 0.0}, "MAL", "MAL"),
        ("mml", {"alignment": 0, "expression": "learned"}, "MAL", "MAL, expression learned"),
        ("mml", {}, "MML, wild", "MML, wild"),
        ("mml", {"statistics": "lab"}, "MML, lab", "MML, lab"),
        ("mml", {"action_units": 1.0}, "MML, wild", "MML, wild, action_units 1.0"),
    ],
)
def test_weights_say_which_row_it_is(
    record_of: MakeRecord, method: str, options: dict[str, object], row: str, name: str
) -> None:
    record = replace(record_of(method), config={"options": options})
    assert published_row(record) == row
    assert row_name(record) == name
    assert row in EXPRESSION_TABLES["raf_ce"].accuracy


def test_other_methods_are_rows_of_their_own(record_of: MakeRecord) -> None:
    assert row_name(record_of("mal")) == "mal"


def test_rows_come_in_the_order_of_the_papers() -> None:
    names = ["own_idea", "MML, wild", "MML, lab", "mal", "AM, lab", "MTL", "STL", "MAL"]
    assert sorted(names, key=row_position) == [
        *("mal", "STL", "MTL", "MAL", "AM, lab", "MML, lab", "MML, wild", "own_idea")
    ]
