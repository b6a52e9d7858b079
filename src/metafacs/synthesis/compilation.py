"""Small functions of the renderer's compiled loops."""

from __future__ import annotations

from metafacs.compilation import compiled


@compiled
def clamp(x: float, low: float, high: float) -> float:
    """Return ``x`` limited to ``low..high``."""
    return min(max(x, low), high)


@compiled
def step(start: float, end: float, x: float) -> float:
    """Return 0 up to ``start``, 1 from ``end``, and a smooth step between; ``start`` may exceed ``end``."""
    t = min(max((x - start) / (end - start), 0.0), 1.0)
    return t * t * (3.0 - 2.0 * t)
