"""Tables of few-shot accuracies by action unit and by gradient steps, the paper's numbers beside ours."""

from __future__ import annotations

import math
from collections.abc import Sequence

from metafacs.evaluation.few_shot_records import FewShotRecord
from metafacs.evaluation.few_shot_statistics import (
    accuracy_spreads,
    average_accuracy,
    error_of_draws,
    paired_gain,
    without_filled,
)
from metafacs.evaluation.statistics import Estimate, Spread, spread
from metafacs.facs import au_name
from metafacs.reports.few_shot_comparison import FewShotComparison
from metafacs.reports.papers.claimed import HigherFewShotAccuracy
from metafacs.reports.tables import Column, Table, cited

AVERAGED = "Mean over action units of the mean over the people who have them"
"""How every average of few-shot accuracies and their differences is taken."""


def accuracy_table(comparison: FewShotComparison) -> Table:
    """Return accuracy per AU, shots and learner, the paper's columns beside ours.

    Args:
        comparison: Any learners, shots and people.

    Returns:
        One row per AU and one for the average; mean, and ± one standard deviation over people.
    """
    groups, step, label = comparison.groups, comparison.step, comparison.label
    paper = comparison.printed
    spreads = {key: accuracy_spreads(group, step) for key, group in groups.items()}
    printed = [
        (comparison.printed_name(learner), shots, learner)
        for shots, learner in groups
        if paper and (comparison.printed_name(learner), shots) in paper.accuracy
    ]
    columns = [Column("Action unit", text=True), *_columns(comparison)]
    columns += [
        Column(f"{learner}, {shots} shot", f"printed, real {paper.data}", "printed")
        for _, shots, learner in printed
        if paper
    ]
    rows = []
    for au in sorted({au for values in spreads.values() for au in values}):
        ours = [_cell(values[au]) if au in values else "n/a" for values in spreads.values()]
        theirs = [
            f"{paper.accuracy[name, shots][paper.aus.index(au)]:.2f}" if au in paper.aus else ""
            for name, shots, _ in printed
            if paper
        ]
        rows.append((action_unit_cell(comparison.records, au), *ours, *theirs))
    averages = [_cell(average_accuracy(group, step)) for group in groups.values()]
    theirs = [f"{paper.average[name, shots]:.2f}" for name, shots, _ in printed if paper]
    rows.append(("Average", *averages, *theirs))
    return Table(
        title=f"Few-shot accuracy per action unit after {step} gradient steps ({label})",
        columns=tuple(columns),
        rows=tuple(rows),
        note=_note(comparison) + cited(comparison.paper, paper),
        name="accuracy",
        last_row_is_total=True,
    )


def steps_table(comparison: FewShotComparison) -> Table:
    """Return average accuracy after each number of gradient steps.

    Args:
        comparison: Any learners, shots and people.

    Returns:
        One row per number of steps, means to three places; where the paper claims one learner above another
        also how much it is, with an interval over people.
    """
    groups, label, tag = comparison.groups, comparison.label, comparison.tag
    columns = [Column("Gradient steps", text=True), *_columns(comparison)]
    compared = [(shots, pair) for pair in comparison.claimed for shots in comparison.shots_of(pair)]
    columns += [Column(f"{pair.better} - {pair.worse}, {shots} shot", label, tag) for shots, pair in compared]
    rows = []
    for step in comparison.records[0].steps:
        averages = [f"{average_accuracy(group, step).mean:.3f}" for group in groups.values()]
        gains = [
            paired_gain(groups[shots, pair.better], groups[shots, pair.worse], step)
            for shots, pair in compared
        ]
        rows.append((str(step), *averages, *map(gain_cell, gains)))
    return Table(
        title=f"Average few-shot accuracy by gradient steps ({label})",
        columns=tuple(columns),
        rows=tuple(rows),
        note=f"{AVERAGED}; in brackets the 95 % interval over people.",
        name="accuracy_by_steps",
    )


def seeds_table(comparison: FewShotComparison) -> Table:
    """Return the average accuracy of each seed of training; what a learner was not trained with is empty.

    Args:
        comparison: Any learners, shots, people and seeds.

    Returns:
        One row per seed, and one for the mean and, from two seeds on, ± one standard deviation over seeds.
    """
    found = {
        seed: {
            key: average_accuracy(group, comparison.step).mean
            for key, group in comparison.of_seed(seed).groups.items()
        }
        for seed in comparison.seeds
    }
    rows = [
        (str(seed), *(f"{means[key]:.3f}" if key in means else "" for key in comparison.groups))
        for seed, means in found.items()
    ]
    overall = [spread(means[key] for means in found.values() if key in means) for key in comparison.groups]
    return Table(
        title=f"Average few-shot accuracy by seed of training ({comparison.label})",
        columns=(Column("Seed", text=True), *_columns(comparison)),
        rows=(*rows, ("Mean", *(_cell(value, 3) for value in overall))),
        note=f"{AVERAGED}; ± one standard deviation over seeds.",
        name="accuracy_by_seed",
        last_row_is_total=True,
    )


def gains_table(comparison: FewShotComparison, reference: str) -> Table:
    """Return how much more accurate every other learner is than one of them.

    Args:
        comparison: Any shots, people and seeds, and two learners or more.
        reference: Learner that the others are compared with.

    Returns:
        One row per other learner, with the 95 % interval over people; empty where either was not tested.
    """
    groups = comparison.groups
    all_shots = sorted({shots for shots, _ in groups})
    others = [name for name in dict.fromkeys(name for _, name in groups) if name != reference]

    def cell(shots: int, learner: str) -> str:
        if (shots, learner) not in groups or (shots, reference) not in groups:
            return ""
        return gain_cell(paired_gain(groups[shots, learner], groups[shots, reference], comparison.step))

    return Table(
        title=f"Gain on {reference} after {comparison.step} gradient steps ({comparison.label})",
        columns=(
            Column("Learner", text=True),
            *(Column(f"{shots} shot", comparison.label, comparison.tag) for shots in all_shots),
        ),
        rows=tuple((learner, *(cell(shots, learner) for shots in all_shots)) for learner in others),
        note=f"Difference in accuracy. {AVERAGED}; in brackets the 95 % interval over people.",
        name="gains",
    )


def gain_cell(gain: Estimate) -> str:
    """Return a difference with its interval as the cell of a table; without the interval where there is none.

    >>> gain_cell(Estimate(0.05, 0.01, 0.0949, 0.95, 2000, 8))
    '+0.050 (+0.010 to +0.095)'
    """
    bounds = "" if math.isnan(gain.low) else f" ({gain.low:+.3f} to {gain.high:+.3f})"
    return f"{gain.value:+.3f}{bounds}"


def gains_in_words(comparison: FewShotComparison) -> list[str]:
    """Return a sentence per claim of the paper and number of shots on how much the better learner gains."""
    return [
        _gain_in_words(comparison, pair, shots)
        for pair in comparison.claimed
        for shots in comparison.shots_of(pair)
    ]


def _gain_in_words(comparison: FewShotComparison, pair: HigherFewShotAccuracy, shots: int) -> str:
    better, worse = comparison.groups[shots, pair.better], comparison.groups[shots, pair.worse]
    gain = paired_gain(better, worse, comparison.step)
    sentence = (
        f"{shots} shot: {pair.better} - {pair.worse} {gain.value:+.3f}, "
        + (
            "of one person"
            if math.isnan(gain.low)
            else f"{gain.level:.0%} interval over {gain.subjects} people [{gain.low:+.3f}, {gain.high:+.3f}]"
        )
        + (" (synthetic)" if comparison.synthetic else "")
    )
    balanced = without_filled(better), without_filled(worse)
    if any(record.accuracy for record in balanced[0]) and any(record.filled for record in better):
        without = paired_gain(*balanced, comparison.step)
        sentence += f", {without.value:+.3f} without tests that were filled up"
    paper = comparison.printed
    names = [(comparison.printed_name(learner), shots) for learner in (pair.better, pair.worse)]
    if paper and all(name in paper.average for name in names):
        printed = paper.average[names[0]] - paper.average[names[1]]
        sentence += f"; printed {printed:+.2f}, real {paper.data}"
    return sentence


def _columns(comparison: FewShotComparison) -> list[Column]:
    label, tag = comparison.label, comparison.tag
    return [Column(f"{learner}, {shots} shot", label, tag) for shots, learner in comparison.groups]


def action_unit_cell(records: Sequence[FewShotRecord], au: int) -> str:
    """Return an AU and what to know of its numbers: never trained on, or sets that could not be balanced."""
    people = {record.subject for record in records if au in record.accuracy}
    filled = {record.subject for record in records if au in record.filled}
    new = "" if au in records[0].trained_aus else ", new"
    unbalanced = f", filled for {len(filled)} of {len(people)}" if filled else ""
    return f"AU{au} {au_name(au)}{new}{unbalanced}"


def _note(comparison: FewShotComparison) -> str:
    records, groups = comparison.records, comparison.groups
    first = records[0]
    people = len({r.subject for r in records})
    testing = first.config["testing"]
    tasks = sum(len(r.accuracy) for r in records)
    filled, skipped = sum(len(r.filled) for r in records), sum(len(r.skipped) for r in records)
    note = (
        f"Accuracy on {testing['judged']} + {testing['judged']} pictures, mean over {testing['repetitions']} "
        f"draws{_over_seeds(comparison)}, then mean ± standard deviation over {people} people; the average's "
        f"spread is that of the people's averages. In {filled} of {tasks} tests missing pictures of one kind "
        f"were replaced by the other kind; {skipped} were left out."
    )
    error = max(error_of_draws(group, comparison.step) for group in groups.values())
    note += f" Other draws would move an average by ± {error:.4f} (standard error)."
    iterations = sorted({r.iterations for r in records})
    return f"{note} Iterations of training: {', '.join(map(str, iterations))}."


def _over_seeds(comparison: FewShotComparison) -> str:
    seeds = ", ".join(map(str, comparison.seeds))
    return f" and the seeds {seeds}" if len(comparison.seeds) > 1 else ""


def _cell(value: Spread, digits: int = 2) -> str:
    if math.isnan(value.mean):
        return "n/a"
    mean = f"{value.mean:.{digits}f}"
    return mean if math.isnan(value.std) else f"{mean} ± {value.std:.{digits}f}"
