"""Fit a model to one person from a few labelled pictures or video frames, where that helps."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from jsonargparse import ArgumentParser, Namespace
from rich.console import Console
from rich.table import Table

from metafacs.cli.foreign import add_foreign_options, import_foreign
from metafacs.cli.own_files import refuse_foreign_file
from metafacs.facs import au_name
from metafacs.files import clear_leftovers_of
from metafacs.inference.loading import load_model
from metafacs.models.devices import check_device
from metafacs.personalisation.person import Person, is_person, save_person
from metafacs.personalisation.personalise import fit_support
from metafacs.personalisation.support import read_support
from metafacs.texts import printable


def build_parser(words: Sequence[str]) -> ArgumentParser:
    """Return the parser of the command."""
    parser = ArgumentParser(description=__doc__)
    parser.add_argument(
        "--model",
        type=Path | None,
        default=None,
        help="model.safetensors of 'metafacs train' or 'metafacs few_shot'; without it the detector in the "
        "package",
    )
    parser.add_argument(
        "--support",
        type=Path,
        required=True,
        help="CSV file with the columns picture, frame (of a video) and AUs such as AU12: 1, 0 or blank",
    )
    parser.add_argument("--out", type=Path, required=True, help="file to write, e.g. me.safetensors")
    parser.add_argument(
        "--mode",
        type=Literal["last", "full"] | None,
        default=None,
        help="fit the last layer (kilobytes, the default) or all weights (megabytes) of a detector",
    )
    parser.add_argument("--device", type=str, default="cpu", help="cpu, cuda, mps, gpu or auto")
    add_foreign_options(parser)
    return parser


def run(arguments: Namespace) -> int:
    """Fit, print what became of each AU, and write the person's file; 1 if nothing got better."""
    import_foreign(arguments)
    device = str(check_device(arguments.device))
    checkpoint, name = load_model(arguments.model)
    support = read_support(arguments.support)
    _check_out(arguments, [row.picture for row in support.rows])
    person, notes = fit_support(checkpoint, support, mode=arguments.mode, device=device)
    for note in notes:
        print(printable(note))
    print_outcomes(person)
    if not person.aus:
        raise ValueError(
            "no action unit got better, so nothing was written; label more pictures, of different moments"
        )
    clear_leftovers_of(arguments.out)
    save_person(arguments.out, person)
    size = arguments.out.stat().st_size
    amount = f"{size / 1e6:.1f} MB" if size >= 1e6 else f"{size / 1e3:.1f} kB"
    model = [] if arguments.model is None else ["--model", str(arguments.model)]
    command = shlex.join(["metafacs", "predict", *model, "--person", str(arguments.out)])
    print(f"person: {arguments.out} ({amount}), fitted to {name}; use it with '{command}'")
    return 0


def _check_out(arguments: Namespace, pictures: Sequence[Path]) -> None:
    """Refuse a file that would take the place of an input or of anything but a person's file, or a folder."""
    out, inputs = arguments.out, [arguments.support, *pictures]
    if arguments.model is not None:
        inputs.append(arguments.model)
    if out.is_dir():
        raise ValueError(f"{out} is a folder; give the name of a file, e.g. {out / 'me.safetensors'}")
    if out.resolve() in {path.resolve() for path in inputs}:
        raise ValueError(f"{out} would be overwritten by the person's file; give another --out")
    refuse_foreign_file(out, is_person, "person's file")


def print_outcomes(person: Person) -> None:
    """Print per AU what the labelled pictures say about the general and the fitted detector."""
    title = "Cross-validated on the labelled pictures, general -> fitted"
    if person.synthetic:
        title += " (synthetic training)"
    table = Table("AU", "with", "without", "balanced accuracy", "accuracy", "used", title=title)
    for outcome in person.outcomes:
        counts = str(outcome.positives), str(outcome.negatives)
        scores = (_change(*pair) for pair in (outcome.balanced, outcome.accuracy))
        table.add_row(str(outcome.au), *counts, *scores, outcome.reason if outcome.kept else "no")
    Console().print(table)
    for outcome in person.outcomes:
        if not outcome.kept:
            print(f"AU{outcome.au} {au_name(outcome.au)}: {outcome.reason}")


def _change(before: float | None, after: float | None) -> str:
    return "" if after is None else f"{'none' if before is None else f'{before:.2f}'} -> {after:.2f}"
