"""How training went: losses, learned weights and accuracy over the iterations, per row and fold."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from metafacs.evaluation.records import Record
from metafacs.reports.comparison import Comparison
from metafacs.reports.content import DrawnFigure
from metafacs.reports.papers.paper import TrainingCurves
from metafacs.reports.style import MUTED, PALETTE, TASKS, blank_figure, house_style, inline_svg, task_colour

ACCURACY = "accuracy_expression"
"""Curve of the share of training pictures whose expression is recognised."""

_COLUMNS = 3


def curves_of_rows(comparison: Comparison, rows: Sequence[str]) -> TrainingCurves:
    """Return the figure of whatever curves rows have recorded.

    Args:
        comparison: The records.
        rows: Names of its rows; none for all.

    Raises:
        ValueError: If there is no such row, or nothing of them was recorded.
    """
    chosen = tuple(rows) or comparison.names
    for row in chosen:
        if not _runs(comparison, row):
            raise ValueError(
                f"there is no row {row} to draw curves of; the rows are {', '.join(comparison.names)}"
            )
    found = TrainingCurves(
        losses=tuple(row for row in chosen if _has(comparison, row, "loss")),
        weights=tuple(row for row in chosen if _has(comparison, row, "weight")),
        gains=tuple(row for row in chosen if _has(comparison, row, "gain")),
        accuracy=tuple(row for row in chosen if _has(comparison, row, "accuracy")),
    )
    if not (found.losses or found.weights or found.gains or found.accuracy):
        raise ValueError(
            f"no run of {', '.join(chosen)} has recorded losses or weights per task, or an accuracy"
        )
    return found


def curves_figure(comparison: Comparison, drawn: TrainingCurves, *, name: str) -> DrawnFigure | None:
    """Return the figure with its caption; None if no run of these rows has a history.

    Args:
        comparison: The records.
        drawn: Which rows.
        name: Of the figure on its page.
    """
    note = f" ({drawn.note})" if drawn.note else ""
    parts = {
        "loss per task of": drawn.losses,
        f"average weight per task{note} of": drawn.weights,
        "by how much a unit of weight on a picture lowers the validation loss in one step, per task of": (
            drawn.gains
        ),
        "accuracy on training pictures of": drawn.accuracy,
    }
    told = "; ".join(f"{what} {', '.join(rows)}" for what, rows in parts.items() if rows)
    if not any(_has(comparison, row, kind) for rows in parts.values() for row in rows for kind in _KINDS):
        return None
    paper = comparison.paper
    number = drawn.printed_in.get(comparison.data)
    printed = f"As {number} of {paper.citation}, on" if number and paper else "On"
    return DrawnFigure(
        "Losses and learned weights during training",
        inline_svg(
            training_curves(comparison, drawn),
            name=name,
            alt=f"Curves over iterations on {comparison.label}: {told}",
        ),
        f"{printed} {comparison.label}: {told}. Thin: as recorded, means over a few iterations; thick: "
        "running mean.",
    )


def training_curves(comparison: Comparison, drawn: TrainingCurves) -> Figure:
    """Draw losses, weights, gains and accuracy over iterations: a panel per row of each, one of accuracies.

    Thin lines are the batches as recorded, thick lines their running mean.

    Args:
        comparison: The records; the first seed of each fold is drawn.
        drawn: Which rows.

    Raises:
        ValueError: If no record of these rows has a history.
    """
    rows = dict.fromkeys((*drawn.losses, *drawn.weights, *drawn.gains, *drawn.accuracy))
    recorded = {row: _first_seeds(_runs(comparison, row)) for row in rows}
    folds = sorted({fold for runs in recorded.values() for fold in runs})
    if not folds:
        raise ValueError(f"curves need a record of {' or '.join(rows)} with a history")
    count = len(drawn.losses) + len(drawn.weights) + len(drawn.gains) + bool(drawn.accuracy)
    columns = min(_COLUMNS, count)
    lines = -(-count // columns)
    with house_style():
        figure, axes = blank_figure(
            3.4 * columns, 0.35 + 2.75 * lines * len(folds), lines * len(folds), columns
        )
        for number, fold in enumerate(folds):
            block = axes[columns * lines * number : columns * lines * (number + 1)]
            runs = {row: found.get(fold) for row, found in recorded.items()}
            _draw_fold(block, runs, drawn, comparison, f", fold {fold}" if len(folds) > 1 else "")
            for panel in block[count:]:
                panel.set_axis_off()
            for panel in block[max(0, count - columns) : count]:
                panel.set_xlabel("iteration")
    return figure


def _draw_fold(
    axes: Sequence[Axes],
    runs: dict[str, Record | None],
    drawn: TrainingCurves,
    comparison: Comparison,
    where: str,
) -> None:
    panels = iter(axes)
    loss_axes = [next(panels) for _ in drawn.losses]
    for panel, row in zip(loss_axes, drawn.losses, strict=True):
        panel.set_title(f"{row}: loss{where}")
        _tasks(panel, runs[row], "loss")
    top = max((panel.get_ylim()[1] for panel in loss_axes), default=1.0)
    for panel in loss_axes:
        panel.set_ylim(0, top)
    for row in drawn.weights:
        panel = next(panels)
        panel.set_title(f"{row}: average weight{where}")
        if _tasks(panel, runs[row], "weight"):
            panel.axhline(0.5, color=MUTED, linewidth=0.8, linestyle=(0, (2.5, 2)))
            _even_limits(panel)
    for row in drawn.gains:
        panel = next(panels)
        panel.set_title(f"{row}: gain of weight{where}")
        _tasks(panel, runs[row], "gain")
        panel.axhline(0, color=MUTED, linewidth=0.8, linestyle=(0, (2.5, 2)))
    if drawn.accuracy:
        panel = next(panels)
        panel.set_title(f"accuracy{where}")
        for row in drawn.accuracy:
            record = runs[row]
            if record is not None and ACCURACY in record.history:
                colour = PALETTE[
                    next(comparison.colours[n] for n in comparison.names if _is(comparison, n, row))
                ]
                _line(panel, record, ACCURACY, colour, row)
        _finish(panel)


def _tasks(axes: Axes, record: Record | None, kind: str) -> bool:
    """Draw one line per task; return whether they are shares that sum to one."""
    curves = {task: _curve(kind, task) for task in TASKS}
    found = {task: curve for task, curve in curves.items() if record and curve in record.history}
    if record is None or not found:
        axes.text(0.5, 0.5, "not recorded", transform=axes.transAxes, ha="center", color=MUTED)
        return False
    for task, curve in found.items():
        _line(axes, record, curve, task_colour(task), task)
    _finish(axes)
    total = np.sum([record.history[curve] for curve in found.values()], axis=0)
    return len(found) > 1 and bool(np.allclose(total, 1, atol=1e-3))


def _line(axes: Axes, record: Record, curve: str, colour: str, label: str) -> None:
    iterations, values = np.asarray(record.history["iteration"]), np.asarray(record.history[curve])
    axes.plot(iterations, values, color=colour, linewidth=0.7, alpha=0.35)
    axes.plot(iterations, running_mean(values), color=colour, linewidth=1.8, label=label)


def _finish(axes: Axes) -> None:
    axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
    axes.margins(x=0.02)
    if axes.lines:
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


def _curve(kind: str, task: str) -> str:
    return f"{kind}_{task.replace(' ', '_')}"


_KINDS: dict[str, tuple[str, ...]] = {
    "loss": tuple(_curve("loss", task) for task in TASKS),
    "weight": tuple(_curve("weight", task) for task in TASKS),
    "gain": tuple(_curve("gain", task) for task in TASKS),
    "accuracy": (ACCURACY,),
}
"""Kind of panel -> curves that it draws."""


def _runs(comparison: Comparison, row: str) -> list[Record]:
    """Return the runs of a row, named in full or as the paper names it."""
    return [
        run
        for name in comparison.names
        if _is(comparison, name, row)
        for run in comparison.rows.get(name, ())
    ]


def _is(comparison: Comparison, name: str, row: str) -> bool:
    return name == row or name in comparison.of(row)


def _has(comparison: Comparison, row: str, kind: str) -> bool:
    return any(curve in run.history for run in _runs(comparison, row) for curve in _KINDS[kind])


def _first_seeds(runs: Sequence[Record]) -> dict[int, Record]:
    first: dict[int, Record] = {}
    for run in sorted(runs, key=lambda run: run.seed):
        if run.history:
            first.setdefault(run.data.fold, run)
    return first
