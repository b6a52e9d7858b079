"""The compiled loops of ``warping``: what Pillow does to a picture, to the last bit, twice as fast.

A pixel's three colours are read as four bytes at once; pictures have a byte to spare behind their last pixel.
"""

from __future__ import annotations

from collections.abc import Callable
from math import ceil, floor
from typing import Any

import numpy as np
from llvmlite import ir
from numba.core import types
from numba.extending import intrinsic
from numpy.typing import NDArray

from metafacs.compilation import compiled

Bytes = NDArray[np.uint8]

BITS = 22
"""Binary places of the weights that a picture is reduced with, as in Pillow."""

_BYTES = ir.VectorType(ir.IntType(8), 4)
_INTEGERS = ir.VectorType(ir.IntType(32), 4)
_DOUBLES = ir.VectorType(ir.DoubleType(), 4)


def _instruction(function: Callable[..., Any]) -> Any:
    """Return numba's intrinsic; untyped, because it is called without the first argument."""
    return intrinsic(function)


def _pointer(context: Any, builder: Any, kind: Any, array: Any, place: Any) -> Any:
    data = context.make_array(kind)(context, builder, array).data
    return builder.bitcast(builder.gep(data, [place]), _BYTES.as_pointer())


def _read(context: Any, builder: Any, kind: Any, array: Any, place: Any) -> Any:
    pixel = builder.load(_pointer(context, builder, kind, array, place), align=1)
    return builder.zext(pixel, _INTEGERS)


def _write(context: Any, builder: Any, kind: Any, array: Any, place: Any, pixel: Any) -> None:
    pointer = _pointer(context, builder, kind, array, place)
    builder.store(builder.trunc(pixel, _BYTES), pointer, align=1)


def _spread(builder: Any, kind: Any, number: Any) -> Any:
    single = builder.insert_element(ir.Constant(kind, ir.Undefined), number, ir.IntType(32)(0))
    return builder.shuffle_vector(single, single, ir.Constant(_INTEGERS, [0] * 4))


@_instruction
def _blend(
    typing: Any,
    image: Any,
    upper_left: Any,
    upper_right: Any,
    lower_left: Any,
    lower_right: Any,
    right: Any,
    lower: Any,
    crop: Any,
    place: Any,
) -> Any:
    """Write the pixel between four pixels: ``right`` and ``lower`` are the shares of two of them."""

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        image, *corners, right, lower, crop, place = values
        kinds = signature.args
        across, down = (_spread(builder, _DOUBLES, share) for share in (right, lower))
        first, second, third, fourth = (
            builder.sitofp(_read(context, builder, kinds[0], image, corner), _DOUBLES) for corner in corners
        )

        def between(one: Any, other: Any, share: Any) -> Any:
            return builder.fadd(one, builder.fmul(builder.fsub(other, one), share))

        pixel = between(between(first, second, across), between(third, fourth, across), down)
        _write(context, builder, kinds[7], crop, place, builder.fptosi(pixel, _INTEGERS))
        return context.get_dummy_value()

    corners, shares = [types.intp] * 4, [types.float64] * 2
    return types.void(image, *corners, *shares, crop, types.intp), generate


@_instruction
def _gather(
    typing: Any, image: Any, start: Any, weights: Any, first: Any, count: Any, out: Any, place: Any
) -> Any:
    """Write the weighted mean of pixels side by side."""

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        image, start, weights, first, count, out, place = values
        kinds, whole = signature.args, start.type
        entry = builder.block
        loop, done = builder.append_basic_block(), builder.append_basic_block()
        builder.branch(loop)
        builder.position_at_end(loop)
        number, total = builder.phi(whole), builder.phi(_INTEGERS)
        source = builder.add(start, builder.mul(number, whole(3)))
        pixel = _read(context, builder, kinds[0], image, source)
        data = context.make_array(kinds[2])(context, builder, weights).data
        weight = builder.load(builder.gep(data, [builder.add(first, number)]))
        added = builder.add(total, builder.mul(pixel, _spread(builder, _INTEGERS, weight)))
        following = builder.add(number, whole(1))
        for value, begin, end in (
            (number, whole(0), following),
            (total, ir.Constant(_INTEGERS, [1 << (BITS - 1)] * 4), added),
        ):
            value.add_incoming(begin, entry)
            value.add_incoming(end, loop)
        builder.cbranch(builder.icmp_signed("<", following, count), loop, done)
        builder.position_at_end(done)
        mean = builder.lshr(added, ir.Constant(_INTEGERS, [BITS] * 4))
        _write(context, builder, kinds[5], out, place, mean)
        return context.get_dummy_value()

    place_type = types.intp
    arguments = (image, place_type, weights, place_type, place_type, out, place_type)
    return types.void(*arguments), generate


@compiled
def sample(
    image: Bytes,
    start: int,
    line: int,
    width: int,
    height: int,
    row_x: tuple[float, float, float],
    row_y: tuple[float, float, float],
    size: int,
    border: int,
) -> Bytes:
    """Return a turned square of a picture, between the nearest four pixels.

    Args:
        image: The picture, flat, with a byte to spare.
        start: Place of the first pixel.
        line: Bytes from one row to the next.
        width: Of the picture in pixels.
        height: Of the picture in pixels.
        row_x: Weights of x, y and 1 in the crop for the x in the picture, both from the corner of the first
            pixel.
        row_y: The same for y.
        size: Side of the square in pixels.
        border: Grey value outside the picture.

    Returns:
        The crop, flat, with a byte to spare.
    """
    crop = np.empty(3 * size * size + 1, np.uint8)
    place = 0
    for row in range(size):
        v = row + 0.5
        for column in range(size):
            u = column + 0.5
            x = row_x[0] * u + row_x[1] * v + row_x[2]
            y = row_y[0] * u + row_y[1] * v + row_y[2]
            if 0.0 <= x < width and 0.0 <= y < height:
                whole_x, whole_y = floor(x - 0.5), floor(y - 0.5)
                left, top = int(whole_x), int(whole_y)
                upper = start + max(top, 0) * line
                lower = start + min(top + 1, height - 1) * line
                here, beside = 3 * max(left, 0), 3 * min(left + 1, width - 1)
                _blend(
                    image,
                    upper + here,
                    upper + beside,
                    lower + here,
                    lower + beside,
                    x - 0.5 - whole_x,
                    y - 0.5 - whole_y,
                    crop,
                    place,
                )
            else:
                crop[place] = crop[place + 1] = crop[place + 2] = border
            place += 3
    return crop


@compiled
def _weights(before: int, after: int) -> tuple[NDArray[np.int32], NDArray[np.int64], NDArray[np.int64]]:
    """Return what each pixel after a reduction is made of: ``after x pixel`` weights, first pixel, number."""
    scale = before / after
    reach = max(scale, 1.0)
    weights = np.zeros((after, 2 * ceil(reach) + 1), np.int32)
    shares = np.zeros(weights.shape[1])
    firsts, counts = np.zeros(after, np.int64), np.zeros(after, np.int64)
    for place in range(after):
        centre = (place + 0.5) * scale
        first = max(int(centre - reach + 0.5), 0)
        count = min(int(centre + reach + 0.5), before) - first
        total = 0.0
        for i in range(count):
            shares[i] = max(1.0 - abs((i + first - centre + 0.5) * (1.0 / reach)), 0.0)
            total += shares[i]
        for i in range(count):
            weights[place, i] = int(0.5 + shares[i] / total * (1 << BITS))
        firsts[place], counts[place] = first, count
    return weights, firsts, counts


@compiled
def reduce(
    image: Bytes, start: int, line: int, width: int, height: int, small_width: int, small_height: int
) -> Bytes:
    """Return a smaller picture, each pixel a mean with weights that fall off to both sides.

    Args:
        image: The picture, flat, with a byte to spare.
        start: Place of the first pixel.
        line: Bytes from one row to the next.
        width: Of the picture in pixels.
        height: Of the picture in pixels.
        small_width: Of the smaller picture.
        small_height: Of the smaller picture.

    Returns:
        The smaller picture, flat, with a byte to spare.
    """
    run = 3 * small_width
    narrow = np.empty(height * run + 1, np.uint8)
    weights, firsts, counts = _weights(width, small_width)
    flat, most = weights.reshape(-1), weights.shape[1]
    place = 0
    for row in range(height):
        for column in range(small_width):
            source = start + row * line + 3 * firsts[column]
            _gather(image, source, flat, column * most, counts[column], narrow, place)
            place += 3
    small = np.empty(small_height * run + 1, np.uint8)
    weights, firsts, counts = _weights(height, small_height)
    sums = np.empty(run, np.int32)
    for row in range(small_height):
        sums[:] = 1 << (BITS - 1)
        for i in range(counts[row]):
            weight, source = weights[row, i], (firsts[row] + i) * run
            for j in range(run):
                sums[j] += np.int32(narrow[source + j]) * weight
        for j in range(run):
            small[row * run + j] = sums[j] >> BITS
    return small
