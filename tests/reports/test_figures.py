from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from matplotlib.axes import Axes
from PIL import Image

from metafacs.evaluation.records import Record
from metafacs.reports.comparison import Comparison
from metafacs.reports.figures import f1_bars, running_mean, training_curves
from metafacs.reports.papers import PAPERS
from metafacs.reports.papers.paper import TrainingCurves
from metafacs.reports.style import encoded

MakeRecord = Callable[..., Record]
METHODS = ("single_task", "multi_task", "mal")
MAL = PAPERS["mal"]


def drawn_curves(records: list[Record]) -> list[Axes]:
    assert isinstance(MAL.curves, TrainingCurves)
    return training_curves(Comparison(records, MAL), MAL.curves).axes


def test_bars_show_every_method_and_au_at_its_height(record_of: MakeRecord) -> None:
    records = [record_of(method) for method in METHODS]
    (axes,) = f1_bars(Comparison(records, MAL)).axes
    heights = [[bar.get_height() for bar in container.patches] for container in axes.containers[::2]]
    assert len(heights) == 3
    for record, drawn in zip(records, heights, strict=True):
        assert drawn == pytest.approx([*record.f1.values(), record.f1_average])
    assert [label.get_text() for label in axes.get_xticklabels()] == [
        *("AU1", "AU2", "AU4", "AU6", "AU12", "average")
    ]
    assert "synthetic" in axes.get_title(loc="left")


def test_bars_survive_an_au_without_a_score(record_of: MakeRecord, tmp_path: Path) -> None:
    record = record_of()
    per_subject = {
        person: {n: [0, *c[1:]] if n in ("tp", "fn") else c for n, c in counts.items()}
        for person, counts in record.per_subject.items()
    }
    without = replace(
        record,
        f1=record.f1 | {1: float("nan")},
        positives=record.positives | {1: 0},
        per_subject=per_subject,
    )
    (tmp_path / "bars.png").write_bytes(encoded(f1_bars(Comparison([without]))))
    with Image.open(tmp_path / "bars.png") as picture:
        assert picture.width > 1000


def test_many_rows_leave_the_bars_their_room(record_of: MakeRecord, tmp_path: Path) -> None:
    figure = f1_bars(Comparison([record_of(f"a_method_with_a_long_name_{n}") for n in range(14)]))
    (tmp_path / "bars.png").write_bytes(encoded(figure))
    (axes,) = figure.axes
    assert axes.get_position().width > 0.9
    legend = axes.get_legend()
    assert legend is not None
    assert len(legend.get_texts()) == 15


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
