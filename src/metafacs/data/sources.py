"""Picture and video files as they were when something was made from them, to tell whether they still are."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from metafacs.files import digest_of_file
from metafacs.texts import printable

_MISSING = -1


@dataclass(frozen=True)
class Source:
    """A file as it was.

    Attributes:
        file: Its place, see :func:`place_of`.
        size: In bytes; -1 where there was no such file.
        modified: When its content was written last, in nanoseconds since 1970.
        changed: When its content, name or permissions were changed last, likewise.
        digest: SHA-256 of its content; empty where it could not be read.
    """

    file: str
    size: int
    modified: int
    changed: int
    digest: str


def place_of(path: Path | str, root: Path | str) -> str:
    """Return where a file is below a folder, with slashes, in letters that can be written everywhere.

    >>> place_of(Path("data/bp4d/F001/1.jpg"), Path("data/bp4d"))
    'F001/1.jpg'
    """
    path = Path(path)
    inside = path.relative_to(root) if path.is_relative_to(root) else path
    return printable(inside.as_posix())


def source_of(path: Path, place: str) -> Source:
    """Return how a file is now. It is read to its end, once per process and state."""
    size, modified, changed = _state(path)
    digest = "" if size == _MISSING else _digest(path, size, modified, changed)
    return Source(place, size, modified, changed, digest)


def is_unchanged(source: Source, path: Path) -> bool:
    """Tell whether a file has the content it had; it is read only if size or times are others."""
    state = _state(path)
    if state == (source.size, source.modified, source.changed):
        return True
    return state[0] == source.size != _MISSING and source.digest == _digest(path, *state) != ""


def _state(path: Path) -> tuple[int, int, int]:
    try:
        # A pipe would keep whoever reads it waiting.
        if path.is_file():
            status = path.stat()
            return status.st_size, status.st_mtime_ns, status.st_ctime_ns
    except (OSError, ValueError):
        pass
    return _MISSING, 0, 0


@lru_cache(maxsize=256)
def _digest(path: Path, size: int, modified: int, changed: int) -> str:
    try:
        return digest_of_file(path)
    except OSError:
        return ""
