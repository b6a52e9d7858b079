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
from metafacs.reports.style import INK, MUTED, RULE, blank_figure, house_style, series_colour
from metafacs.reports.tables import always_present_f1, by_method, data_label, held_out, presence_rates

TASKS = {"action units": "action_units", "expression": "expression"}
"""Name of each task in the legend -> ending of its curves in a record's history."""


def f1_bars(records: Sequence[Record], *, level: float = 0.95) -> Figure:
    """Draw F1 per AU and on average as one bar per method.

    Whiskers are bootstrap intervals over the test people; dots are single runs where there are several; the
    dash across a group is the F1 of answering "present" every time.

    Args:
        records: Runs of any number of methods on one data set and split.
        level: Nominal coverage of the whiskers.
    """
    groups = by_method(records)
    aus = records[0].aus
    rates = presence_rates(records)
    guesses = [always_present_f1(rates[au]) if rates[au] > 0 else math.nan for au in aus]
    with house_style():
        figure, (axes,) = blank_figure(10.2, 3.7)
        # The average stands apart from the AUs by half a group.
        places = np.r_[np.arange(len(aus)), len(aus) + 0.5]
        width = 0.78 / len(groups)
        for number, (method, runs) in enumerate(groups.items()):
            estimates = [*f1_intervals(runs, level=level).values(), average_f1_interval(runs, level=level)]
            shift = (number - (len(groups) - 1) / 2) * width
            _bars(axes, places + shift, estimates, width * 0.92, series_colour(method, number), method)
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
        axes.set_title(f"F1 on {held_out(records)} ({data_label(records[0])})", pad=24)
        _legend_above(axes)
    return figure


def training_curves(records: Sequence[Record]) -> Figure:
    """Draw loss and weight over iterations as Fig. 3 of MAL: MTL loss | MAL loss | MAL weights.

    One row per fold; thin lines are the batches as recorded, thick lines their running mean. Weights are
    normalised so that both tasks' averages sum to one: 0.5 is an equal share.

    Args:
        records: Runs of ``multi_task`` and ``mal``, the first seed of each fold; others are left out.

    Raises:
        ValueError: If no record of these methods has a history.
    """
    groups = by_method(records)
    drawn = {
        method: _first_seeds(groups[method]) for method in ("multi_task", "mal") if groups.get(method, None)
    }
    folds = sorted({fold for runs in drawn.values() for fold in runs})
    if not folds:
        raise ValueError("curves need a record of multi_task or mal with a history")
    with house_style():
        figure, axes = blank_figure(10.2, 0.35 + 2.75 * len(folds), len(folds), 3)
        for row, fold in enumerate(folds):
            where = f", fold {fold}" if len(folds) > 1 else ""
            loss_axes, weight_axes = axes[3 * row : 3 * row + 2], axes[3 * row + 2]
            for panel, method in zip(loss_axes, ("multi_task", "mal"), strict=True):
                panel.set_title(f"{method}: loss{where}")
                _curves(panel, drawn.get(method, {}).get(fold), "loss")
            top = max(panel.get_ylim()[1] for panel in loss_axes)
            for panel in loss_axes:
                panel.set_ylim(0, top)
            weight_axes.set_title(f"mal: average weight{where}")
            weight_axes.axhline(0.5, color=MUTED, linewidth=0.8, linestyle=(0, (2.5, 2)))
            _curves(weight_axes, drawn.get("mal", {}).get(fold), "weight")
            _even_limits(weight_axes)
        for panel in axes[-3:]:
            panel.set_xlabel("iteration")
    return figure


def _bars(
    axes: Axes, places: np.ndarray, estimates: list[Estimate], width: float, colour: str, name: str
) -> None:
    values = np.array([estimate.value for estimate in estimates])
    below = values - np.array([estimate.low for estimate in estimates])
    above = np.array([estimate.high for estimate in estimates]) - values
    axes.bar(places, values, width, color=colour, label=name, linewidth=0)
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
    curves = {task: f"{kind}_{ending}" for task, ending in TASKS.items()}
    if record is None or not any(curve in record.history for curve in curves.values()):
        axes.text(0.5, 0.5, "not recorded", transform=axes.transAxes, ha="center", color=MUTED)
        return
    iterations = np.asarray(record.history["iteration"])
    for task, curve in curves.items():
        if curve not in record.history:
            continue
        values = np.asarray(record.history[curve])
        colour = series_colour(task)
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


def _legend_above(axes: Axes) -> None:
    handles, labels = axes.get_legend_handles_labels()
    # Methods first, then the dash they are measured against.
    order = sorted(range(len(labels)), key=lambda i: labels[i].startswith("always"))
    axes.legend(
        [handles[i] for i in order],
        [labels[i] for i in order],
        loc="lower left",
        bbox_to_anchor=(-0.008, 1.005),
        ncols=len(order),
        handlelength=1.1,
        handleheight=0.8,
        columnspacing=1.4,
        borderaxespad=0,
    )
