"""Archives: one file for all the runs of a comparison, a line each, where records would be a file each.

The first line holds what all runs have in common, key by key and at any depth: above all the configuration.
Every other line is one run and holds only what differs. Nothing is lost but the order of keys, and digits of
the training curves beyond the fourth. The first line also holds a digest of all others and of itself. An
archive ``results/X.jsonl`` is named like the folder of records that it stands for: ``results/X``, and
``results/X/G`` or ``results/X/G-*`` for the runs of one row.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Protocol, TypeVar

from metafacs.files import write_text
from metafacs.parsing import convert, parse_json, read_bytes
from metafacs.seals import SEAL

FORMAT = "metafacs archive 1"
SUFFIX = ".jsonl"
DIGITS = 4
"""Significant digits of the curves in ``history``; whole numbers keep all of theirs."""

_LARGEST = 1 << 30
_REMEDY = "restore the file"

Run = TypeVar("Run", bound="Archivable")


class ArchiveError(ValueError):
    """An archive cannot be read or written; the message names the file and, if one is broken, the line."""


class Archivable(Protocol):
    """What a record must tell to be kept in an archive."""

    @property
    def run(self) -> tuple[str, str]:
        """The row of a table that the run belongs to, and what tells it from the row's other runs."""

    @property
    def synthetic(self) -> bool:
        """True if the pictures tested on are rendered."""

    def to_json(self) -> dict[str, Any]:
        """Return the record as JSON values."""


def write_archive(path: Path, records: Sequence[Archivable], *, name: str) -> None:
    """Write the runs of a comparison into one file, whole or not at all.

    Args:
        path: File, by custom ``results/NAME.jsonl``.
        records: Records of one kind, in the order of the lines.
        name: Name of the comparison.

    Raises:
        ArchiveError: If there are no records, or two of the same run.
    """
    if not records:
        raise ArchiveError(f"{path}: there are no records to archive")
    runs = Counter("-".join(record.run) for record in records)
    if repeated := [run for run, count in runs.items() if count > 1]:
        raise ArchiveError(f"{path}: an archive holds each run once, but {', '.join(repeated)} came twice")
    contents = [with_short_curves(json.loads(json.dumps(record.to_json()))) for record in records]
    common = common_part(contents)
    header = {
        "format": FORMAT,
        "name": name,
        "synthetic": any(record.synthetic for record in records),
        "runs": len(records),
        "common": common,
    }
    lines = [_line(remaining_part(content, common)) for content in contents]
    header[SEAL] = _digest(header, lines)
    write_text(path, "\n".join([_line(header), *lines, ""]))


def read_archive(path: Path, parse: Callable[[Mapping[str, Any]], Run], pattern: str = "*") -> list[Run]:
    """Return the records of an archive in the order of its lines.

    Args:
        path: File.
        parse: Makes a record of its JSON values, such as ``Record.from_json``.
        pattern: Which runs, as a shell would match them: rows (``G``, ``beta_*``) or runs (``G-fold1-*``).

    Raises:
        ArchiveError: If the file is absent or no archive, a line is broken or missing, or no run matches; the
            file and the line are named.
    """
    header, lines = _read(path)
    records = []
    for number, line in enumerate(lines, start=2):
        try:
            records.append(parse(joined(header.common, _object(line))))
        except (ValueError, RecursionError) as error:
            raise ArchiveError(f"{path}, line {number}: {error}") from error
    if len(records) != header.runs:
        raise ArchiveError(f"{path} holds {len(records)} runs, but line 1 promises {header.runs}; {_REMEDY}")
    if header.sha256 != _digest(header.told, lines):
        raise ArchiveError(f"{path} is damaged or was edited: its content is not what was written; {_REMEDY}")
    chosen = [r for r in records if any(fnmatchcase(name, pattern) for name in (r.run[0], "-".join(r.run)))]
    if not chosen:
        rows = ", ".join(sorted({record.run[0] for record in records}))
        raise ArchiveError(f"{path} has no run '{pattern}'; it has runs of {rows}")
    return chosen


def find_archive(place: Path) -> tuple[Path, str] | None:
    """Return the archive that a place stands for and the pattern of the runs meant; None if there is none.

    What exists is taken as it is; a path that does not may name an archive without its ending, or runs in it.
    """
    if place.exists():
        return (place, "*") if place.suffix == SUFFIX and place.is_file() else None
    if place.suffix == SUFFIX:
        return place, "*"  # Reading it says that it is absent.
    for stem, pattern in ((place, "*"), (place.parent, place.name.removesuffix(".json"))):
        path = stem.parent / f"{stem.name}{SUFFIX}"
        if stem.name and path.is_file():
            return path, pattern
    return None


def archives_in(folder: Path) -> list[Path]:
    """Return the archives that lie in a folder, in order."""
    start = f'{{"format":"{FORMAT}"'.encode()
    paths = []
    for path in sorted(file for file in folder.glob(f"*{SUFFIX}") if file.is_file()):
        with path.open("rb") as file:
            if file.read(len(start)) == start:
                paths.append(path)
    return paths


def archived_keys(path: Path) -> set[str]:
    """Return the keys that an archive's records have in common; those of its schema are among them.

    Raises:
        ArchiveError: If the file is absent or no archive.
    """
    return set(_read(path)[0].common)


def common_part(contents: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the keys and values that are the same in all, objects within objects likewise.

    >>> common_part([{"a": 1, "b": {"c": 2, "d": 3}}, {"a": 1, "b": {"c": 2, "d": 4}}])
    {'a': 1, 'b': {'c': 2}}
    """
    common: dict[str, Any] = {}
    first, *others = contents
    for key, value in first.items():
        if not all(key in other for other in others):
            continue
        values = [value, *(other[key] for other in others)]
        if all(isinstance(inner, Mapping) for inner in values):
            common[key] = common_part(values)
        elif len({json.dumps(inner) for inner in values}) == 1:
            # Compared as text: 1, 1.0 and true are equal to Python, but not the same in a file.
            common[key] = value
    return common


def remaining_part(content: Mapping[str, Any], common: Mapping[str, Any]) -> dict[str, Any]:
    """Return what an object has beyond the common part, to which :func:`joined` adds it again.

    >>> remaining_part({"a": 1, "b": {"c": 2, "d": 3}}, {"a": 1, "b": {"c": 2}})
    {'b': {'d': 3}}
    """
    remaining = {}
    for key, shared in common.items():
        if isinstance(shared, Mapping) and (inner := remaining_part(content[key], shared)):
            remaining[key] = inner
    return remaining | {key: value for key, value in content.items() if key not in common}


def joined(common: Mapping[str, Any], remaining: Mapping[str, Any]) -> dict[str, Any]:
    """Return the object whose common and remaining parts are given.

    Raises:
        ArchiveError: If both hold a value for a key.

    >>> joined({"a": 1, "b": {"c": 2}}, {"b": {"d": 3}})
    {'a': 1, 'b': {'c': 2, 'd': 3}}
    """
    whole = {key: joined(value, {}) if isinstance(value, Mapping) else value for key, value in common.items()}
    for key, value in remaining.items():
        if key not in common:
            whole[key] = value
        elif isinstance(value, Mapping) and isinstance(common[key], Mapping):
            whole[key] = joined(common[key], value)
        else:
            raise ArchiveError(
                f"'{key}' stands in the first line as well, as one value for all runs; {_REMEDY}"
            )
    return whole


def with_short_curves(content: dict[str, Any]) -> dict[str, Any]:
    """Return the content of a record with the digits of its curves that an archive keeps."""
    if "history" not in content:
        return content
    curves = {name: [_short(value) for value in curve] for name, curve in content["history"].items()}
    return {**content, "history": curves}


def _short(value: float | None) -> float | None:
    return value if value is None or value == int(value) else float(f"{value:.{DIGITS}g}")


@dataclass(frozen=True)
class _Header:
    format: str
    runs: int
    common: dict[str, Any]
    sha256: str
    name: str = ""
    synthetic: bool = False

    @property
    def told(self) -> dict[str, Any]:
        """What the digest is of, besides the other lines."""
        return {key: value for key, value in vars(self).items() if key != SEAL}


def _digest(header: Mapping[str, Any], lines: Sequence[str]) -> str:
    text = json.dumps(header, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256("\n".join([text, *lines]).encode()).hexdigest()


def _line(content: Mapping[str, Any]) -> str:
    return json.dumps(content, separators=(",", ":"), allow_nan=False)


def _read(path: Path) -> tuple[_Header, list[str]]:
    """Return the first line of an archive, checked, and the other lines as they are."""
    content = read_bytes(path, ArchiveError, _REMEDY, largest=_LARGEST)
    try:
        first, *lines = content.decode("utf-8").removesuffix("\n").split("\n")
        values = _object(first)
    except ValueError as error:
        raise ArchiveError(f"{path}, line 1: {error}") from error
    if values.get("format") != FORMAT:
        raise ArchiveError(
            f"{path} is no archive of records, or one of another version: line 1 must give the format "
            f"'{FORMAT}', but gives {values.get('format')!r}"
        )
    return convert(values, _Header, f"{path}, line 1", ArchiveError, _REMEDY), lines


def _object(line: str) -> dict[str, Any]:
    return parse_json(line, dict[str, Any], "the line", ArchiveError, _REMEDY)
