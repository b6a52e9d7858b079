"""Test models on the people their folds held out, write the records and one table over folds and seeds."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from jsonargparse import ArgumentParser, Namespace
from rich.console import Console
from rich.table import Table

from metafacs.data.splits import SplitName
from metafacs.evaluation.protocols import evaluate_held_out
from metafacs.evaluation.records import Record, write_record
from metafacs.facs import au_name
from metafacs.files import written_whole
from metafacs.reports.tables import f1_table

RECORD_FILE = "record.json"


def build_parser(words: Sequence[str]) -> ArgumentParser:
    """Return the parser of the command."""
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("models", type=Path, nargs="+", help="model.safetensors that 'metafacs train' wrote")
    parser.add_argument("--action_units", type=Path, required=True, help="prepared store with AU labels")
    parser.add_argument(
        "--split",
        type=SplitName | None,
        default=None,
        help="split of a data set that the models were not trained on; default the usual one",
    )
    parser.add_argument("--fold", type=int | None, default=None, help="default the fold each was trained for")
    parser.add_argument(
        "--side",
        type=Literal["test", "validation"],
        default="test",
        help="validation: the people to choose settings by",
    )
    parser.add_argument(
        "--table",
        type=Path | None,
        default=None,
        help="file for F1 per AU and method, mean and spread over folds and seeds: .md or .csv",
    )
    return parser


def run(arguments: Namespace) -> None:
    """Test every model, print its scores, write its record beside it, and the table where asked."""
    if arguments.table is not None and arguments.table.suffix not in (".md", ".csv"):
        raise ValueError(f"the table's name must end in .md or .csv, not '{arguments.table.suffix}'")
    records = []
    for model in arguments.models:
        record, _ = evaluate_held_out(
            model, arguments.action_units, split=arguments.split, fold=arguments.fold, side=arguments.side
        )
        path = model.parent / (RECORD_FILE if arguments.side == "test" else f"{arguments.side}_{RECORD_FILE}")
        write_record(record, path)
        print_scores(record)
        print(f"record: {path}")
        records.append(record)
    if arguments.table is not None:
        write_table(records, arguments.table)
        print(f"table: {arguments.table}")


def write_table(records: Sequence[Record], path: Path) -> None:
    """Write F1 per AU and method as Markdown or CSV, whichever the path ends in."""
    table = f1_table(records)
    text = table.to_csv() if path.suffix == ".csv" else table.to_markdown() + "\n"
    with written_whole(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def print_scores(record: Record) -> None:
    """Print F1, accuracy and AUC per AU."""
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
        low, high = record.interval.f1_average
        people = len(record.per_subject)
        level = f"{record.interval.level:.0%} interval over {people} people"
        print(f"average F1 {record.f1_average:.3f}, {level} [{low:.3f}, {high:.3f}]")
