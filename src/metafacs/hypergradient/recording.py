"""A forward pass that can be asked for tangents afterwards, along the graph torch.fx reads off a network."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, fx, nn
from torch.autograd.graph import saved_tensors_hooks
from torch.fx.node import map_aggregate, map_arg
from torch.nn.modules.batchnorm import _NormBase

from metafacs.hypergradient.node_tangent import forward_mode_rule
from metafacs.hypergradient.randomness import RandomState
from metafacs.hypergradient.statistics import copied_running_statistics
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


class _Slot:
    """Where autograd finds a tensor that it keeps of the forward pass; empty while that is forgotten."""

    __slots__ = ("__weakref__", "shape", "tensor", "version")

    def __init__(self, tensor: Tensor) -> None:
        self.shape = tensor.shape
        self.fill(tensor)

    def fill(self, tensor: Tensor) -> None:
        if tensor.shape != self.shape:
            raise RuntimeError("the network computes otherwise a second time; use the estimator forward_mode")
        self.tensor: Tensor | None = tensor
        self.version = tensor._version

    def get(self) -> Tensor:
        if self.tensor is None:
            raise RuntimeError("the beginning of the recording is forgotten; recall it before going backward")
        if self.tensor._version != self.version:
            raise RuntimeError("the network overwrites in place what its gradient needs; do it out of place")
        return self.tensor


class Recording:
    """A forward pass that keeps what tangents need; its beginning can be forgotten, for memory, and recalled.

    Args:
        network: Is run as a call would run it, hooks of its own excepted; those of its modules run.
        images: ``batch x channel x height x width``.

    Attributes:
        outputs: What the network returned, with a live graph.

    Raises:
        ValueError: If torch.fx cannot follow the network's forward pass, or the way of a parameter in it.
    """

    outputs: Outputs

    def __init__(self, network: nn.Module, images: Tensor) -> None:
        self._network, self._images = network, images
        self._nodes = list(traced(network).nodes)
        self._randomness = RandomState.capture(images.device)
        self._steps: dict[fx.Node, _Step] = {}
        self._slots: dict[fx.Node, list[weakref.ref[_Slot]]] = {node: [] for node in self._nodes}
        self._forgotten: list[fx.Node] = []
        self._places: Any = None
        self._run(self._nodes)

    def _run(self, nodes: Sequence[fx.Node]) -> None:
        """Run operations, the first of them first."""
        values: dict[fx.Node, Any] = {}
        waiting = {node: len(node.users) for node in nodes}
        for node in nodes:
            if node.op == "placeholder":
                first = not any(n.op == "placeholder" for n in values)
                values[node] = self._images if first else node.args[0]
            elif node.op == "output":
                self._places = node.args[0]
                self.outputs = map_arg(self._places, values.__getitem__)
            else:
                with saved_tensors_hooks(self._keeper(node), _Slot.get):
                    values[node], self._steps[node] = _run(self._network, node, values)
            for given in node.all_input_nodes:
                waiting[given] -= 1
                if not waiting[given]:
                    del values[given]

    def _keeper(self, node: fx.Node) -> Callable[[Tensor], _Slot]:
        """Return what takes the tensors that autograd keeps of an operation, into its slots if it has any."""
        slots = self._slots[node]
        known = iter(list(slots))

        def keep(tensor: Tensor) -> _Slot:
            if (reference := next(known, None)) is not None and (slot := reference()) is not None:
                slot.fill(tensor)
            else:
                slot = _Slot(tensor)
                slots.append(weakref.ref(slot))
            return slot

        return keep

    def forget(self, kept: float) -> None:
        """Let go of the first operations, until the others hold no more than a share of what all hold.

        Args:
            kept: From 0, for nothing, to 1, for everything.
        """
        sizes = self._bytes()
        left = sum(sizes)
        most = kept * left
        for node, size in zip(self._nodes, sizes, strict=True):
            if left <= most or node.op == "output":
                break
            left -= size
            self._forgotten.append(node)
            self._steps.pop(node, None)
            for slot in self._slots_of(node):
                slot.tensor = None

    def _bytes(self) -> list[int]:
        """Return the bytes that autograd keeps of each operation and none after it; parameters are none."""
        seen = {parameter.data_ptr() for parameter in self._network.parameters()}
        sizes = []
        for node in reversed(self._nodes):
            found = {
                t.data_ptr(): t.nbytes for slot in self._slots_of(node) if (t := slot.tensor) is not None
            }
            sizes.append(sum(size for place, size in found.items() if place not in seen))
            seen.update(found)
        return sizes[::-1]

    def _slots_of(self, node: fx.Node) -> list[_Slot]:
        return [slot for reference in self._slots[node] if (slot := reference()) is not None]

    def recall(self) -> None:
        """Run the forgotten operations again, as they were run; running statistics stay."""
        with self._randomness.replayed(), copied_running_statistics(self._network):
            self._run(self._forgotten)
        self._forgotten = []

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
        waiting = {node: len(node.users) for node in self._nodes}
        for node in self._nodes:
            if (step := self._steps.pop(node, None)) is None:
                continue
            parts = [None if given is None else tangents.get(given) for given in step.inputs]
            tangents[node] = step.push(lookup, *parts)
            del parts, step
            for given in node.all_input_nodes:
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


def _run(network: nn.Module, node: fx.Node, values: dict[fx.Node, Any]) -> tuple[Any, _Step]:
    if node.op == "get_attr":
        value = _attribute(network, str(node.target))
        if isinstance(value, Tensor) and value.grad_fn is not None:
            raise ValueError(
                f"{node.target} is made of parameters by one module and used by another, where its tangent "
                "gets lost; use the estimator double_backward"
            )
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
        return module, _rule_of(module)
    if node.op == "call_method":
        return getattr(Tensor, str(node.target)), FUNCTION_RULES.get(str(node.target))
    assert callable(node.target)
    if isinstance(node.target, type) and issubclass(node.target, tuple):
        return node.target, named_tuple
    return node.target, FUNCTION_RULES.get(node.target)


def _rule_of(module: nn.Module) -> Rule | None:
    """Return the rule of a module, if it computes what its class says from parameters of its own.

    Rules know tangents by ``weight`` and ``bias``; a weight that is made of other parameters at each call, by
    weight normalisation or pruning, has one that only forward mode sees.
    """
    rule = MODULE_RULES.get(type(module))
    if rule is None or module._forward_hooks or module._forward_pre_hooks:
        return None
    made = any(hasattr(module, name) and name not in module._parameters for name in ("weight", "bias"))
    return None if made else rule


def _attribute(network: nn.Module, path: str) -> Any:
    value: Any = network
    for name in path.split("."):
        value = getattr(value, name)
    return value
