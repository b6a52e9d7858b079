"""Commands about several models: what is wrong with one does not take the others' results away."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from metafacs.cli.errors import sentence
from metafacs.models.model_file import names_of
from metafacs.texts import printable


def for_each_model(command: str, models: Sequence[Path], work: Callable[[str, Path], None]) -> int:
    """Do a work for every model, and tell of those with which it cannot be done.

    Args:
        command: Name of the command, for messages.
        models: Files of models.
        work: Is given the name of a model among the others and its file.

    Returns:
        How many failed; where there is one model only, its error is raised.
    """
    failed = 0
    for name, model in names_of(models).items():
        try:
            work(name, model)
        except Exception as error:
            told = sentence(error)
            if len(models) == 1 or not told or os.environ.get("METAFACS_DEBUG"):
                raise
            failed += 1
            print(f"metafacs {command}: {printable(model)}: {told}", file=sys.stderr)
    if failed:
        print(f"metafacs {command}: {failed} of {len(models)} models failed", file=sys.stderr)
    return failed
