from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from metafacs.cli import main
from metafacs.evaluation.records import Record, write_record
from metafacs.evaluation.statistics import average_f1
from metafacs.reports.comparison import Comparison
from metafacs.reports.dose_curve import dose_curve, dose_tables, runs_by_dose

MakeRecord = Callable[..., Record]


@pytest.fixture
def study(record_of: MakeRecord) -> list[Record]:
    """Two seeds of mal, multi_task and an oracle at three doses of each kind, and a run without doses."""
    runs = [record_of("single_task")]
    doses = [(0.0, 0.0), (0.2, 0.0), (0.4, 0.0), (0.0, 0.2), (0.0, 0.4)]
    for method, oracle, fall in (("mal", False, 0.0), ("multi_task", False, 1.5), ("multi_task", True, 0.1)):
        for permuted, without in doses:
            for seed in (0, 1):
                run = record_of(method, seed=seed, skill=1 - fall * (permuted + without / 2))
                told = {"permuted_labels": permuted, "without_action_units": without, "oracle": oracle}
                label = f"{'oracle' if oracle else method}_{permuted}_{without}"
                runs.append(replace(run, config={"expression_pictures": told}, label=label))
    return runs


def test_runs_are_grouped_by_method_and_dose_with_the_other_dose_at_rest(study: list[Record]) -> None:
    for dose in ("permuted_labels", "without_action_units"):
        lines = runs_by_dose(Comparison(study), dose)
        assert list(lines) == ["mal", "multi_task", "oracle"]
        for line in lines.values():
            assert {value: len(runs) for value, runs in line.items()} == {0.0: 2, 0.2: 2, 0.4: 2}


def test_table_tells_how_far_each_line_falls(study: list[Record]) -> None:
    lines = runs_by_dose(Comparison(study), "permuted_labels")
    ranked, table = dose_tables(Comparison(study), "permuted_labels")
    assert ranked.title.startswith("Average AUC over the share of permuted")
    assert "synthetic" in table.title
    heads = ["row", "0", "0.2", "0.4", "last - first", "above multi_task, last"]
    assert [column.head for column in table.columns] == heads
    by_name = {row[0]: row for row in table.rows}
    first, last = (100 * average_f1(lines["multi_task"][dose]) for dose in (0.0, 0.4))
    assert by_name["multi_task"][1].startswith(f"{first:.1f} (")
    assert by_name["multi_task"][-2].startswith(f"{last - first:+.1f} (")
    assert by_name["multi_task"][-1] == ""
    assert last < first - 3
    assert by_name["mal"][-2].startswith("+0.0 (")
    above = 100 * average_f1(lines["mal"][0.4]) - last
    assert by_name["mal"][-1].startswith(f"{above:+.1f} (")


def test_a_study_that_is_not_finished_is_told_as_far_as_it_is_there(study: list[Record]) -> None:
    def differences(runs: list[Record]) -> tuple[object, ...]:
        *_, table = dose_tables(Comparison(runs), "permuted_labels")
        (found,) = [row[-2:] for row in table.rows if row[0] == "mal"]
        return found

    # Only one seed of mal has come to the largest dose: what is compared is that seed.
    begun = [run for run in study if not run.label.startswith("mal_0.4") or run.seed == 0]
    assert differences(begun) == differences([run for run in study if run.seed == 0])
    apart = [replace(run, seed=2) if run.label.startswith("mal_0.4") else run for run in begun]
    assert differences(apart) == ("", "")
    others = [run for run in study if not run.label.startswith("oracle")]
    *_, table = dose_tables(Comparison(others), "permuted_labels")
    assert table.columns[-1].head == "last - first"
    assert all(len(row) == len(table.columns) for row in table.rows)


def test_every_line_has_its_means_and_bars(study: list[Record]) -> None:
    ranked, axes = dose_curve(Comparison(study), "without_action_units").axes
    assert (ranked.get_ylabel(), axes.get_ylabel()) == ("average AUC, %", "average F1, %")
    lines = runs_by_dose(Comparison(study), "without_action_units")
    assert [text.get_text() for text in axes.get_legend().get_texts()] == list(lines)
    drawn = [container.lines[0] for container in axes.containers]
    for curve, line in zip(drawn, lines.values(), strict=True):
        assert list(curve.get_ydata()) == pytest.approx([100 * average_f1(runs) for runs in line.values()])
    assert axes.containers[0].has_yerr


def test_what_is_no_series_is_refused(study: list[Record]) -> None:
    with pytest.raises(ValueError, match="no dose luck"):
        runs_by_dose(Comparison(study), "luck")
    with pytest.raises(ValueError, match="have no series of runs"):
        runs_by_dose(Comparison(study[:3]), "permuted_labels")


def test_the_command_writes_table_and_figure(study: list[Record], tmp_path: Path) -> None:
    for number, record in enumerate(study):
        write_record(record, tmp_path / "records" / f"{number}.json")
    words = ["report", str(tmp_path / "records"), "--out", str(tmp_path / "out")]
    assert main([*words, "--curve", "expression_pictures.permuted_labels"]) == 0
    assert (tmp_path / "out" / "curve_permuted_labels.png").stat().st_size > 0
    assert "| multi_task |" in (tmp_path / "out" / "curve_permuted_labels_f1.md").read_text()
    assert main([*words, "--curve", "expression_pictures.luck"]) == 1
