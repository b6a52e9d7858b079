"""Manifests of rendered chunks: they vouch for every file, so that a twin is taken up after any damage."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from metafacs.files import digest_of_file, make_durable, write_text
from metafacs.parsing import FileError
from metafacs.seals import read_sealed, sealed

MANIFESTS = ".chunks"
"""Folder of the manifests below a twin's root."""

Record = dict[str, Any]


@dataclass(frozen=True)
class FileMark:
    """How to know a file again: its size in bytes and the SHA-256 of its content."""

    size: int
    digest: str


@dataclass(frozen=True)
class ChunkManifest:
    """What a finished chunk is.

    Attributes:
        twin: Which twin it belongs to, as in ``TWIN.json``.
        files: Path below the root -> its mark.
        record: What the chunk's renderer returned.
    """

    twin: dict[str, Any]
    files: dict[str, FileMark]
    record: Record


def write_manifest(root: Path, name: str, twin: Mapping[str, Any], record: Record) -> None:
    """Wait until the files of a chunk are on the disk, then write the manifest that vouches for them."""
    paths = {file: root / file for file in record["files"]}
    make_durable(paths.values())
    marks = {file: FileMark(path.stat().st_size, digest_of_file(path)) for file, path in paths.items()}
    manifest = ChunkManifest(dict(twin), marks, record)
    write_text(_path(root, name), json.dumps(sealed(asdict(manifest))))


def finished_record(root: Path, name: str, twin: Mapping[str, Any]) -> Record | None:
    """Return the record of a chunk whose files are all as they were written, else None."""
    manifest = _read(_path(root, name))
    if manifest is None or manifest.twin != twin:
        return None
    intact = all(_is_intact(root / file, mark) for file, mark in manifest.files.items())
    return manifest.record if intact else None


def holds_manifests_of(root: Path, twin: Mapping[str, Any]) -> bool:
    """Return whether a folder has manifests, and those that can be read are all of this twin."""
    found = [_read(path) for path in (root / MANIFESTS).glob("*.json")]
    known = [manifest for manifest in found if manifest is not None]
    return bool(known) and all(manifest.twin == twin for manifest in known)


def other_files(root: Path, records: Iterable[Record]) -> list[Path]:
    """Return the files of a twin that belong to no chunk: its lists."""
    of_chunks = {os.path.normpath(root / file) for record in records for file in record["files"]}
    found = (Path(folder, file) for folder, _, files in os.walk(root) for file in files)
    return [path for path in found if os.path.normpath(path) not in of_chunks]


def _path(root: Path, name: str) -> Path:
    return root / MANIFESTS / f"{name}.json"


def _read(path: Path) -> ChunkManifest | None:
    """Return a manifest; None if it is missing, damaged or of an earlier version."""
    try:
        return read_sealed(path, ChunkManifest)
    except FileError:
        return None


def _is_intact(path: Path, mark: FileMark) -> bool:
    return path.is_file() and path.stat().st_size == mark.size and digest_of_file(path) == mark.digest
