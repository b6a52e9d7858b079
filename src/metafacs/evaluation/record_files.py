"""Files of records of any kind: found in folders, read, and named where they are damaged."""

from __future__ import annotations

import io
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import MISSING, fields
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, TypeVar

from metafacs.evaluation.archive import archives_in
from metafacs.parsing import read_json

REMEDY = "restore it, or delete it and test the model again"
"""What can be done about a damaged record."""

RECORD_HEAD, FEW_SHOT_HEAD = ("schema", "method"), ("few_shot_schema",)
"""Keys that a file of each kind begins with."""

NAMES = ("*record.json", "*-*shot.json")
"""Names by which a file is known for a record even if its first bytes are damaged."""

RecordT = TypeVar("RecordT")


class RecordError(ValueError):
    """A record file is missing something, contradicts itself or was written by another version."""


def check_keys(values: Mapping[str, Any], kind: type, *, optional: Collection[str] = ()) -> None:
    """Raise a RecordError if an object lacks a field of a dataclass or has a key that is none of its fields.

    Args:
        values: The object.
        kind: The dataclass.
        optional: Fields that may be absent, besides those whose default is a plain value.
    """
    names = {field.name for field in fields(kind)}
    required = {field.name for field in fields(kind) if field.default is MISSING} - set(optional)
    for problem, keys in (("lacks the", required - set(values)), ("holds the unknown", set(values) - names)):
        if keys:
            told = ", ".join(repr(key) for key in sorted(map(str, keys))[:5])
            raise RecordError(f"the record {problem} key{'s' * (len(keys) > 1)} {told}; {REMEDY}")


def read_one(path: Path, parse: Callable[[Mapping[str, Any]], RecordT]) -> RecordT:
    """Read a record of any kind.

    Args:
        path: File.
        parse: Makes a record of its JSON values, such as ``Record.from_json``.

    Raises:
        RecordError: As :func:`read_record`.
    """
    content = read_json(path, dict[str, Any], RecordError, REMEDY)
    try:
        return parse(content)
    except RecordError as error:
        raise RecordError(f"{path}: {error}") from error


def read_each(
    paths: Sequence[Path], parse: Callable[[Mapping[str, Any]], RecordT], damaged: list[str] | None
) -> list[tuple[Path, RecordT]]:
    """Read records of any kind, in order; return each with its file.

    Args:
        paths: Files.
        parse: Makes a record of its JSON values, such as ``Record.from_json``.
        damaged: Takes what is wrong with records that cannot be read, a sentence each; they are left out.
            None = the first one raises.

    Raises:
        RecordError: If none can be read; with ``damaged`` None, if one cannot.
        OSError: If the system does not let one be read: it is not left out, as it may be sound.
    """
    records: list[tuple[Path, RecordT]] = []
    problems: list[str] = []
    for path in paths:
        try:
            records.append((path, read_one(path, parse)))
        except RecordError as error:
            if damaged is None or (len(problems) == len(paths) - 1 and not records):
                raise
            problems.append(str(error))
    if damaged is not None:
        damaged += problems
    return records


def record_paths(
    place: Path, head: Sequence[str], other: Sequence[str], *, alone: bool = False
) -> list[Path]:
    """Return the files of one kind of records below a folder, in order, or a file that is one.

    A file that is named like a record and begins like neither kind is damaged: it is among them, too, so that
    it is named when it is read.

    Args:
        place: Folder or file; what is hidden in a folder is passed over.
        head: Keys that a file of this kind begins with.
        other: Those of the other kind.
        alone: Return damaged files even where there are no others.

    Raises:
        RecordError: If the folder holds archives: each is a comparison of its own.
    """
    if archives := archives_in(place):
        names = ", ".join(path.name for path in archives)
        raise RecordError(f"{place} holds a comparison in each of its archives; name one of them: {names}")
    if place.is_file():
        return [place] if _begins_with(place, head) else []
    listed = [path for path in sorted(place.rglob("*.json")) if not _is_hidden(path.relative_to(place))]
    ours = {path for path in listed if _begins_with(path, head)}
    if ours or alone:
        ours |= {path for path in listed if _is_named(path) and not _begins_with(path, other)}
    return [path for path in listed if path in ours]


def _is_named(path: Path) -> bool:
    return any(fnmatchcase(path.name, name) for name in NAMES)


def _is_hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)


def _begins_with(path: Path, keys: Sequence[str]) -> bool:
    try:
        with path.open("rb") if path.is_file() else io.BytesIO() as file:
            head = file.read(200).lstrip()
    except OSError:
        return False
    return head.startswith(b"{") and all(f'"{key}"'.encode() in head for key in keys)
