"""What command files share: how scores, tables and reports are printed and written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isnan
from pathlib import Path

from rich.table import Table

from metafacs.checkpoints.checkpoint import load_checkpoint
from metafacs.cli.own_files import OwnFiles, refuse_foreign_table
from metafacs.cli.summary import say
from metafacs.evaluation.configuration import configuration_of
from metafacs.evaluation.diagnostics import LAST, levels_of
from metafacs.evaluation.expression_results import ExpressionResult
from metafacs.evaluation.records import Record
from metafacs.evaluation.statistics import spread
from metafacs.facs import au_name
from metafacs.files import write_bytes
from metafacs.progress import plain_console
from metafacs.reports.comparison import Comparison
from metafacs.reports.composition import compose_report
from metafacs.reports.dose_curve import DOSES, dose_curve, dose_tables
from metafacs.reports.few_shot import accuracy_table, gains_in_words, gains_table, seeds_table, steps_table
from metafacs.reports.few_shot_claims import few_shot_claims, transfer_claims
from metafacs.reports.few_shot_comparison import FewShotComparison
from metafacs.reports.few_shot_figures import accuracy_by_au, accuracy_by_person, accuracy_by_steps
from metafacs.reports.few_shot_transfer import FewShotTransfer, transfer_table
from metafacs.reports.named_paper import NO_PAPER
from metafacs.reports.option_curve import curve_table, option_curve
from metafacs.reports.page import render_page
from metafacs.reports.papers.paper import Paper
from metafacs.reports.style import encoded
from metafacs.reports.tables import Table as ScoreTable
from metafacs.texts import printable, shown


def write_table(table: ScoreTable, path: Path) -> None:
    """Write a table as Markdown or CSV, whichever the path ends in.

    Raises:
        ForeignFileError: If a file is there that is no table of this kind.
    """
    content = _as_file(table, path.suffix)
    refuse_foreign_table(path, content)
    write_bytes(path, content)


def files_of(table: ScoreTable) -> dict[str, bytes]:
    """Return a table as Markdown and as CSV, by the names of the files."""
    return {f"{table.name}{suffix}": _as_file(table, suffix) for suffix in (".md", ".csv")}


def _as_file(table: ScoreTable, suffix: str) -> bytes:
    return (table.to_csv() if suffix == ".csv" else table.to_markdown() + "\n").encode()


def print_scores(record: Record) -> None:
    """Print AUC, F1, accuracy and threshold per AU and, where expressions were recognised, how many."""
    synthetic = " (synthetic faces)" if record.data.synthetic else ""
    method, name = shown(record.method), shown(record.data.name)
    title = f"{method} on {name}{synthetic}, fold {record.data.fold}, seed {record.seed}"
    table = Table("AU", "name", "AUC", "F1", "accuracy", "threshold", "positives", title=title)
    configuration = configuration_of(record.config)
    for au in record.aus:
        scores = (f"{values[au]:.3f}" for values in (record.auc, record.f1, record.accuracy))
        threshold = f"{configuration.threshold_of(au):.3g}"
        table.add_row(str(au), au_name(au), *scores, threshold, str(record.positives[au]))
    table.add_section()
    averages = (spread(record.auc.values()).mean, record.f1_average, spread(record.accuracy.values()).mean)
    table.add_row("", "average", *(f"{value:.3f}" for value in averages))
    console = plain_console()
    with console.capture() as printed:
        console.print(table)
    say(printed.get().rstrip("\n"))
    if record.interval is not None and not isnan(record.interval.f1_average[0]):
        units = f"{record.people} people" if record.people else "the test pictures"
        level = f"{record.interval.level:.0%} interval over {units}"
        say(f"average F1 {record.f1_average:.3f}, {level} {_bounds(record.interval.f1_average)}")
    if record.expressions is not None:
        print_expressions(record.expressions, record.people)


def print_expressions(result: ExpressionResult, people: int) -> None:
    """Print accuracy and mean recall of the expressions with their intervals."""
    count = sum(result.pictures.values())
    accuracy, recall = f"accuracy {result.accuracy:.3f}", f"mean recall {result.mean_recall:.3f}"
    if result.intervals is not None and not isnan(result.intervals.accuracy[0]):
        accuracy += f" {_bounds(result.intervals.accuracy)}"
        recall += f" {_bounds(result.intervals.mean_recall)}"
        units = f"{people} people" if result.intervals.over == "subjects" else "the pictures"
        recall += f", {result.intervals.level:.0%} intervals over {units}"
    say(f"{len(result.names)} expressions on {count:,} pictures: {accuracy}, {recall}")


def print_levels(model: Path) -> None:
    """Print at which levels the telling curves of a training ended, and how to read them."""
    checkpoint = load_checkpoint(model)
    if levels := levels_of(checkpoint, checkpoint.build()):
        say(f"what the networks did, means over the last {LAST} iterations:")
        for level in levels.values():
            say(f"  {level}")


def _bounds(interval: tuple[float, float]) -> str:
    return f"[{interval[0]:.3f}, {interval[1]:.3f}]"


def write_comparison(
    comparison: Comparison,
    out: Path,
    command: str,
    *,
    curve: str = "",
    curves: Sequence[str] | None = None,
    against: str = "",
    facts: Sequence[tuple[str, str]] = (),
) -> None:
    """Write tables and report of compared methods and print what they say and where they are.

    Args:
        comparison: The records.
        out: Folder of the files.
        command: Shell command that makes them again.
        curve: Option, or dose such as ``expression_pictures.permuted_labels``, over whose values the scores
            are drawn, too; empty for none.
        curves: Rows whose course of training is drawn, too; empty for all, None for none.
        against: Row that every other row is asked to be better than; empty for none.
        facts: More labels and values for the foot of the page.

    Raises:
        ForeignFileError: If a file is in the way that metafacs did not write; then nothing is written.
        ValueError: If there is no row ``against`` with sound runs.
    """
    content = compose_report(comparison, commands=[command], facts=facts, curves=curves, against=against)
    tables = list(content.tables)
    files = {"report.html": render_page(content).encode()}
    dose = curve.removeprefix(f"{DOSES}.")
    if dose != curve:
        tables += dose_tables(comparison, dose)
        files[f"curve_{dose}.png"] = encoded(dose_curve(comparison, dose))
    elif curve:
        tables.append(curve_table(comparison, curve))
        files[f"curve_{curve}.png"] = encoded(option_curve(comparison, curve))
    for table in tables:
        files |= files_of(table)
    write_own(files, out, "report")
    for table in tables:
        say(table.to_markdown())
    for claim in content.claims:
        say(str(claim))
    _say_without_paper(comparison.paper)
    say(f"tables: {printable(out / 'summary.md')} and beside it\nreport: {printable(out / 'report.html')}")
    if curve:
        say(f"curve: {printable(out / f'curve_{dose}.png')}")


def write_own(files: Mapping[str, bytes], out: Path, command: str) -> None:
    """Write all the files of a command into a folder; those of its last time that it no longer writes go.

    Raises:
        ForeignFileError: If a file is in the way that metafacs did not write; then nothing is written.
    """
    own = OwnFiles(out, command)
    own.write(files)
    for path in own.finish():
        say(f"removed: {printable(path)}, of the last time")


def write_few_shot(comparison: FewShotComparison, out: Path, transfer: FewShotTransfer | None = None) -> None:
    """Write the tables and the figures of a few-shot protocol and print what they say and where they are.

    Args:
        comparison: The records.
        out: Folder of the files.
        transfer: The same beside tests after training on other data, to be shown, too; None for none.

    Raises:
        ForeignFileError: If a file is in the way that metafacs did not write; then nothing is written.
    """
    tables = [accuracy_table(comparison)]
    several_steps = len(comparison.records[0].steps) > 1
    if several_steps:
        tables.append(steps_table(comparison))
    if len(comparison.seeds) > 1:
        tables.append(seeds_table(comparison))
    learners = {learner for _, learner in comparison.groups}
    references = {claim.worse for claim in comparison.claimed} & learners
    tables += [gains_table(comparison, reference) for reference in sorted(references) if len(learners) > 1]
    most = max(shots for shots, _ in comparison.groups)
    models = {
        f"{name}, {shots} shot": group for (shots, name), group in comparison.groups.items() if shots == most
    }
    colours = comparison.colours
    figures = {
        "accuracy_by_au.png": accuracy_by_au(models, colours),
        "accuracy_by_person.png": accuracy_by_person(models, colours),
    }
    if several_steps:
        figures["accuracy_by_steps.png"] = accuracy_by_steps(comparison)
    claims = few_shot_claims(comparison)
    if transfer is not None:
        tables.append(transfer_table(transfer))
        figures["transfer_by_au.png"] = accuracy_by_au(transfer.models, colours)
        claims += transfer_claims(transfer)
    files = {name: encoded(figure) for name, figure in figures.items()}
    for table in tables:
        files |= files_of(table)
    write_own(files, out, "report")
    for told in (*(table.to_markdown() for table in tables), *gains_in_words(comparison), *map(str, claims)):
        say(told)
    _say_without_paper(comparison.paper)
    where, names = printable(out), ", ".join(f"{table.name}.md" for table in tables)
    say(f"tables: {where}/{names}\nfigures: {where}/{', '.join(figures)}")


def _say_without_paper(paper: Paper | None) -> None:
    if paper is None:
        say(NO_PAPER)
