"""A report of compared methods, composed from their records and the given pictures."""

from __future__ import annotations

import math
from collections.abc import Sequence

from metafacs.data.facts import dataset_title
from metafacs.evaluation.expression_statistics import accuracy_of
from metafacs.evaluation.records import Record
from metafacs.evaluation.seed_statistics import average_f1_spread, run_spread
from metafacs.evaluation.statistics import LEVEL, auc_of, average_f1_interval
from metafacs.reports.answers import answered_claims
from metafacs.reports.claims import Claim
from metafacs.reports.comparison import Comparison
from metafacs.reports.content import DrawnFigure, Headline, ReportContent
from metafacs.reports.difference_table import difference_tables
from metafacs.reports.expression_table import expression_table
from metafacs.reports.figures import f1_bars
from metafacs.reports.landmark_table import landmark_table
from metafacs.reports.lost_table import lost_table
from metafacs.reports.named_paper import NO_PAPER
from metafacs.reports.network_table import network_table
from metafacs.reports.pictures import Picture, PictureRow
from metafacs.reports.style import inline_svg
from metafacs.reports.tables import Table, auc_table, f1_table, printed_table, summary_table
from metafacs.reports.training_curves import curves_figure, curves_of_rows
from metafacs.texts import shown

SYNTHETIC_NOTE = (
    "Every face, label and score of this comparison comes from rendered twins of the data sets, not from "
    "people. The twins have the real sets' layout, people and folds; they say whether the programs work and "
    "how methods compare on them, and nothing about accuracy on real faces."
)


def compose_report(
    comparison: Comparison,
    *,
    claims: Sequence[Claim] = (),
    weight_rows: Sequence[PictureRow] = (),
    photos: Sequence[Picture] = (),
    faces: Sequence[PictureRow] = (),
    commands: Sequence[str] = (),
    facts: Sequence[tuple[str, str]] = (),
    curves: Sequence[str] | None = None,
    against: str = "",
) -> ReportContent:
    """Compose the report of methods compared on one data set and split.

    Args:
        comparison: Runs of the methods.
        claims: Claims answered from more than records, put after those that records answer.
        weight_rows: From :func:`metafacs.reports.pictures.weight_rows`.
        photos: Real photos with overlays.
        faces: Sample faces of the data.
        commands: Shell commands that made all this.
        facts: More labels and values for the foot of the page.
        curves: Rows whose losses, weights and accuracy during training are drawn, beside those that the paper
            draws; empty for all rows, None for none.
        against: Row that every other row is asked to be better than; empty for none.

    Raises:
        ValueError: If there is no row ``against`` with sound runs.
    """
    synthetic = any(record.data.synthetic for record in comparison.records)
    people = comparison.people
    learned, tested = (
        f"the synthetic twin of {shown(dataset_title(name))}" if synthetic else shown(dataset_title(name))
        for name in comparison.data
    )
    units = (f"{people} people" if people else "pictures") + (f" of {tested}" if learned != tested else "")
    summary = (
        f"{_listed(list(comparison.rows))}, trained with labels of {learned} and tested on {units} held out: "
        f"F1 of {len(comparison.aus)} action units, how training went, and which claims the numbers support."
    )
    answered = answered_claims(comparison, against=against)
    return ReportContent(
        title=f"Action unit detectors on {tested}",
        summary=summary,
        synthetic=synthetic,
        note=SYNTHETIC_NOTE if synthetic else "",
        headlines=tuple(
            _headline(name, runs, comparison.colours[name]) for name, runs in comparison.rows.items()
        ),
        claims=(*answered, *claims),
        figures=_figures(comparison, curves),
        tables=(*_tables(comparison), *difference_tables(answered, comparison)),
        weight_rows=tuple(weight_rows),
        photos=tuple(photos),
        faces=tuple(faces),
        commands=tuple(commands),
        facts=(*_facts(comparison), *facts),
    )


def _tables(comparison: Comparison) -> tuple[Table, ...]:
    tables = [summary_table(comparison), f1_table(comparison), auc_table(comparison)]
    if printed := printed_table(comparison):
        tables.append(printed)
    if any(record.expressions is not None for record in comparison.records):
        tables.append(expression_table(comparison))
    located = {
        name: [run.landmarks for run in runs if run.landmarks is not None]
        for name, runs in comparison.rows.items()
    }
    if any(located.values()):
        tables.append(landmark_table(located, comparison.records[0].data, comparison.paper))
    if networks := network_table(_sound_and_lost(comparison), comparison.label):
        tables.append(networks)
    if comparison.lost:
        tables.append(lost_table(comparison))
    return tuple(tables)


def _sound_and_lost(comparison: Comparison) -> dict[str, list[Record]]:
    """Return the runs of every row, those that lost as a row behind it."""
    rows: dict[str, list[Record]] = {}
    for name in comparison.names:
        found = {name: comparison.rows.get(name, []), f"{name}, lost": comparison.lost.get(name, [])}
        rows |= {row: runs for row, runs in found.items() if runs}
    return rows


def _headline(name: str, runs: Sequence[Record], colour: str) -> Headline:
    recognised = [run for run in runs if run.expressions is not None]
    if recognised:
        found = run_spread(recognised, accuracy_of)
        several = f", ± {found.std:.3f} over {found.count} runs" if found.count > 1 else ""
        return Headline(name, f"{found.mean:.3f}", f"expressions recognised{several}", colour)
    interval = average_f1_interval(runs)
    bounds = f", {LEVEL:.0%} interval {interval.low:.3f} to {interval.high:.3f}"
    told = "" if math.isnan(interval.low) else bounds
    ranked = run_spread(runs, auc_of).mean
    area = "" if math.isnan(ranked) else f"; average AUC {ranked:.3f}"
    return Headline(name, f"{interval.value:.3f}", f"average F1{told}{area}", colour)


def _figures(comparison: Comparison, curves: Sequence[str] | None) -> tuple[DrawnFigure, ...]:
    rows, label = comparison.rows, comparison.label
    averages = ", ".join(f"{name} {average_f1_spread(runs).mean:.3f}" for name, runs in rows.items())
    whiskers = f" Whiskers: {LEVEL:.0%} bootstrap intervals over people." if comparison.people > 1 else ""
    several = any(len(runs) > 1 for runs in rows.values())
    figures = [
        DrawnFigure(
            "F1 per action unit",
            inline_svg(
                f1_bars(comparison),
                name="f1-bars",
                alt=f"Bars of F1 per action unit and method on {label}; averages: {averages}",
            ),
            f"F1 on {comparison.held_out} ({label}).{whiskers}"
            f"{' Dots: single runs (folds and seeds).' if several else ''} Dashes: the F1 of answering "
            "'present' every time, the floor that a detector has to beat.",
        )
    ]
    paper = comparison.paper
    asked = curves_of_rows(comparison, curves) if curves is not None else None
    for number, drawn in enumerate((paper.curves if paper else None, asked)):
        if drawn and (figure := curves_figure(comparison, drawn, name=f"training-curves-{number}")):
            figures.append(figure)
    return tuple(figures)


def _facts(comparison: Comparison) -> list[tuple[str, str]]:
    records, paper = comparison.records, comparison.paper
    first = records[0]
    folds = sorted({record.data.fold for record in records})
    facts = [
        ("Data", comparison.label),
        ("Split", f"{first.data.split}, fold {_listed([str(fold) for fold in folds])}"),
        ("Split hash", ", ".join(sorted({record.data.split_hash for record in records}))),
        ("Seeds of training", ", ".join(str(seed) for seed in sorted({record.seed for record in records}))),
        ("Methods", ", ".join(comparison.rows)),
        ("Paper", paper.citation if paper else NO_PAPER),
        ("Training time", f"{sum(r.seconds.get('train', 0.0) for r in records) / 60:.1f} minutes in all"),
        ("Versions", ", ".join(_versions(records))),
    ]
    if first.data.twin_seed is not None:
        facts.insert(1, ("Generator seed of the twin", str(first.data.twin_seed)))
    return facts


def _versions(records: Sequence[Record]) -> list[str]:
    """Return each package with its versions: rows may have been made before and after an update."""
    packages = dict.fromkeys(package for record in records for package in record.versions)
    found = {name: {r.versions[name] for r in records if name in r.versions} for name in packages}
    return [f"{name} {_listed(sorted(versions))}" for name, versions in found.items()]


def _listed(words: list[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
