"""Smooth random fields: the raw material of skin, hair and backgrounds."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Field = NDArray[np.float32]


def value_noise(
    rng: np.random.Generator, shape: tuple[int, int], cell: float, cell_across: float | None = None
) -> Field:
    """Return smoothly interpolated Gaussian values on a lattice.

    Args:
        rng: Random generator.
        shape: (height, width) in pixels.
        cell: Lattice spacing down the picture in pixels.
        cell_across: Lattice spacing across the picture; ``cell`` when None. Unequal spacings give streaks.

    Returns:
        Float32 field of ``shape``; mean about 0, standard deviation about 0.7.
    """
    height, width = shape
    spacing_across = cell if cell_across is None else cell_across
    rows = int(np.ceil(height / cell)) + 2
    columns = int(np.ceil(width / spacing_across)) + 2
    lattice = rng.standard_normal((rows, columns)).astype(np.float32)
    y = np.arange(height, dtype=np.float32) / np.float32(cell)
    x = np.arange(width, dtype=np.float32) / np.float32(spacing_across)
    y_low, x_low = y.astype(np.int64), x.astype(np.int64)
    y_weight = smoothstep(0.0, 1.0, y - y_low)[:, None]
    x_weight = smoothstep(0.0, 1.0, x - x_low)[None]
    lines = lattice[y_low] * (1 - y_weight) + lattice[y_low + 1] * y_weight
    field = lines[:, x_low] * (1 - x_weight) + lines[:, x_low + 1] * x_weight
    return field.astype(np.float32)


def fractal_noise(rng: np.random.Generator, shape: tuple[int, int], cells: Sequence[float]) -> Field:
    """Return a sum of value noises, each octave weighted by its lattice spacing.

    Args:
        rng: Random generator.
        shape: (height, width) in pixels.
        cells: Lattice spacings in pixels, one per octave.

    Returns:
        Float32 field of ``shape``; standard deviation about 0.7 whatever the number of octaves.
    """
    field = np.zeros(shape, np.float32)
    for cell in cells:
        field += value_noise(rng, shape, cell) * np.float32(cell)
    return (field / np.sqrt(np.sum(np.square(cells)))).astype(np.float32)


def smoothstep(low: float, high: float, values: Field) -> Field:
    """Return 0 below ``low``, 1 above ``high`` and a cubic ramp between (``low > high`` falls instead)."""
    t = np.clip((values - low) / (high - low), 0, 1)
    return np.asarray(t * t * (3 - 2 * t), np.float32)
