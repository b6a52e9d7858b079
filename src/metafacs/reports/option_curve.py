"""Scores over the values of one option."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isfinite

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from metafacs.evaluation.records import Record
from metafacs.evaluation.statistics import auc_of, spread
from metafacs.reports.comparison import Comparison
from metafacs.reports.options import options_of, told
from metafacs.reports.style import INK, PALETTE, blank_figure, house_style
from metafacs.reports.tables import Column, Table, percent

_LOGARITHMIC_FROM = 100
"""Ratio of the largest value to the smallest from which on the axis is logarithmic."""

_SMALLEST_SPAN = 2.0
"""Points that an axis of scores spans at least, so that differences of nothing do not look like some."""


def runs_by_value(comparison: Comparison, option: str) -> dict[float, list[Record]]:
    """Return the runs of a method by the value of an option, ascending; runs that lost are among them.

    Folds are of other people and seeds of other luck: only those are compared that every value has.

    Args:
        comparison: The records; those of methods without the option are left out.
        option: Name of an option whose values are numbers, e.g. ``focus``.

    Raises:
        ValueError: If no method has the option, a value is no number, the runs differ in more than it, or no
            fold and seed is there at every value.
    """
    having = [(record, options_of(record)) for record in comparison.all_records]
    having = [(record, options) for record, options in having if option in options]
    if not having:
        raise ValueError(f"no record is of a method with an option {option}; see 'metafacs train --help'")
    settings = [
        {"method": record.method, **{name: told(value) for name, value in options.items() if name != option}}
        for record, options in having
    ]
    differing = sorted({name for s in settings for name in s if s[name] != settings[0].get(name)})
    if differing:
        raise ValueError(
            f"the runs differ in more than {option}: in {', '.join(differing)}; give a folder with records "
            "of one row at several values"
        )
    groups: dict[float, list[Record]] = {}
    for record, options in having:
        value = options[option]
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise ValueError(f"{option} is {value!r}, no number to draw a curve over")
        groups.setdefault(float(value), []).append(record)
    everywhere = set.intersection(*({run.run[1] for run in runs} for runs in groups.values()))
    if not everywhere:
        raise ValueError(f"no fold and seed has been run at every value of {option}")
    return {value: [run for run in groups[value] if run.run[1] in everywhere] for value in sorted(groups)}


def curve_table(comparison: Comparison, option: str) -> Table:
    """Return a row per value of an option: average AUC and F1 and, where it is known, the landmark error.

    A value whose runs all lost has no scores.
    """
    groups = runs_by_value(comparison, option)
    scores = _scores(groups)
    drawn = comparison.only(lambda record: option in options_of(record))
    label, tag = drawn.label, drawn.tag
    left_out = len(drawn.all_records) - sum(map(len, groups.values()))
    rows = [
        (
            f"{value:g}",
            *(percent(spread(found[value])) if found.get(value) else "" for found in scores.values()),
            str(sum(run.lost is None for run in runs)),
            str(sum(run.lost is not None for run in runs)),
        )
        for value, runs in groups.items()
    ]
    return Table(
        title=f"{drawn.records[0].method} over {option} on {drawn.held_out} ({label})",
        columns=(
            Column(option),
            *(Column(head, label, tag) for head in scores),
            Column("sound runs"),
            Column("lost runs"),
        ),
        rows=tuple(rows),
        note="Percent, mean ± standard deviation over the sound runs"
        + (f"; left out: {left_out} of folds or seeds that not every value has." if left_out else "."),
        name=f"curve_{option}",
    )


def option_curve(comparison: Comparison, option: str) -> Figure:
    """Draw average AUC and F1 and, where it is known, the landmark error over the values of an option.

    Lines join means over runs, dots are runs; the axis tells of runs that lost, and is logarithmic where
    values span a factor of 100.
    """
    groups = runs_by_value(comparison, option)
    scores = _scores(groups)
    with house_style():
        figure, panels = blank_figure(4.2 * len(scores), 3.3, 1, len(scores))
        for axes, (name, values) in zip(panels, scores.items(), strict=True):
            _line(axes, values)
            _axis(axes, groups)
            axes.set_xlabel(option)
            axes.set_ylabel(f"{name}, %")
        panels[0].set_title(f"{comparison.held_out} ({comparison.label})")
    return figure


def _scores(groups: Mapping[float, Sequence[Record]]) -> dict[str, dict[float, list[float]]]:
    """Return the scores that every sound run tells: value of the option -> those of its sound runs."""
    sound = {value: [run for run in runs if run.lost is None] for value, runs in groups.items()}
    sound = {value: runs for value, runs in sound.items() if runs}
    found = {
        "average AUC": {value: [auc_of(run) for run in runs] for value, runs in sound.items()},
        "average F1": {value: [run.f1_average for run in runs] for value, runs in sound.items()},
        "landmark error": {
            value: [run.landmarks.mean_error for run in runs if run.landmarks is not None]
            for value, runs in sound.items()
        },
    }
    return {
        name: scores
        for name, scores in found.items()
        if all(scores[value] and all(map(isfinite, scores[value])) for value in sound)
    }


def _line(axes: Axes, values: dict[float, list[float]]) -> None:
    means = [100 * spread(found).mean for found in values.values()]
    axes.plot(list(values), means, color=PALETTE["teal"], marker="o", markersize=3.5)
    for place, found in values.items():
        axes.plot([place] * len(found), [100 * v for v in found], ".", color=INK, markersize=2.6, alpha=0.55)
    low, high = axes.get_ylim()
    missing = max(_SMALLEST_SPAN - (high - low), 0) / 2
    axes.set_ylim(low - missing, high + missing)


def _axis(axes: Axes, groups: Mapping[float, Sequence[Record]]) -> None:
    places, labels = list(groups), []
    for place, runs in groups.items():
        lost = sum(run.lost is not None for run in runs)
        labels.append(f"{place:g}" + (f"\n{lost} of {len(runs)}\nlost" if lost else ""))
    if places[0] > 0 and places[-1] / places[0] >= _LOGARITHMIC_FROM:
        axes.set_xscale("log")
    axes.set_xticks(places, labels)
    axes.minorticks_off()
