"""Objects in JSON files that carry a digest of themselves, so that damage is told from other numbers."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from metafacs.parsing import FileError, Refusal, convert, read_json

KindT = TypeVar("KindT")

SEAL = "sha256"
"""Key of the digest."""


def sealed(content: Mapping[str, Any]) -> dict[str, Any]:
    """Return an object as JSON has it, with the digest of its other keys and values behind them.

    Args:
        content: Plain data.

    Raises:
        ValueError: If a number is not finite.
    """
    plain: dict[str, Any] = json.loads(json.dumps(content, allow_nan=False))
    return {**plain, SEAL: _digest(plain)}


def unsealed(
    content: Mapping[str, Any],
    source: str,
    refuse: Refusal = FileError,
    remedy: str = "restore the file",
) -> dict[str, Any]:
    """Return an object without its digest, after comparing it with the content.

    Args:
        content: As it was read; one without a digest, which earlier versions wrote, is taken as it is.
        source: What to call it in the message.
        refuse: Class of the error.
        remedy: What the user can do.

    Raises:
        Exception: ``refuse``, if the content is not what was written.
    """
    rest = {key: value for key, value in content.items() if key != SEAL}
    if SEAL in content and content[SEAL] != _digest(rest):
        raise refuse(f"{source} is damaged or was edited: its content is not what was written; {remedy}")
    return rest


def read_sealed(
    path: Path,
    kind: type[KindT],
    refuse: Refusal = FileError,
    remedy: str = "restore the file",
) -> KindT:
    """Return the content of a JSON file that must carry its digest, as an object of a type.

    Args:
        path: The file.
        kind: The type, see :mod:`metafacs.parsing`.
        refuse: Class of the error.
        remedy: What the user can do.

    Raises:
        Exception: ``refuse``, if the file is missing, has no digest, or is not what was written.
    """
    content = read_json(path, dict[str, Any], refuse, remedy)
    if SEAL not in content:
        raise refuse(f"{path} is damaged: it has no digest; {remedy}")
    return convert(unsealed(content, str(path), refuse, remedy), kind, str(path), refuse, remedy)


def _digest(content: Mapping[str, Any]) -> str:
    try:
        text = json.dumps(content, sort_keys=True, separators=(",", ":"))
    except (RecursionError, TypeError):
        # As deep, or with keys of such a kind, as nothing that was sealed can be.
        return ""
    return hashlib.sha256(text.encode("ascii")).hexdigest()
