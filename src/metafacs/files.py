"""Files that are either whole or absent, even after a power cut, and how to know one again."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

_LONGEST_NAME = 200
"""Bytes of a file's own name in that of its temporary; file systems allow 255 in all."""

_PARTIAL = re.compile(r"\..+\.\d+\.partial", re.DOTALL)
"""Names of temporary files, see :func:`written_whole`."""


@contextmanager
def written_whole(path: Path | str, *, durable: bool = True) -> Iterator[Path]:
    """Yield a temporary path beside ``path`` that takes its place when the block ends without an error.

    The folder is made if needed. After an error, a kill or a power cut the old file is still there,
    untouched, or the new one is whole. Its permissions are those that the user's mask gives to new files,
    whatever the block made them.

    Args:
        path: The file to write.
        durable: Wait until the file is on the disk. Of many files that one last file vouches for, leave the
            waiting to :func:`make_durable`, before that one is written.

    Raises:
        OSError: If the file cannot be written; it names ``path``, not the temporary.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = _temporary(path, os.getpid())
    try:
        # Some writers think of everything as secret: what the user's mask gives is seen on an empty file.
        temporary.touch()
        permissions = temporary.stat().st_mode & 0o777
        temporary.unlink()
        yield temporary
        temporary.chmod(permissions)
        if durable:
            _synchronise(temporary)
        os.replace(temporary, path)
        if durable:
            _synchronise(path.parent)
    except OSError as error:
        # A full disk shows at a write, which knows no name.
        if error.filename == str(temporary) or (error.errno and error.filename is None):
            error.filename, error.filename2 = str(path), None
        raise
    finally:
        temporary.unlink(missing_ok=True)


def write_bytes(path: Path | str, content: bytes, *, durable: bool = True) -> None:
    """Write a file whole or not at all."""
    with written_whole(path, durable=durable) as temporary:
        temporary.write_bytes(content)


def write_text(path: Path | str, text: str, *, durable: bool = True) -> None:
    """Write a UTF-8 text file whole or not at all; line ends are those of the text."""
    write_bytes(path, text.encode("utf-8"), durable=durable)


def write_json(path: Path | str, content: object) -> None:
    """Write plain data as JSON, whole or not at all; NaN is refused.

    Raises:
        ValueError: If a number is not finite: JSON has no word for it.
    """
    write_text(path, json.dumps(content, indent=1, allow_nan=False) + "\n")


def make_durable(paths: Iterable[Path]) -> None:
    """Wait until files that were written before, and the names of them in their folders, are on the disk.

    Files that have gone are passed over.
    """
    folders = set()
    for path in paths:
        folders.add(path.parent)
        if path.is_file():
            _synchronise(path)
    for folder in sorted(folders):
        _synchronise(folder)


def clear_leftovers(folder: Path, *, below: bool = False) -> list[Path]:
    """Remove the temporary files that killed processes left in a folder; return which.

    Only for a folder that this process has claimed (:func:`metafacs.locks.claimed`): in any other they may
    be somebody's who is writing.

    Args:
        folder: The folder; it may be missing.
        below: Those in the folders below it too.
    """
    found = sorted(folder.rglob(".*.partial") if below else folder.glob(".*.partial"))
    left = [path for path in found if _PARTIAL.fullmatch(path.name)]
    for path in left:
        path.unlink(missing_ok=True)
    return left


def clear_leftovers_of(path: Path) -> list[Path]:
    """Remove the temporary files of one file that ended processes of this machine left; return which.

    For files in folders that nobody claims. Where a system does not tell who is alive, nothing is removed.
    """
    if os.name != "posix" or not path.parent.is_dir():
        return []
    left = []
    for found in sorted(path.parent.glob(".*.partial")):
        process = found.name.removesuffix(".partial").rpartition(".")[2]
        if found == _temporary(path, process) and process.isdecimal() and not _is_alive(int(process)):
            found.unlink(missing_ok=True)
            left.append(found)
    return left


def _temporary(path: Path, process: int | str) -> Path:
    name = os.fsencode(path.name)
    if len(name) > _LONGEST_NAME:
        name = name[:_LONGEST_NAME] + hashlib.sha256(name).hexdigest()[:8].encode()
    return path.with_name(f".{os.fsdecode(name)}.{process}.partial")


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):  # somebody else's, or no number of a process
        return True
    return True


def digest_of_file(path: Path | str) -> str:
    """Return the SHA-256 of a file's content as 64 hexadecimal digits."""
    digest = hashlib.sha256()
    with Path(path).open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def _synchronise(path: Path) -> None:
    """Wait until a file, or what a folder lists, is on the disk."""
    if path.is_dir() and os.name != "posix":
        return  # Windows opens no folder; it writes what a folder lists with the file.
    descriptor = os.open(path, os.O_RDONLY if os.name == "posix" else os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
