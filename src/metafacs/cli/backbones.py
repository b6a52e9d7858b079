"""Short and older forms of a backbone, on the command line and in configurations.

What :func:`metafacs.methods.options.with_backbone_written_out` does, before jsonargparse reads them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

from jsonargparse import set_loader

from metafacs.models.initial_weights import usual_weights
from metafacs.parsing import FileError, parse_yaml


def written_out(words: Sequence[str], group: str) -> list[str]:
    """Return the words of a command line with the backbone of a group of options written out.

    A backbone that starts with weights of its own gets them unless others are named.

    >>> written_out(["--options.backbone", "small", "--options.weights=faces"], "options")
    ['--options.backbone.name', 'small', '--options.backbone.weights=faces']
    >>> written_out(["--options.backbone=facemesh"], "options")
    ['--options.backbone.name=facemesh', '--options.backbone.weights=mesh']
    """
    changed, backbone = list(words), f"--{group}.backbone"
    for place, word in enumerate(words):
        name, equals, value = word.partition("=")
        if name == f"--{group}.weights":
            changed[place] = f"{backbone}.weights{equals}{value}"
        elif name == backbone:
            following = value if equals else "".join(words[place + 1 : place + 2])
            if following and not following.startswith("{"):
                changed[place] = f"{backbone}.name{equals}{value}"
    given = {part: value for part in ("name", "weights") for value in _values(changed, f"{backbone}.{part}")}
    for value in _values(changed, backbone):
        whole = parse_yaml(value, backbone)
        given = {**whole, **given} if isinstance(whole, dict) else given
    usual = usual_weights(given.get("name", ""))
    if usual != "none" and "weights" not in given:
        changed.append(f"{backbone}.weights={usual}")
    return changed


def _values(words: Sequence[str], option: str) -> list[str]:
    """Return the values that the words give an option."""
    joined = [word.partition("=")[2] for word in words if word.startswith(f"{option}=")]
    return joined + [value for word, value in pairwise(words) if word == option]


def yaml_loader(name: str, upgrade: Callable[[dict[str, Any]], dict[str, Any]]) -> str:
    """Return the parser mode of jsonargparse that reads YAML and upgrades what configuration files hold."""

    def load(text: str) -> Any:
        content = parse_yaml(text, "the value")
        return upgrade(content) if isinstance(content, dict) else content

    set_loader(name, load, exceptions=(FileError,))
    return name
