"""Print what a prepared store holds: counts, AU rates beside published ones, co-occurrence, subjects."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from jsonargparse import ArgumentParser, Namespace

from metafacs.analysis.co_occurrence import co_occurrence
from metafacs.data.inspection import inspect_store
from metafacs.data.store import Store
from metafacs.files import write_json, written_whole
from metafacs.reports.co_occurrence import co_occurrence_map, co_occurrence_table, pattern_table
from metafacs.reports.contact_sheets import draw_contact_sheet
from metafacs.reports.style import save_figure


def build_parser(words: Sequence[str]) -> ArgumentParser:
    """Return the parser of the command."""
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("store", type=Path, help="folder that 'metafacs prepare' wrote")
    parser.add_argument("--sheet", type=Path | None, default=None, help="PNG to draw the contact sheet to")
    parser.add_argument("--out", type=Path | None, default=None, help="JSON file to write the counts to")
    parser.add_argument("--columns", type=int, default=10, help="crops per row of the contact sheet")
    parser.add_argument(
        "--patterns",
        type=Path | None,
        default=None,
        help="PNG to draw the heat map of AUs per expression to; also prints prototypical and variant AUs",
    )
    return parser


def run(arguments: Namespace) -> None:
    """Print the counts; write the sheet and the JSON file where asked."""
    store = Store(arguments.store)
    inspection = inspect_store(store)
    print(inspection)
    if arguments.out is not None:
        write_json(arguments.out, inspection.summary())
        print(f"\ncounts: {arguments.out}")
    if arguments.patterns is not None:
        found = co_occurrence(store)
        print(f"\n{co_occurrence_table(found).to_markdown()}\n\n{pattern_table(found).to_markdown()}")
        save_figure(co_occurrence_map(found), arguments.patterns)
        print(f"heat map: {arguments.patterns}")
    if arguments.sheet is not None:
        with written_whole(arguments.sheet) as temporary:
            draw_contact_sheet(store, columns=arguments.columns).save(temporary, "PNG")
        print(f"contact sheet: {arguments.sheet}")
