"""A report of compared methods, composed from their records and the given pictures."""

from __future__ import annotations

from collections.abc import Sequence

from metafacs.evaluation.records import Record
from metafacs.evaluation.statistics import average_f1_interval, average_f1_spread, spread
from metafacs.reports.claims import Claim, answered_claims
from metafacs.reports.content import DrawnFigure, Headline, ReportContent
from metafacs.reports.expression_table import expression_table
from metafacs.reports.figures import f1_bars, training_curves
from metafacs.reports.landmark_table import landmark_table
from metafacs.reports.pictures import Picture, PictureRow
from metafacs.reports.style import inline_svg
from metafacs.reports.tables import (
    Table,
    by_method,
    data_label,
    f1_table,
    held_out,
    summary_table,
    tested_people,
)

SYNTHETIC_NOTE = (
    "Every face, label and score of this comparison comes from rendered twins of the data sets, not from "
    "people. The twins have the real sets' layout, people and folds; they say whether the programs work and "
    "how methods compare on them, and nothing about accuracy on real faces."
)


def compose_report(
    records: Sequence[Record],
    *,
    title: str = "",
    claims: Sequence[Claim] = (),
    weight_rows: Sequence[PictureRow] = (),
    photos: Sequence[Picture] = (),
    faces: Sequence[PictureRow] = (),
    commands: Sequence[str] = (),
    facts: Sequence[tuple[str, str]] = (),
    level: float = 0.95,
) -> ReportContent:
    """Compose the report of methods compared on one data set and split.

    Args:
        records: Runs of the methods.
        title: Title; made from the data set if empty.
        claims: Claims answered from more than records, put after those that records answer.
        weight_rows: From :func:`metafacs.reports.pictures.weight_rows`.
        photos: Real photos with overlays.
        faces: Sample faces of the data.
        commands: Shell commands that made all this.
        facts: More labels and values for the foot of the page.
        level: Nominal coverage of the intervals.

    Raises:
        ValueError: If there are no records, or they are not of one data set and split.
    """
    groups = by_method(records)
    label = data_label(records[0])
    synthetic = any(record.data.synthetic for record in records)
    people = tested_people(records)
    tested = f"{people} people held out from training" if people else "pictures held out from training"
    name = records[0].data.name.upper().replace("_", "-")
    source = f"the synthetic twin of {name}" if synthetic else name
    summary = (
        f"{_listed(list(groups))}, trained on {source} and tested on {tested}: "
        f"F1 of {len(records[0].aus)} action units, how training went, and which claims the numbers support."
    )
    return ReportContent(
        title=title or f"Action unit detectors on {source}",
        summary=summary,
        synthetic=synthetic,
        note=SYNTHETIC_NOTE if synthetic else "",
        headlines=tuple(_headline(method, runs, level) for method, runs in groups.items()),
        claims=(*answered_claims(records, level=level), *claims),
        figures=_figures(records, label, level),
        tables=_tables(records, level),
        weight_rows=tuple(weight_rows),
        photos=tuple(photos),
        faces=tuple(faces),
        commands=tuple(commands),
        facts=(*_facts(records), *facts),
    )


def _tables(records: Sequence[Record], level: float) -> tuple[Table, ...]:
    tables = [summary_table(records, level=level), f1_table(records)]
    if any(record.expressions is not None for record in records):
        tables.append(expression_table(records))
    located = {
        method: [run.landmarks for run in runs if run.landmarks is not None]
        for method, runs in by_method(records).items()
    }
    if any(located.values()):
        tables.append(landmark_table(located, records[0].data))
    return tuple(tables)


def _headline(method: str, runs: Sequence[Record], level: float) -> Headline:
    recognised = [run.expressions.accuracy for run in runs if run.expressions is not None]
    if recognised:
        found = spread(recognised)
        several = f", ± {found.std:.3f} over {found.count} runs" if found.count > 1 else ""
        return Headline(method, f"{found.mean:.3f}", f"expressions recognised{several}", series=method)
    interval = average_f1_interval(runs, level=level)
    bounds = f", {level:.0%} interval {interval.low:.3f} to {interval.high:.3f}"
    return Headline(
        label=method,
        value=f"{interval.value:.3f}",
        detail=f"average F1{bounds if tested_people(runs) else ''}",
        series=method,
    )


def _figures(records: Sequence[Record], label: str, level: float) -> tuple[DrawnFigure, ...]:
    groups = by_method(records)
    averages = ", ".join(f"{method} {average_f1_spread(runs).mean:.3f}" for method, runs in groups.items())
    whiskers = f" Whiskers: {level:.0%} bootstrap intervals over people." if tested_people(records) else ""
    several = any(len(runs) > 1 for runs in groups.values())
    figures = [
        DrawnFigure(
            "F1 per action unit",
            inline_svg(
                f1_bars(records, level=level),
                name="f1-bars",
                alt=f"Bars of F1 per action unit and method on {label}; averages: {averages}",
            ),
            f"F1 on {held_out(records)} ({label}).{whiskers}"
            f"{' Dots: single runs (folds and seeds).' if several else ''} Dashes: the F1 of answering "
            "'present' every time, the floor that a detector has to beat.",
        )
    ]
    if any(record.history for method in ("multi_task", "mal") for record in groups.get(method, [])):
        figures.append(
            DrawnFigure(
                "Loss and learned weights during training",
                inline_svg(
                    training_curves(records),
                    name="training-curves",
                    alt=f"Curves over iterations on {label}: loss of multi_task, loss of mal, and mal's "
                    "average weight of action unit and expression pictures",
                ),
                f"As Fig. 3 of the MAL paper, on {label}: loss per task of multi_task and of mal, and mal's "
                "average sample weight per task, normalised so that both sum to one (0.5 is an equal share). "
                "Thin: as recorded, means over a few iterations; thick: running mean.",
            )
        )
    return tuple(figures)


def _facts(records: Sequence[Record]) -> list[tuple[str, str]]:
    first = records[0]
    folds = sorted({record.data.fold for record in records})
    facts = [
        ("Data", data_label(first)),
        ("Split", f"{first.data.split}, fold {_listed([str(fold) for fold in folds])}"),
        ("Split hash", ", ".join(sorted({record.data.split_hash for record in records}))),
        ("Seeds of training", ", ".join(str(seed) for seed in sorted({record.seed for record in records}))),
        ("Methods", ", ".join(by_method(records))),
        ("Training time", f"{sum(r.seconds.get('train', 0.0) for r in records) / 60:.1f} minutes in all"),
        ("Versions", ", ".join(f"{package} {version}" for package, version in first.versions.items())),
    ]
    if first.data.twin_seed is not None:
        facts.insert(1, ("Generator seed of the twin", str(first.data.twin_seed)))
    return facts


def _listed(words: list[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
