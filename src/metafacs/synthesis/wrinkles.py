"""Height maps of the furrows, pouches and dimples that action units press into the skin.

Heights are in face units (decimetres), negative in a groove. Every map is symmetric; asymmetry comes from
scaling its halves.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from metafacs.compilation import compiled
from metafacs.synthesis.texture_space import bump, smoothstep, texture_grid, value_noise

Floats = NDArray[np.float32]
Point = tuple[float, float]

AMPLITUDES: dict[int, float] = {
    **{1: 0.0085, 2: 0.0085, 4: 0.014, 6: 0.012, 7: 0.014, 9: 0.012, 10: 0.014, 11: 0.019, 12: 0.011},
    **{14: 0.011, 15: 0.014, 17: 0.012, 20: 0.010, 23: 0.006, 24: 0.010},
}
"""Depth of the wrinkles of each AU at intensity 1, in face units."""

AGE_AMPLITUDE = 0.010
"""Depth of the wrinkles of old age."""


class WrinkleMap(NamedTuple):
    """One height map, cut to the texels it touches.

    Attributes:
        rows: First row and the row after the last.
        heights: Shape (rows, 512), scaled by :data:`AMPLITUDES`.
    """

    rows: tuple[int, int]
    heights: Floats


@cache
def wrinkle_maps() -> dict[int, WrinkleMap]:
    """Return the wrinkle map of every action unit that has one, at intensity 1 and strength 1."""
    return {au: _cut(height * np.float32(AMPLITUDES[au])) for au, height in _unscaled_maps().items()}


@cache
def age_map() -> Floats:
    """Return the wrinkles of a very old face at rest, shape (512, 512)."""
    maps, side = _unscaled_maps(), texture_grid().side
    total = 0.6 * _forehead_lines() * (1 - smoothstep(0.5, 0.7, side)) + 0.54 * maps[12] + 0.5 * _crows_feet()
    return (AGE_AMPLITUDE * (total + 0.6 * maps[4] + 0.5 * maps[15] + 0.3 * maps[7])).astype(np.float32)


def add_wrinkles(heights: Floats, au: int, left: float, right: float) -> None:
    """Press the wrinkles of one action unit into a height map, in place.

    Args:
        heights: Shape (512, 512), changed in place.
        au: Action unit; one without wrinkles changes nothing.
        left: Strength on the subject's left side; 1 is an average person at intensity 1.
        right: The same on the right.
    """
    wrinkles = wrinkle_maps().get(au)
    if wrinkles is not None:
        _add_halves(heights[wrinkles.rows[0] : wrinkles.rows[1]], wrinkles.heights, left, right)


@compiled
def _add_halves(heights: Floats, wrinkles: Floats, left: float, right: float) -> None:
    rows, columns = wrinkles.shape
    left_factor, right_factor = np.float32(left), np.float32(right)
    half = columns // 2
    for row in range(rows):
        for column in range(half):
            heights[row, column] += right_factor * wrinkles[row, column]
        for column in range(half, columns):
            heights[row, column] += left_factor * wrinkles[row, column]


def _cut(heights: Floats) -> WrinkleMap:
    touched = np.flatnonzero(np.abs(heights).max(1) > 1e-5)
    first, last = int(touched[0]), int(touched[-1]) + 1
    return WrinkleMap((first, last), np.ascontiguousarray(heights[first:last], np.float32))


def _groove(points: Sequence[Point], width: float, depth: float = 1.0, ridge: float = 0.5) -> Floats:
    """Return a furrow along a polyline in (side, y), shallower toward its ends, with raised banks."""
    grid = texture_grid()
    line = np.array(points, np.float32)
    heights = np.zeros_like(grid.y)
    margin = 5 * width
    rows = np.flatnonzero(
        (grid.y[:, 0] > line[:, 1].min() - margin) & (grid.y[:, 0] < line[:, 1].max() + margin)
    )
    window = slice(int(rows[0]), int(rows[-1]) + 1)
    x, y = grid.side[window], grid.y[window]
    lengths = np.linalg.norm(np.diff(line, axis=0), axis=1)
    starts = np.concatenate([[0], np.cumsum(lengths)]) / lengths.sum()
    distance = np.full(x.shape, 9, np.float32)
    position = np.zeros_like(distance)
    for k, (a, b) in enumerate(itertools.pairwise(line)):
        d = b - a
        t = np.clip(((x - a[0]) * d[0] + (y - a[1]) * d[1]) / (d @ d), 0, 1)
        here = np.hypot(x - a[0] - t * d[0], y - a[1] - t * d[1])
        nearer = here < distance
        distance[nearer] = here[nearer]
        position[nearer] = (starts[k] + t * (starts[k + 1] - starts[k]))[nearer]
    profile = ridge * bump(distance, 2.0 * width, 1.4 * width) - bump(distance, 0.0, width)
    heights[window] = depth * profile * np.sin(np.pi * np.clip(position * 0.92 + 0.04, 0, 1)) ** 0.6
    return heights


@cache
def _forehead_lines() -> Floats:
    rng = np.random.default_rng(5)
    grid = texture_grid()
    lines = np.zeros_like(grid.y)
    for k, height in enumerate((7.68, 7.76, 7.84, 7.93, 8.02)):
        wave = value_noise(rng, 70) * 0.016 + 0.03 * np.cos(5 * grid.x)
        depth = 0.35 + 0.65 * smoothstep(-0.7, 0.6, value_noise(rng, 60, 90))
        distance = (grid.y + wave - height).astype(np.float32)
        profile = 0.5 * bump(np.abs(distance), 0.036, 0.024) - bump(distance, 0.0, 0.017)
        lines += depth * profile * (1.0 if 0 < k < 4 else 0.5)
    return lines


@cache
def _crows_feet() -> Floats:
    fans = [
        _groove([(0.475, 7.345 + 0.06 * a), (0.545, 7.345 + 0.13 * a), (0.615, 7.345 + 0.26 * a)], 0.010, 0.8)
        for a in (0.5, 0.25, 0.0, -0.25, -0.5)
    ]
    return np.sum(fans, axis=0)


def _nasolabial(points: Sequence[Point], width: float, depth: float) -> Floats:
    """Return a nasolabial furrow with the cheek swelling on its outer side."""
    grid = texture_grid()
    outer = [(x + 1.9 * width, y) for x, y in points]
    line = np.array(outer)
    swelling = (
        np.exp(-(((grid.side - np.interp(grid.y, line[::-1, 1], line[::-1, 0])) / (1.6 * width)) ** 2))
        * smoothstep(line[-1, 1] - 0.04, line[-1, 1] + 0.06, grid.y)
        * smoothstep(line[0, 1] + 0.05, line[0, 1] - 0.04, grid.y)
    )
    return (_groove(points, width, depth, ridge=0.3) + 0.5 * depth * swelling).astype(np.float32)


@cache
def _unscaled_maps() -> dict[int, Floats]:
    return {au: np.asarray(draw(), np.float32) for au, draw in _DRAWINGS.items()}


def _draw_1() -> Floats:
    return _forehead_lines() * (1 - smoothstep(0.18, 0.42, texture_grid().side))


def _draw_2() -> Floats:
    side = texture_grid().side
    return _forehead_lines() * smoothstep(0.15, 0.35, side) * (1 - smoothstep(0.55, 0.72, side))


def _draw_4() -> Floats:
    _, side, y = texture_grid()
    frown = _groove([(0.055, 7.40), (0.065, 7.48), (0.085, 7.58)], 0.014, 1.2)
    root = 0.5 * _groove([(0.0, 7.39), (0.05, 7.385)], 0.014, 0.8)
    return frown + root - 0.5 * bump(side, 0.16, 0.05) * bump(y, 7.60, 0.03)


def _draw_6() -> Floats:
    _, side, y = texture_grid()
    under = _groove([(0.15, 7.245), (0.24, 7.205), (0.34, 7.20), (0.44, 7.24)], 0.020, 1.1)
    return _crows_feet() + under + 0.8 * bump(side, 0.33, 0.14) * bump(y, 7.10, 0.06)


def _draw_7() -> Floats:
    _, side, y = texture_grid()
    below = _groove([(0.19, 7.285), (0.27, 7.262), (0.35, 7.262), (0.42, 7.29)], 0.012, 1.0)
    return below + 0.5 * bump(side, 0.31, 0.11) * bump(y, 7.295, 0.014)


def _draw_9() -> Floats:
    bridge = [
        _groove([(0.03, 7.34 - 0.045 * k), (0.10, 7.31 - 0.05 * k), (0.15, 7.25 - 0.055 * k)], 0.010, 0.8)
        for k in range(4)
    ]
    root = _groove([(0.0, 7.40), (0.06, 7.40)], 0.014)
    return np.sum(bridge, axis=0) + root + _groove([(0.19, 7.08), (0.225, 6.98), (0.25, 6.90)], 0.022)


def _draw_10() -> Floats:
    return _groove([(0.18, 7.05), (0.225, 6.94), (0.27, 6.84)], 0.026, 1.1)


def _draw_11() -> Floats:
    return _nasolabial([(0.165, 7.06), (0.19, 6.98), (0.215, 6.90), (0.24, 6.84)], 0.022, 1.2)


def _draw_12() -> Floats:
    _, side, y = texture_grid()
    furrow = _groove([(0.18, 7.06), (0.235, 6.95), (0.285, 6.83), (0.31, 6.72)], 0.030, 1.1)
    return furrow + 0.5 * bump(side, 0.42, 0.10) * bump(y, 6.88, 0.12)


def _draw_14() -> Floats:
    _, side, y = texture_grid()
    dimple = _groove([(0.285, 6.75), (0.30, 6.69), (0.285, 6.62)], 0.020, 1.5)
    return dimple + 0.7 * bump(side, 0.25, 0.035) * bump(y, 6.67, 0.04)


def _draw_15() -> Floats:
    return _groove([(0.235, 6.655), (0.265, 6.58), (0.275, 6.50)], 0.018, 1.2)


def _draw_17() -> Floats:
    _, side, y = texture_grid()
    chin = np.exp(-((side / 0.13) ** 4) - ((y - 6.44) / 0.075) ** 4)
    pebbles = 0.55 * value_noise(np.random.default_rng(17), 9) * chin
    return pebbles + _groove([(0.0, 6.545), (0.07, 6.54), (0.14, 6.515)], 0.018)


def _draw_20() -> Floats:
    beside = [
        _groove([(0.29 + 0.04 * k, 6.76), (0.31 + 0.045 * k, 6.68), (0.30 + 0.04 * k, 6.60)], 0.012, 0.7)
        for k in range(3)
    ]
    return np.sum(beside, axis=0) + _groove([(0.05, 6.50), (0.15, 6.49), (0.25, 6.52)], 0.016, 0.6)


def _draw_23() -> Floats:
    x, side, y = texture_grid()
    wobble = 0.72 * value_noise(np.random.default_rng(23), 40)
    ring = np.exp(-(((side / 0.24) ** 2 + ((y - 6.68) / 0.115) ** 2 - 1) ** 2) / 0.10)
    lines = np.sin(x * np.float32(2 * np.pi / 0.035) + wobble) * 0.45
    return (lines * ring * (side < 0.30)).astype(np.float32)


def _draw_24() -> Floats:
    _, side, y = texture_grid()
    middle = 0.8 * np.exp(-((side / 0.16) ** 4))
    return middle * (bump(y, 6.795, 0.035) + bump(y, 6.575, 0.03))


_DRAWINGS: dict[int, Callable[[], Floats]] = {
    **{1: _draw_1, 2: _draw_2, 4: _draw_4, 6: _draw_6, 7: _draw_7, 9: _draw_9, 10: _draw_10, 11: _draw_11},
    **{12: _draw_12, 14: _draw_14, 15: _draw_15, 17: _draw_17, 20: _draw_20, 23: _draw_23, 24: _draw_24},
}
