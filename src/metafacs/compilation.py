"""How inner loops are compiled: once per machine, one thread, the same bits every time."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any, TypeVar, cast

import numba
from numba.core.caching import IndexDataCacheFile

LoopT = TypeVar("LoopT", bound=Callable[..., object])


def compiled(loop: LoopT) -> LoopT:
    """Return a function compiled at its first call; a decorator for loops over pixels and vertices.

    No fast-math: results must not vary between runs. What was compiled is kept beside the source file, or in
    the user's cache folder; where neither can be written, every process compiles for itself. What is kept
    has a digest: damaged, half-written or lost files are compiled again.
    """
    njit: Any = numba.njit
    try:
        function = njit(cache=True, nogil=True, error_model="numpy")(loop)
    except RuntimeError:  # numba found no folder for its files
        return cast(LoopT, njit(nogil=True, error_model="numpy")(loop))
    # Where compiling is switched off, or numba has changed, it is as if this had not been asked for.
    with suppress(AttributeError):
        kept = function._cache
        stamp = kept._impl.locator.get_source_stamp()
        kept._cache_file = _SoundFiles(kept._cache_path, kept._impl.filename_base, stamp)
    return cast(LoopT, function)


class _SoundFiles(IndexDataCacheFile):
    """Numba's files, each with a SHA-256 at its end: without, a damaged one ends every command."""

    def load(self, key: object) -> Any:
        """Return what was compiled, None if it was not or is damaged."""
        # Whatever bytes unpickling meets.
        with suppress(Exception):
            return super().load(key)
        return None

    def save(self, key: object, data: object) -> None:
        """Keep what was compiled, if the disk takes it."""
        with suppress(OSError):
            try:
                super().save(key, data)
            except OSError:
                raise
            except Exception:
                self.flush()
                super().save(key, data)

    def _load_index(self) -> Any:
        if Path(self._index_path).exists():
            _check(Path(self._index_path))
        return super()._load_index()

    def _load_data(self, name: str) -> Any:
        _check(Path(self._data_path(name)))
        return super()._load_data(name)

    @contextmanager
    def _open_for_write(self, filepath: str) -> Iterator[IO[bytes]]:
        with super()._open_for_write(filepath) as file:
            yield file
            file.flush()
            # Unpickling stops before it.
            file.write(hashlib.sha256(Path(file.name).read_bytes()).digest())


def _check(path: Path) -> None:
    content = path.read_bytes()
    if hashlib.sha256(content[:-32]).digest() != content[-32:]:
        raise ValueError(f"{path} is damaged")
