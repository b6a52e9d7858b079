"""The command line: one command per file."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from jsonargparse import ArgumentParser

from metafacs import __version__
from metafacs.cli import build, demo, evaluate, inspect, methods, predict, prepare, train, twin
from metafacs.data.datasets import DatasetError
from metafacs.data.splits import SplitError
from metafacs.data.store import StoreError
from metafacs.faces.pictures import PictureError
from metafacs.training.checkpoint import CheckpointError
from metafacs.training.stepper import DivergedError

COMMANDS = {
    "twin": twin,
    "build": build,
    "prepare": prepare,
    "inspect": inspect,
    "train": train,
    "evaluate": evaluate,
    "predict": predict,
    "demo": demo,
    "methods": methods,
}

EXPECTED_ERRORS = (
    ValueError,
    FileNotFoundError,
    DatasetError,
    SplitError,
    StoreError,
    PictureError,
    CheckpointError,
    DivergedError,
)
"""Errors whose message is written for the user; anything else is a bug and keeps its traceback."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return the exit code: 0 done, 1 failed, 2 wrong usage, 130 stopped."""
    words = list(sys.argv[1:] if argv is None else argv)
    parser = ArgumentParser(
        prog="metafacs",
        description="Train, adapt and run facial action unit detectors.",
        version=__version__,
    )
    commands = parser.add_subcommands(required=True, dest="command")
    for name, module in COMMANDS.items():
        # Only the command in use is built in full: the others would import and inspect for nothing.
        command = module.build_parser(words) if name in words else ArgumentParser(description=module.__doc__)
        commands.add_subcommand(name, command, help=(module.__doc__ or "").splitlines()[0])
    arguments = parser.instantiate(parser.parse_args(words))
    debug = bool(os.environ.get("METAFACS_DEBUG"))
    try:
        code = COMMANDS[arguments.command].run(arguments[arguments.command])
    except KeyboardInterrupt as stop:
        print(stop or "stopped", file=sys.stderr)
        return 130
    except EXPECTED_ERRORS as error:
        if debug:
            raise
        print(f"metafacs {arguments.command}: {error}", file=sys.stderr)
        return 1
    return int(code or 0)
