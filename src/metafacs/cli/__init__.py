"""The command line: one command per file."""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Sequence
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING

from metafacs.launch import process_name
from metafacs.texts import printable
from metafacs.version import __version__

if TYPE_CHECKING:
    from jsonargparse import ArgumentParser

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
    "export": "write a model as ONNX, for ONNX Runtime, OpenVINO and other programs",
    "predict": "tell which action units the faces on pictures and in videos show",
    "merge": "tell whether the parts that predict wrote of many files are all there; make one table of them",
    "push": "publish a model on the Hugging Face Hub",
    "app": "open a page on this machine for pictures, videos and the camera",
    "agree": "tell how well a table of action units agrees with a human coding, or two coders",
    "demo": "run the main job: twins, three methods, photos, report",
    "methods": "list the methods",
}
"""Name of a command, which is its module's, -> one line of help."""


def command_module(name: str) -> ModuleType:
    """Return the module of a command; importing it brings in what the command needs, torch included."""
    return import_module(f"metafacs.cli.{name}")


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return the exit code: 0 done, 1 failed, 2 wrong usage, 130 stopped."""
    words = list(sys.argv[1:] if argv is None else argv)
    try:
        # Imported here, so that Ctrl-C ends in one word from the first moment on.
        from metafacs.cli.errors import sentence

        try:
            return _run(words)
        except Exception as error:
            if isinstance(error, BrokenPipeError) and _nobody_reads():
                return _NOBODY_READS
            told = sentence(error)
            if not told or os.environ.get("METAFACS_DEBUG"):
                raise
            used = f"metafacs {_command_of(words)} {process_name()}"
            print(f"{' '.join(used.split())}: {told}", file=sys.stderr)
            return 1
    except KeyboardInterrupt as stop:
        print(str(stop) or "stopped", file=sys.stderr)
        return 130


_NOBODY_READS = 141
"""Exit code of programs whose reader has gone, as shells give it: 128 and the number of SIGPIPE."""


def _run(words: list[str]) -> int:
    from metafacs.cli.errors import sentence
    from metafacs.cli.paths import check_config, check_groups, config_files, expanded
    from metafacs.cli.several import refuse_several
    from metafacs.processes import keep_freed_memory

    parser = _empty_parser()
    try:
        refuse_several(_command_of(words))
        check_config(words)
        words, command = _fill_parser(parser, words)
        try:
            parsed = parser.parse_args(words)
        except SystemExit as end:
            # jsonargparse does not tell which options it has from where.
            if end.code and (files := [printable(path) for path in config_files(words)]):
                print(f"options were read from {', '.join(files)} too", file=sys.stderr)
            raise
        check_groups(parsed[parsed.command], command.get_defaults())
        arguments = expanded(parser.instantiate(parsed))
    except Exception as error:
        told = sentence(error)
        if not told:
            raise
        parser.error(told)
    keep_freed_memory()
    warnings.formatwarning = _worded
    code = command_module(arguments.command).run(arguments[arguments.command])
    # What a full disk or a closed pipe does not take shows here, not after the exit code is decided.
    sys.stdout.flush()
    return int(code or 0)


def _worded(
    message: Warning | str, category: type[Warning], filename: str, lineno: int, line: str | None = None
) -> str:
    """Return a warning as it is printed: users are told nothing by the line of code that gives it."""
    return f"{'warning' if category is UserWarning else category.__name__}: {printable(message)}\n"


def _empty_parser() -> ArgumentParser:
    from jsonargparse import ArgumentParser

    return ArgumentParser(
        prog="metafacs",
        description="Train, adapt and run facial action unit detectors.",
        version=__version__,
    )


def _fill_parser(parser: ArgumentParser, words: list[str]) -> tuple[list[str], ArgumentParser]:
    """Give the parser all commands; return the words it is to parse, and the used command's own parser."""
    from jsonargparse import ArgumentParser

    used, own = _command_of(words), ArgumentParser()
    commands = parser.add_subcommands(required=True, dest="command")
    if used:
        words = getattr(command_module(used), "rewritten", list)(words)
        own = command_module(used).build_parser(words)
        parser.parser_mode = own.parser_mode  # adding it gives it that of the parser above
    for name, help_line in COMMANDS.items():
        commands.add_subcommand(name, own if name == used else ArgumentParser(), help=help_line)
    return words, own


def _command_of(words: Sequence[str]) -> str:
    """Return the command that words use, nothing if they use none."""
    return next((word for word in words if word in COMMANDS), "")


def _nobody_reads() -> bool:
    """Return whether the reader of what is printed has gone; nothing more is written to it then."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        # Python writes what is left once more when it ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return True
    return False
