"""Eight numbers at once, for compiled loops: the processor's vector registers by name.

Left to itself the compiler keeps the sums of a matrix product in memory; with these they stay in registers.
Processors with shorter registers take two or more for one value of eight.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic, models, register_model

LANES = 8
"""How many float32 numbers one value holds."""

_FLOATS = ir.VectorType(ir.FloatType(), LANES)
_FIRST = ir.Constant(ir.VectorType(ir.IntType(32), LANES), [0] * LANES)


class LanesType(types.Type):
    """Numba's type of eight float32 numbers."""

    def __init__(self) -> None:
        super().__init__(name="float32x8")


@register_model(LanesType)
class LanesModel(models.PrimitiveModel):
    """Tells numba that such a value is one vector."""

    def __init__(self, manager: Any, kind: LanesType) -> None:
        super().__init__(manager, kind, _FLOATS)


_lanes = LanesType()


def _instruction(function: Callable[..., Any]) -> Any:
    """Return numba's intrinsic; untyped, because it is called without the first argument."""
    return intrinsic(function)


def _pointer(context: Any, builder: Any, kind: Any, array: Any, place: Any) -> Any:
    data = context.make_array(kind)(context, builder, array).data
    return builder.gep(data, [place])


def _spread(builder: Any, number: Any) -> Any:
    single = builder.insert_element(ir.Constant(_FLOATS, ir.Undefined), number, ir.IntType(32)(0))
    return builder.shuffle_vector(single, single, _FIRST)


@_instruction
def load(typing: Any, array: Any, place: Any) -> Any:
    """Return ``array[place : place + 8]`` of a flat float32 array."""

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        pointer = _pointer(context, builder, signature.args[0], *values)
        return builder.load(builder.bitcast(pointer, _FLOATS.as_pointer()), align=4)

    return _lanes(array, types.intp), generate


@_instruction
def store(typing: Any, array: Any, place: Any, value: Any) -> Any:
    """Write ``array[place : place + 8]`` of a flat float32 array."""

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        pointer = _pointer(context, builder, signature.args[0], *values[:2])
        builder.store(values[2], builder.bitcast(pointer, _FLOATS.as_pointer()), align=4)
        return context.get_dummy_value()

    return types.void(array, types.intp, _lanes), generate


@_instruction
def spread(typing: Any, array: Any, place: Any) -> Any:
    """Return eight times ``array[place]`` of a flat float32 array."""

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        return _spread(builder, builder.load(_pointer(context, builder, signature.args[0], *values)))

    return _lanes(array, types.intp), generate


@_instruction
def fill(typing: Any, number: Any) -> Any:
    """Return eight times a number."""
    return _lanes(types.float32), lambda context, builder, signature, values: _spread(builder, values[0])


@_instruction
def multiply_add(typing: Any, left: Any, right: Any, value: Any) -> Any:
    """Return ``left * right + value``, rounded once where the processor can."""

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        kind = ir.FunctionType(_FLOATS, [_FLOATS] * 3)
        name = f"llvm.fmuladd.v{LANES}f32"
        return builder.call(cgutils.get_or_insert_function(builder.module, kind, name), values)

    return _lanes(_lanes, _lanes, _lanes), generate


@_instruction
def add(typing: Any, left: Any, right: Any) -> Any:
    """Return ``left + right``."""
    return _lanes(_lanes, _lanes), lambda context, builder, signature, values: builder.fadd(*values)


@_instruction
def larger(typing: Any, left: Any, right: Any) -> Any:
    """Return the larger of both, number by number."""

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        return builder.select(builder.fcmp_ordered(">", *values), *values)

    return _lanes(_lanes, _lanes), generate


@_instruction
def smaller(typing: Any, left: Any, right: Any) -> Any:
    """Return the smaller of both, number by number."""

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        return builder.select(builder.fcmp_ordered("<", *values), *values)

    return _lanes(_lanes, _lanes), generate
