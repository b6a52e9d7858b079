from __future__ import annotations

import errno
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numba
import pytest
from numba.core import caching

from metafacs.compilation import compiled


def total(count: int) -> int:
    number = 0
    for i in range(count):
        number += i
    return number


def test_a_loop_is_compiled_and_kept() -> None:
    loop: Any = compiled(total)
    assert loop(5) == 10
    assert Path(loop.stats.cache_path).is_dir()


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Keep what is compiled in a folder of its own; return it."""
    monkeypatch.setattr(numba.config, "CACHE_DIR", str(tmp_path))
    return tmp_path


def _hits(expected: int = 10) -> int:
    """Return how often a new process would find the loop compiled."""
    loop: Any = compiled(total)
    assert loop(5) == expected
    return sum(loop.stats.cache_hits.values())


@pytest.mark.parametrize("ending", [".nbi", ".nbc"])
@pytest.mark.parametrize("damage", [lambda b: b"", lambda b: b[: len(b) // 2], lambda b: bytes(len(b)), None])
def test_damaged_files_of_compiled_loops_are_made_again(
    kept: Path, ending: str, damage: Callable[[bytes], bytes] | None
) -> None:
    assert (_hits(), _hits()) == (0, 1)
    (path,) = kept.rglob(f"*{ending}")
    content = path.read_bytes()
    turned = content[:-40] + bytes([content[-40] ^ 1]) + content[-39:]
    path.write_bytes(damage(content) if damage else turned)
    assert (_hits(), _hits()) == (0, 1)


def test_a_full_disk_only_keeps_it_from_being_kept(kept: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(caching.IndexDataCacheFile, "_save_data", full)
    assert (_hits(), _hits()) == (0, 0)


def test_where_nothing_can_be_written_it_is_compiled_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    def nowhere(*_: object) -> None:
        raise RuntimeError("cannot cache function 'total': no locator available")

    monkeypatch.setattr(caching.CompileResultCacheImpl, "__init__", nowhere)
    assert compiled(total)(5) == 10
