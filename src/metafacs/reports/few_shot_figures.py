"""Figures of few-shot accuracies: per action unit, per person, over gradient steps."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from metafacs.evaluation.few_shot_records import FewShotRecord
from metafacs.evaluation.few_shot_statistics import (
    accuracy_spreads,
    average_accuracy,
    person_averages,
    reported_step,
)
from metafacs.evaluation.statistics import Spread
from metafacs.reports.few_shot_comparison import FewShotComparison, few_shot_label
from metafacs.reports.style import (
    INK,
    MUTED,
    PALETTE,
    RULE,
    blank_figure,
    house_style,
    legend_label,
    row_colours,
)

CHANCE = 0.5
_DASHES = ("--", "-", ":", "-.")
_BAR_WIDTH = 0.07
_LEGEND_COLUMNS = 4
_UPRIGHT_FROM = 20
"""Names below the bars from which on they stand upright."""


def accuracy_by_au(models: Mapping[str, Sequence[FewShotRecord]], colours: Mapping[str, str]) -> Figure:
    """Draw accuracy per AU as one bar per model, as Figs. 10 and 13 of Lee et al.

    Args:
        models: Name in the legend -> records of one learner and number of shots, one per person. Two
            learners of one protocol make Fig. 10;
            :attr:`~metafacs.reports.few_shot_transfer.FewShotTransfer.models`, trained on different data sets
            and tested on the same people, make Fig. 13.
        colours: Learner -> name of its colour, where it has one.

    Returns:
        Means over people, with whiskers of one standard deviation over people.
    """
    step = reported_step(next(iter(models.values())))
    spreads = {name: accuracy_spreads(records, step) for name, records in models.items()}
    aus = sorted({au for values in spreads.values() for au in values})
    bars = {
        name: [
            *(values.get(au, Spread(math.nan, math.nan, 0)) for au in aus),
            average_accuracy(models[name], step),
        ]
        for name, values in spreads.items()
    }
    names = [*(f"AU{au}" for au in aus), "average"]
    return _bars(bars, names, _title(models, step), _drawn_in(models, colours))


def accuracy_by_person(models: Mapping[str, Sequence[FewShotRecord]], colours: Mapping[str, str]) -> Figure:
    """Draw accuracy per person, averaged over AUs, as one bar per model, as Fig. 11 of Lee et al.

    Args:
        models: As for :func:`accuracy_by_au`.
        colours: Learner -> name of its colour, where it has one.
    """
    step = reported_step(next(iter(models.values())))
    people = sorted({record.subject for records in models.values() for record in records})
    bars = {}
    for name, records in models.items():
        averages = person_averages(records, step)
        bars[name] = [
            *(Spread(averages.get(person, math.nan), math.nan, 1) for person in people),
            average_accuracy(records, step),
        ]
    return _bars(bars, [*people, "average"], _title(models, step), _drawn_in(models, colours))


def accuracy_by_steps(comparison: FewShotComparison) -> Figure:
    """Draw the average accuracy after each number of gradient steps, as Fig. 14 of Lee et al.

    Args:
        comparison: Any learners, shots and people.

    Returns:
        One line per learner and number of shots, its band one standard error over people.
    """
    groups, steps = comparison.groups, np.array(comparison.records[0].steps)
    with house_style():
        figure, (axes,) = blank_figure(7.6, 3.9)
        dashes = dict(zip(sorted({shots for shots, _ in groups}), _DASHES, strict=False))
        learners = list(dict.fromkeys(learner for _, learner in groups))
        colours = row_colours(learners, comparison.colours)
        for (shots, learner), group in groups.items():
            found = [average_accuracy(group, step) for step in steps.tolist()]
            means = np.array([value.mean for value in found])
            errors = np.array([value.std / math.sqrt(max(value.count, 1)) for value in found])
            colour = PALETTE[colours[learner]]
            axes.plot(
                steps,
                means,
                color=colour,
                linestyle=dashes.get(shots, "-"),
                marker="o",
                markersize=3.5,
                label=legend_label(f"{learner}, {shots} shot"),
            )
            if not np.isnan(errors).any():
                axes.fill_between(
                    steps, means - errors, means + errors, color=colour, alpha=0.12, linewidth=0
                )
        _chance(axes)
        axes.set_xticks(steps)
        axes.set_xlabel("gradient steps of adaptation")
        axes.set_ylabel("accuracy")
        axes.set_title(f"Accuracy over gradient steps ({comparison.label})")
        axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5))
    return figure


def _bars(
    bars: Mapping[str, Sequence[Spread]], names: Sequence[str], title: str, colours: Mapping[str, str]
) -> Figure:
    with house_style():
        entries = len(bars) + 1
        columns = min(entries, _LEGEND_COLUMNS)
        lines = math.ceil(entries / columns)
        width = max(10.2, 1.2 + _BAR_WIDTH * len(bars) * len(names))
        figure, (axes,) = blank_figure(width, 3.4 + 0.3 * lines)
        # The average stands apart from the groups by half a group.
        places = np.r_[np.arange(len(names) - 1), len(names) - 0.5]
        thickness = 0.78 / len(bars)
        for number, (name, values) in enumerate(bars.items()):
            shift = (number - (len(bars) - 1) / 2) * thickness
            means = np.array([value.mean for value in values])
            axes.bar(
                places + shift,
                means,
                thickness * 0.92,
                color=colours[name],
                label=legend_label(name),
                linewidth=0,
            )
            deviations = np.nan_to_num([value.std for value in values])
            axes.errorbar(
                places + shift,
                means,
                deviations,
                fmt="none",
                ecolor=INK,
                elinewidth=0.9,
                alpha=0.6,
            )
        _chance(axes)
        axes.axvline(len(names) - 1.25, color=RULE, linewidth=0.8)
        axes.set_xticks(places, names, rotation=90 if len(names) > _UPRIGHT_FROM else 0)
        axes.margins(x=0.01)
        axes.set_ylim(0.3, 1)
        axes.set_ylabel("accuracy")
        axes.set_title(title, pad=6 + 18 * lines)
        axes.legend(loc="lower left", bbox_to_anchor=(-0.008, 1.005), ncols=columns, borderaxespad=0)
    return figure


def _chance(axes: Axes) -> None:
    axes.axhline(CHANCE, color=MUTED, linewidth=0.9, linestyle=(0, (2.5, 2)), label="chance")


def _drawn_in(models: Mapping[str, Sequence[FewShotRecord]], colours: Mapping[str, str]) -> dict[str, str]:
    """Return how each model is drawn: in the colour of its learner, which the learner's first model takes."""
    firsts: dict[str, str] = {}
    for name, records in models.items():
        firsts.setdefault(records[0].learner, name)
    known = {name: colours[learner] for learner, name in firsts.items() if learner in colours}
    return {name: PALETTE[colour] for name, colour in row_colours(list(models), known).items()}


def _title(models: Mapping[str, Sequence[FewShotRecord]], step: int) -> str:
    label = few_shot_label(*(records[0] for records in models.values()))
    shots = " and ".join(str(s) for s in sorted({r.shots for rs in models.values() for r in rs}))
    return f"Accuracy after {step} gradient steps, {shots} shot ({label})"
