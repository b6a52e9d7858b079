"""Options of a run, whether its record holds all of them or not."""

from __future__ import annotations

import inspect
import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import PurePosixPath
from typing import Any

from metafacs.evaluation.few_shot_records import FewShotRecord
from metafacs.evaluation.record_files import RecordError
from metafacs.evaluation.records import Record
from metafacs.methods import METHODS
from metafacs.methods.options import option_defaults, upgraded_options, with_backbone_written_out
from metafacs.models.backbones import Backbone

_MODEL_SUFFIX = ".safetensors"


def options_of(record: Record) -> dict[str, object]:
    """Return every option of a run."""
    return with_defaults(record.method, record.config.get("options", {}))


def training_of(record: FewShotRecord) -> dict[str, Any]:
    """Return how a few-shot learner was trained, the backbone written out as in records of today."""
    return with_backbone_written_out(record.config.get("training", {}))


def with_defaults(method: str, options: Mapping[str, object]) -> dict[str, object]:
    """Return options together with those that were left out, in today's form and under today's names.

    The command line writes every option, Python and older versions only those that were given; what is
    missing has the default of the built-in method. What has parts, a backbone, is told part by part.

    >>> with_defaults("mine:Method", {"backbone": {"name": "small"}, "gamma": 2.0})
    {'backbone.name': 'small', 'gamma': 2.0}
    """
    found = dict(options)
    if (kind := METHODS.get(method)) is not None:
        found = upgraded_options(kind, options)
        for name, usual in option_defaults(kind).items():
            if isinstance(usual, Backbone):
                given = with_backbone_written_out({"backbone": found.get(name, {})})["backbone"]
                if not isinstance(given, Mapping):
                    raise RecordError(f"the option {name} of {method} is {given!r}, which names no backbone")
                found[name] = {**asdict(usual), **given}
            elif usual is not inspect.Parameter.empty:
                found.setdefault(name, usual)
    parts: dict[str, object] = {}
    for name, value in found.items():
        inner = {f"{name}.{part}": of for part, of in value.items()} if isinstance(value, Mapping) else {}
        parts |= inner or {name: value}
    return parts


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
