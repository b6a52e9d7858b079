from __future__ import annotations

import csv
import io
from pathlib import Path

import numpy as np
import pytest

from metafacs.data.codings.coding import AuSeries, FrameCoding
from metafacs.evaluation.agreement import Agreement, score_agreement
from metafacs.evaluation.agreement_alignment import align
from metafacs.reports.agreement import (
    CSV_COLUMNS,
    agreement_csv,
    agreement_table,
    confusion_table,
    in_sections,
    people_table,
    undefined_in_words,
)
from metafacs.reports.agreement_figures import KINDS, draw_disagreements

LEFT = np.array([1.0, 1, 1, 1, 0, 0, np.nan, np.nan, 1, 0])
RIGHT = np.array([0.0, 1, 1, 1, 1, 0, 0, 1, 1, 0])


def agreement(people: int = 1, *, times: bool = True) -> Agreement:
    """Return the agreement of so many people who all do the same; AU4 is never there."""
    sides = [{4: AuSeries(np.zeros(10)), 12: AuSeries(one)} for one in (LEFT, RIGHT)]
    frames = np.arange(10)
    told = frames / 25 if times else None
    codings = [FrameCoding(Path("c.csv"), "coding", frames, told, {"": aus}) for aus in sides]
    pairs = [align(codings[0], codings[1], video=f"v{i}") for i in range(people)]
    return score_agreement([pair.people[0] for pair in pairs], repetitions=50)


def test_the_table_has_a_row_per_au_and_a_mean() -> None:
    table = agreement_table(agreement(), "Agreement of a with b")
    au4, au12, mean = table.rows
    assert au4[:5] == ("AU4 Brow lowerer", "10", "0.0", "0.0", "-")
    assert au12[:4] == ("AU12 Lip corner puller", "8", "62.5", "62.5")
    # 6 of 8 agree, by chance (25 + 9) / 64.
    assert au12[4] == f"{(0.75 - 34 / 64) / (1 - 34 / 64):.2f}"
    assert au12[5] == "0.50"
    assert au12[10] == "2 / 2"
    # Both events of the left begin where something is unknown before.
    assert au12[-1] == "-"
    assert mean[4] == au12[4]
    assert "resampled from 5 on" in table.note


def test_intervals_stand_beside_the_values() -> None:
    table = agreement_table(agreement(6), "t")
    assert table.rows[1][4] == "0.47 [0.47, 0.47]"
    assert "6 people resampled 50 times" in table.note


def test_what_has_no_value_is_told_with_its_reason() -> None:
    told = undefined_in_words(agreement())
    assert told[0].startswith("AU4: no kappa, F1 (the right never says present); no precision of events (")
    assert told[1].startswith("all AUs: no ICC (no intensities on the left); no AUC (no probabilities on the")
    assert len(told) == 2
    untimed = undefined_in_words(agreement(times=False))
    assert any("nothing tells the times of the frames (--rate)" in one for one in untimed)
    assert agreement_table(agreement(times=False), "t").rows[1][10] == "-"


def test_counts_per_au_and_per_person() -> None:
    assert confusion_table(agreement()).rows[1] == ("AU12", "4", "1", "1", "2")
    (row,) = people_table(agreement()).rows
    assert row[:7] == ("v0", "10", "0", "0", "0", "0", "2")


def test_the_csv_holds_everything_with_full_precision() -> None:
    rows = list(csv.DictReader(io.StringIO(agreement_csv(agreement(6)))))
    assert tuple(rows[0]) == CSV_COLUMNS
    assert [(row["scope"], row["au"]) for row in rows[:4]] == [
        ("all", "4"),
        ("all", "12"),
        ("all", "mean"),
        ("person", "4"),
    ]
    assert len(rows) == 3 * 7
    au12 = rows[1]
    assert float(au12["kappa"]) == pytest.approx(7 / 15, abs=1e-6)
    assert (au12["both_present"], au12["only_left"], au12["only_right"], au12["both_absent"]) == (
        "24",
        "6",
        "6",
        "12",
    )
    assert (au12["events_left"], au12["events_right"], au12["events_matched"]) == ("12", "12", "12")
    assert rows[0]["kappa"] == ""
    assert "kappa: the right never says present" in rows[0]["undefined"]
    assert rows[4]["video"] == "v0"
    assert rows[4]["kappa_low"] == ""


def test_lists_stand_below_the_tables_and_empty_ones_do_not() -> None:
    text = in_sections([confusion_table(agreement())], {"Warnings": ["one", "two"], "Nothing": []})
    assert text.endswith("**Warnings**\n\n- one\n- two\n")
    assert "Nothing" not in text


def test_the_figure_has_a_strip_per_au_in_the_colours_of_the_legend() -> None:
    figure = draw_disagreements(agreement().people[0], left="a.csv", right="b.eaf", faces="synthetic")
    (axes,) = figure.axes
    assert [label.get_text() for label in axes.get_yticklabels()] == [
        "AU4 Brow lowerer",
        "AU12 Lip corner puller",
    ]
    assert axes.get_title(loc="left") == "v0 (synthetic)"
    assert "left: a.csv, right: b.eaf" in axes.get_xlabel()
    assert [text.get_text() for text in figure.legends[0].get_texts()] == list(KINDS)
    spans = [
        [(path.vertices[:, 0].min(), path.vertices[:, 0].max()) for path in bars.get_paths()]
        for bars in axes.collections
    ]
    # Of AU12: everything, known, both, only left, only right.
    whole, known, both, left, right = spans[5:]
    assert whole == [pytest.approx((0, 0.4))]
    assert known == [pytest.approx((0, 0.24)), pytest.approx((0.32, 0.4))]
    assert both == [pytest.approx((0.04, 0.16)), pytest.approx((0.32, 0.36))]
    assert left == [pytest.approx((0, 0.04))]
    assert right == [pytest.approx((0.16, 0.2))]


def test_long_videos_are_drawn_as_shares_of_stretches() -> None:
    frames = np.arange(0, 40_000, 5)
    left = np.where(frames < 20_000, 1.0, np.nan)
    sides = [{12: AuSeries(left)}, {12: AuSeries(np.where(frames % 10 == 0, 1.0, 0.0))}]
    codings = [FrameCoding(Path("c.csv"), "coding", frames, frames / 25, {"": aus}) for aus in sides]
    person = score_agreement([align(codings[0], codings[1], video="v").people[0]]).people[0]
    figure = draw_disagreements(person, left="a", right="b")
    (axes,) = figure.axes
    assert "in stretches of 4 with the share of each" in axes.get_xlabel()
    early, late = (300, 500), (1000, 1300)
    for bars, (share, later) in zip(axes.collections, [(0.5, 0), (0.5, 0), (0, 0), (0, 1)], strict=True):
        (path,) = bars.get_paths()
        for (start, end), expected in ((early, share), (late, later)):
            x, y = path.vertices.T
            inside = y[(x > start) & (x < end)]
            assert np.ptp(inside) == pytest.approx(0.64 * expected, abs=0.64 * 0.03)
