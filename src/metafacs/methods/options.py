"""A method's options: as a configuration or a model file holds them, and as its constructor takes them."""

from __future__ import annotations

import inspect
import json
import sys
from collections.abc import Mapping
from dataclasses import asdict, is_dataclass
from typing import Any, ClassVar, Protocol

from metafacs.models.backbones import Backbone
from metafacs.models.initial_weights import usual_weights
from metafacs.parsing import check_number

GIVEN = ("aus", "expressions")
"""Arguments of a constructor that come from the data and are no options."""


_USUAL_LIMITS = (0, 10**6)
_LIMITS: dict[str, tuple[float, float]] = {
    "epoch": (1, 10**9),
    "matching_steps": (1, 1000),
    "meta_batches": (1, 1000),
    "people": (1, 10**7),
    "shots": (1, 1000),
    "source_share": (0, 1),
    "steps": (1, 1000),
    "temperature": (1e-6, 1e6),
    "width": (1, 4096),
}
"""Option of the package's own methods -> its lowest and highest value."""

_FINITE = (-sys.float_info.max, sys.float_info.max)


class HasOptions(Protocol):
    """What is built with options; see :class:`metafacs.methods.base.Learner`."""

    renamed_options: ClassVar[Mapping[str, str]]


def refuse_reading(name: str, kind: type[HasOptions], read: str) -> None:
    """Refuse a way to read target pictures where a method has no choice.

    Args:
        name: Name of the method.
        kind: Its class.
        read: What was asked for.

    Raises:
        ValueError: Naming the method.
    """
    if "read" not in option_defaults(kind):
        raise ValueError(f"{name} has one way to read pictures; leave --read {read} out")


def option_defaults(kind: type[HasOptions]) -> dict[str, Any]:
    """Return option -> default of a method's constructor; ``inspect.Parameter.empty`` where it has none."""
    parameters = inspect.signature(kind).parameters
    return {name: p.default for name, p in parameters.items() if name not in GIVEN}


def with_backbone_written_out(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return options with the backbone as a mapping of name and weights, whatever form it has.

    ``backbone: small`` names it alone; earlier versions had ``weights`` as an option beside it. A backbone
    that starts with weights of its own gets them unless others are named.

    >>> with_backbone_written_out({"backbone": "small", "weights": "faces", "balance": 0.5})
    {'backbone': {'name': 'small', 'weights': 'faces'}, 'balance': 0.5}
    >>> with_backbone_written_out({"backbone": "facemesh"})
    {'backbone': {'name': 'facemesh', 'weights': 'mesh'}}
    """
    found = dict(options)
    if "backbone" not in found and "weights" not in found:
        return found
    given = found.pop("backbone", {})
    if isinstance(given, Backbone):
        given = asdict(given)
    if not isinstance(given, (str, Mapping)):
        return dict(options)  # no form of a backbone; the parser, or its type, says so
    backbone = {"name": given} if isinstance(given, str) else dict(given)
    if "weights" in found:
        backbone["weights"] = found.pop("weights") or "none"
    named = backbone.get("name", "")
    usual = usual_weights(named) if isinstance(named, str) else "none"
    if usual != "none":
        backbone.setdefault("weights", usual)
    return {"backbone": backbone, **found}


def upgraded_options(kind: type[HasOptions], options: Mapping[str, Any]) -> dict[str, Any]:
    """Return a method's options in today's form and under today's names."""
    found = {kind.renamed_options.get(name, name): value for name, value in options.items()}
    own = option_defaults(kind)
    return with_backbone_written_out(found) if "backbone" in own and "weights" not in own else found


def _backbones(kind: type[HasOptions]) -> set[str]:
    """Return the options that are backbones: usually that of this name, if any."""
    return {
        name
        for name, parameter in inspect.signature(kind).parameters.items()
        if isinstance(parameter.default, Backbone)
        or parameter.annotation in (Backbone, "Backbone", "metafacs.Backbone")
    }


def arguments_of(kind: type[HasOptions], options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the keyword arguments that options stand for, today's names or older ones.

    Raises:
        ValueError: If an option is unknown, one without a default is missing, or a number is out of range.
    """
    defaults = option_defaults(kind)
    found = upgraded_options(kind, options)
    needed = [name for name, usual in defaults.items() if usual is inspect.Parameter.empty]
    wrong = [f"has no option {name}" for name in found if name not in defaults]
    wrong += [f"needs the option {name}" for name in needed if name not in found]
    if wrong:
        raise ValueError(f"{kind.__name__} {' and '.join(wrong)}; its options are {', '.join(defaults)}")
    for name in _backbones(kind) & found.keys():
        usual = defaults[name]
        try:
            found[name] = Backbone.of(found[name], usual if isinstance(usual, Backbone) else None)
        except TypeError as error:
            raise ValueError(f"the option {name} is no backbone ({error}); give its name") from None
    own = kind.__module__.startswith(f"{__name__.partition('.')[0]}.")
    for name, value in found.items():
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            lowest, highest = _LIMITS.get(name, _USUAL_LIMITS) if own else _FINITE
            check_number(f"the option {name} of {kind.__name__}", value, lowest, highest)
    return found


def complete_options(kind: type[HasOptions], options: Mapping[str, Any]) -> dict[str, Any]:
    """Return all options as plain data, defaults included; raises as :func:`arguments_of`."""
    found = {**option_defaults(kind), **arguments_of(kind, options)}
    plain: dict[str, Any] = json.loads(json.dumps(found, default=_plain))
    return plain


def _plain(value: object) -> object:
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    return str(value)
