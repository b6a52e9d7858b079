"""Runs a converted TFLite graph as an ordinary PyTorch module.

The files in ``assets``, FaceMesh's in that of ``metafacs.models``, are written by
``scripts/convert_face_models.py``: weights in PyTorch's layout, and the list of operators as JSON in the
metadata.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib.resources import as_file, files
from operator import attrgetter, is_
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
import torch.nn.functional as F  # noqa: N812 (the name everyone reads)
from torch import Tensor, nn

from metafacs.tensor_files import REINSTALL, load_tensors

if TYPE_CHECKING:
    from metafacs.faces.compiled_graph import CompiledGraph

Step = dict[str, Any]
Operation = Callable[[list[Tensor]], Tensor]


class _Known(NamedTuple):
    """A compiled graph, and the weights it was compiled for."""

    graph: CompiledGraph
    weights: list[Tensor]
    versions: list[int]


class GraphNetwork(nn.Module):
    """A frozen network given as a list of operators.

    Everything runs in NCHW with the channels-last memory layout, where the many 1x1 convolutions are plain
    matrix products. The weights are buffers: the network is not trained here. On a CPU, in single precision
    and where no gradients are asked for, ``compiled_graph`` does the same two to three times as fast.

    Args:
        model: The description from the file: input and output tensors and the operators in running order.
        weights: The tensors that the operators name.

    Attributes:
        input_size: Side of the input in pixels.
        compiles: Whether compiled loops are used where they can be; False for PyTorch's operators alone.

    Raises:
        ValueError: If the description holds an operator that this class does not know.
    """

    def __init__(self, model: dict[str, Any], weights: dict[str, Tensor]) -> None:
        super().__init__()
        self._model = model
        self.input_size: int = model["input_size"]
        self._input_channels: int = model.get("input_channels", 3)
        self._input: int = model["input"]
        self._outputs: list[int] = model["outputs"]
        for name, weight in weights.items():
            layout = torch.channels_last if weight.dim() == 4 else torch.contiguous_format
            with torch.inference_mode(False):  # tensors of inference mode do not tell that they were changed
                own = weight.float().clone(memory_format=layout)
            self.register_buffer(name.replace(".", "_"), own)
        self._steps: list[Step] = model["steps"]
        self._last_readers = self._find_last_readers()
        self._operations = [
            self._operation(step, finished)
            for step, finished in zip(self._steps, self._last_readers, strict=True)
        ]
        self._known: _Known | None = None
        self.compiles = True

    @property
    def output_count(self) -> int:
        """How many outputs the graph has."""
        return len(self._outputs)

    def forward(self, images: Tensor) -> list[Tensor]:
        """Return the outputs of the graph.

        Args:
            images: ``batch x 3 x input_size x input_size``, float, in the range the network was trained on. A
                part of a larger graph may read a map of more channels.

        Returns:
            One tensor per output of the graph, batch first.

        Raises:
            ValueError: If the images have another size.
        """
        if images.shape[1:] != (self._input_channels, self.input_size, self.input_size):
            wanted = f"batch x {self._input_channels} x {self.input_size} x {self.input_size}"
            raise ValueError(
                f"the network takes {wanted} images, not {tuple(images.shape)}; resize them first"
            )
        if self._can_be_compiled(images):
            return self._compiled()(images)
        maps: dict[int, Tensor] = {self._input: images.contiguous(memory_format=torch.channels_last)}
        for step, operation, finished in zip(self._steps, self._operations, self._last_readers, strict=True):
            maps[step["output"]] = operation([maps[tensor] for tensor in step["inputs"]])
            for tensor in finished:
                del maps[tensor]
        return [maps[tensor] for tensor in self._outputs]

    def _can_be_compiled(self, images: Tensor) -> bool:
        """Return whether the compiled loops give what is asked for."""
        single = images.device.type == "cpu" and images.dtype == torch.float32
        plain = torch.is_grad_enabled() or torch.is_autocast_enabled("cpu") or torch.jit.is_tracing()
        return self.compiles and single and not plain

    def _compiled(self) -> CompiledGraph:
        """Return the compiled graph of the weights as they are now."""
        weights = [weight for weight in self._buffers.values() if weight is not None]
        versions = list(map(attrgetter("_version"), weights))
        known = self._known
        if known is None or known.versions != versions or not all(map(is_, weights, known.weights)):
            # Numba takes half a second to load; gradients and GPUs do without it.
            from metafacs.faces.compiled_graph import CompiledGraph

            graph = CompiledGraph(self._model, self._weight, self._operations, self._shapes())
            known = self._known = _Known(graph, weights, versions)
        return known.graph

    @torch.no_grad()
    def _shapes(self) -> dict[int, tuple[int, int, int]]:
        """Return channels, height and width of every map."""
        size = self._input_channels, self.input_size, self.input_size
        shapes, maps = {self._input: size}, {self._input: torch.zeros(1, *size)}
        for step, operation in zip(self._steps, self._operations, strict=True):
            # Clones, because some operations work in place.
            made = operation([maps[tensor].clone() for tensor in step["inputs"]])
            maps[step["output"]] = made
            if made.dim() == 4:
                shapes[step["output"]] = made.shape[1], made.shape[2], made.shape[3]
        return shapes

    def __deepcopy__(self, memo: dict[int, Any]) -> GraphNetwork:
        """Return a network of its own: the operations, which read the weights of theirs, are made anew."""
        weights = {name: buffer for name, buffer in self._buffers.items() if buffer is not None}
        copied = type(self)(self._model, weights)
        memo[id(self)] = copied
        for name, buffer in weights.items():
            copied._buffers[name] = buffer.clone()
        copied.compiles = self.compiles
        return copied.train(self.training)

    def _find_last_readers(self) -> list[list[int]]:
        """Return for each step the tensors that nothing reads after it, so that memory can be reused."""
        seen = set(self._outputs)
        finished: list[list[int]] = []
        for step in reversed(self._steps):
            last = [tensor for tensor in dict.fromkeys(step["inputs"]) if tensor not in seen]
            seen.update(last)
            finished.append(last)
        return finished[::-1]

    def _operation(self, step: Step, finished: list[int]) -> Operation:
        kind = step["kind"]
        makers: dict[str, Callable[[Step], Operation]] = {
            "convolution": self._convolution,
            "add": lambda step: self._add(step, finished),
            "activation": self._activation_alone,
            "max_pool": _max_pool,
            "pad_channels": lambda step: lambda maps: F.pad(maps[0], (0, 0, 0, 0, 0, step["count"])),
            "resize": lambda step: lambda maps: F.interpolate(maps[0], size=step["size"], mode="bilinear"),
            "rows": lambda step: lambda maps: _rows(maps[0], step["columns"]),
            "concatenate": lambda step: lambda maps: torch.cat(maps, step["axis"]),
        }
        if kind not in makers:
            raise ValueError(
                f"operator {kind!r} is not known; convert the model again with the matching script"
            )
        return makers[kind](step)

    def _weight(self, name: str) -> Tensor:
        weight = self._buffers[name.replace(".", "_")]
        assert weight is not None
        return weight

    def _convolution(self, step: Step) -> Operation:
        left, right, top, bottom = step["padding"]
        stride, groups = tuple(step["stride"]), step["groups"]
        even = left == right and top == bottom
        activate = self._activation(step)
        kernel = self._weight(step["weight"]).shape[2:]

        def convolve(maps: list[Tensor]) -> Tensor:
            images = maps[0] if even else F.pad(maps[0], (left, right, top, bottom))
            padding = (top, left) if even else (0, 0)
            weight, bias = self._weight(step["weight"]), self._weight(step["bias"])
            return activate(F.conv2d(images, weight, bias, stride, padding, groups=groups))

        def mix_channels(maps: list[Tensor]) -> Tensor:
            if torch.jit.is_tracing():  # what runs exported networks is faster at convolutions
                return convolve(maps)
            weight, bias = self._weight(step["weight"]), self._weight(step["bias"])
            pixels = F.linear(maps[0].permute(0, 2, 3, 1), weight.flatten(1), bias)
            return activate(pixels.permute(0, 3, 1, 2))

        pointwise = kernel == (1, 1) and stride == (1, 1) and groups == 1
        return mix_channels if pointwise else convolve

    def _add(self, step: Step, finished: list[int]) -> Operation:
        activate = self._activation(step)
        first, second = step["inputs"]
        # A map that nobody reads again is added to in place; the pictures themselves are the caller's.
        free = [tensor in finished and tensor != self._input for tensor in (first, second)]

        def add(maps: list[Tensor]) -> Tensor:
            # Gradients need the maps as they were.
            if not any(free) or any(one.requires_grad for one in maps):
                return activate(maps[0] + maps[1])
            return activate(maps[0].add_(maps[1]) if free[0] else maps[1].add_(maps[0]))

        return add

    def _activation_alone(self, step: Step) -> Operation:
        activate = self._activation(step)
        # A copy, because the activations work in place and this map has other readers.
        return lambda maps: activate(maps[0].clone())

    def _activation(self, step: Step) -> Callable[[Tensor], Tensor]:
        name = step["activation"]
        if name == "prelu":
            return lambda images: F.prelu(images, self._weight(step["slope"]))
        known: dict[str, Callable[[Tensor], Tensor]] = {
            "none": lambda images: images,
            "relu": F.relu_,
            "relu6": lambda images: images.clamp_(0, 6),
        }
        if name not in known:
            raise ValueError(
                f"activation {name!r} is not known; convert the model again with the matching script"
            )
        return known[name]


def _max_pool(step: Step) -> Operation:
    left, right, top, bottom = step["padding"]

    def pool(maps: list[Tensor]) -> Tensor:
        images = maps[0]
        if any(step["padding"]):
            images = F.pad(images, (left, right, top, bottom), value=float("-inf"))
        return F.max_pool2d(images, step["kernel"], step["stride"])

    return pool


def _rows(images: Tensor, columns: int) -> Tensor:
    """Return one row per anchor: pixels in reading order, then the anchors of one pixel."""
    # Not len(images): an exported network would be left with the batch that it was exported with.
    return images.permute(0, 2, 3, 1).reshape(images.shape[0], -1, columns)


def read_converted(path: Path) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """Return the description and the weights in a converted file.

    Args:
        path: A ``.safetensors`` file written by one of the conversion scripts.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file is damaged or is not a converted model.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{path} does not exist; convert it with scripts/convert_face_models.py")
    model, weights = load_tensors(path, ValueError, REINSTALL)
    if model is None or not {"steps", "parts"} & model.keys():
        raise ValueError(f"{path} holds no graph; it was not written by scripts/convert_face_models.py")
    return model, weights


def load_graph_network(path: Path) -> GraphNetwork:
    """Return the network stored in a converted file.

    Args:
        path: A ``.safetensors`` file written by ``scripts/convert_face_models.py``.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file is damaged or is not a converted model.
    """
    model, weights = read_converted(path)
    if "parts" in model:
        raise ValueError(f"{path} holds several networks; load it with attention_mesh.load_attention_mesh")
    return GraphNetwork(model, weights).eval()


def load_asset(name: str) -> GraphNetwork:
    """Return a network that comes with the package: ``blaze_full``, ``blaze_back`` or ``facemesh``."""
    # FaceMesh's weights lie a floor below, where its trunk is a backbone.
    package = "metafacs.models" if name == "facemesh" else "metafacs.faces"
    with as_file(files(package) / "assets" / f"{name}.safetensors") as path:
        return load_graph_network(path)
