"""Options of a run, whether its record holds all of them or not."""

from __future__ import annotations

import inspect
import json
from collections.abc import Mapping
from pathlib import PurePosixPath

from metafacs.evaluation.records import Record
from metafacs.methods import METHODS

_GIVEN = ("aus", "expressions")
_MODEL_SUFFIX = ".safetensors"


def options_of(record: Record) -> dict[str, object]:
    """Return every option of a run."""
    return with_defaults(record.method, record.config.get("options", {}))


def with_defaults(method: str, options: Mapping[str, object]) -> dict[str, object]:
    """Return options together with those that were left out.

    The command line writes every option, Python and older versions only those that were given; what is
    missing has the default of the built-in method.
    """
    kind = METHODS.get(method)
    if kind is None:
        return dict(options)
    usual = {
        name: parameter.default
        for name, parameter in inspect.signature(kind).parameters.items()
        if name not in _GIVEN and parameter.default is not inspect.Parameter.empty
    }
    return {**usual, **options}


def told(option: object) -> str:
    """Return an option in words: a model file by its name alone, as every fold and seed has one of its own.

    >>> told("runs/mine/fold1-seed0/model.safetensors"), told(1.0), told(True)
    ('model.safetensors', '1', 'true')
    """
    if isinstance(option, float):
        return f"{option:g}"
    if isinstance(option, str):
        return PurePosixPath(option).name if option.endswith(_MODEL_SUFFIX) else option
    return json.dumps(option, default=str, sort_keys=True)
