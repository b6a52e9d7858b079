"""Train an AU detector with one of the methods; takes up a run that was stopped."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, Literal

from jsonargparse import ArgumentParser, Namespace
from jsonargparse.typing import PositiveInt

from metafacs.cli.backbones import written_out, yaml_loader
from metafacs.cli.output import print_levels
from metafacs.cli.paths import config_files
from metafacs.cli.several import start_several
from metafacs.evaluation.protocols import keep_thresholds
from metafacs.evaluation.thresholds import VALIDATION, check_validation_people
from metafacs.launch import is_first, processes_started
from metafacs.methods import find_method
from metafacs.methods.base import Method
from metafacs.methods.options import GIVEN, upgraded_options
from metafacs.parsing import FileError, read_yaml
from metafacs.training.run import train


def rewritten(words: Sequence[str]) -> list[str]:
    """Return the words with the short form of a backbone written out."""
    return written_out(words, "options")


def build_parser(words: Sequence[str]) -> ArgumentParser:
    """Return the parser of the command."""
    parser = training_parser(words)
    parser.add_argument(
        "--thresholds",
        type=Literal["validation"] | None,
        default=None,
        help="validation: choose from which probability on each AU counts as present, by best F1 on the "
        "validation people; otherwise from .5 on",
    )
    parser.add_argument(
        "--devices",
        type=PositiveInt,
        default=1,
        help="how many devices of this machine share every batch, one process each; for several machines "
        "start the command with torchrun",
    )
    return parser


def training_parser(words: Sequence[str]) -> ArgumentParser:
    """Return the parser of what :func:`metafacs.training.run.train` takes.

    The method named by the words or the configuration decides about ``--options``.
    """
    method = _named_method(words)
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--config", action="config", help="YAML file with any of these options")
    parser.add_argument(
        "--method",
        type=str,
        required=True,
        help="see 'metafacs methods'; one of your own is module:Class, of an installed module or of one in "
        "the current folder",
    )
    if method is not None:
        kind = find_method(method)
        parser.add_class_arguments(kind, "options", skip=set(GIVEN), instantiate=False)
        parser.parser_mode = yaml_loader(f"options of {method}", partial(upgraded, kind=kind))
    parser.add_function_arguments(train, skip={"method", "options"})
    return parser


def run(arguments: Namespace) -> None:
    """Train, and print what the networks did and where the model is."""
    settings = arguments_of(arguments)
    thresholds, devices = settings.pop("thresholds"), settings.pop("devices")
    if devices > 1 and processes_started() == 1:
        start_several(devices)
    if thresholds == VALIDATION:
        check_validation_people(settings)
    model = train(**settings)
    if not is_first():
        return
    if thresholds == VALIDATION:
        keep_thresholds(model, settings["action_units"], device=settings["accelerator"])
    print_levels(model)
    print(f"model: {model}")


def arguments_of(parsed: Namespace) -> dict[str, Any]:
    """Return what was parsed as keyword arguments of :func:`metafacs.training.run.train`."""
    values = {name: value for name, value in vars(parsed).items() if name != "config"}
    # A method that takes none has no such group.
    return {**values, "options": vars(values.get("options", Namespace()))}


def upgraded(settings: Mapping[str, Any], kind: type[Method]) -> dict[str, Any]:
    """Return the settings of a training with its method's options in today's form and names.

    Raises:
        FileError: If the options are no names with values.
    """
    options = settings.get("options")
    if options is None:
        return dict(settings)
    if not isinstance(options, Mapping) or not all(isinstance(name, str) for name in options):
        raise FileError(f"options are names with values, not {options!r}")
    return {**settings, "options": upgraded_options(kind, options)}


def _named_method(words: Sequence[str]) -> str | None:
    peek = argparse.ArgumentParser(add_help=False, allow_abbrev=False, exit_on_error=False)
    peek.add_argument("--method")
    try:
        found, _ = peek.parse_known_args(list(words))
    except argparse.ArgumentError:
        return None  # the parser of the command says what is wrong
    if found.method:
        return str(found.method)
    contents = [read_yaml(path) for path in config_files(words) if path.is_file()]
    named = [content["method"] for content in contents if isinstance(content, dict) and "method" in content]
    return named[-1] if named and isinstance(named[-1], str) else None
