"""Publish a model on the Hugging Face Hub, with a card that tells what it is."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from jsonargparse import ArgumentParser, Namespace

from metafacs.cli.own_files import ForeignFileError
from metafacs.cli.summary import say
from metafacs.evaluation.records import read_records
from metafacs.hub import PREFIX
from metafacs.reports.publishing import save_to_hub, write_files
from metafacs.texts import printable


def build_parser(words: Sequence[str]) -> ArgumentParser:
    """Return the parser of the command."""
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("model", type=Path, help="model.safetensors that 'metafacs train' wrote")
    parser.add_argument("repository", type=str, help="user/name on the Hub; it is made if there is none")
    parser.add_argument(
        "--records",
        type=Path,
        nargs="*",
        default=[],
        help="records that 'metafacs evaluate' wrote of this model, whose scores the card tells",
    )
    parser.add_argument(
        "--licence",
        type=str | None,
        default=None,
        help="of these weights, by the Hub's short name, e.g. apache-2.0; the card also tells what the "
        "training data and the initial weights allow",
    )
    parser.add_argument("--public", action="store_true", help="let everybody read a new repository")
    parser.add_argument(
        "--out",
        type=Path | None,
        default=None,
        help="empty folder to write the files to instead of publishing them; needs no network",
    )
    return parser


def run(arguments: Namespace) -> None:
    """Publish the model, or write what would be published; print where it is."""
    known = {"records": read_records(*arguments.records), "licence": arguments.licence}
    out = arguments.out
    if out is None:
        name = save_to_hub(arguments.model, arguments.repository, private=not arguments.public, **known)
        say(f"published: {name}\nload it with load_detector({PREFIX + arguments.repository!r})")
        return
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise ForeignFileError(f"{printable(out)} is there already; name an empty folder with --out")
    for file in write_files(arguments.model, arguments.repository, out, **known).values():
        say(str(printable(file)))
