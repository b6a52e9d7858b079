"""Test models on the people their folds held out, write the records and tables over folds and seeds."""

from __future__ import annotations

import re
import warnings
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch
from jsonargparse import ArgumentParser, Namespace

from metafacs.cli.each_model import for_each_model
from metafacs.cli.foreign import add_foreign_options, import_foreign
from metafacs.cli.options import add_device_option, add_paper_option, add_test_options, add_threshold_options
from metafacs.cli.output import print_scores, write_table
from metafacs.cli.summary import say
from metafacs.evaluation.configuration import configuration_of
from metafacs.evaluation.protocols import described, evaluate, keep_thresholds, open_test
from metafacs.evaluation.record_files import RecordError
from metafacs.evaluation.records import Record, read_record, write_record
from metafacs.evaluation.thresholds import VALIDATION
from metafacs.locks import claimed
from metafacs.models.devices import check_device
from metafacs.models.dual_domain import Domain, Reading
from metafacs.reports.comparison import Comparison
from metafacs.reports.expression_table import expression_table
from metafacs.reports.named_paper import find_paper
from metafacs.reports.tables import f1_table
from metafacs.texts import printable

RECORD_FILE = "record.json"
_READ = re.compile(r" read (as|by|directly)\b")
"""Where in the label of a record it begins to say how pictures were read."""

_READINGS = {"reconstruction": " by reconstruction", "direct": " directly"}


def build_parser(words: Sequence[str]) -> ArgumentParser:
    """Return the parser of the command."""
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("models", type=Path, nargs="+", help="model.safetensors that 'metafacs train' wrote")
    parser.add_argument("--action_units", type=Path, required=True, help="prepared store with AU labels")
    add_test_options(parser)
    parser.add_argument(
        "--read",
        type=Reading | None,
        default=None,
        help="how methods that have a choice read target pictures: from the reconstruction of their "
        "features, or direct; default as each was made for",
    )
    add_threshold_options(parser)
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
    add_paper_option(parser)
    add_device_option(parser)
    add_foreign_options(parser)
    return parser


def run(arguments: Namespace) -> int:
    """Test every model, print its scores, write its record beside it, and the table where asked.

    Returns:
        1 if a model could not be tested; the others are.
    """
    import_foreign(arguments)
    wanted = [
        (path, make)
        for path, make in ((arguments.table, f1_table), (arguments.expression_table, expression_table))
        if path is not None
    ]
    for path, _ in wanted:
        if path.suffix not in (".md", ".csv"):
            raise ValueError(f"a table's name must end in .md or .csv, not '{path.suffix}'")
    records: list[Record] = []
    keys = ("split", "fold", "side", "domain", "read", "thresholds", "validation_store")
    device = check_device(arguments.device)
    settings = {key: arguments[key] for key in keys}

    def test(name: str, model: Path) -> None:
        folder = model.parent if arguments.out is None else arguments.out / name
        path = folder / (RECORD_FILE if arguments.side == "test" else f"{arguments.side}_{RECORD_FILE}")
        with claimed(folder, f"testing {model.name}"):
            label, paper = _told_in_comparison(model)
            if path.is_file():
                # Before the minutes of the test, and before a model is written.
                _refuse_to_overwrite(path, model, arguments, label, device)
            if _keeps_thresholds(arguments):
                keep_thresholds(model, arguments.validation_store or arguments.action_units, device=device)
            record = evaluate(model, arguments.action_units, **settings, device=device)
            record = replace(record, label=_row(arguments, label, record.method), paper=paper)
            write_record(record, path)
        records.append(record)
        print_scores(record)
        say(f"record: {printable(path)}")

    failed = for_each_model("evaluate", arguments.models, test)
    if wanted and records:
        comparison = Comparison(records, find_paper(arguments.paper or ""))
        for path, make in wanted:
            write_table(make(comparison), path)
            say(f"table: {printable(path)}")
    return int(bool(failed))


def _row(arguments: Namespace, label: str, method: str) -> str:
    """Return the name of a row: a comparison's, if it has one, and how pictures were asked to be read."""
    told = _reading_in_words(arguments.domain, arguments.read)
    return f"{label or method}{told}" if told else label


def _reading_in_words(domain: Domain | None, read: Reading | None) -> str:
    """Return how pictures were asked to be read, as the end of a label; empty if nothing was asked.

    >>> _reading_in_words("target", "direct")
    ' read directly as target'
    """
    words = f"{_READINGS[read] if read else ''}{f' as {domain}' if domain else ''}"
    return f" read{words}" if words else ""


def _refuse_to_overwrite(
    path: Path, model: Path, arguments: Namespace, label: str, device: torch.device
) -> None:
    """Raise RecordError if a file holds the record of another test than is asked for, which would be lost.

    Thresholds that a model is asked to keep change the model, so that its record goes with them.
    """
    earlier = read_record(path)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # The test itself says it.
        asked = {key: arguments[key] for key in ("split", "fold", "side", "domain", "read")}
        test = open_test(model, arguments.action_units, **asked, device=device)
    thresholds, checkpoint = arguments.thresholds, test.checkpoint
    if thresholds == VALIDATION:
        judged_at = earlier.judged_at if _keeps_thresholds(arguments) else VALIDATION
    else:
        cut = checkpoint.description if thresholds is None else checkpoint.description.cut_at(thresholds)
        judged_at = configuration_of(described(replace(checkpoint, description=cut))).judged_at
    data = replace(test.data, store=earlier.data.store)
    new = data, _row(arguments, label, checkpoint.method), judged_at
    if new != (earlier.data, earlier.label, earlier.judged_at):
        raise RecordError(
            f"{path} is the record of another test, on {earlier.data.name}, {earlier.data.split}"
            f"{earlier.label and ', '}{earlier.label}, judged at thresholds {earlier.judged_at}; give --out "
            "for a folder of the new one's own"
        )


def _keeps_thresholds(arguments: Namespace) -> bool:
    """Return whether models keep the thresholds that are chosen."""
    return arguments.thresholds == VALIDATION and arguments.side == "test" and arguments.out is None


def _told_in_comparison(model: Path) -> tuple[str, str]:
    """Return name of the row and paper from a comparison's record beside a model; empty if there is none."""
    path = model.parent / RECORD_FILE
    if not path.is_file():
        return "", ""
    record = read_record(path)
    return _READ.split(record.label)[0], record.paper
