"""Figures from records: F1 per action unit, and the loss and weight curves of training."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from metafacs.evaluation.records import Record
from metafacs.evaluation.statistics import Estimate, average_f1_interval, f1_intervals
from metafacs.reports.comparison import Comparison
from metafacs.reports.papers.paper import TrainingCurves
from metafacs.reports.style import (
    INK,
    MUTED,
    PALETTE,
    RULE,
    TASKS,
    blank_figure,
    house_style,
    legend_label,
    task_colour,
)
from metafacs.reports.tables import always_present_f1

_LEGEND_LETTERS, _LEGEND_MARK = 105, 5
"""Letters that a line above the bars has room for, and how many of them an entry's mark takes."""


def f1_bars(comparison: Comparison, *, level: float = 0.95) -> Figure:
    """Draw F1 per AU and on average as one bar per row.

    Whiskers are bootstrap intervals over the test people; dots are single runs where there are several; the
    dash across a group is the F1 of answering "present" every time.

    Args:
        comparison: The records.
        level: Nominal coverage of the whiskers.
    """
    aus, rates = comparison.aus, comparison.presence_rates
    guesses = [always_present_f1(rates[au]) if rates[au] > 0 else math.nan for au in aus]
    with house_style():
        figure, (axes,) = blank_figure(10.2, 3.7)
        # The average stands apart from the AUs by half a group.
        places = np.r_[np.arange(len(aus)), len(aus) + 0.5]
        width = 0.78 / len(comparison.rows)
        for number, (name, runs) in enumerate(comparison.rows.items()):
            estimates = [*f1_intervals(runs, level=level).values(), average_f1_interval(runs, level=level)]
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


def training_curves(comparison: Comparison, drawn: TrainingCurves) -> Figure:
    """Draw losses and weights over iterations: a panel per row of losses, then one of weights, per fold.

    Thin lines are the batches as recorded, thick lines their running mean.

    Args:
        comparison: The records; the first seed of each fold is drawn.
        drawn: Which rows.

    Raises:
        ValueError: If no record of these rows has a history.
    """
    rows = {
        row: _first_seeds([run for runs in comparison.of(row).values() for run in runs])
        for row in {*drawn.losses, drawn.weights}
    }
    folds = sorted({fold for runs in rows.values() for fold in runs})
    if not folds:
        raise ValueError(f"curves need a record of {' or '.join(drawn.losses)} with a history")
    columns = len(drawn.losses) + 1
    with house_style():
        figure, axes = blank_figure(3.4 * columns, 0.35 + 2.75 * len(folds), len(folds), columns)
        for number, fold in enumerate(folds):
            where = f", fold {fold}" if len(folds) > 1 else ""
            *loss_axes, weight_axes = axes[columns * number : columns * (number + 1)]
            for panel, row in zip(loss_axes, drawn.losses, strict=True):
                panel.set_title(f"{row}: loss{where}")
                _curves(panel, rows[row].get(fold), "loss")
            top = max(panel.get_ylim()[1] for panel in loss_axes)
            for panel in loss_axes:
                panel.set_ylim(0, top)
            weight_axes.set_title(f"{drawn.weights}: average weight{where}")
            weight_axes.axhline(0.5, color=MUTED, linewidth=0.8, linestyle=(0, (2.5, 2)))
            _curves(weight_axes, rows[drawn.weights].get(fold), "weight")
            _even_limits(weight_axes)
        for panel in axes[-columns:]:
            panel.set_xlabel("iteration")
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


def _first_seeds(runs: Sequence[Record]) -> dict[int, Record]:
    first: dict[int, Record] = {}
    for run in sorted(runs, key=lambda run: run.seed):
        if run.history:
            first.setdefault(run.data.fold, run)
    return first


def _curves(axes: Axes, record: Record | None, kind: str) -> None:
    curves = {task: f"{kind}_{task.replace(' ', '_')}" for task in TASKS}
    if record is None or not any(curve in record.history for curve in curves.values()):
        axes.text(0.5, 0.5, "not recorded", transform=axes.transAxes, ha="center", color=MUTED)
        return
    iterations = np.asarray(record.history["iteration"])
    for task, curve in curves.items():
        if curve not in record.history:
            continue
        values = np.asarray(record.history[curve])
        colour = task_colour(task)
        axes.plot(iterations, values, color=colour, linewidth=0.7, alpha=0.35)
        axes.plot(iterations, running_mean(values), color=colour, linewidth=1.8, label=task)
    axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
    axes.margins(x=0.02)
    axes.legend(loc="best", handlelength=1.2)


def _even_limits(axes: Axes) -> None:
    """Put one half in the middle, and never zoom so far in that noise looks like a trend."""
    low, high = axes.get_ylim()
    reach = max(0.02, abs(high - 0.5), abs(low - 0.5))
    axes.set_ylim(0.5 - reach, 0.5 + reach)
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.3f}".rstrip("0").ljust(4, "0")))


def running_mean(values: np.ndarray, share: float = 0.08) -> np.ndarray:
    """Return the centred mean over a window of the given share of the curve, shorter at both ends.

    Args:
        values: ``point``; NaN is left out.
        share: Width of the window as a share of the curve, in (0, 1].
    """
    half = max(1, round(len(values) * share / 2))
    return np.array(
        [np.nanmean(values[max(0, i - half) : i + half + 1]) for i in range(len(values))], dtype=float
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
