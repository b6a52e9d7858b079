"""What a command writes into a folder: nothing foreign is overwritten, and nothing of its last time stays."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path

from metafacs.files import digest_of_file, write_bytes, write_json
from metafacs.parsing import FileError, read_json
from metafacs.texts import printable

LIST = ".metafacs.files.json"
"""File of a folder that tells what commands wrote there: command -> name of the file -> its digest, or
that of the last time too while files are written."""

_Digests = dict[str, tuple[str, ...]]


class ForeignFileError(ValueError):
    """A file is in the way that the command did not write; the message names it and the ways out."""


class OwnFiles:
    """The files that one command writes into a folder.

    A file of the same name that a command of metafacs wrote is replaced; any other is somebody's, or was
    edited, and is refused. Where versions without the list have written, files are known by how they begin.

    Args:
        folder: The folder; it may be missing.
        command: Name of the command.
    """

    def __init__(self, folder: Path, command: str) -> None:
        self.folder, self._command = folder, command
        self._list = _read(folder / LIST)
        self._before = self._list.get(command, {})
        self._now: _Digests = {}

    def write(self, files: Mapping[str, bytes]) -> None:
        """Write files, after looking at what is there: either all of it may go, or none is written.

        Args:
            files: Path below the folder, with slashes -> content.

        Raises:
            ForeignFileError: Naming the first file in the way.
            ValueError: If a name could lead to another folder.
            OSError: If the folder cannot be written.
        """
        for name, content in files.items():
            if {"", ".", ".."} & set(name.split("/")):
                raise ValueError(f"{printable(name)!r} is no place below {self.folder}")
            self._refuse_foreign(name, content)
        now = {name: (hashlib.sha256(content).hexdigest(),) for name, content in files.items()}
        # First the list: what was written just before a kill is known the next time, and what was not yet.
        both = {name: (*self._before.get(name, ()), *digest) for name, digest in now.items()}
        self._keep({**self._before, **self._now, **both})
        for name, content in files.items():
            write_bytes(self.folder / name, content)
        self._now |= now
        self._keep({**self._before, **self._now})

    def finish(self) -> list[Path]:
        """Remove what the command wrote the last time and not this time; return which files."""
        left = [name for name in self._before if name not in self._now]
        gone = []
        for name in left:
            path = self.folder / name
            if path.is_file() and digest_of_file(path) in self._before[name]:
                path.unlink()
                gone.append(path)
        if left:
            self._keep(self._now)
        return gone

    def _refuse_foreign(self, name: str, content: bytes) -> None:
        path = self.folder / name
        if not path.exists() and not path.is_symlink():
            return
        known = {digest for files in self._list.values() for digest in files.get(name, ())}
        if path.is_file():
            if digest_of_file(path) in {*known, hashlib.sha256(content).hexdigest()}:
                return
            if not known and begins_alike(path, content):
                return
        raise ForeignFileError(
            f"{printable(path)} is there already, and is not what metafacs wrote there: give another folder, "
            "or move it away"
        )

    def _keep(self, files: _Digests) -> None:
        self._list[self._command] = dict(files)
        write_json(self.folder / LIST, self._list)


def as_json(content: object) -> bytes:
    """Return plain data as the content of a JSON file.

    Raises:
        ValueError: If a number is not finite.
    """
    return (json.dumps(content, indent=1, allow_nan=False) + "\n").encode()


def refuse_foreign_file(path: Path, is_own: Callable[[Path], bool], kind: str) -> None:
    """Refuse, best before the work is done, to replace a single file that is not of the kind to be written.

    Args:
        path: The file to write.
        is_own: Whether a file that is there is an earlier one of the kind.
        kind: Of the file, in words: ``no KIND``.

    Raises:
        ForeignFileError: Naming the file and the ways out.
    """
    if os.path.lexists(path) and not (path.is_file() and is_own(path)):
        raise ForeignFileError(
            f"{printable(path)} is there already, and is no {kind}: give another name, or move it away"
        )


def refuse_foreign_table(path: Path, content: bytes) -> None:
    """Raise a ForeignFileError if a file is there that begins otherwise than the table to replace it."""
    refuse_foreign_file(path, lambda there: begins_alike(there, content), "table of this kind")


def begins_alike(path: Path, content: bytes) -> bool:
    """Return whether a file seems to be an earlier one of what is to replace it."""
    with path.open("rb") as file:
        head = file.read(1 << 10)
    return _beginning(head) == _beginning(content) != b""


def _beginning(content: bytes) -> bytes:
    """Return what tells kinds of files: first column, first words of a title, first key, program."""
    for pattern in (
        rb"<!doctype html>.{0,900}Content-Security-Policy",
        rb"\*\*(\S+ \S+ \S+)",
        rb"# Detector card\n",
        rb"\{\s*\"[^\"]*\"",
        rb"\x89PNG\r\n.{0,99}Software\0(?:Matplotlib|metafacs)",
        rb"[^\s,*{\x89<][^,\n]*,",
    ):
        if found := re.match(pattern, content, re.DOTALL):
            return re.sub(rb"\s+", b"", found[0])
    return b""


def _read(path: Path) -> dict[str, _Digests]:
    try:
        return read_json(path, dict[str, _Digests])
    except FileError:
        # Absent or damaged: files are known by how they begin.
        return {}
