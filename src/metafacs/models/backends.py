"""What runs a network besides PyTorch: ONNX Runtime and OpenVINO, in single precision on the processor.

As many threads as PyTorch uses at the time, one in the processes of ``metafacs predict``, so that several
processes do not take each other's cores.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from importlib import import_module
from importlib.metadata import version
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

TORCH, ONNX_RUNTIME, OPENVINO = "torch", "onnxruntime", "openvino"

BACKENDS = (TORCH, ONNX_RUNTIME, OPENVINO)
"""Their names, which are also those of the packages and of the extras that bring them."""

Network = Callable[[Tensor], list[Tensor]]
"""``batch x channel x height x width`` -> the outputs, batch first. Safe to share between threads."""


def check_backend(backend: str, device: str | torch.device = "cpu") -> None:
    """Refuse a backend that cannot be used here, before anything is computed.

    Args:
        backend: One of :data:`BACKENDS`.
        device: Where networks are to run.

    Raises:
        ValueError: If there is no such backend, its package is not installed, or it knows no such device.
    """
    if backend not in BACKENDS:
        raise ValueError(f"there is no backend {backend!r}; choose one of {', '.join(BACKENDS)}")
    if backend == TORCH:
        return
    if str(device) != "cpu":
        raise ValueError(
            f"the backend {backend} runs on the processor, not on {device}: leave out the device, or take "
            "the backend torch"
        )
    load_package(backend, backend)


def load_package(name: str, extra: str) -> Any:
    """Return an optional package.

    Args:
        name: Of the package.
        extra: The extra that brings it.

    Raises:
        ValueError: If it is not installed.
    """
    try:
        with _without_telemetry():
            return import_module(name)
    except ImportError as error:
        raise ValueError(
            f"the package {name} is not installed ({error}): pip install 'metafacs[{extra}]'"
        ) from error


@contextmanager
def _without_telemetry() -> Iterator[None]:
    """Keep OpenVINO from reporting to its makers, which it does at every import if it has the package for it.

    Nothing of metafacs goes to the network unasked. What imported OpenVINO earlier has made its own choice.
    """
    name = "openvino_telemetry"
    if name in sys.modules:
        yield
        return
    modules: dict[str, Any] = sys.modules
    modules[name] = None  # as if it were not installed
    try:
        yield
    finally:
        del modules[name]


def backend_version(backend: str) -> str:
    """Return a backend with its version, as results name what they were computed with."""
    return f"{backend} {torch.__version__ if backend == TORCH else version(backend)}"


def open_network(content: bytes, backend: str) -> Network:
    """Return the network in an ONNX file, ready to run.

    Args:
        content: The file: one input ``batch x channel x height x width``, height and width fixed.
        backend: ``onnxruntime`` or ``openvino``.

    Raises:
        ValueError: If the backend is not installed, or cannot run the network.
    """
    check_backend(backend)
    kinds: dict[str, Callable[[bytes], Network]] = {
        ONNX_RUNTIME: _OnnxRuntimeNetwork,
        OPENVINO: _OpenVinoNetwork,
    }
    if backend not in kinds:
        raise ValueError(f"{backend} runs no exported networks; choose one of {', '.join(kinds)}")
    try:
        return kinds[backend](content)
    except Exception as error:  # each package has errors of its own
        reason = str(error).strip().partition("\n")[0]
        raise ValueError(f"{backend_version(backend)} cannot run this network ({reason})") from error


class _OnnxRuntimeNetwork:
    """A session of ONNX Runtime."""

    def __init__(self, content: bytes) -> None:
        package = load_package(ONNX_RUNTIME, ONNX_RUNTIME)
        options = package.SessionOptions()
        options.intra_op_num_threads = torch.get_num_threads()
        options.inter_op_num_threads = 1
        # Threads that wait for work while another network has some would take cores from it.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.log_severity_level = 3
        self._session = package.InferenceSession(content, options, providers=["CPUExecutionProvider"])
        self._input = self._session.get_inputs()[0].name

    def __call__(self, images: Tensor) -> list[Tensor]:
        found = self._session.run(None, {self._input: images.detach().contiguous().numpy()})
        return [torch.from_numpy(one) for one in found]


_TOGETHER = 8
"""Images that OpenVINO takes at once, or one: compiled for any number, it is slower at both."""


class _OpenVinoNetwork:
    """A model of OpenVINO, compiled for one image and, once there are so many, for :data:`_TOGETHER`."""

    def __init__(self, content: bytes) -> None:
        self._content = content
        self._compiled: dict[int, Any] = {}
        self._compiling = threading.Lock()
        self._free: dict[int, list[Any]] = {1: [], _TOGETHER: []}
        self._outputs = range(len(self._compiled_for(1).outputs))

    def __call__(self, images: Tensor) -> list[Tensor]:
        rows = images.detach().permute(0, 2, 3, 1).contiguous().numpy()
        parts, done = [], 0
        while done < len(rows):
            size = _TOGETHER if len(rows) - done >= _TOGETHER else 1
            parts.append(self._infer(rows[done : done + size]))
            done += size
        return [torch.cat(each) for each in zip(*parts, strict=True)]

    def _infer(self, rows: NDArray[np.float32]) -> list[Tensor]:
        # A list's pop and append are atomic: every thread has a request of its own.
        free = self._free[len(rows)]
        try:
            request = free.pop()
        except IndexError:
            request = self._compiled_for(len(rows)).create_infer_request()
        found = request.infer({0: rows}, share_inputs=True)
        told = [torch.from_numpy(found[output]) for output in self._outputs]
        free.append(request)
        return told

    def _compiled_for(self, size: int) -> Any:
        with self._compiling:
            if size not in self._compiled:
                self._compiled[size] = self._compile(size)
            return self._compiled[size]

    def _compile(self, size: int) -> Any:
        package, core = load_package(OPENVINO, OPENVINO), _openvino_core()
        model = core.read_model(self._content)
        # Pictures lie in memory with their channels last, which is how it computes, too.
        processing = import_module("openvino.preprocess").PrePostProcessor(model)
        processing.input().tensor().set_layout(package.Layout("NHWC"))
        processing.input().model().set_layout(package.Layout("NCHW"))
        model = processing.build()
        _, height, width, channels = model.input(0).partial_shape
        model.reshape({0: package.PartialShape([size, height, width, channels])})
        return core.compile_model(model, "CPU", _openvino_settings())


@cache
def _openvino_core() -> Any:
    return load_package(OPENVINO, OPENVINO).Core()


def _openvino_settings() -> dict[str, Any]:
    return {
        # By itself it takes bfloat16 where the processor has AMX, which is right to two digits.
        "INFERENCE_PRECISION_HINT": "f32",
        "INFERENCE_NUM_THREADS": torch.get_num_threads(),
        "NUM_STREAMS": "1",
        "PERFORMANCE_HINT": "LATENCY",
        # Else all processes would be bound to the same core.
        "ENABLE_CPU_PINNING": False,
    }
