from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from matplotlib.axes import Axes

from metafacs.evaluation.records import Record
from metafacs.reports.comparison import Comparison
from metafacs.reports.papers import PAPERS
from metafacs.reports.papers.paper import TrainingCurves
from metafacs.reports.training_curves import curves_figure, curves_of_rows, running_mean, training_curves

MakeRecord = Callable[..., Record]
METHODS = ("single_task", "multi_task", "mal")
MAL = PAPERS["mal"]


def drawn_curves(records: list[Record]) -> list[Axes]:
    assert isinstance(MAL.curves, TrainingCurves)
    return training_curves(Comparison(records, MAL), MAL.curves).axes


def with_curves(record: Record, **curves: float) -> Record:
    count = len(record.history["iteration"])
    return replace(record, history={**record.history, **{name: [v] * count for name, v in curves.items()}})


def test_curves_have_three_panels_per_fold(record_of: MakeRecord) -> None:
    records = [record_of(method, fold=fold) for method in METHODS for fold in (1, 2)]
    panels = drawn_curves(records)
    assert [panel.get_title(loc="left") for panel in panels[:3]] == [
        *("multi_task: loss, fold 1", "mal: loss, fold 1", "mal: average weight, fold 1")
    ]
    assert len(panels) == 6
    low, high = panels[2].get_ylim()
    assert (low + high) / 2 == pytest.approx(0.5)
    assert panels[0].get_ylim() == panels[1].get_ylim()


def test_absent_method_leaves_its_panel_empty_with_a_word(record_of: MakeRecord) -> None:
    panels = drawn_curves([record_of("multi_task")])
    assert [text.get_text() for text in panels[1].texts] == ["not recorded"]
    with pytest.raises(ValueError, match="multi_task or mal"):
        drawn_curves([record_of("single_task")])


def test_running_mean_keeps_length_and_constants() -> None:
    assert running_mean(np.full(50, 3.0)).tolist() == [3.0] * 50
    ramp = np.arange(100.0)
    np.testing.assert_allclose(running_mean(ramp)[10:90], ramp[10:90])


def test_rows_of_any_name_are_drawn_with_what_they_recorded(record_of: MakeRecord) -> None:
    mine = with_curves(record_of("mine"), accuracy_expression=0.4, weight_alignment=0.9)
    comparison = Comparison([mine, record_of("single_task"), record_of("mal")])
    drawn = curves_of_rows(comparison, [])
    assert drawn.accuracy == ("mine",)
    assert {"mine", "mal"} <= set(drawn.losses) & set(drawn.weights)
    panels = training_curves(comparison, drawn).axes
    titles = [panel.get_title(loc="left") for panel in panels]
    assert titles[: len(drawn.losses)] == [f"{row}: loss" for row in drawn.losses]
    assert titles[len(drawn.losses) + len(drawn.weights)] == "accuracy"
    weights = panels[titles.index("mine: average weight")]
    assert {line.get_label() for line in weights.lines} >= {"alignment"}
    figure = curves_figure(comparison, curves_of_rows(comparison, ["mine"]), name="x")
    assert figure is not None
    assert figure.caption.startswith("On ")
    assert "accuracy on training pictures of mine" in figure.caption


def test_shares_lie_around_one_half_and_other_weights_do_not(record_of: MakeRecord) -> None:
    shares = with_curves(record_of("a"), weight_action_units=0.3, weight_expression=0.7)
    single = with_curves(record_of("b"), weight_action_units=0.1, weight_expression=0.2)
    comparison = Comparison([shares, single])
    panels = training_curves(comparison, TrainingCurves(weights=("a", "b"))).axes
    assert sum(panels[0].get_ylim()) == pytest.approx(1)
    assert panels[1].get_ylim()[1] < 0.5


def test_what_moves_the_weights_is_drawn_where_it_was_recorded(record_of: MakeRecord) -> None:
    run = with_curves(record_of("a"), gain_action_units=3e-5, gain_expression=-1e-5)
    comparison = Comparison([run, record_of("b")])
    drawn = curves_of_rows(comparison, [])
    assert drawn.gains == ("a",)
    (panel,) = training_curves(comparison, TrainingCurves(gains=("a",))).axes
    assert panel.get_title(loc="left") == "a: gain of weight"
    lines = {line.get_label(): line.get_ydata() for line in panel.lines}
    assert lines["action units"][-1] == pytest.approx(3e-5)
    assert lines["expression"][-1] == pytest.approx(-1e-5)


def test_what_cannot_be_drawn_is_told(record_of: MakeRecord) -> None:
    silent = replace(record_of("silent"), history={})
    comparison = Comparison([record_of("mal"), silent])
    with pytest.raises(ValueError, match="no row nobody to draw curves of; the rows are mal, silent"):
        curves_of_rows(comparison, ["nobody"])
    with pytest.raises(ValueError, match="no run of silent has recorded"):
        curves_of_rows(comparison, ["silent"])
    assert curves_figure(comparison, TrainingCurves(losses=("silent",)), name="x") is None


@pytest.mark.parametrize(("data", "printed"), [("bp4d", "Fig. 3"), ("disfa", "Fig. 4"), ("gft", "")])
def test_the_figure_of_the_paper_is_that_of_the_data(record_of: MakeRecord, data: str, printed: str) -> None:
    records = [record_of("multi_task"), record_of("mal")]
    of_data = [replace(run, data=replace(run.data, name=data)) for run in records]
    assert MAL.curves is not None
    figure = curves_figure(Comparison(of_data, MAL), MAL.curves, name="x")
    assert figure is not None
    assert figure.caption.startswith(f"As {printed} of Li & Shan" if printed else "On ")
