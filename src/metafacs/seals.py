"""Objects in JSON files that carry a digest of themselves, so that damage is told from other numbers."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from metafacs.parsing import FileError, Refusal

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


def _digest(content: Mapping[str, Any]) -> str:
    try:
        text = json.dumps(content, sort_keys=True, separators=(",", ":"))
    except (RecursionError, TypeError):
        # As deep, or with keys of such a kind, as nothing that was sealed can be.
        return ""
    return hashlib.sha256(text.encode("ascii")).hexdigest()
