"""Tell whether the parts that 'metafacs predict' wrote of many files are whole; make one table of them."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from jsonargparse import ArgumentParser, Namespace

from metafacs.cli.summary import number_of, say
from metafacs.inference.part_checks import account_for, merge_parts, write_failures
from metafacs.inference.part_plan import LIST, PARTS, WORK, read_plan
from metafacs.inference.sidecars import copy_sidecar
from metafacs.locks import claimed
from metafacs.texts import printable


def build_parser(words: Sequence[str]) -> ArgumentParser:
    """Return the parser of the command."""
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="--out of the 'metafacs predict' that wrote the parts")
    parser.add_argument(
        "--table",
        type=Path | None,
        default=None,
        help="Parquet file to write all rows to; without it the parts are only looked at, which many "
        "readers take "
        "as one table",
    )
    parser.add_argument("--overwrite", action="store_true", help="replace a table that is there already")
    return parser


def run(arguments: Namespace) -> int:
    """Count the rows of every file against the list, write what failed and the table; 1 if not whole."""
    folder, table = arguments.folder, arguments.table
    if table is not None and table.suffix != ".parquet":
        raise ValueError(f"--table is {printable(table)}; it is Parquet: give a name that ends in .parquet")
    if table is not None and table.exists() and not arguments.overwrite:
        raise ValueError(f"{printable(table)} is there already; give another name, or --overwrite")
    kept = {(folder / name).resolve() for name in (PARTS, WORK, LIST)}
    if table is not None and not kept.isdisjoint({table.resolve(), *table.resolve().parents}):
        raise ValueError(
            f"{printable(table)} would lie among the parts, which readers take as one table, or take the "
            "place of their list; give another name"
        )
    plan = read_plan(folder)
    account = account_for(plan, rows=True)
    say(
        f"parts: {account.made:,} of {account.parts:,}; files: {account.analysed:,} analysed, "
        f"{account.failed:,} "
        f"failed, {plan.files - account.analysed - account.failed:,} missing; "
        f"{number_of(account.rows, 'row', 'rows')}, {number_of(account.faces, 'face', 'faces')}"
    )
    for sentence in account.wrong:
        print(f"metafacs merge: {sentence}", file=sys.stderr)
    if account.faults > len(account.wrong):
        print(f"metafacs merge: and {account.faults - len(account.wrong)} more of the kind", file=sys.stderr)
    if account.missing:
        print(
            f"metafacs merge: {account.parts - account.made:,} parts are missing, {account.missing[0]} "
            "first: give "
            "the commands that make them again",
            file=sys.stderr,
        )
    if account.faults:
        return 1
    with claimed(folder, "writing what failed"):
        say(f"what failed: {printable(write_failures(plan))}")
    if not account.is_whole:
        return 1
    if table is None:
        say(f"nothing is missing, nothing is there twice; table: {printable(folder / PARTS)}")
        return 0
    merge_parts(plan, table)
    copy_sidecar(folder / PARTS, table)
    say(f"table: {printable(table)}; read it with pandas.read_parquet({shlex.quote(str(table))})")
    return 0
