"""Tables of few-shot accuracies in the layout of MAML-AU's Tables 1 to 3, the paper's numbers beside ours."""

from __future__ import annotations

import math
from collections.abc import Sequence

from metafacs.evaluation.few_shot_records import FewShotRecord
from metafacs.evaluation.few_shot_statistics import (
    accuracy_spreads,
    average_accuracy,
    error_of_draws,
    paired_gain,
    reported_step,
    without_filled,
)
from metafacs.evaluation.statistics import Spread
from metafacs.facs import au_name
from metafacs.reports.published import MAML_AU_TABLES
from metafacs.reports.tables import Column, Table

LEARNER_ORDER = ("baseline", "maml", "anil", "meta_sgd")

Groups = dict[tuple[int, str], list[FewShotRecord]]


def by_shots_and_learner(records: Sequence[FewShotRecord]) -> Groups:
    """Group records by shots, then learner in the order of the paper's columns.

    Raises:
        ValueError: If the records are of several protocols, or a group lacks people that another one has.
    """
    if not records:
        raise ValueError("there are no few-shot records to report")
    sources = {(r.trained_on, r.tested_on, r.synthetic, r.protocol, r.steps) for r in records}
    if len(sources) > 1:
        raise ValueError(f"one table is of one protocol, but the records have {sorted(map(str, sources))}")
    groups: Groups = {
        (shots, learner): [r for r in records if (r.shots, r.learner) == (shots, learner)]
        for shots in sorted({r.shots for r in records})
        for learner in LEARNER_ORDER
    }
    groups = {key: group for key, group in groups.items() if group}
    everybody = {r.subject for r in records}
    for (shots, learner), group in groups.items():
        if lacking := sorted(everybody - {r.subject for r in group}):
            raise ValueError(f"{learner} with {shots} shots lacks the people {', '.join(lacking)}")
    return groups


def few_shot_label(record: FewShotRecord) -> str:
    """Return what was trained and tested on in words, e.g. ``BP4D twin, synthetic``."""
    trained, tested = record.trained_on.upper(), record.tested_on.upper()
    label = tested if record.protocol == "leave_one_subject_out" else f"{tested}, trained on {trained}"
    return f"{label}, synthetic twins" if record.synthetic else label


def accuracy_table(records: Sequence[FewShotRecord]) -> Table:
    """Return accuracy per AU, shots and learner, the paper's columns beside ours.

    Args:
        records: Of one protocol: any learners, shots and people.

    Returns:
        One row per AU and one for the average; mean, and ± one standard deviation over people.
    """
    groups = by_shots_and_learner(records)
    first, step = records[0], reported_step(records)
    label = few_shot_label(first)
    paper = MAML_AU_TABLES.get((first.trained_on, first.tested_on))
    spreads = {key: accuracy_spreads(group, step) for key, group in groups.items()}
    printed = [key for key in ((s, n) for s, n in groups) if paper and (key[1], key[0]) in paper.accuracy]

    tag = "synthetic" if first.synthetic else ""
    columns = [Column("Action unit", text=True)]
    columns += [Column(f"{learner}, {shots} shot", label, tag) for shots, learner in groups]
    columns += [
        Column(f"{learner}, {shots} shot", f"printed, real {paper.data}", "printed")
        for shots, learner in printed
        if paper
    ]
    rows = []
    for au in sorted({au for values in spreads.values() for au in values}):
        ours = [_cell(values[au]) if au in values else "n/a" for values in spreads.values()]
        theirs = [
            f"{paper.accuracy[learner, shots][paper.aus.index(au)]:.2f}" if au in paper.aus else ""
            for shots, learner in printed
            if paper
        ]
        rows.append((f"AU{au} {au_name(au)}{_remarks(records, au)}", *ours, *theirs))
    averages = [_cell(average_accuracy(group, step)) for group in groups.values()]
    rows.append(
        ("Average", *averages, *(f"{paper.average[name, shots]:.2f}" for shots, name in printed if paper))
    )
    return Table(
        title=f"Few-shot accuracy per action unit after {step} gradient steps ({label})",
        columns=tuple(columns),
        rows=tuple(rows),
        note=_note(records, groups, step) + (f" Printed: {paper.source}, on people." if paper else ""),
        name="accuracy",
        last_row_is_total=True,
    )


def steps_table(records: Sequence[FewShotRecord]) -> Table:
    """Return average accuracy after each number of gradient steps, the points of Fig. 14 of MAML-AU.

    Args:
        records: Of one protocol: any learners, shots and people.

    Returns:
        One row per number of steps, means to three places; with ``maml`` and ``baseline`` also how much the
        one is above the other, with an interval over people.
    """
    groups = by_shots_and_learner(records)
    label, tag = few_shot_label(records[0]), "synthetic" if records[0].synthetic else ""
    columns = [Column("Gradient steps", text=True)]
    columns += [Column(f"{learner}, {shots} shot", label, tag) for shots, learner in groups]
    compared = [shots for shots, learner in groups if learner == "maml" and (shots, "baseline") in groups]
    columns += [Column(f"maml - baseline, {shots} shot", label, tag) for shots in compared]
    rows = []
    for step in records[0].steps:
        averages = [f"{average_accuracy(group, step).mean:.3f}" for group in groups.values()]
        gains = [paired_gain(groups[k, "maml"], groups[k, "baseline"], step) for k in compared]
        rows.append(
            (str(step), *averages, *(f"{g.value:+.3f} ({g.low:+.3f} to {g.high:+.3f})" for g in gains))
        )
    return Table(
        title=f"Average few-shot accuracy by gradient steps ({label})",
        columns=tuple(columns),
        rows=tuple(rows),
        note="Mean over action units of the mean over people; in brackets the 95 % interval over people.",
        name="accuracy_by_steps",
    )


def gains_in_words(records: Sequence[FewShotRecord]) -> list[str]:
    """Return a sentence per number of shots on how much MAML gains over the baseline; none without both."""
    groups, step = by_shots_and_learner(records), reported_step(records)
    sentences = []
    for shots in sorted({shots for shots, _ in groups}):
        maml, baseline = groups.get((shots, "maml")), groups.get((shots, "baseline"))
        if maml is None or baseline is None:
            continue
        gain = paired_gain(maml, baseline, step)
        sentence = (
            f"{shots} shot: maml - baseline {gain.value:+.3f}, {gain.level:.0%} interval over "
            f"{gain.subjects} people [{gain.low:+.3f}, {gain.high:+.3f}]"
            + (" (synthetic)" if records[0].synthetic else "")
        )
        balanced = without_filled(maml), without_filled(baseline)
        if any(record.accuracy for record in balanced[0]) and any(record.filled for record in maml):
            sentence += f", {paired_gain(*balanced, step).value:+.3f} without tests that were filled up"
        paper = MAML_AU_TABLES.get((records[0].trained_on, records[0].tested_on))
        if paper and shots in {k for _, k in paper.average}:
            printed = paper.average["maml", shots] - paper.average["baseline", shots]
            sentence += f"; printed {printed:+.2f}, real {paper.data}"
        sentences.append(sentence)
    return sentences


def _remarks(records: Sequence[FewShotRecord], au: int) -> str:
    """Return what to know of an AU's numbers: never trained on, or sets that could not be balanced."""
    people = {record.subject for record in records if au in record.accuracy}
    filled = {record.subject for record in records if au in record.filled}
    new = "" if au in records[0].trained_aus else ", new"
    return f"{new}, filled for {len(filled)} of {len(people)}" if filled else new


def _note(records: Sequence[FewShotRecord], groups: Groups, step: int) -> str:
    first = records[0]
    people = len({r.subject for r in records})
    testing = first.config["testing"]
    tasks = sum(len(r.accuracy) for r in records)
    filled, skipped = sum(len(r.filled) for r in records), sum(len(r.skipped) for r in records)
    note = (
        f"Accuracy on {testing['judged']} + {testing['judged']} pictures, mean over {testing['repetitions']} "
        f"draws, then mean ± standard deviation over {people} people; the average's spread is that of the "
        f"people's averages. In {filled} of {tasks} tests missing pictures of one kind were replaced by the "
        f"other kind; {skipped} were left out."
    )
    error = max(error_of_draws(group, step) for group in groups.values())
    note += f" Other draws would move an average by ± {error:.4f} (standard error)."
    iterations = sorted({r.iterations for group in groups.values() for r in group})
    return f"{note} Iterations of training: {', '.join(map(str, iterations))}."


def _cell(value: Spread) -> str:
    if math.isnan(value.mean):
        return "n/a"
    return f"{value.mean:.2f}" if math.isnan(value.std) else f"{value.mean:.2f} ± {value.std:.2f}"
