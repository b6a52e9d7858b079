from __future__ import annotations

from pathlib import Path
from typing import Any

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


def test_where_nothing_can_be_written_it_is_compiled_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    def nowhere(*_: object) -> None:
        raise RuntimeError("cannot cache function 'total': no locator available")

    monkeypatch.setattr(caching.CompileResultCacheImpl, "__init__", nowhere)
    assert compiled(total)(5) == 10
