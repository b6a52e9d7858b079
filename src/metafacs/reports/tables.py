"""Tables of scores as Markdown, CSV and cells for the page.

A table made from a twin says *synthetic* in its title and in every column of measured scores, so that no
part of it can be taken for a result on people.
"""

from __future__ import annotations

import csv
import io
import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from metafacs.evaluation.records import Record
from metafacs.evaluation.statistics import (
    Spread,
    average_f1,
    average_f1_interval,
    average_f1_spread,
    f1_spreads,
    spread,
)
from metafacs.facs import au_name
from metafacs.models.model_file import adapted_to
from metafacs.reports.published import DUAL_DOMAIN_TABLES, MAL_TABLES, PublishedTable
from metafacs.reports.rows import row_name, row_position


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
        heads = [_flat_head(column) for column in self.columns]
        rule = [":---" if column.text else "---:" for column in self.columns]
        rows = [[cell.replace("|", "\\|") for cell in row] for row in self.rows]
        if self.last_row_is_total and rows:
            rows[-1] = [f"**{cell}**" if cell else cell for cell in rows[-1]]
        lines = [f"**{self.title}**", "", *(f"| {' | '.join(row)} |" for row in (heads, rule, *rows))]
        return "\n".join([*lines, "", self.note, ""] if self.note else [*lines, ""])

    def to_csv(self) -> str:
        """Return heads and rows as CSV; groups are part of the heads."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(_flat_head(column) for column in self.columns)
        writer.writerows(self.rows)
        return text.getvalue()


def by_method(records: Sequence[Record]) -> dict[str, list[Record]]:
    """Group records by method and, where one method stands for several rows of its paper, by row.

    Known methods come in the order of the papers, then the others by name.

    Raises:
        ValueError: If the records are not all of one data set (or twin) and one split.
    """
    sources = {(r.data.name, r.data.synthetic, r.data.twin_seed, r.data.split) for r in records}
    if len(sources) != 1:
        raise ValueError(
            f"one table is of one data set and split, but the records have {sorted(map(str, sources))}"
            if sources
            else "there are no records to report"
        )
    groups: dict[str, list[Record]] = defaultdict(list)
    for record in records:
        groups[row_name(record)].append(record)
    return {name: groups[name] for name in sorted(groups, key=row_position)}


def data_label(record: Record) -> str:
    """Return what a record was tested on in words, e.g. ``BP4D twin, synthetic``."""
    name = record.data.name.upper().replace("_", "-")
    return f"{name} twin, synthetic" if record.data.synthetic else name


def faces_in_words(*, tested: bool, trained: bool) -> str:
    """Return what to know of faces that were rendered: the pictures tested on, or those trained on only.

    >>> faces_in_words(tested=False, trained=True)
    'model of synthetic faces'
    """
    return "synthetic" if tested else "model of synthetic faces" if trained else ""


def f1_table(records: Sequence[Record], *, published: bool = True) -> Table:
    """Return F1 per AU and method in percent, the paper's rows beside ours.

    Args:
        records: Runs of any number of methods on one data set and split.
        published: Whether to put the paper's printed scores, on the real data set, beside ours.

    Returns:
        One row per AU and one for the average; mean, and ± one standard deviation over runs where there is
        more than one.
    """
    groups = by_method(records)
    first = records[0]
    label = data_label(first)
    paper = published_table(first) if published else None
    spreads = {method: f1_spreads(runs) for method, runs in groups.items()}
    averages = {method: average_f1_spread(runs) for method, runs in groups.items()}
    names = list(paper.average) if paper else []

    tag = "synthetic" if first.data.synthetic else ""
    columns = [Column("Action unit", text=True), Column("present, %", label, tag)]
    columns += [Column(head, label, tag) for head in ("guess", *groups)]
    columns += [Column(name, f"printed, real {paper.data}", "printed") for name in names if paper]
    rates = presence_rates(records)
    rows = []
    for au in first.aus:
        printed = [_printed(paper, name, au) for name in names if paper]
        ours = [percent(spreads[method][au]) for method in groups]
        rate = rates[au]
        known = not math.isnan(rate)
        present = f"{100 * rate:.1f}" if known else ""
        guess = f"{100 * always_present_f1(rate):.1f}" if known else ""
        rows.append((f"AU{au} {au_name(au)}", present, guess, *ours, *printed))
    guesses = [always_present_f1(rate) for rate in rates.values() if rate > 0]
    rows.append(
        (
            "Average",
            "",
            f"{100 * sum(guesses) / len(guesses):.1f}" if guesses else "",
            *(percent(averages[method]) for method in groups),
            *(f"{paper.average[name]:.1f}" for name in names if paper),
        )
    )
    source = f" Printed: {paper.source}, on people." if paper else ""
    return Table(
        title=f"F1 per action unit on {held_out(records)} ({label})",
        columns=tuple(columns),
        rows=tuple(rows),
        note=(
            f"F1 in percent, {runs_in_words(records)}. 'present': share of known test labels that are "
            f"positive; 'guess': F1 of answering 'present' every time.{source}"
        ),
        name="f1",
        last_row_is_total=True,
    )


def published_table(record: Record) -> PublishedTable | None:
    """Return what MAL's or the dual-domain paper prints for the data of a record; None if nothing."""
    tested, config = record.data.name, record.config
    trained = config["data"][0]["dataset"] if "data" in config else tested
    if trained == tested and not ("data" in config and adapted_to(config)):
        return MAL_TABLES.get(tested)
    return DUAL_DOMAIN_TABLES.get((trained, tested))


def summary_table(records: Sequence[Record], *, level: float = 0.95) -> Table:
    """Return one row per method: average F1 with spread and interval, accuracy, AUC and cost."""
    groups = by_method(records)
    label = data_label(records[0])
    rows = []
    for method, runs in groups.items():
        interval = average_f1_interval(runs, level=level)
        minutes = spread(run.seconds.get("train", float("nan")) / 60 for run in runs)
        bounds = f"{100 * interval.low:.1f} to {100 * interval.high:.1f}"
        rows.append(
            (
                method,
                percent(average_f1_spread(runs)),
                "n/a" if math.isnan(interval.low) else bounds,
                f"{100 * average_f1(runs, 'pooled'):.1f}",
                percent(spread(_mean(run.accuracy.values()) for run in runs)),
                percent(spread(_mean(run.auc.values()) for run in runs)),
                str(len(runs)),
                f"{max(run.iterations for run in runs):,}",
                "" if math.isnan(minutes.mean) else f"{minutes.mean:.1f}",
            )
        )
    tag = "synthetic" if records[0].data.synthetic else ""
    scores = ("average F1", f"{level:.0%} interval", "pooled F1", "accuracy", "AUC")
    cost = ("runs", "iterations", "minutes per run")
    return Table(
        title=f"Methods compared on {held_out(records)} ({label})",
        columns=(
            Column("Method", text=True),
            *(Column(head, label, tag) for head in scores),
            *map(Column, cost),
        ),
        rows=tuple(rows),
        note=(
            f"Percent, averaged over AUs, {runs_in_words(records)}. {_interval_in_words(records)} "
            "'pooled' adds up the counts of all folds before F1."
        ),
        name="summary",
    )


def presence_rates(records: Sequence[Record]) -> dict[int, float]:
    """Return the share of known test labels that are positive, per AU, over the people of all folds."""
    present: dict[int, int] = defaultdict(int)
    known: dict[int, int] = defaultdict(int)
    people = {
        (record.data.fold, subject): counts
        for record in records
        for subject, counts in record.per_subject.items()
    }
    for counts in people.values():
        for column, au in enumerate(records[0].aus):
            present[au] += counts["tp"][column] + counts["fn"][column]
            known[au] += sum(count[column] for count in counts.values())
    return {au: present[au] / known[au] if known[au] else float("nan") for au in records[0].aus}


def always_present_f1(rate: float) -> float:
    """Return the F1 of answering "present" every time: precision is the rate and recall is 1.

    >>> round(always_present_f1(0.5), 3)
    0.667
    """
    return 2 * rate / (1 + rate)


def tested_people(records: Sequence[Record]) -> int:
    """Return the number of people tested on over all folds; 0 where the data set does not tell them."""
    return len({(r.data.fold, subject) for r in records for subject in r.per_subject if subject})


def held_out(records: Sequence[Record]) -> str:
    """Return what the methods were tested on, in words."""
    return "held-out people" if tested_people(records) else "held-out pictures"


def runs_in_words(records: Sequence[Record]) -> str:
    """Return what a mean and its spread are over."""
    folds, seeds = {r.data.fold for r in records}, {r.seed for r in records}
    if len(folds) * len(seeds) == 1:
        return "one fold and one seed, so without a spread over runs"
    words = f"mean ± standard deviation over {_count(folds, 'fold')} and {_count(seeds, 'seed')}"
    counts = {name: len(runs) for name, runs in by_method(records).items()}
    fewer = [f"{name} {count} runs" for name, count in counts.items() if count < max(counts.values())]
    return f"{words} (of {', '.join(fewer)} only)" if fewer else words


def _interval_in_words(records: Sequence[Record]) -> str:
    people = tested_people(records)
    if not people:
        return "The data set does not tell its people, so there is no interval over them."
    return (
        f"The interval resamples the {people} test people; it does not contain the luck of the training seed."
    )


def _count(items: set[int], noun: str) -> str:
    return f"{len(items)} {noun}{'' if len(items) == 1 else 's'}"


def percent(value: Spread) -> str:
    """Return a mean in percent with one standard deviation where there is one."""
    if math.isnan(value.mean):
        return "n/a"
    mean = f"{100 * value.mean:.1f}"
    return mean if math.isnan(value.std) else f"{mean} ± {100 * value.std:.1f}"


def _printed(paper: PublishedTable, row: str, au: int) -> str:
    return f"{paper.f1[row][paper.aus.index(au)]:.1f}" if row in paper.f1 and au in paper.aus else ""


def _mean(values: Iterable[float]) -> float:
    known = [value for value in values if not math.isnan(value)]
    return sum(known) / len(known) if known else float("nan")


def _flat_head(column: Column) -> str:
    return f"{column.head} ({column.tag})" if column.tag else column.head
