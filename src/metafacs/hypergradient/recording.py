"""A forward pass that can be asked for tangents afterwards, along the graph torch.fx reads off a network."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, fx, nn
from torch.fx.node import map_aggregate, map_arg
from torch.nn.modules.batchnorm import _NormBase

from metafacs.hypergradient.node_tangent import forward_mode_rule
from metafacs.hypergradient.tangent_rules import FUNCTION_RULES, MODULE_RULES, Push, Rule, named_tuple
from metafacs.models.networks import Outputs

_Modes = tuple[bool, ...]

_GRAPHS: weakref.WeakKeyDictionary[nn.Module, tuple[_Modes, fx.Graph]] = weakref.WeakKeyDictionary()


class _Tracer(fx.Tracer):
    """Takes as one operation what must run as it is, whoever wrote it.

    Normalisation of any class knows its running statistics, which are to move once. A module without modules
    of its own is one operation: stochastic depth draws its numbers there.
    """

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        known = super().is_leaf_module(m, module_qualified_name)
        return known or isinstance(m, _NormBase) or next(m.children(), None) is None


def traced(network: nn.Module) -> fx.Graph:
    """Return the network's graph, read once and kept as long as the network lives and stays in its mode.

    Functions take over whether the network is in training as a constant.

    Raises:
        ValueError: If the network's forward pass depends on data in a way that torch.fx cannot follow.
    """
    modes = tuple(module.training for module in network.modules())
    if network in _GRAPHS and _GRAPHS[network][0] == modes:
        return _GRAPHS[network][1]
    try:
        graph = _Tracer().trace(network)
    except Exception as error:
        raise ValueError(
            f"torch.fx cannot follow the forward pass of {type(network).__name__} ({error}); "
            "use the estimator forward_mode, which serves any network"
        ) from error
    _GRAPHS[network] = modes, graph
    return graph


@dataclass
class _Step:
    node: fx.Node
    inputs: tuple[fx.Node | None, ...]
    push: Push


class Recording:
    """A recorded forward pass.

    Attributes:
        outputs: What the network returned, with a live graph.
    """

    def __init__(self, outputs: Outputs, places: Any, steps: list[_Step], network: nn.Module) -> None:
        self.outputs = outputs
        self._places = places
        self._steps = steps
        self._network = network

    @torch.no_grad()
    def tangents(self, directions: dict[str, Tensor]) -> Outputs:
        """Return the outputs' derivatives along ``directions`` of the parameters; once per recording.

        Args:
            directions: Tangent of each parameter by its name in the network; absent means zero.
        """
        by_parameter = {id(self._network.get_parameter(name)): t for name, t in directions.items()}

        def lookup(parameter: Tensor | None) -> Tensor | None:
            return by_parameter.get(id(parameter))

        tangents: dict[fx.Node, Any] = {}
        waiting = {step.node: len(step.node.users) for step in self._steps}
        self._steps.reverse()
        while self._steps:
            step = self._steps.pop()
            parts = [None if given is None else tangents.get(given) for given in step.inputs]
            tangents[step.node] = step.push(lookup, *parts)
            del parts
            for given in step.node.all_input_nodes:
                if given in waiting:
                    waiting[given] -= 1
                    if not waiting[given]:
                        tangents.pop(given, None)
        found = map_aggregate(
            self._places, lambda place: tangents.get(place) if isinstance(place, fx.Node) else None
        )
        # Newer torch puts the construction of the named tuple into the graph, older the tuple itself.
        parts = [None] * len(self.outputs) if found is None else list(found)
        filled = [
            torch.zeros_like(value) if tangent is None and value is not None else tangent
            for value, tangent in zip(self.outputs, parts, strict=True)
        ]
        return type(self.outputs)(*filled)  # type: ignore[arg-type]


def record(network: nn.Module, images: Tensor) -> Recording:
    """Run the network on ``images`` as a call would (hooks of modules excepted) and keep what tangents need.

    Raises:
        ValueError: If the network cannot be traced.
    """
    values: dict[fx.Node, Any] = {}
    steps: list[_Step] = []
    waiting: dict[fx.Node, int] = {}
    places: Any = None
    outputs: Any = None
    for node in traced(network).nodes:
        waiting[node] = len(node.users)
        if node.op == "placeholder":
            first = not any(n.op == "placeholder" for n in values)
            values[node] = images if first else node.args[0]
        elif node.op == "output":
            places = node.args[0]
            outputs = map_arg(places, values.__getitem__)
        else:
            values[node], step = _run(network, node, values)
            steps.append(step)
        for given in node.all_input_nodes:
            waiting[given] -= 1
            if not waiting[given]:
                del values[given]
    return Recording(outputs, places, steps, network)


def _run(network: nn.Module, node: fx.Node, values: dict[fx.Node, Any]) -> tuple[Any, _Step]:
    if node.op == "get_attr":
        value = _attribute(network, str(node.target))
        return value, _Step(node, (), lambda lookup: lookup(value))
    function, rule = _function_and_rule(network, node)
    if rule is None or any(isinstance(value, fx.Node) for value in node.kwargs.values()):
        inputs = [values[given] for given in node.all_input_nodes]
        output, push = forward_mode_rule(node, function, inputs)
        return output, _Step(node, tuple(node.all_input_nodes), push)
    arguments: Sequence[Any] = map_arg(node.args, values.__getitem__)
    output, push = rule(function, *arguments, **node.kwargs)
    return output, _Step(node, tuple(a if isinstance(a, fx.Node) else None for a in node.args), push)


def _function_and_rule(network: nn.Module, node: fx.Node) -> tuple[Callable[..., Any], Rule | None]:
    if node.op == "call_module":
        module = network.get_submodule(str(node.target))
        return module, MODULE_RULES.get(type(module))
    if node.op == "call_method":
        return getattr(Tensor, str(node.target)), FUNCTION_RULES.get(str(node.target))
    assert callable(node.target)
    if isinstance(node.target, type) and issubclass(node.target, tuple):
        return node.target, named_tuple
    return node.target, FUNCTION_RULES.get(node.target)


def _attribute(network: nn.Module, path: str) -> Any:
    value: Any = network
    for name in path.split("."):
        value = getattr(value, name)
    return value
