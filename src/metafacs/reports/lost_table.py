"""Runs without scores: which, when they ended and what they lost."""

from __future__ import annotations

from metafacs.reports.comparison import Comparison
from metafacs.reports.tables import Column, Table
from metafacs.texts import shown

_LONGEST_REASON = 400


def lost_table(comparison: Comparison) -> Table:
    """Return one line per run that lost, the rows in the comparison's order."""
    return Table(
        title=f"Runs that were lost ({comparison.label})",
        columns=(
            Column("Method", text=True),
            Column("fold"),
            Column("seed"),
            Column("iteration"),
            Column("of"),
            Column("what was lost", text=True),
        ),
        rows=tuple(
            (
                name,
                str(run.data.fold),
                str(run.seed),
                f"{run.lost.iteration:,}",
                f"{run.lost.planned:,}",
                shown(run.lost.reason, _LONGEST_REASON),
            )
            for name in comparison.names
            for run in comparison.lost.get(name, ())
            if run.lost is not None
        ),
        note=(
            "These runs ended by themselves: a game that the method depends on was lost, or a number was no "
            "longer finite. The same seed loses again. They have no scores; every mean is over the others: "
            + ", ".join(f"{name} {comparison.losses_in_words(name)}" for name in comparison.lost)
            + "."
        ),
        name="lost",
    )
