"""In which words two descriptions differ, such as those of a run that is there and one asked for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from metafacs.texts import printable

_SHOWN = 3
_LONGEST = 60
_LACKING = object()


def differences(found: Mapping[str, Any], wanted: Mapping[str, Any]) -> str:
    """Return in words what two descriptions, plain data as JSON holds them, do not share; empty if nothing.

    >>> differences({"seed": 0, "batch": {"au": 8}}, {"seed": 1, "batch": {"au": 8, "joint": 4}})
    'seed (0 there, 1 here), batch.joint (nothing there, 4 here)'
    """
    there, here = dict(_leaves(found)), dict(_leaves(wanted))
    # What was asked for stands further up than what follows from it.
    names = sorted(
        (name for name in {*there, *here} if there.get(name, _LACKING) != here.get(name, _LACKING)),
        key=lambda name: (name.count("."), name),
    )
    told = [f"{name} ({_shown(there, name)} there, {_shown(here, name)} here)" for name in names[:_SHOWN]]
    if len(names) > _SHOWN:
        told.append(f"and {len(names) - _SHOWN} more")
    return ", ".join(told)


def contradictions(descriptions: Iterable[Mapping[str, Any]]) -> str:
    """Return in words how the first description that contradicts those before it does; empty if none does.

    What a description leaves out cannot be said to differ.

    >>> contradictions([{"seed": 0}, {"batch": 8}, {"seed": 0, "batch": 4}])
    'batch (8 there, 4 here)'
    """
    known: dict[str, Any] = {}
    for description in descriptions:
        shared = known.keys() & description.keys()
        there, here = ({key: told[key] for key in shared} for told in (known, description))
        if found := differences(there, here):
            return found
        known = {**description, **known}
    return ""


def _leaves(value: Any, name: str = "") -> list[tuple[str, Any]]:
    """Return what is in nested mappings and lists of them, under names such as ``data.0.dataset``."""
    if isinstance(value, (list, tuple)) and any(isinstance(item, Mapping) for item in value):
        value = {str(place): item for place, item in enumerate(value)}
    if not isinstance(value, Mapping) or not value:
        return [(name, value)]
    before = f"{name}." if name else ""
    return [leaf for key, inner in value.items() for leaf in _leaves(inner, f"{before}{key}")]


def _shown(leaves: Mapping[str, Any], name: str) -> str:
    if name not in leaves:
        return "nothing"
    text = printable(leaves[name])
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."
