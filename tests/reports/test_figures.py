from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from metafacs.evaluation.records import Record
from metafacs.reports.comparison import Comparison
from metafacs.reports.figures import f1_bars
from metafacs.reports.papers import PAPERS
from metafacs.reports.style import encoded

MakeRecord = Callable[..., Record]
METHODS = ("single_task", "multi_task", "mal")
MAL = PAPERS["mal"]


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


def test_bars_of_rows_with_aus_in_another_order_stand_at_their_aus(record_of: MakeRecord) -> None:
    first, second = record_of("mal"), record_of("multi_task", skill=2.0)
    turned = replace(
        second,
        aus=second.aus[::-1],
        per_subject={
            person: {name: count[::-1] for name, count in counts.items()}
            for person, counts in second.per_subject.items()
        },
    )
    (axes,) = f1_bars(Comparison([first, turned])).axes
    heights = [bar.get_height() for bar in axes.containers[2].patches]
    assert heights == pytest.approx([*(second.f1[au] for au in first.aus), second.f1_average])


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
