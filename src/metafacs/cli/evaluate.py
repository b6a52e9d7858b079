"""Test a model on the people its fold held out and write the record."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from jsonargparse import ArgumentParser, Namespace
from rich.console import Console
from rich.table import Table

from metafacs.evaluation.protocols import evaluate_held_out
from metafacs.evaluation.records import Record, write_record
from metafacs.facs import au_name


def build_parser(words: Sequence[str]) -> ArgumentParser:
    """Return the parser of the command."""
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("model", type=Path, help="model.safetensors that 'metafacs train' wrote")
    parser.add_argument("--action_units", type=Path, required=True, help="prepared store with AU labels")
    parser.add_argument(
        "--fold", type=int | None, default=None, help="fold; default the one it was trained for"
    )
    parser.add_argument(
        "--out", type=Path | None, default=None, help="record; default record.json beside the model"
    )
    return parser


def run(arguments: Namespace) -> None:
    """Test, print the scores and write the record."""
    record, _ = evaluate_held_out(arguments.model, arguments.action_units, fold=arguments.fold)
    out = arguments.out or arguments.model.parent / "record.json"
    write_record(record, out)
    print_scores(record)
    print(f"record: {out}")


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
