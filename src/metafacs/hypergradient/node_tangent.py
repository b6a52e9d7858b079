"""The tangent of one operation without a rule: torch's forward mode on this operation alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
import torch.autograd.forward_ad as forward_ad
from torch import Tensor, fx, nn
from torch.func import functional_call
from torch.fx.node import map_aggregate, map_arg

from metafacs.hypergradient.dual_level import quiet_dual_level
from metafacs.hypergradient.randomness import RandomState
from metafacs.hypergradient.statistics import frozen_running_statistics
from metafacs.hypergradient.tangent_rules import Lookup, Push


def forward_mode_rule(node: fx.Node, function: Callable[..., Any], inputs: Sequence[Any]) -> tuple[Any, Push]:
    """Run one operation; its push runs it again with dual numbers. Exact, and slower than a rule.

    Random operations draw the same numbers the second time.

    Args:
        node: The operation in the network's graph.
        function: The module or function to call.
        inputs: Values of ``node.all_input_nodes``.
    """
    arguments, options = _filled(node, inputs)
    kept = [map_aggregate(value, _detached) for value in inputs]
    versions = [_version(value) for value in kept]
    device = next((value.device for value in inputs if isinstance(value, Tensor)), torch.device("cpu"))
    randomness = RandomState.capture(device)
    output = function(*arguments, **options)
    parameters = dict(function.named_parameters()) if isinstance(function, nn.Module) else {}

    def push(lookup: Lookup, *tangents: Any) -> Any:
        directions = {name: t for name, p in parameters.items() if (t := lookup(p)) is not None}
        if not directions and all(tangent is None for tangent in tangents):
            return None
        if [_version(value) for value in kept] != versions:
            raise ValueError(
                f"the network overwrites an input of {node.target} in place; make that operation out of "
                "place or use the estimator forward_mode"
            )
        with randomness.replayed(), quiet_dual_level():
            duals = [_dual(value, tangent) for value, tangent in zip(kept, tangents, strict=True)]
            again, keywords = _filled(node, duals)
            if isinstance(function, nn.Module):
                moved = {
                    name: forward_ad.make_dual(parameters[name].detach(), t) for name, t in directions.items()
                }
                with frozen_running_statistics(function):
                    result = functional_call(function, moved, again, keywords)
            else:
                result = function(*again, **keywords)
            return map_aggregate(result, _tangent)

    return output, push


def _filled(node: fx.Node, inputs: Sequence[Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Return the node's arguments and options with its input nodes replaced by values."""
    by_node = dict(zip(node.all_input_nodes, inputs, strict=True))
    return map_arg(node.args, by_node.__getitem__), map_arg(node.kwargs, by_node.__getitem__)


def _detached(value: Any) -> Any:
    return value.detach() if isinstance(value, Tensor) else value


def _version(value: Any) -> int:
    return value._version if isinstance(value, Tensor) else 0


def _dual(value: Any, tangent: Any) -> Any:
    if tangent is None:
        return value
    if isinstance(value, tuple | list):
        return type(value)(_dual(v, t) for v, t in zip(value, tangent, strict=True))
    return forward_ad.make_dual(value, tangent.to(value.dtype))


def _tangent(value: Any) -> Any:
    return forward_ad.unpack_dual(value).tangent if isinstance(value, Tensor) else None
