"""Runs a converted graph with compiled loops: what ``graph_network`` does on a processor without gradients.

PyTorch's operators cost up to a tenth of a millisecond each before they compute anything, and these networks
have a hundred of them. Here a filter, the mixing of channels after it, the map that is added and the
activation are one loop over the picture.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from metafacs.faces.graph_kernels import GROUP, Floats, Geometry, convolve
from metafacs.faces.lanes import LANES

Step = dict[str, Any]
Operation = Callable[[list[Tensor]], Tensor]

CHUNK = 4
"""Most images that go through the graph together; more only need more memory."""

TILE = 48
"""Pixels that go through one convolution together, or one row if that is longer."""

_NOTHING = np.zeros(0, np.float32)


@dataclass
class _Convolution:
    """Steps of the graph that are done in one loop, and from and to which tensor."""

    source: int
    output: int
    mixing: Step
    filtering: Step | None = None
    adding: Step | None = None
    residual: int | None = None
    pool: int = 1

    @property
    def inputs(self) -> list[int]:
        return [self.source] if self.residual is None else [self.source, self.residual]


@dataclass
class _Plain:
    """A step that is left to PyTorch."""

    output: int
    inputs: list[int]
    operation: Operation


@dataclass
class _Workspace:
    """The maps of one run, flat and ``image x height x width x channel`` without borders, and room for loops.

    NumPy copies them in and out: a call into PyTorch takes several times as long.
    """

    flat: dict[int, Floats]
    maps: dict[int, Floats]
    seen: Floats
    sums: Floats
    loose: dict[int, Tensor] = field(default_factory=dict)

    def read(self, tensor: int, count: int) -> Tensor:
        """Return a copy of one of the tensors."""
        if tensor in self.loose:
            return self.loose[tensor]
        return torch.from_numpy(self.maps[tensor][:count].copy()).permute(0, 3, 1, 2)


class CompiledGraph:
    """The graph of a ``GraphNetwork`` as a list of compiled loops. Safe to share between threads.

    Args:
        model: The description of the graph.
        weights: The tensors that the steps name.
        operations: What PyTorch does for each step.
        shapes: Channels, height and width of every tensor that is a map.
    """

    def __init__(
        self,
        model: Mapping[str, Any],
        weights: Callable[[str], Tensor],
        operations: Sequence[Operation],
        shapes: Mapping[int, tuple[int, int, int]],
    ) -> None:
        self._steps: list[Step] = model["steps"]
        self._input: int = model["input"]
        self._outputs: list[int] = model["outputs"]
        self._weight = weights
        self._shapes = shapes
        paddings = [side for step in self._steps for side in step.get("padding", [0])]
        self._border = max([1, *paddings])
        self._readers = [tensor for step in self._steps for tensor in step["inputs"]] + self._outputs
        self._makers = {step["output"]: number for number, step in enumerate(self._steps)}
        self._parts = self._gather(operations)
        self._run: list[Callable[[_Workspace, int], None]] = []
        self._rooms = [0, 0]
        for part in self._parts:
            self._run.append(self._loop(part) if isinstance(part, _Convolution) else self._operation(part))
        self._slots = self._share_memory()
        self._free: list[_Workspace] = []

    def __call__(self, images: Tensor) -> list[Tensor]:
        """Return the outputs of the graph for ``batch x channel x height x width`` images."""
        if len(images) <= CHUNK:
            return self._forward(images)
        chunks = images.split(CHUNK)
        threads = min(torch.get_num_threads(), len(chunks))
        if threads > 1:
            with ThreadPoolExecutor(threads) as pool:
                parts = list(pool.map(self._forward, chunks))
        else:
            parts = [self._forward(chunk) for chunk in chunks]
        return [torch.cat(each) for each in zip(*parts, strict=True)]

    @torch.no_grad()  # also in threads of its own, which know nothing of the caller's
    def _forward(self, images: Tensor) -> list[Tensor]:
        # A list's pop and append are atomic: every thread works in memory of its own.
        try:
            space = self._free.pop()
        except IndexError:
            space = self._workspace()
        count = len(images)
        _write(space.maps[self._input][:count], images)
        for run in self._run:
            run(space, count)
        outputs = [space.read(tensor, count) for tensor in self._outputs]
        space.loose.clear()
        self._free.append(space)
        return outputs

    def _gather(self, operations: Sequence[Operation]) -> list[_Convolution | _Plain]:
        """Return the steps in running order, those together that one loop does."""
        loops: dict[int, _Convolution] = {}
        done: set[int] = set()
        for number, step in enumerate(self._steps):
            if step["kind"] == "convolution" and step["groups"] == 1 and self._fits(step):
                loop, numbers = self._absorb(number, done)
                loops[max(numbers)] = loop
                done.update(numbers)
        parts: list[_Convolution | _Plain] = []
        for number, (step, operation) in enumerate(zip(self._steps, operations, strict=True)):
            if number in loops:
                parts.append(loops[number])
            elif number not in done:
                parts.append(_Plain(step["output"], step["inputs"], operation))
        return parts

    def _absorb(self, number: int, done: set[int]) -> tuple[_Convolution, list[int]]:
        """Return a convolution with the steps before and after it that nothing else needs the result of."""
        step = self._steps[number]
        loop, numbers = _Convolution(step["inputs"][0], step["output"], step), [number]
        before = self._only(loop.source, "convolution")
        if before is not None and self._is_filter(self._steps[before]) and _is_pointwise(step, self._weight):
            loop.filtering, loop.source = self._steps[before], self._steps[before]["inputs"][0]
            numbers.append(before)
        after = [other for other, each in enumerate(self._steps) if step["output"] in each["inputs"]]
        adding = self._steps[after[0]] if len(after) == 1 else None
        if adding is None or adding["kind"] != "add" or after[0] in done:
            return loop, numbers
        (residual,) = [tensor for tensor in adding["inputs"] if tensor != step["output"]] or [None]
        if step["activation"] != "none" or residual is None or step["output"] in self._outputs:
            return loop, numbers
        numbers.append(after[0])
        loop.adding, loop.residual, loop.output = adding, residual, adding["output"]
        for kind in ("pad_channels", "max_pool"):
            earlier = self._only(loop.residual, kind)
            if earlier is not None and (kind != "max_pool" or _halves(self._steps[earlier])):
                loop.residual = self._steps[earlier]["inputs"][0]
                loop.pool = 2 if kind == "max_pool" else 1
                numbers.append(earlier)
        return loop, numbers

    def _only(self, tensor: int, kind: str) -> int | None:
        """Return the step of this kind that makes a tensor which is read once; None if it is not so."""
        number = self._makers.get(tensor)
        if number is None or self._steps[number]["kind"] != kind or self._readers.count(tensor) > 1:
            return None
        return number

    def _is_filter(self, step: Step) -> bool:
        """Return whether each channel has a 3 x 3 filter of its own, in whole groups of eight."""
        channels, source = self._stored(step["output"]), self._stored(step["inputs"][0])
        shape = self._weight(step["weight"]).shape
        whole = step["groups"] == shape[0] and tuple(shape[1:]) == (1, 3, 3) and source == channels
        return whole and step["activation"] == "none" and self._fits(step)

    def _fits(self, step: Step) -> bool:
        """Return whether the filter never looks beyond the border."""
        height, width = self._shapes[step["inputs"][0]][1:]
        rows, columns = self._shapes[step["output"]][1:]
        tall, wide = self._weight(step["weight"]).shape[2:]
        left, _, top, _ = step["padding"]
        below = (rows - 1) * step["stride"][0] - top + tall - height
        beyond = (columns - 1) * step["stride"][1] - left + wide - width
        return max(below, beyond) <= self._border

    def _stored(self, tensor: int) -> int:
        """Return how many channels a map has in memory: whole groups of eight, the pictures their three."""
        channels = self._shapes[tensor][0]
        return channels if tensor == self._input else -(-channels // LANES) * LANES

    def _loop(self, part: _Convolution) -> Callable[[_Workspace, int], None]:
        """Return the call that does a convolution, with its weights as the loops read them."""
        mixing, first = part.mixing, part.filtering or part.mixing
        _, height, width = self._shapes[part.source]
        _, rows, columns = self._shapes[part.output]
        channels, outputs = self._stored(part.source), self._stored(part.output)
        weight = self._weight(mixing["weight"])
        tall, wide = self._weight(first["weight"]).shape[2:]
        inputs = channels if part.filtering else channels * tall * wide
        geometry = Geometry(
            border=self._border,
            height=height,
            width=width,
            channels=channels,
            tall=tall,
            wide=wide,
            down=first["stride"][0],
            across=first["stride"][1],
            top=first["padding"][2],
            left=first["padding"][0],
            inputs=inputs,
            rows=rows,
            columns=columns,
            outputs=outputs,
            added=0 if part.residual is None else self._stored(part.residual),
            pool=part.pool,
            tile=max(1, TILE // columns),
        )
        pixels = -(-geometry.tile * columns // GROUP) * GROUP
        self._rooms = [max(self._rooms[0], pixels * inputs), max(self._rooms[1], pixels * outputs)]
        filters = filter_bias = _NOTHING
        if part.filtering:
            own = self._weight(part.filtering["weight"]).flatten(1).T
            filters = _padded(own, 9, channels).reshape(-1)
            filter_bias = _padded(self._weight(part.filtering["bias"]), channels)
        mixed = _padded(weight.permute(0, 2, 3, 1), outputs, *weight.shape[2:], channels)
        blocks = mixed.reshape(outputs // LANES, LANES, inputs).swapaxes(1, 2)
        weights = _padded(torch.from_numpy(blocks), *blocks.shape).reshape(-1)
        bias = _padded(self._weight(mixing["bias"]), outputs)
        slopes, ceiling = self._activation(part.adding or mixing, outputs)
        source, output = part.source, part.output
        residual = source if part.residual is None else part.residual

        def run(space: _Workspace, count: int) -> None:
            flat = space.flat
            convolve(
                geometry,
                count,
                flat[source],
                filters,
                filter_bias,
                weights,
                bias,
                flat[residual],
                slopes,
                ceiling,
                flat[output],
                space.seen,
                space.sums,
            )

        return run

    def _activation(self, step: Step, outputs: int) -> tuple[Floats, np.float32]:
        """Return by what negative values are multiplied, and the largest value."""
        kind = step["activation"]
        if kind == "prelu":
            return _padded(self._weight(step["slope"]).reshape(-1), outputs), np.float32(np.inf)
        slope = np.full(outputs, 1 if kind == "none" else 0, np.float32)
        return slope, np.float32(6 if kind == "relu6" else np.inf)

    def _operation(self, part: _Plain) -> Callable[[_Workspace, int], None]:
        """Return the call that leaves a step to PyTorch."""

        def run(space: _Workspace, count: int) -> None:
            # Copies, because some operations work in place, on maps that are read later here than there.
            made = part.operation([space.read(tensor, count) for tensor in part.inputs])
            if part.output in space.maps:
                _write(space.maps[part.output][:count], made)
            else:
                space.loose[part.output] = made

        return run

    def _share_memory(self) -> dict[int, int]:
        """Return which place in memory each map lies in: that of one of its size which nobody reads again."""
        last: dict[int, int] = {}
        for number, part in enumerate(self._parts):
            last.update(dict.fromkeys(part.inputs, number))
        last.update(dict.fromkeys(self._outputs, len(self._parts)))
        slots: dict[int, int] = {self._input: 0}
        free: dict[tuple[int, ...], list[int]] = {}
        places = 1
        for number, part in enumerate(self._parts):
            if part.output in self._shapes:
                same = free.setdefault(self._shapes[part.output], [])
                slots[part.output] = same.pop() if same else places
                places = max(places, slots[part.output] + 1)
            for tensor in dict.fromkeys(part.inputs):
                if last[tensor] == number and tensor in self._shapes and tensor != self._input:
                    free.setdefault(self._shapes[tensor], []).append(slots[tensor])
        return slots

    def _size(self, tensor: int) -> tuple[int, int, int]:
        _, height, width = self._shapes[tensor]
        return height + 2 * self._border, width + 2 * self._border, self._stored(tensor)

    @torch.inference_mode(False)  # a later run may be without
    def _workspace(self) -> _Workspace:
        """Return memory for one run; the borders are written now and never again."""
        memory: dict[int, np.ndarray] = {}
        maps: dict[int, Floats] = {}
        for tensor, slot in self._slots.items():
            if slot not in memory:
                memory[slot] = _zeros(CHUNK, *self._size(tensor))
            channels, height, width = self._shapes[tensor]
            edge = self._border
            maps[tensor] = memory[slot][:, edge : edge + height, edge : edge + width, :channels]
        flat = {tensor: memory[slot].reshape(-1) for tensor, slot in self._slots.items()}
        seen, sums = (_zeros(room) for room in self._rooms)
        return _Workspace(flat, maps, seen, sums)


def _is_pointwise(step: Step, weight: Callable[[str], Tensor]) -> bool:
    shape = tuple(weight(step["weight"]).shape[2:])
    return shape == (1, 1) and list(step["stride"]) == [1, 1] and not any(step["padding"])


def _halves(step: Step) -> bool:
    """Return whether a pooling takes the largest value of squares of two by two."""
    return list(step["kernel"]) == [2, 2] == list(step["stride"]) and not any(step["padding"])


def _write(place: Floats, images: Tensor) -> None:
    """Write ``batch x channel x height x width`` images to a map."""
    if images.is_contiguous(memory_format=torch.channels_last):
        np.copyto(place, images.detach().permute(0, 2, 3, 1).numpy())
    else:  # of another order PyTorch makes less
        torch.from_numpy(place).permute(0, 3, 1, 2).copy_(images)


def _zeros(*shape: int) -> Floats:
    """Return an array of zeros that begins with a line of the processor's cache, which NumPy's does not."""
    return torch.zeros(shape).numpy()


def _padded(values: Tensor, *shape: int) -> Floats:
    """Return an array of this shape with the values in its first places and zeros elsewhere."""
    padded = _zeros(*shape)
    padded[tuple(slice(length) for length in values.shape)] = values.numpy()
    return padded
