"""How the renderer's inner loops are compiled: once per machine, one thread, the same bits every time."""

from __future__ import annotations

from numba import njit

compiled = njit(cache=True, nogil=True, error_model="numpy")
"""Decorator for loops over pixels, texels and vertices. No fast-math: results must not vary between runs."""
