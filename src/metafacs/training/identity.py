"""What a run is made of, so that none is taken for another."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from dataclasses import asdict, is_dataclass
from pathlib import Path
from typing import Any

from metafacs.files import digest_of_file
from metafacs.models.backbones import find_backbone


def foreign_code(kind: type, options: Mapping[str, Any]) -> dict[str, str]:
    """Return what the modules hold that a learner and its backbones come from, without those of metafacs.

    Args:
        kind: The learner's class.
        options: What it is built with, as plain data or objects.

    Returns:
        Name of the module -> digest of its file: who changes the code has another method.
    """
    things: list[object] = [kind]
    things += [
        find_backbone(name) for option, name in texts(options) if option.endswith(".name") and ":" in name
    ]
    found = {}
    for thing in things:
        name = getattr(thing, "__module__", "")
        source = Path(getattr(sys.modules.get(name), "__file__", None) or "")
        if name.partition(".")[0] != __name__.partition(".")[0] and source.is_file():
            found[name] = digest_of_file(source)[:16]
    return found


def texts(options: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, str]]:
    """Yield the texts and paths among options under names such as ``backbone.name``."""
    for name, value in options.items():
        inner = asdict(value) if is_dataclass(value) and not isinstance(value, type) else value
        if isinstance(inner, Mapping):
            yield from texts(inner, f"{before}{name}.")
        elif isinstance(inner, (str, Path)) and inner:
            yield f"{before}{name}", str(inner)
