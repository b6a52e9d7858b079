"""The overview of archived comparisons: one CSV file, one line per comparison and row of its tables."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from metafacs.evaluation.expression_statistics import accuracy_of, mean_recall_of
from metafacs.evaluation.few_shot_records import FewShotRecord
from metafacs.evaluation.few_shot_statistics import average_accuracy
from metafacs.evaluation.records import Record
from metafacs.evaluation.seed_statistics import average_f1_spread, run_spread
from metafacs.evaluation.statistics import auc_of, average_f1_interval, detection_accuracy_of, spread
from metafacs.files import written_whole
from metafacs.parsing import read_bytes
from metafacs.reports.comparison import Comparison
from metafacs.reports.few_shot_comparison import FewShotComparison
from metafacs.texts import cell, from_cell

OVERVIEW = "summary.csv"
COLUMNS = (
    *("comparison", "row", "method", "data", "split", "synthetic", "runs", "folds", "seeds"),
    *("f1", "f1_low", "f1_high", "auc", "accuracy", "expression_accuracy", "expression_mean_recall"),
    *("few_shot_accuracy", "minutes", "thresholds", "lost"),
)
"""Heads of the file. Scores are in percent, averaged over AUs, seeds and folds. The bounds are those of the
95 % interval over people, empty where these are unknown. ``minutes`` are those of one training. F1 and
accuracy are those at ``thresholds``: a number, or how each AU's was chosen; AUC needs none. ``runs`` are
those with scores, ``lost`` those that lost their game."""

Line = dict[str, str]


def overview_lines(name: str, comparison: Comparison) -> list[Line]:
    """Return the lines of a comparison of this name: one per row of its tables, in their order."""
    lines = []
    for row in comparison.names:
        runs, lost = comparison.rows.get(row, []), comparison.lost.get(row, [])
        told = {
            **_identity(name, row, (runs or lost)[0].method, comparison.synthetic, len(runs)),
            "data": comparison.records[0].data.name,
            "split": comparison.records[0].data.split,
            "lost": str(len(lost)) if lost else "",
        }
        if not runs:
            lines.append(told)
            continue
        interval = average_f1_interval(runs)
        recognised = [run for run in runs if run.expressions is not None]
        lines.append(
            {
                **told,
                "folds": str(len({run.data.fold for run in runs})),
                "seeds": str(len({run.seed for run in runs})),
                "f1": _percent(average_f1_spread(runs).mean),
                "f1_low": _percent(interval.low),
                "f1_high": _percent(interval.high),
                "auc": _percent(run_spread(runs, auc_of).mean),
                "accuracy": _percent(run_spread(runs, detection_accuracy_of).mean),
                "expression_accuracy": _percent(run_spread(recognised, accuracy_of).mean),
                "expression_mean_recall": _percent(run_spread(recognised, mean_recall_of).mean),
                "minutes": _minutes(runs),
                "thresholds": runs[0].judged_at,
            }
        )
    return lines


def few_shot_overview_lines(name: str, comparison: FewShotComparison) -> list[Line]:
    """Return the lines of a few-shot comparison: one per learner and number of shots; a run is a person."""
    step = comparison.step
    return [
        {
            **_identity(name, f"{learner}, {shots} shot", learner, runs[0].synthetic, len(runs)),
            "data": runs[0].tested_on,
            "split": runs[0].protocol,
            "seeds": str(len({r.seed for r in comparison.records if r.learner == learner})),
            "few_shot_accuracy": _percent(average_accuracy(runs, step).mean),
            "minutes": _minutes(runs),
        }
        for (shots, learner), runs in comparison.groups.items()
    ]


def read_overview(path: Path) -> list[Line]:
    """Return the lines of an overview; none if there is no such file.

    Raises:
        ValueError: If it has other columns or a line lacks cells.
    """
    if not path.exists():
        return []
    try:
        text = read_bytes(path).decode("utf-8")
        head, *rows = list(csv.reader(io.StringIO(text, newline=""), strict=True)) or [[]]
    except (UnicodeDecodeError, csv.Error) as error:
        raise ValueError(f"{path} is damaged ({error}); restore the file") from error
    if tuple(head) != COLUMNS:
        raise ValueError(
            f"{path} lacks the columns {', '.join(COLUMNS)}; move it away and archive every comparison again"
        )
    for number, row in enumerate(rows, start=2):
        if len(row) != len(head):
            raise ValueError(f"{path}, line {number}: a cell is missing or too many; restore the file")
    return [dict(zip(head, map(from_cell, row), strict=True)) for row in rows]


def write_overview(path: Path, lines: Iterable[Mapping[str, str]]) -> None:
    """Write an overview, whole or not at all: comparisons by name, the rows of each as given."""
    with written_whole(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, restval="", lineterminator="\n")
        writer.writeheader()
        ordered = sorted(lines, key=lambda line: line["comparison"])
        writer.writerows({name: cell(text) for name, text in line.items()} for line in ordered)


def _identity(comparison: str, row: str, method: str, synthetic: bool, runs: int) -> Line:
    answer = "yes" if synthetic else "no"
    return {"comparison": comparison, "row": row, "method": method, "synthetic": answer, "runs": str(runs)}


def _minutes(runs: Sequence[Record] | Sequence[FewShotRecord]) -> str:
    minutes = spread(run.seconds.get("train", math.nan) / 60 for run in runs).mean
    return "" if math.isnan(minutes) else f"{minutes:.1f}"


def _percent(score: float) -> str:
    return "" if math.isnan(score) else f"{100 * score:.2f}"
