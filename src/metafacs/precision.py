"""Where half precision must not reach: losses, and the nets that say what they count."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from functools import wraps
from typing import Any, ParamSpec, TypeVar

import torch
from torch import Tensor
from torch.fx.node import map_aggregate

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")


def in_float32(function: Callable[Parameters, Result]) -> Callable[Parameters, Result]:
    """Compute a function in at least float32, whatever autocast is around it; a decorator.

    Tensors that it is given in half precision are widened, in tuples and lists too; float64 stays float64.
    Networks gain from bfloat16; a loss is a sum of small differences, and a weight that learns slowly never
    leaves its place between two numbers of eight bits.

    >>> @in_float32
    ... def product(a, b):
    ...     return a @ b
    >>> with torch.autocast("cpu", torch.bfloat16):
    ...     product(torch.ones(2, 2, dtype=torch.bfloat16), torch.ones(2, 2)).dtype
    torch.float32
    """

    @wraps(function)
    def wide(*args: Parameters.args, **kwargs: Parameters.kwargs) -> Result:
        devices: set[str] = set()

        def widened(value: Any) -> Any:
            if not isinstance(value, Tensor):
                return value
            devices.add(value.device.type)
            return widen(value)

        given: Any = (args, kwargs)
        positional, named = map_aggregate(given, widened)
        with ExitStack() as stack:
            for device in devices:
                stack.enter_context(torch.autocast(device, enabled=False))
            return function(*positional, **named)

    return wide


def widen(values: Tensor) -> Tensor:
    """Return floating-point values in at least float32, others as they are.

    >>> widen(torch.ones(1, dtype=torch.float16)).dtype, widen(torch.ones(1, dtype=torch.float64)).dtype
    (torch.float32, torch.float64)
    """
    if not values.is_floating_point():
        return values
    return values.to(torch.promote_types(values.dtype, torch.float32))
