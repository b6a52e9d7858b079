"""The command line: one command per file."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib import import_module
from types import ModuleType

from jsonargparse import ArgumentParser

from metafacs.cli.paths import check_config, expanded
from metafacs.parsing import FileError
from metafacs.plugins import PluginError
from metafacs.processes import keep_freed_memory
from metafacs.version import __version__

COMMANDS: dict[str, str] = {
    "twin": "render a synthetic twin of a licensed data set",
    "build": "build a data set from others: RAF-CE from RAF-ML and RAF-AU",
    "prepare": "cut the aligned faces out of a data set",
    "inspect": "print what a prepared store holds",
    "detector": "build the detector that metafacs ships",
    "pretrain": "rebuild the packaged initial weights from rendered faces",
    "train": "train an AU detector",
    "adapt": "train a detector for a folder of your own unlabelled pictures",
    "compare": "train and test methods over folds and seeds, as a file describes",
    "few_shot": "learn to adapt to people from a few pictures, and test it",
    "evaluate": "test models on held-out people",
    "landmarks": "test how well models find landmarks, and draw what they see",
    "report": "write the tables and the page of records",
    "analyse": "show what trained models have learned",
    "personalise": "fit a model to one person from a few labelled pictures",
    "predict": "tell which action units the faces on pictures and in videos show",
    "agree": "tell how well a table of action units agrees with a human coding, or two coders",
    "demo": "run the main job: twins, three methods, photos, report",
    "methods": "list the methods",
}
"""Name of a command, which is its module's, -> one line of help."""

EXPECTED_ERRORS = (ValueError, OSError, FloatingPointError)
"""Errors whose message is written for the user; anything else is a bug and keeps its traceback."""


def command_module(name: str) -> ModuleType:
    """Return the module of a command; importing it brings in what the command needs, torch included."""
    return import_module(f"metafacs.cli.{name}")


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return the exit code: 0 done, 1 failed, 2 wrong usage, 130 stopped."""
    words = list(sys.argv[1:] if argv is None else argv)
    used = next((word for word in words if word in COMMANDS), None)
    parser = ArgumentParser(
        prog="metafacs",
        description="Train, adapt and run facial action unit detectors.",
        version=__version__,
    )
    commands = parser.add_subcommands(required=True, dest="command")
    try:
        check_config(words)
        if used is not None:
            words = getattr(command_module(used), "rewritten", list)(words)
        for name, help_line in COMMANDS.items():
            command = command_module(name).build_parser(words) if name == used else ArgumentParser()
            if name == used:
                parser.parser_mode = command.parser_mode  # adding it gives it that of the parser above
            commands.add_subcommand(name, command, help=help_line)
        arguments = expanded(parser.instantiate(parser.parse_args(words)))
    except (PluginError, FileError) as error:
        parser.error(str(error))
    keep_freed_memory()
    debug = bool(os.environ.get("METAFACS_DEBUG"))
    try:
        code = command_module(arguments.command).run(arguments[arguments.command])
    except KeyboardInterrupt as stop:
        print(stop or "stopped", file=sys.stderr)
        return 130
    except EXPECTED_ERRORS as error:
        if debug:
            raise
        print(f"metafacs {arguments.command}: {error}", file=sys.stderr)
        return 1
    return int(code or 0)
