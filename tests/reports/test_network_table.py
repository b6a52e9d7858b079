from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from metafacs.evaluation.diagnostics import Level
from metafacs.evaluation.records import Record
from metafacs.reports.comparison import Comparison
from metafacs.reports.composition import compose_report
from metafacs.reports.network_table import network_table

MakeRecord = Callable[..., Record]


def test_levels_stand_beside_chance_with_their_range(record_of: MakeRecord) -> None:
    def run(game: float, chance: float) -> Record:
        levels = {
            "loss": Level("AU loss", 0.5),
            "game": Level("the game", game, chance, "near 0 it is lost"),
        }
        return replace(record_of(), diagnostics=levels)

    told = {
        "mine": [run(0.1, 0.25), run(0.2, 0.25)],
        "yours": [run(0.6, 0.693147)],
        "without": [record_of()],
    }
    table = network_table(told, "BP4D twin, synthetic")
    assert table is not None
    assert "synthetic" in table.title
    heads = ["Method", "AU loss", "the game, chance 0.25", "the game, chance 0.693", "runs"]
    assert [column.head for column in table.columns] == heads
    assert table.rows == (
        ("mine", "0.5 (0.5 to 0.5)", "0.15 (0.1 to 0.2)", "", "2"),
        ("yours", "0.5", "", "0.6", "1"),
    )
    assert table.note.endswith("The game: near 0 it is lost.")
    assert network_table({"without": told["without"]}, "BP4D") is None


def test_a_run_that_sank_in_its_last_iterations_is_marked(
    record_of: MakeRecord, lost_record_of: MakeRecord
) -> None:
    def level(value: float) -> Level:
        return Level("the game", value, lost_below=0.05)

    sound, sunk = (replace(record_of(), diagnostics={"game": level(value)}) for value in (0.2, 0.046))
    lost = replace(lost_record_of(), diagnostics={"game": level(0.01)})
    table = network_table({"mine": [sound, sunk], "yours": [sound], "mine, lost": [lost]}, "BP4D")
    assert table is not None
    assert [row[1] for row in table.rows] == ["0.123 (0.046 to 0.2) †", "0.2", "0.01"]
    assert "†: a run with scores ended where its game counts as lost" in table.note
    assert "doubt its scores" in str(level(0.046))
    assert "doubt" not in str(level(0.2))
    whole = network_table({"yours": [sound]}, "BP4D")
    assert whole is not None
    assert "†" not in whole.note


def test_the_report_has_the_table_where_records_tell_levels(record_of: MakeRecord) -> None:
    record = replace(record_of(), diagnostics={"game": Level("the game", 0.00321, 0.0039)})
    tables = compose_report(Comparison([record])).tables
    assert [table.name for table in tables] == ["summary", "f1", "auc", "networks"]
    assert tables[-1].rows[0][1] == "0.00321"
