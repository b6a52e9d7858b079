"""Write the tables and the page of records that were made before, e.g. of a comparison."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from jsonargparse import ArgumentParser, Namespace

from metafacs.cli.compare import write_results
from metafacs.evaluation.records import read_records


def build_parser(words: Sequence[str]) -> ArgumentParser:
    """Return the parser of the command."""
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("records", type=Path, help="folder with records of one data set and split")
    parser.add_argument("--out", type=Path, required=True, help="folder for the tables and report.html")
    return parser


def run(arguments: Namespace) -> None:
    """Read every record below the folder and write what they say."""
    records = read_records(arguments.records)
    write_results(records, arguments.out, f"metafacs report {arguments.records.as_posix()}")
