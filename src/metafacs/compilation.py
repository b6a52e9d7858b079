"""How inner loops are compiled: once per machine, one thread, the same bits every time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba

LoopT = TypeVar("LoopT", bound=Callable[..., object])


def compiled(loop: LoopT) -> LoopT:
    """Return a function compiled at its first call; a decorator for loops over pixels and vertices.

    No fast-math: results must not vary between runs. What was compiled is kept beside the source file, or in
    the user's cache folder; where neither can be written, every process compiles for itself.
    """
    njit: Any = numba.njit
    try:
        return cast(LoopT, njit(cache=True, nogil=True, error_model="numpy")(loop))
    except RuntimeError:  # numba found no folder for its files
        return cast(LoopT, njit(nogil=True, error_model="numpy")(loop))
