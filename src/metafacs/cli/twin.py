"""Render a synthetic twin of a licensed data set, in its own layout on disk."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from jsonargparse import ArgumentParser, Namespace

from metafacs.data.twins import TWINS
from metafacs.data.twins.rendering import render_twin
from metafacs.data.twins.writer import Preset


def build_parser(words: Sequence[str]) -> ArgumentParser:
    """Return the parser of the command."""
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("dataset", type=Literal[tuple(TWINS)], help="data set whose twin is rendered")
    parser.add_argument(
        "--root", type=Path, required=True, help="folder to write; also takes up a stopped rendering"
    )
    parser.add_argument("--preset", type=Preset, default="small", help="size of the twin")
    parser.add_argument("--seed", type=int, default=0, help="seed of the generator")
    parser.add_argument("--workers", type=int | None, default=None, help="processes; default one per core")
    parser.add_argument("--progress", type=bool, default=True, help="show a progress bar")
    return parser


def run(arguments: Namespace) -> None:
    """Render the twin and print what was written."""
    summary = render_twin(
        arguments.dataset,
        arguments.root,
        preset=arguments.preset,
        seed=arguments.seed,
        workers=arguments.workers,
        progress=arguments.progress,
    )
    print(summary)
