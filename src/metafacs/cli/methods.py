"""List the methods and what each one needs."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from jsonargparse import ArgumentParser, Namespace
from rich.table import Column, Table

from metafacs.methods import FEW_SHOT, METHODS, installed_methods
from metafacs.progress import plain_console


def build_parser(words: Sequence[str]) -> ArgumentParser:
    """Return the parser of the command."""
    return ArgumentParser(description=__doc__)


def run(arguments: Namespace) -> None:
    """Print the methods of 'metafacs train', installed ones of others, and the few-shot learners."""
    broken: list[str] = []
    table = Table(Column("method", no_wrap=True), "reads", "what it is")
    for name, method in {**METHODS, **installed_methods(broken), **FEW_SHOT}.items():
        table.add_row(name, ", ".join(method.streams), (method.__doc__ or "").strip().partition("\n")[0])
    plain_console().print(table)
    for problem in broken:
        print(problem, file=sys.stderr)
