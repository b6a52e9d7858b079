"""What command files share: how scores, tables and reports are printed and written."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console
from rich.table import Table

from metafacs.evaluation.expression_results import ExpressionResult
from metafacs.evaluation.records import Record
from metafacs.facs import au_name
from metafacs.files import written_whole
from metafacs.reports.comparison import Comparison
from metafacs.reports.composition import compose_report
from metafacs.reports.few_shot import accuracy_table, gains_in_words, steps_table
from metafacs.reports.few_shot_comparison import FewShotComparison
from metafacs.reports.few_shot_figures import accuracy_by_au, accuracy_by_person, accuracy_by_steps
from metafacs.reports.named_paper import NO_PAPER
from metafacs.reports.page import write_page
from metafacs.reports.papers.paper import Paper
from metafacs.reports.style import save_figure
from metafacs.reports.tables import Table as ScoreTable


def write_table(table: ScoreTable, path: Path) -> None:
    """Write a table as Markdown or CSV, whichever the path ends in."""
    text = table.to_csv() if path.suffix == ".csv" else table.to_markdown() + "\n"
    with written_whole(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def print_table(table: ScoreTable, folder: Path) -> None:
    """Print a table and write it as Markdown and as CSV under its own name."""
    print(table.to_markdown())
    for suffix in (".md", ".csv"):
        write_table(table, folder / f"{table.name}{suffix}")


def print_scores(record: Record) -> None:
    """Print F1, accuracy and AUC per AU and, where expressions were recognised, how many."""
    synthetic = " (synthetic faces)" if record.data.synthetic else ""
    title = f"{record.method} on {record.data.name}{synthetic}, fold {record.data.fold}, seed {record.seed}"
    table = Table("AU", "name", "F1", "accuracy", "AUC", "positives", title=title)
    for au in record.aus:
        scores = (f"{values[au]:.3f}" for values in (record.f1, record.accuracy, record.auc))
        table.add_row(str(au), au_name(au), *scores, str(record.positives[au]))
    table.add_section()
    table.add_row("", "average", f"{record.f1_average:.3f}")
    Console().print(table)
    if record.interval is not None:
        units = f"{record.people} people" if record.people else "the test pictures"
        level = f"{record.interval.level:.0%} interval over {units}"
        print(f"average F1 {record.f1_average:.3f}, {level} {_bounds(record.interval.f1_average)}")
    if record.expressions is not None:
        print_expressions(record.expressions, record.people)


def print_expressions(result: ExpressionResult, people: int) -> None:
    """Print accuracy and mean recall of the expressions with their intervals."""
    count = sum(result.pictures.values())
    accuracy, recall = f"accuracy {result.accuracy:.3f}", f"mean recall {result.mean_recall:.3f}"
    if result.intervals is not None:
        accuracy += f" {_bounds(result.intervals.accuracy)}"
        recall += f" {_bounds(result.intervals.mean_recall)}"
        units = f"{people} people" if result.intervals.over == "subjects" else "the pictures"
        recall += f", {result.intervals.level:.0%} intervals over {units}"
    print(f"{len(result.names)} expressions on {count:,} pictures: {accuracy}, {recall}")


def _bounds(interval: tuple[float, float]) -> str:
    return f"[{interval[0]:.3f}, {interval[1]:.3f}]"


def write_comparison(comparison: Comparison, out: Path, command: str) -> None:
    """Write tables and report of compared methods and print what they say and where they are."""
    content = compose_report(comparison, commands=[command])
    for table in content.tables:
        print_table(table, out)
    write_page(content, out / "report.html")
    for claim in content.claims:
        print(claim)
    _print_without_paper(comparison.paper)
    print(f"tables: {out / 'summary.md'} and beside it\nreport: {out / 'report.html'}")


def write_few_shot(comparison: FewShotComparison, out: Path) -> None:
    """Write the tables and the figures of a few-shot protocol and print where they are."""
    for table in (accuracy_table(comparison), steps_table(comparison)):
        print_table(table, out)
    for gain in gains_in_words(comparison):
        print(gain)
    _print_without_paper(comparison.paper)
    most = max(shots for shots, _ in comparison.groups)
    models = {
        f"{name}, {shots} shot": group for (shots, name), group in comparison.groups.items() if shots == most
    }
    colours = comparison.colours
    save_figure(accuracy_by_au(models, colours), out / "accuracy_by_au.png")
    save_figure(accuracy_by_person(models, colours), out / "accuracy_by_person.png")
    save_figure(accuracy_by_steps(comparison), out / "accuracy_by_steps.png")
    print(
        f"tables: {out / 'accuracy.md'}, {out / 'accuracy_by_steps.md'}\nfigures: {out / 'accuracy_by_*.png'}"
    )


def _print_without_paper(paper: Paper | None) -> None:
    if paper is None:
        print(NO_PAPER)
