"""Tables of scores as Markdown, CSV and cells for the page.

A table made from a twin says *synthetic* in its title and in every column of measured scores, so that no
part of it can be taken for a result on people.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Collection
from dataclasses import dataclass
from operator import attrgetter

from metafacs.evaluation.seed_statistics import average_f1_spread, f1_spreads, run_spread, run_spreads
from metafacs.evaluation.statistics import (
    LEVEL,
    Spread,
    auc_of,
    average_f1,
    average_f1_interval,
    detection_accuracy_of,
    spread,
)
from metafacs.facs import au_name
from metafacs.reports.comparison import Comparison
from metafacs.reports.papers.paper import Paper, PrintedAccuracies, PrintedExpressions, PrintedF1
from metafacs.texts import cell, markdown


@dataclass(frozen=True)
class Column:
    """A column.

    Attributes:
        head: Name of the column.
        group: Printed above neighbouring columns of the same group.
        tag: Short form of the group, for formats that have one line of heads.
        text: Whether it holds text rather than numbers.
    """

    head: str
    group: str = ""
    tag: str = ""
    text: bool = False


@dataclass(frozen=True)
class Table:
    """A finished table of text cells.

    Attributes:
        title: One line.
        columns: Heads from left to right.
        rows: Cells as printed; every row has one cell per column.
        note: What the numbers are: units, spread, source.
        name: Of its files, without ending; empty if it is not written by itself.
        last_row_is_total: True if the last row summarises the others.
    """

    title: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str = ""
    name: str = ""
    last_row_is_total: bool = False

    def __post_init__(self) -> None:
        uneven = [row for row in self.rows if len(row) != len(self.columns)]
        if uneven:
            raise ValueError(
                f"table '{self.title}' has {len(self.columns)} columns, but a row has {uneven[0]}"
            )

    def to_markdown(self) -> str:
        """Return the table as GitHub Markdown with title and note."""
        heads = [markdown(_flat_head(column)) for column in self.columns]
        rule = [":---" if column.text else "---:" for column in self.columns]
        rows = [list(map(markdown, row)) for row in self.rows]
        if self.last_row_is_total and rows:
            rows[-1] = [f"**{text}**" if text else text for text in rows[-1]]
        lines = [
            f"**{markdown(self.title)}**",
            "",
            *(f"| {' | '.join(row)} |" for row in (heads, rule, *rows)),
        ]
        return "\n".join([*lines, "", markdown(self.note), ""] if self.note else [*lines, ""])

    def to_csv(self) -> str:
        """Return heads and rows as CSV; groups are part of the heads."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(cell(_flat_head(column)) for column in self.columns)
        writer.writerows(map(cell, row) for row in self.rows)
        return text.getvalue()


def faces_in_words(*, tested: bool, trained: bool) -> str:
    """Return what to know of faces that were rendered: the pictures tested on, or those trained on only.

    >>> faces_in_words(tested=False, trained=True)
    'model of synthetic faces'
    """
    return "synthetic" if tested else "model of synthetic faces" if trained else ""


def f1_table(comparison: Comparison) -> Table:
    """Return F1 per AU and row in percent, the paper's rows beside ours.

    Args:
        comparison: The records.

    Returns:
        One row per AU and one for the average; mean, and ± one standard deviation over runs where there is
        more than one. Printed columns are those of the paper's rows that methods here stand for.
    """
    label, tag, printed = comparison.label, comparison.tag, comparison.printed_f1
    spreads = {name: f1_spreads(runs) for name, runs in comparison.rows.items()}
    averages = [percent(average_f1_spread(runs)) for runs in comparison.rows.values()]
    names = counterparts(comparison.paper, printed.average) if printed else []

    columns = [Column("Action unit", text=True), Column("present, %", label, tag)]
    columns += [Column(head, label, tag) for head in ("guess", *comparison.rows)]
    columns += [Column(name, f"printed, real {printed.data}", "printed") for name in names if printed]
    rates = comparison.presence_rates
    rows = []
    for au in comparison.aus:
        theirs = [_printed(printed, name, au) for name in names if printed]
        ours = [percent(found[au]) for found in spreads.values()]
        rate = rates[au]
        present = "" if math.isnan(rate) else f"{100 * rate:.1f}"
        # Where nobody shows the AU, no F1 has a value.
        guess = f"{100 * always_present_f1(rate):.1f}" if rate > 0 else ""
        rows.append((f"AU{au} {au_name(au)}", present, guess, *ours, *theirs))
    guesses = [always_present_f1(rate) for rate in rates.values() if rate > 0]
    guess = f"{100 * sum(guesses) / len(guesses):.1f}" if guesses else ""
    theirs = [f"{printed.average[name]:.1f}" for name in names if printed]
    rows.append(("Average", "", guess, *averages, *theirs))
    return Table(
        title=f"F1 per action unit on {comparison.held_out} ({label})",
        columns=tuple(columns),
        rows=tuple(rows),
        note=(
            f"F1 in percent, {comparison.runs_in_words}. {comparison.thresholds_in_words} "
            "'present': share of known test labels that are positive; 'guess': F1 of answering 'present' "
            "every time."
            f"{cited(comparison.paper, printed)}"
        ),
        name="f1",
        last_row_is_total=True,
    )


def auc_table(comparison: Comparison) -> Table:
    """Return the area under the ROC curve per AU and row in percent, which depends on no threshold.

    Returns:
        One row per AU and one for the average; mean, and ± one standard deviation over runs where there is
        more than one.
    """
    spreads = [run_spreads(runs, attrgetter("auc")) for runs in comparison.rows.values()]
    rows = [(f"AU{au} {au_name(au)}", *(percent(found[au]) for found in spreads)) for au in comparison.aus]
    averages = (percent(run_spread(runs, auc_of)) for runs in comparison.rows.values())
    return Table(
        title=f"AUC per action unit on {comparison.held_out} ({comparison.label})",
        columns=(
            Column("Action unit", text=True),
            *(Column(name, comparison.label, comparison.tag) for name in comparison.rows),
        ),
        rows=(*rows, ("Average", *averages)),
        note=(
            f"Area under the ROC curve in percent, {comparison.runs_in_words}: how often a picture that "
            "shows the AU has a higher probability than one that does not. Guessing gets 50; thresholds play "
            "no part."
        ),
        name="auc",
        last_row_is_total=True,
    )


def printed_table(comparison: Comparison) -> Table | None:
    """Return the paper's whole table of F1 for these data as it is printed; None if there is none."""
    printed = comparison.printed_f1
    if printed is None:
        return None
    group = f"printed, real {printed.data}"
    heads = [*(f"AU{au}" for au in printed.aus), "average", *(["accuracy"] if printed.accuracy else [])]
    scores = "F1 per action unit and accuracy" if printed.accuracy else "F1 per action unit"
    return Table(
        title=f"{scores} as printed for real {printed.data}",
        columns=(Column("Method", text=True), *(Column(head, group, "printed") for head in heads)),
        rows=tuple(
            (
                *(name, *(_printed(printed, name, au) for au in printed.aus), f"{average:.1f}"),
                *([_printed_accuracy(printed, name)] if printed.accuracy else []),
            )
            for name, average in printed.average.items()
        ),
        note=f"Percent.{cited(comparison.paper, printed)}",
        name="printed",
    )


def cited(paper: Paper | None, printed: PrintedF1 | PrintedExpressions | PrintedAccuracies | None) -> str:
    """Return where printed numbers are from as the end of a note; empty if there are none."""
    return f" Printed: {paper.citation}, {printed.printed_in}, on people." if paper and printed else ""


def summary_table(comparison: Comparison) -> Table:
    """Return one line per row: AUC, average F1 with spread and interval, accuracy and cost."""
    label, tag = comparison.label, comparison.tag
    printed = comparison.printed_f1
    theirs = printed if printed and printed.accuracy else None
    rows = []
    for name in comparison.names:
        runs, lost = comparison.rows.get(name, []), comparison.losses_in_words(name)
        accuracy = [_printed_accuracy(theirs, comparison.printed_name(name))] if theirs else []
        if not runs:
            rows.append((name, *["n/a"] * 5, *accuracy, lost, "", ""))
            continue
        interval = average_f1_interval(runs)
        minutes = spread(run.seconds.get("train", float("nan")) / 60 for run in runs)
        bounds = f"{100 * interval.low:.1f} to {100 * interval.high:.1f}"
        rows.append(
            (
                name,
                percent(run_spread(runs, auc_of)),
                percent(average_f1_spread(runs)),
                "n/a" if math.isnan(interval.low) else bounds,
                f"{100 * average_f1(runs, 'pooled'):.1f}",
                percent(run_spread(runs, detection_accuracy_of)),
                *accuracy,
                f"{len(runs)}, {lost}" if lost else str(len(runs)),
                f"{max(run.iterations for run in runs):,}",
                "" if math.isnan(minutes.mean) else f"{minutes.mean:.1f}",
            )
        )
    scores = ("AUC", "average F1", f"{LEVEL:.0%} interval", "pooled F1", "accuracy")
    cost = ("runs", "iterations", "minutes per run")
    return Table(
        title=f"Methods compared on {comparison.held_out} ({label})",
        columns=(
            Column("Method", text=True),
            *(Column(head, label, tag) for head in scores),
            *([Column("accuracy", f"printed, real {theirs.data}", "printed")] if theirs else []),
            *map(Column, cost),
        ),
        rows=tuple(rows),
        note=(
            f"Percent, averaged over AUs, {comparison.runs_in_words}. AUC needs no threshold. "
            f"{comparison.thresholds_in_words} "
            f"{_interval_in_words(comparison.people)} 'pooled' adds up the counts of all folds before F1."
            f"{cited(comparison.paper, theirs)}"
        ),
        name="summary",
    )


def always_present_f1(rate: float) -> float:
    """Return the F1 of answering "present" every time: precision is the rate and recall is 1.

    >>> round(always_present_f1(0.5), 3)
    0.667
    """
    return 2 * rate / (1 + rate)


def percent(value: Spread) -> str:
    """Return a mean in percent with one standard deviation where there is one."""
    if math.isnan(value.mean):
        return "n/a"
    mean = f"{100 * value.mean:.1f}"
    return mean if math.isnan(value.std) else f"{mean} ± {100 * value.std:.1f}"


def _interval_in_words(people: int) -> str:
    if not people:
        return "The data set does not tell its people, so there is no interval over them."
    if people == 1:
        return "One person was tested, so there is no interval over people."
    return (
        f"The interval resamples the {people} test people; it does not contain the luck of the training seed."
    )


def counterparts(paper: Paper | None, printed: Collection[str]) -> list[str]:
    """Return the printed rows that methods here stand for, in the order of the paper's rows."""
    names = [row.printed for row in paper.rows] if paper else []
    return list(dict.fromkeys(name for name in names if name in printed))


def _printed(table: PrintedF1, row: str, au: int) -> str:
    return f"{table.f1[row][table.aus.index(au)]:.1f}" if row in table.f1 and au in table.aus else ""


def _printed_accuracy(table: PrintedF1, row: str) -> str:
    return f"{table.accuracy[row]:.1f}" if row in table.accuracy else ""


def _flat_head(column: Column) -> str:
    return f"{column.head} ({column.tag})" if column.tag else column.head
