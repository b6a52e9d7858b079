"""What lies in a folder, to compare it with what another run left."""

from __future__ import annotations

import json
import re
from pathlib import Path

from metafacs.seals import SEAL


def tree_of(folder: Path) -> dict[str, bytes]:
    """Return what lies in a folder but claims and temporary files, and without dates and times taken."""
    found = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.name.startswith(".metafacs") or path.name.endswith(".partial") or not path.is_file():
            continue
        found[name] = _without_times(path).replace(str(folder).encode(), b"OUT")
    return found


def differing(first: dict[str, bytes], second: dict[str, bytes]) -> bool | str:
    """Return True if two folders hold the same, else what differs."""
    names = sorted(name for name in {*first, *second} if first.get(name) != second.get(name))
    return True if not names else f"{', '.join(names)} differ"


def _without_times(path: Path) -> bytes:
    content = path.read_bytes()
    try:
        return _sound_without_times(path, content)
    except (ValueError, KeyError, AttributeError, TypeError, RecursionError):
        return content  # It is damaged.


def _sound_without_times(path: Path, content: bytes) -> bytes:
    if path.suffix == ".safetensors":
        return _model_without_times(content)
    if path.name == "record.json" or path.name.endswith(".meta.json"):
        values = json.loads(content)
        for name in ("seconds", "written", SEAL):
            values.pop(name, None)
        return json.dumps(values, sort_keys=True).encode()
    if path.suffix == ".eaf":
        return re.sub(rb' DATE="[^"]*"', b"", content)
    # Pages hold the times of training in their text.
    return b"page" if path.suffix == ".html" else content


def _model_without_times(content: bytes) -> bytes:
    size = int.from_bytes(content[:8], "little")
    head = json.loads(content[8 : 8 + size])
    metadata = head.pop("__metadata__", {})
    header = json.loads(metadata.get("metafacs", "{}"))
    header.pop("seconds", None)
    tensors = {
        name: (entry["dtype"], entry["shape"], content[8 + size :][slice(*entry["data_offsets"])])
        for name, entry in sorted(head.items())
    }
    return json.dumps(header, sort_keys=True).encode() + repr(tensors).encode()
