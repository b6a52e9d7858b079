"""Scores over the values of one option, as Figs 5 and 6 of Shang & Liu over lambda_sr and beta."""

from __future__ import annotations

import inspect
from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from metafacs.evaluation.records import Record
from metafacs.evaluation.statistics import Spread, average_f1_spread, spread
from metafacs.methods import METHODS
from metafacs.reports.rows import option_of
from metafacs.reports.style import INK, blank_figure, house_style, series_colour
from metafacs.reports.tables import Column, Table, by_method, data_label, held_out, percent, runs_in_words

_LOGARITHMIC_FROM = 100
"""Ratio of the largest value to the smallest from which on the axis is logarithmic."""


def runs_by_value(records: Sequence[Record], option: str) -> dict[float, list[Record]]:
    """Return the runs of a method by the value of an option, ascending.

    Args:
        records: Of one data set and split; those of methods without the option are left out.
        option: Name of an option whose values are numbers, e.g. ``focus``.

    Raises:
        ValueError: If no method has the option, a value is no number, or the runs differ in more than it.
    """
    by_method(records)
    having = [r for r in records if option in inspect.signature(METHODS[r.method]).parameters]
    if not having:
        raise ValueError(f"no record is of a method with an option {option}; see 'metafacs train --help'")
    settings = [
        {"method": r.method, **{name: option_of(r, name) for name in _others(r.method, option)}}
        for r in having
    ]
    differing = sorted({name for s in settings for name in s if s[name] != settings[0].get(name)})
    if differing:
        raise ValueError(
            f"the runs differ in more than {option}: in {', '.join(differing)}; give a folder with records "
            "of one row at several values"
        )
    groups: dict[float, list[Record]] = {}
    for record in having:
        value = option_of(record, option)
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise ValueError(f"{option} is {value!r}, no number to draw a curve over")
        groups.setdefault(float(value), []).append(record)
    return dict(sorted(groups.items()))


def curve_table(records: Sequence[Record], option: str) -> Table:
    """Return one row per value of an option: average F1 and, where it is known, the landmark error."""
    groups = runs_by_value(records, option)
    label, tag = data_label(records[0]), "synthetic" if records[0].data.synthetic else ""
    measured = any(_landmark_error(runs).count for runs in groups.values())
    heads = ["average F1", *(["landmark error"] if measured else [])]
    rows = []
    for value, runs in groups.items():
        scores = [average_f1_spread(runs), *([_landmark_error(runs)] if measured else [])]
        rows.append((f"{value:g}", *map(percent, scores), str(len(runs))))
    return Table(
        title=f"{next(iter(groups.values()))[0].method} over {option} on {held_out(records)} ({label})",
        columns=(Column(option), *(Column(head, label, tag) for head in heads), Column("runs")),
        rows=tuple(rows),
        note=f"Percent, {runs_in_words([run for runs in groups.values() for run in runs])}.",
        name=f"curve_{option}",
    )


def option_curve(records: Sequence[Record], option: str) -> Figure:
    """Draw average F1 and, where it is known, the landmark error over the values of an option.

    Lines join means over runs, dots are runs. The axis is logarithmic where values span a factor of 100.
    """
    groups = runs_by_value(records, option)
    f1 = {value: [run.f1_average for run in runs] for value, runs in groups.items()}
    errors = {
        value: [run.landmarks.mean_error for run in runs if run.landmarks is not None]
        for value, runs in groups.items()
    }
    drawn = {"average F1, %": f1}
    if all(errors.values()):
        drawn["landmark error, %"] = errors
    with house_style():
        figure, panels = blank_figure(4.6 * len(drawn), 3.3, 1, len(drawn))
        for axes, (name, values) in zip(panels, drawn.items(), strict=True):
            _line(axes, values)
            axes.set_xlabel(option)
            axes.set_ylabel(name)
        panels[0].set_title(f"{held_out(records)} ({data_label(records[0])})")
    return figure


def _line(axes: Axes, values: dict[float, list[float]]) -> None:
    places = list(values)
    means = [100 * spread(found).mean for found in values.values()]
    axes.plot(places, means, color=series_colour("mal"), marker="o", markersize=3.5)
    for place, found in values.items():
        axes.plot([place] * len(found), [100 * v for v in found], ".", color=INK, markersize=2.6, alpha=0.55)
    if places[0] > 0 and places[-1] / places[0] >= _LOGARITHMIC_FROM:
        axes.set_xscale("log")
    axes.set_xticks(places, [f"{place:g}" for place in places])
    axes.minorticks_off()


def _landmark_error(runs: Sequence[Record]) -> Spread:
    return spread(run.landmarks.mean_error for run in runs if run.landmarks is not None)


def _others(method: str, option: str) -> set[str]:
    return set(inspect.signature(METHODS[method]).parameters) - {"aus", "expressions", option}
