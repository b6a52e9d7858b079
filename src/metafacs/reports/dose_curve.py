"""Scores over the dose of what misleads, permuted labels or pictures without AUs, a line per method."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from matplotlib.figure import Figure

from metafacs.evaluation.auc_statistics import average_auc_interval, paired_auc_difference
from metafacs.evaluation.records import Record
from metafacs.evaluation.statistics import Estimate, average_f1_interval, paired_difference
from metafacs.reports.comparison import Comparison
from metafacs.reports.style import PALETTE, blank_figure, house_style, row_colours
from metafacs.reports.tables import Column, Table

DOSES = "expression_pictures"
"""Where in a record's configuration the doses are; see :class:`metafacs.data.expression_pictures`."""

AXES: dict[str, str] = {
    "permuted_labels": "share of permuted expression labels",
    "without_action_units": "share of pictures whose expression no AU carries",
}
"""Dose -> what it is, in words."""

ORACLE = "oracle"
"""Line of the runs that were told which pictures mislead."""

Line = Mapping[float, Sequence[Record]]


def runs_by_dose(comparison: Comparison, dose: str) -> dict[str, Line]:
    """Return the runs of each line by dose, ascending; runs with a dose of something else are left out.

    Args:
        comparison: The records; those that tell no dose are left out.
        dose: One of :data:`AXES`.

    Raises:
        ValueError: If there is no such dose, or the runs have only one.
    """
    if dose not in AXES:
        raise ValueError(f"there is no dose {dose}; choose {' or '.join(f'{DOSES}.{name}' for name in AXES)}")
    told = [(record, found) for record in comparison.records if (found := _doses(record))]
    others = [name for name in AXES if name != dose]
    values: dict[tuple[Any, ...], set[float]] = defaultdict(set)
    for _, found in told:
        if found.get(dose) is not None:
            values[tuple(found.get(name) for name in others)].add(float(found[dose]))
    kept = [rest for rest, doses in values.items() if len(doses) > 1]
    if len(kept) != 1:
        raise ValueError(
            f"the records have {'no' if not kept else 'more than one'} series of runs that differ in "
            f"{DOSES}.{dose}; give those of one dose-response study"
        )
    lines: dict[str, dict[float, list[Record]]] = defaultdict(lambda: defaultdict(list))
    for record, found in told:
        if found.get(dose) is not None and tuple(found.get(name) for name in others) == kept[0]:
            line = ORACLE if found.get("oracle") else record.method
            lines[line][float(found[dose])].append(record)
    return {line: dict(sorted(lines[line].items())) for line in sorted(lines, key=lambda n: (n == ORACLE, n))}


class _Score(NamedTuple):
    """What is drawn over the doses."""

    name: str
    interval: Callable[..., Estimate]
    difference: Callable[..., Estimate]


_SCORES = {
    "AUC": _Score("average AUC", average_auc_interval, paired_auc_difference),
    "F1": _Score("average F1", average_f1_interval, paired_difference),
}


def _scores(lines: Mapping[str, Line]) -> dict[str, _Score]:
    """Return the scores that the runs tell; older records do not hold what people make of the AUC."""
    told = all(run.auc_by_unit for line in lines.values() for runs in line.values() for run in runs)
    return {name: score for name, score in _SCORES.items() if told or name != "AUC"}


def dose_tables(comparison: Comparison, dose: str) -> list[Table]:
    """Return AUC and F1 per line and dose with intervals over people, and how far each line falls.

    Beside stands how far each line is above the oracle's own method that is told nothing, at the largest dose
    and person by person.
    """
    lines = runs_by_dose(comparison, dose)
    doses = sorted({value for line in lines.values() for value in line})
    told_all = next(iter(lines.get(ORACLE, {}).values()), ())
    untold = told_all[0].method if told_all else ""
    reference = lines.get(untold, {}).get(doses[-1], ())
    label, tag = comparison.label, comparison.tag
    tables, where = [], f"over the {AXES[dose]}, {comparison.held_out} ({label})"
    for short, score in _scores(lines).items():
        rows = []
        for name, line in lines.items():
            cells = [_told(score.interval(line[value])) if value in line else "" for value in doses]
            last = line[max(line)]
            changes = [(last, line[min(line)]), (line.get(doses[-1], ()), reference)]
            shared = [_shared(*pair) if pair[0] is not pair[1] else ([], []) for pair in changes]
            told = [_told(score.difference(*pair), "+.1f") if pair[0] else "" for pair in shared]
            rows.append((name, *cells, *told[: 2 if reference else 1]))
        tables.append(
            Table(
                title=f"Average {short} {where}",
                columns=(
                    Column("row", text=True),
                    *(Column(f"{value:g}", label, tag) for value in doses),
                    Column("last - first", label, tag),
                    *([Column(f"above {untold}, last", label, tag)] if reference else []),
                ),
                rows=tuple(rows),
                note=f"Percent, in brackets the 95% interval over people; {_runs_in_words(lines)}. "
                "Differences are over the folds and seeds that both have.",
                name=f"curve_{dose}_{short.lower()}",
            )
        )
    return tables


def dose_curve(comparison: Comparison, dose: str) -> Figure:
    """Draw AUC and F1 over a dose: a line per method, bars are 95 % intervals over people."""
    lines = runs_by_dose(comparison, dose)
    doses = sorted({value for line in lines.values() for value in line})
    known = comparison.paper.colours if comparison.paper else {}
    colours = row_colours(list(lines), {**known, ORACLE: "slate"})
    scores = _scores(lines)
    figure, panels = blank_figure(5.2 * len(scores), 3.8, 1, len(scores))
    with house_style():
        for axes, score in zip(panels, scores.values(), strict=True):
            for number, (name, line) in enumerate(lines.items()):
                aside = 0.012 * (doses[-1] - doses[0]) * (number - (len(lines) - 1) / 2)
                found = [score.interval(runs) for runs in line.values()]
                means = np.array([100 * each.value for each in found])
                bounds = np.array([[100 * each.low, 100 * each.high] for each in found]).T
                axes.errorbar(
                    np.array(list(line)) + aside,
                    means,
                    np.nan_to_num(np.stack([means - bounds[0], bounds[1] - means])).clip(min=0),
                    color=PALETTE[colours[name]],
                    linestyle=(0, (4, 2)) if name == ORACLE else "-",
                    marker="o",
                    markersize=3.5,
                    linewidth=1.4,
                    elinewidth=0.8,
                    label=name,
                )
            axes.set_xticks(doses, [f"{value:g}" for value in doses])
            axes.set_xlabel(AXES[dose])
            axes.set_ylabel(f"{score.name}, %")
        panels[0].set_title(f"{comparison.held_out} ({comparison.label})")
        # Above the panel: bars may stand anywhere in it.
        panels[-1].legend(ncols=3, fontsize=8, loc="lower right", bbox_to_anchor=(1, 1))
    return figure


def _shared(first: Sequence[Record], second: Sequence[Record]) -> tuple[list[Record], list[Record]]:
    """Return the runs of the folds and seeds that both have; within a study one may be ahead."""
    both = {run.run[1] for run in first} & {run.run[1] for run in second}
    ours, theirs = ([run for run in runs if run.run[1] in both] for runs in (first, second))
    return ours, theirs


def _doses(record: Record) -> Mapping[str, Any]:
    found = record.config.get(DOSES)
    return found if isinstance(found, Mapping) else {}


def _told(estimate: Estimate, form: str = ".1f") -> str:
    value, low, high = (100 * number for number in (estimate.value, estimate.low, estimate.high))
    return f"{value:{form}}" + ("" if np.isnan(low) else f" ({low:.1f} to {high:.1f})")


def _runs_in_words(lines: Mapping[str, Line]) -> str:
    counts = sorted({len(runs) for line in lines.values() for runs in line.values()})
    if counts == [1]:
        return "one run each: the luck of the seed is not in the interval"
    return f"{' or '.join(map(str, counts))} runs each"
