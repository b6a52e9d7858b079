"""The compiled loops of ``compiled_graph``: one convolution with all that is done to its result.

Maps are ``image x height x width x channel``, flat, float32, with a border of zeros around every image, so
that a filter never asks where the picture ends. Channels of what is written are a multiple of 8, unused ones
zero. A few rows of pixels at a time go through all of it, so that what lies between stays in the processor's
nearest cache. Every pixel is computed in the same order whatever else is in the batch: the same bits.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from metafacs.compilation import compiled
from metafacs.faces.lanes import LANES, add, fill, larger, load, multiply_add, smaller, spread, store

Floats = NDArray[np.float32]

GROUP = 6
"""Pixels whose sums are in registers together: two times six of the sixteen, with weights and a value."""


class Geometry(NamedTuple):
    """Sizes of one convolution, in pixels without borders, and in channels.

    Attributes:
        border: Width of the zeros around every map.
        height: Of the map that is read.
        width: Of the map that is read.
        channels: Of the map that is read.
        tall: Height of the filter.
        wide: Width of the filter.
        down: Step of the filter.
        across: Step of the filter.
        top: Rows that the filter reaches above the first row of the map.
        left: The same at its left.
        inputs: Numbers of which each output is a weighted sum.
        rows: Height of the map that is written.
        columns: Width of the map that is written.
        outputs: Channels of the map that is written.
        added: Channels of the map that is added, 0 for none.
        pool: Side of the squares of the added map whose largest value is added: 1 or 2.
        tile: Rows that are done together.
    """

    border: int
    height: int
    width: int
    channels: int
    tall: int
    wide: int
    down: int
    across: int
    top: int
    left: int
    inputs: int
    rows: int
    columns: int
    outputs: int
    added: int
    pool: int
    tile: int


@compiled
def copy_row(
    source: Floats, start: int, line: int, step: int, run: int, tall: int, pixels: int, seen: Floats, at: int
) -> None:
    """Write what the filter sees at each pixel of a row, one after the other."""
    whole = run // LANES * LANES
    for _ in range(pixels):
        place = start
        for _ in range(tall):
            for i in range(0, whole, LANES):
                store(seen, at + i, load(source, place + i))
            for i in range(whole, run):
                seen[at + i] = source[place + i]
            at += run
            place += line
        start += step


@compiled
def filter_row(
    source: Floats,
    start: int,
    line: int,
    channels: int,
    step: int,
    weights: Floats,
    bias: Floats,
    pixels: int,
    seen: Floats,
    at: int,
) -> None:
    """Write what a 3 x 3 filter of every channel's own makes of each pixel of a row."""
    for c in range(0, channels, LANES):
        w0, w1, w2 = load(weights, c), load(weights, c + channels), load(weights, c + 2 * channels)
        next_row = c + 3 * channels
        w3, w4 = load(weights, next_row), load(weights, next_row + channels)
        w5 = load(weights, next_row + 2 * channels)
        next_row += 3 * channels
        w6, w7 = load(weights, next_row), load(weights, next_row + channels)
        w8 = load(weights, next_row + 2 * channels)
        own = load(bias, c)
        upper = start + c
        middle = upper + line
        lower = middle + line
        place = at + c
        for _ in range(pixels):
            total = multiply_add(load(source, upper), w0, own)
            total = multiply_add(load(source, upper + channels), w1, total)
            total = multiply_add(load(source, upper + 2 * channels), w2, total)
            total = multiply_add(load(source, middle), w3, total)
            total = multiply_add(load(source, middle + channels), w4, total)
            total = multiply_add(load(source, middle + 2 * channels), w5, total)
            total = multiply_add(load(source, lower), w6, total)
            total = multiply_add(load(source, lower + channels), w7, total)
            store(seen, place, multiply_add(load(source, lower + 2 * channels), w8, total))
            place += channels
            upper += step
            middle += step
            lower += step


@compiled
def mix(
    seen: Floats, pixels: int, inputs: int, weights: Floats, bias: Floats, sums: Floats, outputs: int
) -> None:
    """Write the weighted sums of every pixel: a matrix product, for 16 channels of 6 pixels at a time.

    ``weights`` are ``outputs / 8 x inputs x 8``. Room for a multiple of 6 pixels is read and written.
    """
    for c in range(0, outputs - LANES, 2 * LANES):
        first = c * inputs
        second = first + LANES * inputs
        left, right = load(bias, c), load(bias, c + LANES)
        for pixel in range(0, pixels, GROUP):
            a0 = a1 = a2 = a3 = a4 = a5 = left
            b0 = b1 = b2 = b3 = b4 = b5 = right
            p0 = pixel * inputs
            p1 = p0 + inputs
            p2 = p1 + inputs
            p3 = p2 + inputs
            p4 = p3 + inputs
            p5 = p4 + inputs
            for k in range(inputs):
                w, v = load(weights, first + LANES * k), load(weights, second + LANES * k)
                x = spread(seen, p0 + k)
                a0, b0 = multiply_add(x, w, a0), multiply_add(x, v, b0)
                x = spread(seen, p1 + k)
                a1, b1 = multiply_add(x, w, a1), multiply_add(x, v, b1)
                x = spread(seen, p2 + k)
                a2, b2 = multiply_add(x, w, a2), multiply_add(x, v, b2)
                x = spread(seen, p3 + k)
                a3, b3 = multiply_add(x, w, a3), multiply_add(x, v, b3)
                x = spread(seen, p4 + k)
                a4, b4 = multiply_add(x, w, a4), multiply_add(x, v, b4)
                x = spread(seen, p5 + k)
                a5, b5 = multiply_add(x, w, a5), multiply_add(x, v, b5)
            place = pixel * outputs + c
            _store_six(sums, place, outputs, a0, a1, a2, a3, a4, a5)
            _store_six(sums, place + LANES, outputs, b0, b1, b2, b3, b4, b5)
    if outputs % (2 * LANES):
        c = outputs - LANES
        first = c * inputs
        left = load(bias, c)
        for pixel in range(0, pixels, GROUP):
            a0 = a1 = a2 = a3 = a4 = a5 = left
            p0 = pixel * inputs
            p1 = p0 + inputs
            p2 = p1 + inputs
            p3 = p2 + inputs
            p4 = p3 + inputs
            p5 = p4 + inputs
            for k in range(inputs):
                w = load(weights, first + LANES * k)
                a0 = multiply_add(spread(seen, p0 + k), w, a0)
                a1 = multiply_add(spread(seen, p1 + k), w, a1)
                a2 = multiply_add(spread(seen, p2 + k), w, a2)
                a3 = multiply_add(spread(seen, p3 + k), w, a3)
                a4 = multiply_add(spread(seen, p4 + k), w, a4)
                a5 = multiply_add(spread(seen, p5 + k), w, a5)
            _store_six(sums, pixel * outputs + c, outputs, a0, a1, a2, a3, a4, a5)


@compiled
def _store_six(
    sums: Floats, place: int, step: int, s0: Any, s1: Any, s2: Any, s3: Any, s4: Any, s5: Any
) -> None:
    store(sums, place, s0)
    store(sums, place + step, s1)
    store(sums, place + 2 * step, s2)
    store(sums, place + 3 * step, s3)
    store(sums, place + 4 * step, s4)
    store(sums, place + 5 * step, s5)


@compiled
def finish_row(
    sums: Floats,
    at: int,
    pixels: int,
    outputs: int,
    residual: Floats,
    start: int,
    line: int,
    added: int,
    pool: int,
    slopes: Floats,
    ceiling: np.float32,
    out: Floats,
    place: int,
) -> None:
    """Add another map to the sums of a row of pixels, apply the activation, and write them to the map."""
    most, zero = fill(ceiling), fill(np.float32(0))
    for _ in range(pixels):
        for c in range(0, outputs, LANES):
            value = load(sums, at + c)
            if c < added:
                here = start + c
                other = load(residual, here)
                if pool == 2:
                    below = here + line
                    other = larger(other, load(residual, here + added))
                    other = larger(other, load(residual, below))
                    other = larger(other, load(residual, below + added))
                value = add(value, other)
            value = multiply_add(smaller(value, zero), load(slopes, c), larger(value, zero))
            store(out, place + c, smaller(value, most))
        at += outputs
        place += outputs
        start += added * pool


@compiled
def convolve(
    geometry: Geometry,
    count: int,
    source: Floats,
    filters: Floats,
    filter_bias: Floats,
    weights: Floats,
    bias: Floats,
    residual: Floats,
    slopes: Floats,
    ceiling: np.float32,
    out: Floats,
    seen: Floats,
    sums: Floats,
) -> None:
    """Compute one map: ``min(activation(weights * filter(source) + bias + residual), ceiling)``.

    Args:
        geometry: Sizes.
        count: Images in the batch.
        source: The map that is read.
        filters: ``3 x 3 x channels``, the filter of each channel's own that comes first; empty for none, then
            the weights see all channels under the filter's window.
        filter_bias: ``channels``.
        weights: ``outputs / 8 x inputs x 8``.
        bias: ``outputs``.
        residual: The map that is added.
        slopes: ``outputs``, by what negative values are multiplied: 1 for no activation, 0 for ReLU.
        ceiling: Largest value.
        out: The map that is written.
        seen: Room for a tile's pixels, rounded up to 6, times ``inputs``.
        sums: The same times ``outputs``.
    """
    g = geometry
    line = (g.width + 2 * g.border) * g.channels
    residual_line = (g.pool * g.columns + 2 * g.border) * g.added
    out_line = (g.columns + 2 * g.border) * g.outputs
    rows = count * g.rows
    for first in range(0, rows, g.tile):
        last = min(first + g.tile, rows)
        at = 0
        for row in range(first, last):
            image = row // g.rows
            y = row - image * g.rows
            start = (image * (g.height + 2 * g.border) + y * g.down - g.top + g.border) * line
            start += (g.border - g.left) * g.channels
            step = g.across * g.channels
            if len(filters):
                filter_row(source, start, line, g.channels, step, filters, filter_bias, g.columns, seen, at)
            else:
                copy_row(source, start, line, step, g.wide * g.channels, g.tall, g.columns, seen, at)
            at += g.columns * g.inputs
        mix(seen, (last - first) * g.columns, g.inputs, weights, bias, sums, g.outputs)
        at = 0
        for row in range(first, last):
            image = row // g.rows
            y = row - image * g.rows
            start = (image * (g.pool * g.rows + 2 * g.border) + g.pool * y + g.border) * residual_line
            start += g.border * g.added
            place = (image * (g.rows + 2 * g.border) + y + g.border) * out_line + g.border * g.outputs
            finish_row(
                sums,
                at,
                g.columns,
                g.outputs,
                residual,
                start,
                residual_line,
                g.added,
                g.pool,
                slopes,
                ceiling,
                out,
                place,
            )
            at += g.columns * g.outputs
