"""Expression recognition by class and method, beside the scores that the paper prints."""

from __future__ import annotations

from collections.abc import Sequence

from metafacs.evaluation.expression_results import ExpressionResult
from metafacs.evaluation.records import Record
from metafacs.evaluation.statistics import common_aus, spread
from metafacs.reports.published import EXPRESSION_TABLES
from metafacs.reports.rows import row_position
from metafacs.reports.tables import Column, Table, by_method, data_label, held_out, percent, runs_in_words


def expression_table(records: Sequence[Record], *, published: bool = True) -> Table:
    """Return the share of each class recognised, accuracy and mean recall per method, as Table 2 of RAF-CE.

    Args:
        records: Runs of any number of methods on one data set and split; those that recognise no expressions
            are left out.
        published: Whether to put the scores that the MML paper prints for the real data set beside ours,
            where there are any.

    Returns:
        One row per class, then accuracy and mean recall ("Diag." in the paper); mean, and ± one standard
        deviation over runs where there is more than one.

    Raises:
        ValueError: If no record recognises expressions, they were not all tested on the same classes, or a
            run is there twice.
    """
    chosen = [record for record in records if record.expressions is not None]
    if not chosen:
        raise ValueError(
            "none of the records holds recognised expressions; evaluate on a store that has them"
        )
    first = _result(chosen[0])
    if any(_result(record).names != first.names for record in chosen):
        raise ValueError(
            "the records were tested on different expression classes; put them in tables of their own"
        )
    groups = by_method(chosen)
    for runs in groups.values():
        common_aus(runs)
    label = data_label(chosen[0])
    tag = "synthetic" if chosen[0].data.synthetic else ""
    paper = EXPRESSION_TABLES.get(chosen[0].data.name) if published else None
    printed_names = sorted(paper.accuracy, key=row_position) if paper else []

    columns = [Column("Expression", text=True), Column("pictures", label, tag)]
    columns += [Column(name, label, tag) for name in groups]
    columns += [Column(name, f"printed, real {paper.data}", "printed") for name in printed_names if paper]
    pictures = _pictures(chosen)
    rows = []
    for name in first.names:
        ours = [percent(spread(_result(run).recalls[name] for run in runs)) for runs in groups.values()]
        place = paper.expressions.index(name) if paper and name in paper.expressions else None
        theirs = [
            f"{paper.recalls[row][place]:.2f}" if place is not None and row in paper.recalls else ""
            for row in printed_names
            if paper
        ]
        rows.append((name, str(pictures[name]), *ours, *theirs))
    accuracy = [percent(spread(_result(run).accuracy for run in runs)) for runs in groups.values()]
    recall = [percent(spread(_result(run).mean_recall for run in runs)) for runs in groups.values()]
    printed_accuracy = [f"{paper.accuracy[row]:.2f}" for row in printed_names if paper]
    printed_recall = [f"{paper.mean_recall[row]:.2f}" for row in printed_names if paper]
    rows.append(("Accuracy", str(sum(pictures.values())), *accuracy, *printed_accuracy))
    rows.append(("Mean recall (Diag.)", "", *recall, *printed_recall))
    source = f" Printed: {paper.source}, on people." if paper else ""
    return Table(
        title=f"Expressions recognised on {held_out(chosen)} ({label})",
        columns=tuple(columns),
        rows=tuple(rows),
        note=(
            f"Share of the pictures of each class recognised, in percent, {runs_in_words(chosen)}. Mean "
            f"recall is the mean over the classes that have pictures.{source}"
        ),
        name="expressions",
        last_row_is_total=True,
    )


def _result(record: Record) -> ExpressionResult:
    assert record.expressions is not None
    return record.expressions


def _pictures(records: Sequence[Record]) -> dict[str, int]:
    """Return the test pictures by class over all folds."""
    by_fold = {record.data.fold: _result(record).pictures for record in records}
    return {name: sum(counts[name] for counts in by_fold.values()) for name in _result(records[0]).names}
