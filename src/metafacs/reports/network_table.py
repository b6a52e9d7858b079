"""At which levels the telling curves of training ended: what the networks did, beside what chance does."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set

from metafacs.evaluation.diagnostics import LAST, Level
from metafacs.evaluation.records import Record
from metafacs.reports.tables import Column, Table

_MARK = " †"
_DOUBT = (
    "†: a run with scores ended where its game counts as lost; its watch, whose mean looks further back, let "
    "it pass. Doubt them."
)


def network_table(rows: Mapping[str, Sequence[Record]], label: str) -> Table | None:
    """Return mean and range over runs of every level that a record tells; None if none tells any.

    Levels of one title and one chance share a column.

    Args:
        rows: Name of the row -> its runs; one without levels is left out.
        label: What was tested on, in words.
    """
    sound = [run for runs in rows.values() for run in runs if run.lost is None]
    doubtful = {id(level) for run in sound for level in run.diagnostics.values() if level.doubtful}
    found = {
        name: [{_key(level): level for level in run.diagnostics.values()} for run in runs]
        for name, runs in rows.items()
        if any(run.diagnostics for run in runs)
    }
    told = {key: level for runs in found.values() for run in runs for key, level in run.items()}
    if not told:
        return None
    return Table(
        title=f"What the networks did (tested on {label})",
        columns=(
            Column("Method", text=True),
            *(Column(_head(level)) for level in told.values()),
            Column("runs"),
        ),
        rows=tuple(
            (
                name,
                *(_mean_and_range([run[key] for run in runs if key in run], doubtful) for key in told),
                str(len(runs)),
            )
            for name, runs in found.items()
        ),
        note=(
            f"Means over the last {LAST} iterations of training, or of the stage that a curve is of; in "
            "brackets lowest and highest run. Chance is the level of an answer that knows nothing. "
            + (f"{_DOUBT} " if doubtful else "")
            + _meanings(told.values())
        ).rstrip(),
        name="networks",
    )


def _key(level: Level) -> tuple[str, float | None]:
    return level.title, level.chance


def _head(level: Level) -> str:
    return level.title if level.chance is None else f"{level.title}, chance {_number(level.chance)}"


def _mean_and_range(levels: Sequence[Level], doubtful: Set[int]) -> str:
    if not levels:
        return ""
    values = [level.value for level in levels]
    told = _number(sum(values) / len(values))
    if len(values) > 1:
        told += f" ({_number(min(values))} to {_number(max(values))})"
    return told + _MARK * any(id(level) in doubtful for level in levels)


def _number(value: float) -> str:
    return f"{value:.3g}" if 1e-4 <= abs(value) < 1e5 or not value else f"{value:.1e}"


def _meanings(levels: Iterable[Level]) -> str:
    clauses = {level.title: level.meaning for level in levels if level.meaning}
    return " ".join(f"{title[:1].upper()}{title[1:]}: {meaning}." for title, meaning in clauses.items())
