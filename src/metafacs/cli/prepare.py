"""Read a data set, cut out the aligned faces and write a prepared store."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from jsonargparse import ArgumentParser, Namespace

from metafacs.cli.stores import print_store
from metafacs.cli.summary import say
from metafacs.data.datasets import READERS, find_reader
from metafacs.data.prepare import prepare_store, read_dataset
from metafacs.faces.alignment import AlignmentSpec


def build_parser(words: Sequence[str]) -> ArgumentParser:
    """Return the parser; the data set named by the words decides about ``--options``."""
    dataset = _named_dataset(words)
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--config", action="config", help="YAML file with any of these options")
    parser.add_argument(
        "dataset",
        type=str,
        help=f"data set to read: {', '.join(READERS)}, or module:function of a reader of your own",
    )
    if dataset is not None:
        parser.add_function_arguments(find_reader(dataset), "options", skip={"root"})
    parser.add_argument("--root", type=Path, required=True, help="folder of the data set or of its twin")
    parser.add_argument("--out", type=Path, required=True, help="folder of the store; takes up stopped work")
    parser.add_argument("--size", type=int, default=256, help="side of the square crops in pixels")
    parser.add_class_arguments(AlignmentSpec, "alignment")
    parser.add_argument("--workers", type=int | None, default=None, help="processes; default one per core")
    parser.add_argument("--progress", type=bool, default=True, help="show a progress bar")
    return parser


def run(arguments: Namespace) -> None:
    """Prepare the store and print what was found and skipped."""
    options = arguments.get("options")
    reading = read_dataset(arguments.dataset, arguments.root, vars(options) if options else None)
    say(str(reading))
    store = prepare_store(
        reading,
        arguments.out,
        size=arguments.size,
        alignment=arguments.alignment,
        workers=arguments.workers,
        progress=arguments.progress,
    )
    print_store(store, reading)


def _named_dataset(words: Sequence[str]) -> str | None:
    """Return the one word of the command that belongs to no option."""
    for before, word in zip(["", *words], words, strict=False):
        # Every option takes a value.
        of_option = before.startswith("--") and "=" not in before
        if word != "prepare" and not word.startswith("-") and not of_option:
            return word
    return None
