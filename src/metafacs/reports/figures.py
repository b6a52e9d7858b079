"""Figures from records: F1 per action unit."""

from __future__ import annotations

import math

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from metafacs.evaluation.statistics import Estimate, average_f1_interval, f1_intervals
from metafacs.reports.comparison import Comparison
from metafacs.reports.style import INK, PALETTE, RULE, blank_figure, house_style, legend_label
from metafacs.reports.tables import always_present_f1

_LEGEND_LETTERS, _LEGEND_MARK = 105, 5
"""Letters that a line above the bars has room for, and how many of them an entry's mark takes."""


def f1_bars(comparison: Comparison) -> Figure:
    """Draw F1 per AU and on average as one bar per row.

    Whiskers are bootstrap intervals over the test people; dots are single runs where there are several; the
    dash across a group is the F1 of answering "present" every time.
    """
    aus, rates = comparison.aus, comparison.presence_rates
    guesses = [always_present_f1(rates[au]) if rates[au] > 0 else math.nan for au in aus]
    with house_style():
        figure, (axes,) = blank_figure(10.2, 3.7)
        # The average stands apart from the AUs by half a group.
        places = np.r_[np.arange(len(aus)), len(aus) + 0.5]
        width = 0.78 / len(comparison.rows)
        for number, (name, runs) in enumerate(comparison.rows.items()):
            by_au = f1_intervals(runs)
            estimates = [*(by_au[au] for au in aus), average_f1_interval(runs)]
            shift = (number - (len(comparison.rows) - 1) / 2) * width
            colour = PALETTE[comparison.colours[name]]
            _bars(axes, places + shift, estimates, width * 0.92, colour, name)
            if len(runs) > 1:
                for run in runs:
                    values = [*(run.f1[au] for au in aus), run.f1_average]
                    axes.plot(places + shift, values, ".", color=INK, markersize=2.6, alpha=0.55)
        level_guess = [*guesses, float(np.nanmean(guesses)) if any(rates[au] > 0 for au in aus) else math.nan]
        axes.hlines(
            level_guess,
            places - 0.44,
            places + 0.44,
            colors=INK,
            linewidth=1.0,
            linestyles=(0, (2.5, 1.6)),
            label="always 'present'",
        )
        axes.axvline(len(aus) - 0.25, color=RULE, linewidth=0.8)
        axes.set_xticks(places, [*(f"AU{au}" for au in aus), "average"])
        axes.set_xlim(-0.6, len(aus) + 1.1)
        axes.set_ylim(0, 1)
        axes.set_ylabel("F1")
        lines = _legend_above(axes)
        axes.set_title(f"F1 on {comparison.held_out} ({comparison.label})", pad=10 + 14 * lines)
    return figure


def _bars(
    axes: Axes, places: np.ndarray, estimates: list[Estimate], width: float, colour: str, name: str
) -> None:
    values = np.array([estimate.value for estimate in estimates])
    below = values - np.array([estimate.low for estimate in estimates])
    above = np.array([estimate.high for estimate in estimates]) - values
    axes.bar(places, values, width, color=colour, label=legend_label(name), linewidth=0)
    axes.errorbar(
        places,
        values,
        np.clip([below, above], 0, None),
        fmt="none",
        ecolor=INK,
        elinewidth=0.9,
        capsize=0,
        alpha=0.75,
    )


def _legend_above(axes: Axes) -> int:
    """Draw the legend above the axes, in as many lines as it needs, and return their number."""
    handles, labels = axes.get_legend_handles_labels()
    # Methods first, then the dash they are measured against.
    order = sorted(range(len(labels)), key=lambda i: labels[i].startswith("always"))
    columns = max(1, min(len(order), _LEGEND_LETTERS // (max(map(len, labels)) + _LEGEND_MARK)))
    axes.legend(
        [handles[i] for i in order],
        [labels[i] for i in order],
        loc="lower left",
        bbox_to_anchor=(-0.008, 1.005),
        ncols=columns,
        handlelength=1.1,
        handleheight=0.8,
        columnspacing=1.4,
        borderaxespad=0,
    )
    return -(-len(order) // columns)
