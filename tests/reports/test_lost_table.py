"""Runs that were lost in tables, claims and the overview: counted, told, and in no mean."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from metafacs.evaluation.diagnostics import Level
from metafacs.evaluation.records import Record
from metafacs.evaluation.seed_statistics import average_f1_spread
from metafacs.reports.answers import answered_claims
from metafacs.reports.comparison import Comparison
from metafacs.reports.composition import compose_report
from metafacs.reports.overview import overview_lines, read_overview, write_overview
from metafacs.reports.page import render_page
from metafacs.reports.papers import PAPERS
from metafacs.reports.tables import f1_table, summary_table

MakeRecord = Callable[..., Record]


@pytest.fixture
def compared(record_of: MakeRecord, lost_record_of: MakeRecord) -> Comparison:
    """Three rows of three seeds: nothing lost, one run lost, all lost."""
    sound = [record_of("multi_task", seed=seed) for seed in range(3)]
    some = [record_of("mal", seed=0), lost_record_of("mal", seed=1), record_of("mal", seed=2)]
    return Comparison([*sound, *some, *(lost_record_of("mtan", seed=s) for s in range(3))], PAPERS["mal"])


def test_means_are_over_the_sound_runs_and_say_so(compared: Comparison) -> None:
    assert compared.names == ("multi_task", "mtan", "mal")
    assert {name: len(runs) for name, runs in compared.rows.items()} == {"multi_task": 3, "mal": 2}
    assert {name: len(runs) for name, runs in compared.lost.items()} == {"mtan": 3, "mal": 1}
    assert len(compared.all_records) == 9
    table = summary_table(compared)
    assert [(row[0], row[6]) for row in table.rows] == [
        ("multi_task", "3"),
        ("mtan", "3 of 3 runs lost"),
        ("mal", "2, 1 of 3 runs lost"),
    ]
    mean = average_f1_spread(compared.rows["mal"]).mean
    assert table.rows[2][2].startswith(f"{100 * mean:.1f}")
    told = "without those that were lost: mtan 3 of 3 runs lost, mal 1 of 3 runs lost"
    assert told in table.note
    assert told in f1_table(compared).note


def test_what_was_lost_stands_in_a_table_of_its_own(compared: Comparison) -> None:
    content = compose_report(compared)
    (table,) = (table for table in content.tables if table.name == "lost")
    assert "synthetic" in table.title
    reason = "the game of the toys is lost"
    assert table.rows[-1] == ("mal", "1", "1", "90", "200", reason)
    assert [row[:3] for row in table.rows[:3]] == [("mtan", "1", seed) for seed in "012"]
    assert table.note.endswith("mtan 3 of 3 runs lost, mal 1 of 3 runs lost.")
    page = render_page(content)
    assert reason in page
    assert ">nan" not in page.lower()


def test_levels_of_lost_runs_are_told_apart(record_of: MakeRecord, lost_record_of: MakeRecord) -> None:
    runs = [record_of("mal"), lost_record_of("mal", seed=1)]
    levels = (0.2, 0.001)
    told = [
        replace(run, diagnostics={"game": Level("the game", level)})
        for run, level in zip(runs, levels, strict=True)
    ]
    tables = {table.name: table for table in compose_report(Comparison(told)).tables}
    assert [row[:2] for row in tables["networks"].rows] == [("mal", "0.2"), ("mal, lost", "0.001")]


def test_claims_say_which_runs_are_missing_and_are_void_without_any(compared: Comparison) -> None:
    found = {claim.statement: claim for claim in answered_claims(compared)}
    claim = found["mal > multi_task on average F1"]
    assert claim.answer in ("yes", "no")
    assert claim.detail.endswith("; of mal 1 of 3 runs lost")
    void = found["mal > mtan"]
    assert void.answer == "void"
    assert void.detail == (
        "there is no fold in which both have sound runs; of mal 1 of 3 runs lost; of mtan 3 of 3 runs lost"
    )


def test_claims_are_answered_by_the_folds_that_both_have(
    record_of: MakeRecord, lost_record_of: MakeRecord
) -> None:
    records = [record_of("multi_task", fold=fold) for fold in (1, 2)]
    records += [record_of("mal"), lost_record_of("mal", fold=2)]
    (claim, *_) = answered_claims(Comparison(records, PAPERS["mal"]))
    assert "over 8 people" in claim.detail
    assert "over fold 1 only, where both have sound runs; of mal 1 of 2 runs lost" in claim.detail


def test_nothing_but_lost_runs_has_no_report(lost_record_of: MakeRecord) -> None:
    with pytest.raises(ValueError, match=r"every run was lost.*the game of the toys is lost at iteration 90"):
        Comparison([lost_record_of()])


def test_the_overview_counts_them(compared: Comparison, tmp_path: Path) -> None:
    lines = overview_lines("study", compared)
    assert [(line["row"], line["runs"], line["lost"]) for line in lines] == [
        ("multi_task", "3", ""),
        ("mtan", "0", "3"),
        ("mal", "2", "1"),
    ]
    path = tmp_path / "summary.csv"
    write_overview(path, lines)
    assert [line["lost"] for line in read_overview(path)] == ["", "3", "1"]
