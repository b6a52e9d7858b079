"""Build a data set from others: RAF-CE from RAF-ML and RAF-AU."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from jsonargparse import ArgumentParser, Namespace

from metafacs.data.raf_ce_construction import construct_raf_ce, write_raf_ce


def build_parser(words: Sequence[str]) -> ArgumentParser:
    """Return the parser of the command."""
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("dataset", type=Literal["raf_ce"], help="data set to build")
    parser.add_argument("--raf_ml", type=Path, required=True, help="folder of RAF-ML or of its twin")
    parser.add_argument("--raf_au", type=Path, required=True, help="folder of RAF-AU or of its twin")
    parser.add_argument("--out", type=Path, required=True, help="folder to write; takes up stopped work")
    parser.add_argument(
        "--partition",
        type=Path | None,
        default=None,
        help="the published RAFCE_partition.txt; default parts of its proportions, drawn by the seed",
    )
    parser.add_argument("--seed", type=int, default=0, help="seed of the drawn partition")
    parser.add_argument("--progress", type=bool, default=True, help="show a progress bar")
    return parser


def run(arguments: Namespace) -> None:
    """Build the data set and print what it holds and what was discarded."""
    construction = construct_raf_ce(
        arguments.raf_ml, arguments.raf_au, partition=arguments.partition, seed=arguments.seed
    )
    write_raf_ce(construction, arguments.out, progress=arguments.progress)
    print(construction)
    print(f"written to {arguments.out}")
