"""Expression recognition by class and row, beside the scores that the paper prints."""

from __future__ import annotations

from metafacs.evaluation.expression_results import ExpressionResult
from metafacs.evaluation.expression_statistics import accuracy_of, mean_recall_of
from metafacs.evaluation.records import Record
from metafacs.evaluation.seed_statistics import run_spread, run_spreads
from metafacs.evaluation.statistics import common_aus
from metafacs.reports.claims import pictures_by_class
from metafacs.reports.comparison import Comparison
from metafacs.reports.tables import Column, Table, cited, counterparts, percent


def expression_table(comparison: Comparison) -> Table:
    """Return the share of each class recognised, accuracy and mean recall per row, as Table 2 of RAF-CE.

    Args:
        comparison: The records; those that recognise no expressions are left out.

    Returns:
        One row per class, then accuracy and mean recall ("Diag." in the paper); mean, and ± one standard
        deviation over runs where there is more than one.

    Raises:
        ValueError: If no record recognises expressions, they were not all tested on the same classes, or a
            run is there twice.
    """
    if all(record.expressions is None for record in comparison.records):
        raise ValueError(
            "none of the records holds recognised expressions; evaluate on a store that has them"
        )
    chosen = comparison.only(lambda record: record.expressions is not None)
    first = _result(chosen.records[0])
    if any(_result(record).names != first.names for record in chosen.records):
        raise ValueError(
            "the records were tested on different expression classes; put them in tables of their own"
        )
    for runs in chosen.rows.values():
        common_aus(runs)
    label, tag, printed = chosen.label, chosen.tag, chosen.printed_expressions
    names = counterparts(chosen.paper, printed.accuracy) if printed else []

    columns = [Column("Expression", text=True), Column("pictures", label, tag)]
    columns += [Column(name, label, tag) for name in chosen.rows]
    columns += [Column(name, f"printed, real {printed.data}", "printed") for name in names if printed]
    pictures = pictures_by_class(chosen.records)
    recalls = [run_spreads(runs, lambda run: _result(run).recalls) for runs in chosen.rows.values()]
    rows = []
    for name in first.names:
        ours = [percent(found[name]) for found in recalls]
        place = printed.expressions.index(name) if printed and name in printed.expressions else None
        theirs = [
            f"{printed.recalls[row][place]:.2f}" if place is not None and row in printed.recalls else ""
            for row in names
            if printed
        ]
        rows.append((name, str(pictures[name]), *ours, *theirs))
    accuracy = [percent(run_spread(runs, accuracy_of)) for runs in chosen.rows.values()]
    recall = [percent(run_spread(runs, mean_recall_of)) for runs in chosen.rows.values()]
    printed_accuracy = [f"{printed.accuracy[row]:.2f}" for row in names if printed]
    printed_recall = [f"{printed.mean_recall[row]:.2f}" for row in names if printed]
    rows.append(("Accuracy", str(sum(pictures.values())), *accuracy, *printed_accuracy))
    rows.append(("Mean recall (Diag.)", "", *recall, *printed_recall))
    return Table(
        title=f"Expressions recognised on {chosen.held_out} ({label})",
        columns=tuple(columns),
        rows=tuple(rows),
        note=(
            f"Share of the pictures of each class recognised, in percent, {chosen.runs_in_words}. Mean "
            "recall is the mean over the classes that have pictures."
            f"{cited(chosen.paper, printed)}"
        ),
        name="expressions",
        last_row_is_total=True,
    )


def _result(record: Record) -> ExpressionResult:
    assert record.expressions is not None
    return record.expressions
