"""Train an AU detector with one of the methods; takes up a run that was stopped."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import yaml
from jsonargparse import ArgumentParser, Namespace

from metafacs.methods import METHODS
from metafacs.training.run import train


def build_parser(words: Sequence[str]) -> ArgumentParser:
    """Return the parser; the method named by the words or the configuration decides about ``--options``."""
    method = _named_method(words)
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--config", action="config", help="YAML file with any of these options")
    parser.add_argument(
        "--method", type=Literal[tuple(METHODS)], required=True, help="see 'metafacs methods'"
    )
    if method in METHODS:
        parser.add_class_arguments(METHODS[method], "options", skip={"aus", "expressions"}, instantiate=False)
    parser.add_function_arguments(train, skip={"method", "options"})
    return parser


def run(arguments: Namespace) -> None:
    """Train and print where the model is."""
    print(f"model: {train(**arguments_of(arguments))}")


def arguments_of(parsed: Namespace) -> dict[str, Any]:
    """Return what was parsed as keyword arguments of :func:`metafacs.training.run.train`."""
    values = {name: value for name, value in vars(parsed).items() if name != "config"}
    return {**values, "options": vars(values["options"])}


def _named_method(words: Sequence[str]) -> str | None:
    peek = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    peek.add_argument("--method")
    peek.add_argument("--config")
    found, _ = peek.parse_known_args(list(words))
    if found.method or not found.config or not Path(found.config).is_file():
        return found.method
    content = yaml.safe_load(Path(found.config).read_text(encoding="utf-8"))
    return content.get("method") if isinstance(content, dict) else None
