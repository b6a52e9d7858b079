"""Paths as users type them: ``~`` stands for the home folder in every argument and every file of settings."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

from jsonargparse import Namespace

from metafacs.parsing import FileError, read_yaml
from metafacs.texts import printable

_CONFIG = "--config"


def expanded(value: Any) -> Any:
    """Return arguments with the home folder in the place of ``~`` in paths, and in texts that begin with it.

    Args:
        value: A namespace, mapping, list, tuple, path or text; anything else is returned as it is.

    >>> expanded({"label": "~ 3"}), str(expanded(Path("~/a"))) == os.path.expanduser("~/a")
    ({'label': '~ 3'}, True)

    Raises:
        FileError: If a path begins with a user's name that is none.
    """
    if isinstance(value, Namespace):
        return Namespace(**{name: expanded(inner) for name, inner in vars(value).items()})
    if isinstance(value, dict):
        return {name: expanded(inner) for name, inner in value.items()}
    if isinstance(value, (list, tuple)):
        inner = [expanded(item) for item in value]
        return type(value)(*inner) if hasattr(value, "_fields") else type(value)(inner)
    if isinstance(value, Path):
        return Path(_at_home(str(value)))
    if isinstance(value, str) and (value == "~" or value.startswith("~/")):
        return os.path.expanduser(value)
    return value


def check_config(words: Sequence[str]) -> None:
    """Read the files of settings that the words of a command line name, before anything else does.

    Raises:
        FileError: If one is too large, no regular file, no YAML that can be used, or holds no settings.
    """
    for path in config_files(words):
        content = read_yaml(path)
        if not isinstance(content, dict):
            raise FileError(f"{path} holds no settings: give names of options with their values")
        for name in content:
            if not isinstance(name, str) or not name:
                raise FileError(f"{path}: {printable(name)!r} is the name of no option")
        _refuse_spaces(content, path)


def _refuse_spaces(content: Mapping[Any, Any], path: Path) -> None:
    """Refuse names with spaces at any depth, which jsonargparse refuses without naming the file."""
    for name, value in content.items():
        if isinstance(name, str) and any(map(str.isspace, name)):
            raise FileError(f"{path}: {printable(name)!r} is the name of no option")
        if isinstance(value, Mapping):
            _refuse_spaces(value, path)


def check_groups(parsed: Namespace, usual: Namespace, before: str = "") -> None:
    """Refuse a value where names with values belong, such as ``batch: 3``; jsonargparse lets it through.

    Args:
        parsed: What was parsed.
        usual: The parser's defaults: a namespace where there is a group of options.
        before: What stands before the names in messages.

    Raises:
        FileError: Naming the option.
    """
    for name, default in vars(usual).items():
        value = parsed.get(name)
        if isinstance(default, Namespace) and name in parsed:
            if not isinstance(value, Namespace):
                raise FileError(f"{before}{name} is {printable(value)!r}; give names with values instead")
            check_groups(value, default, f"{before}{name}.")


def config_files(words: Sequence[str]) -> Iterator[Path]:
    """Yield the files of settings that the words of a command line name.

    >>> list(config_files(["train", "--config=a.yaml", "--config", "b.yaml"]))
    [PosixPath('a.yaml'), PosixPath('b.yaml')]
    """
    for word in words:
        if word.startswith(f"{_CONFIG}="):
            yield Path(os.path.expanduser(word.partition("=")[2]))
    for word, following in pairwise(words):
        if word == _CONFIG:
            yield Path(os.path.expanduser(following))


def _at_home(path: str) -> str:
    found = os.path.expanduser(path)
    if path.startswith("~") and found == path:
        raise FileError(
            f"{printable(path)} begins with a user's name that this machine does not know; for a file "
            f"of this name give ./{printable(path)}"
        )
    return found
