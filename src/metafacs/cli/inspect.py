"""Print what a prepared store holds: counts, AU rates beside published ones, co-occurrence, subjects."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

from jsonargparse import ArgumentParser, Namespace
from PIL.PngImagePlugin import PngInfo

from metafacs.analysis.co_occurrence import co_occurrence
from metafacs.analysis.person_rates import person_rates
from metafacs.cli.own_files import ForeignFileError, as_json, refuse_foreign_table
from metafacs.cli.summary import say
from metafacs.data.inspection import inspect_store
from metafacs.data.store import Store
from metafacs.files import write_bytes
from metafacs.reports.co_occurrence import co_occurrence_map, co_occurrence_table, pattern_table
from metafacs.reports.contact_sheets import draw_contact_sheet
from metafacs.reports.person_rates import person_rates_map, person_rates_table
from metafacs.reports.style import encoded
from metafacs.texts import printable


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
    parser.add_argument(
        "--people",
        type=Path | None,
        default=None,
        help="PNG to draw the heat map of AUs per person to; also prints their shares",
    )
    return parser


def run(arguments: Namespace) -> None:
    """Print the counts; write the sheet and the JSON file where asked."""
    store = Store(arguments.store)
    _refuse_places(store, [arguments.out, arguments.patterns, arguments.people, arguments.sheet])
    inspection = inspect_store(store)
    say(str(inspection))
    if arguments.out is not None:
        _write(arguments.out, as_json(inspection.summary()), "counts")
    if arguments.patterns is not None:
        found = co_occurrence(store)
        say(f"\n{co_occurrence_table(found).to_markdown()}\n\n{pattern_table(found).to_markdown()}")
        _write(arguments.patterns, encoded(co_occurrence_map(found)), "heat map")
    if arguments.people is not None:
        by_person = person_rates(store)
        say(f"\n{person_rates_table(by_person).to_markdown()}")
        _write(arguments.people, encoded(person_rates_map(by_person)), "heat map of people")
    if arguments.sheet is not None:
        drawn, content = PngInfo(), io.BytesIO()
        drawn.add_text("Software", "metafacs")
        draw_contact_sheet(store, columns=arguments.columns).save(content, "PNG", pnginfo=drawn)
        _write(arguments.sheet, content.getvalue(), "contact sheet")


def _refuse_places(store: Store, paths: Sequence[Path | None]) -> None:
    given = [path.resolve() for path in paths if path is not None]
    for path in given:
        if store.path.resolve() in path.parents:
            raise ForeignFileError(f"{printable(path)} is inside the store; give a place outside of it")
        if given.count(path) > 1:
            raise ForeignFileError(f"{printable(path)} is given twice; give every file a name of its own")


def _write(path: Path, content: bytes, what: str) -> None:
    refuse_foreign_table(path, content)
    write_bytes(path, content)
    say(f"\n{what}: {printable(path)}")
