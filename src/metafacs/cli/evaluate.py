"""Test models on the people their folds held out, write the records and tables over folds and seeds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

from jsonargparse import ArgumentParser, Namespace
from rich.console import Console
from rich.table import Table

from metafacs.cli.foreign import add_foreign_options, import_foreign
from metafacs.data.splits import SplitName
from metafacs.evaluation.expression_results import ExpressionResult
from metafacs.evaluation.protocols import evaluate
from metafacs.evaluation.records import Record, RecordError, read_record, write_record
from metafacs.facs import au_name
from metafacs.files import written_whole
from metafacs.models.dual_domain import Domain
from metafacs.models.model_file import names_of
from metafacs.reports.expression_table import expression_table
from metafacs.reports.tables import Table as ScoreTable
from metafacs.reports.tables import f1_table

RECORD_FILE = "record.json"
_READ_AS = " read as "


def build_parser(words: Sequence[str]) -> ArgumentParser:
    """Return the parser of the command."""
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("models", type=Path, nargs="+", help="model.safetensors that 'metafacs train' wrote")
    parser.add_argument("--action_units", type=Path, required=True, help="prepared store with AU labels")
    add_test_options(parser)
    parser.add_argument(
        "--out",
        type=Path | None,
        default=None,
        help="folder for the records, which are then not written beside the models",
    )
    parser.add_argument(
        "--table",
        type=Path | None,
        default=None,
        help="file for F1 per AU and method, mean and spread over folds and seeds: .md or .csv",
    )
    parser.add_argument(
        "--expression_table",
        type=Path | None,
        default=None,
        help="file for expressions recognised per class and method, mean and spread likewise: .md or .csv",
    )
    add_foreign_options(parser)
    return parser


def add_test_options(parser: ArgumentParser) -> None:
    """Add the options that choose whom a model is tested on."""
    parser.add_argument(
        "--split",
        type=SplitName | None,
        default=None,
        help="split of a data set that the models were not trained on; default the usual one; everybody: all "
        "of it",
    )
    parser.add_argument("--fold", type=int | None, default=None, help="default the fold each was trained for")
    parser.add_argument(
        "--side",
        type=Literal["test", "validation"],
        default="test",
        help="validation: the people to choose settings by",
    )
    parser.add_argument(
        "--domain",
        type=Domain | None,
        default=None,
        help="read the pictures as the source's or the target's, in methods that read domains apart; default "
        "source on the data set trained on, else target",
    )


def run(arguments: Namespace) -> None:
    """Test every model, print its scores, write its record beside it, and the table where asked."""
    import_foreign(arguments)
    wanted = [
        (path, make)
        for path, make in ((arguments.table, f1_table), (arguments.expression_table, expression_table))
        if path is not None
    ]
    for path, _ in wanted:
        if path.suffix not in (".md", ".csv"):
            raise ValueError(f"a table's name must end in .md or .csv, not '{path.suffix}'")
    records = []
    settings = {key: arguments[key] for key in ("split", "fold", "side", "domain")}
    for name, model in names_of(arguments.models).items():
        record = evaluate(model, arguments.action_units, **settings)
        label = _name_in_comparison(model)
        if arguments.domain is not None:
            label = f"{label or record.method}{_READ_AS}{arguments.domain}"
        record = replace(record, label=label)
        folder = model.parent if arguments.out is None else arguments.out / name
        path = folder / (RECORD_FILE if arguments.side == "test" else f"{arguments.side}_{RECORD_FILE}")
        _refuse_to_overwrite(path, record)
        write_record(record, path)
        print_scores(record)
        print(f"record: {path}")
        records.append(record)
    for path, make in wanted:
        write_table(make(records), path)
        print(f"table: {path}")


def _refuse_to_overwrite(path: Path, record: Record) -> None:
    """Raise RecordError if a file holds the record of another test, which would be lost."""
    if not path.is_file():
        return
    earlier = read_record(path)
    if (earlier.data, earlier.label) != (record.data, record.label):
        raise RecordError(
            f"{path} is the record of another test, on {earlier.data.name}, {earlier.data.split}"
            f"{earlier.label and ', '}{earlier.label}; give --out for a folder of the new one's own"
        )


def _name_in_comparison(model: Path) -> str:
    """Return the name that a comparison gave the row of a model, in the record beside it; empty if none."""
    path = model.parent / RECORD_FILE
    return read_record(path).label.partition(_READ_AS)[0] if path.is_file() else ""


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
