"""Print what a prepared store holds: counts, AU rates, co-occurrence, subjects, missing labels."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from jsonargparse import ArgumentParser, Namespace

from metafacs.data.inspection import inspect_store
from metafacs.data.store import Store
from metafacs.files import write_json, written_whole
from metafacs.reports.contact_sheets import draw_contact_sheet


def build_parser(words: Sequence[str]) -> ArgumentParser:
    """Return the parser of the command."""
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("store", type=Path, help="folder that 'metafacs prepare' wrote")
    parser.add_argument("--sheet", type=Path | None, default=None, help="PNG to draw the contact sheet to")
    parser.add_argument("--out", type=Path | None, default=None, help="JSON file to write the counts to")
    parser.add_argument("--columns", type=int, default=10, help="crops per row of the contact sheet")
    return parser


def run(arguments: Namespace) -> None:
    """Print the counts; write the sheet and the JSON file where asked."""
    store = Store(arguments.store)
    inspection = inspect_store(store)
    print(inspection)
    if arguments.out is not None:
        write_json(arguments.out, inspection.summary())
        print(f"\ncounts: {arguments.out}")
    if arguments.sheet is not None:
        with written_whole(arguments.sheet) as temporary:
            draw_contact_sheet(store, columns=arguments.columns).save(temporary, "PNG")
        print(f"contact sheet: {arguments.sheet}")
