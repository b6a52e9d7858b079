from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from metafacs.cli import main
from metafacs.evaluation.landmarks import LandmarkScores
from metafacs.evaluation.records import Record, write_record
from metafacs.evaluation.statistics import auc_of
from metafacs.reports.comparison import Comparison
from metafacs.reports.option_curve import curve_table, option_curve, runs_by_value

MakeRecord = Callable[..., Record]


@pytest.fixture
def study(record_of: MakeRecord) -> list[Record]:
    """Two seeds at three values of lambda_sr, one of them the default, and a run of another method."""
    runs = [record_of("source_only")]
    for value, error in ((1000.0, 0.09), (0.01, 0.06), (None, 0.03)):
        for seed in (0, 1):
            options = {"width": 16} if value is None else {"width": 16, "reconstruction_weight": value}
            scores = LandmarkScores(error + 0.01 * seed, 0.0, 10, {"F001": error}, synthetic=True)
            run = record_of("dual_domain", seed=seed, skill=1 + 10 * error)
            runs.append(replace(run, config={"options": options}, landmarks=scores, label=f"at {value}"))
    return runs


def test_runs_are_grouped_by_value_and_the_default_counts(study: list[Record]) -> None:
    groups = runs_by_value(Comparison(study), "reconstruction_weight")
    assert {value: len(runs) for value, runs in groups.items()} == {0.01: 2, 100.0: 2, 1000.0: 2}
    table = curve_table(Comparison(study), "reconstruction_weight")
    assert [row[0] for row in table.rows] == ["0.01", "100", "1000"]
    assert [column.head for column in table.columns[1:4]] == ["average AUC", "average F1", "landmark error"]
    assert [row[3] for row in table.rows] == ["6.5 ± 0.7", "3.5 ± 0.7", "9.5 ± 0.7"]
    assert "synthetic" in table.title


def test_only_folds_and_seeds_of_every_value_are_compared(study: list[Record], record_of: MakeRecord) -> None:
    default = replace(study[-1], seed=2)
    table = curve_table(Comparison([*study, default]), "reconstruction_weight")
    assert table.rows == curve_table(Comparison(study), "reconstruction_weight").rows
    assert "left out: 1 of folds or seeds" in table.note
    # Tested on another data set, all folds trained for are tested on the same pictures.
    moved = [replace(run, config={**run.config, "split": {"fold": 2}}) for run in study[-2:]]
    assert moved[0].run[1] == "fold2on1-seed0"
    with pytest.raises(ValueError, match="no fold and seed has been run at every value"):
        runs_by_value(Comparison([*study[:-2], *moved]), "reconstruction_weight")


def test_lines_join_the_means(study: list[Record]) -> None:
    ranked, f1, errors = option_curve(Comparison(study), "reconstruction_weight").axes
    assert ranked.get_xscale() == f1.get_xscale() == "log"
    means = [np.mean([auc_of(run) for run in study[i : i + 2]]) for i in (3, 5, 1)]
    assert list(ranked.lines[0].get_ydata()) == pytest.approx([100 * mean for mean in means])
    assert all(np.ptp(panel.get_ylim()) >= 2 for panel in (ranked, f1, errors))
    assert list(errors.lines[0].get_ydata()) == pytest.approx([6.5, 3.5, 9.5])
    without = [replace(run, landmarks=None) for run in study]
    assert len(option_curve(Comparison(without), "reconstruction_weight").axes) == 2


def test_a_value_whose_runs_lost_is_named_and_has_no_scores(
    study: list[Record], lost_record_of: MakeRecord
) -> None:
    runs = [
        replace(lost_record_of("dual_domain", seed=run.seed), config=run.config, label=run.label)
        if run.label == "at 1000.0"
        else run
        for run in study
    ]
    table = curve_table(Comparison(runs), "reconstruction_weight")
    assert table.rows[-1] == ("1000", "", "", "", "0", "2")
    axes = option_curve(Comparison(runs), "reconstruction_weight").axes
    for panel in axes:
        assert [text.get_text() for text in panel.get_xticklabels()] == ["0.01", "100", "1000\n2 of 2\nlost"]
        assert len(panel.lines[0].get_xdata()) == 2


def test_what_is_no_curve_is_refused(study: list[Record]) -> None:
    with pytest.raises(ValueError, match="no record is of a method with an option balance"):
        runs_by_value(Comparison(study), "balance")
    with pytest.raises(ValueError, match="differ in more than focus: in reconstruction_weight"):
        runs_by_value(Comparison(study), "focus")
    with pytest.raises(ValueError, match="projectors is 'reconstructed', no number"):
        runs_by_value(Comparison(study[-2:]), "projectors")


def test_the_command_writes_table_and_figure(study: list[Record], tmp_path: Path) -> None:
    for number, record in enumerate(study):
        write_record(record, tmp_path / "records" / f"{number}.json")
    words = ["report", str(tmp_path / "records"), "--out", str(tmp_path / "out")]
    assert main([*words, "--curve", "options.reconstruction_weight"]) == 0
    assert (tmp_path / "out" / "curve_reconstruction_weight.png").stat().st_size > 0
    assert "| 100 |" in (tmp_path / "out" / "curve_reconstruction_weight.md").read_text()
    assert main([*words, "--curve", "options.focus"]) == 1
