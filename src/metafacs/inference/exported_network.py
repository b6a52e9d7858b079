"""A detector's network exported and run elsewhere, after its answers were compared with PyTorch's."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Literal

import torch
from torch import Tensor, nn

from metafacs.inference.detector import Detector
from metafacs.methods.base import Prediction
from metafacs.models.backends import ONNX_RUNTIME, TORCH, Network, check_backend, open_network
from metafacs.models.onnx_export import to_onnx
from metafacs.texts import printable

TOLERANCE = 1e-4
"""How far what an exported network tells may lie from what it tells in PyTorch."""

Part = Literal["probabilities", "intensities", "pose"]


class ExportedPredictor:
    """The predictor of a detector, as an exported network.

    Args:
        network: The network.
        parts: What it gives, in order.
    """

    def __init__(self, network: Network, parts: Sequence[Part]) -> None:
        self._network, self._parts = network, tuple(parts)

    def __call__(self, images: Tensor) -> Prediction:
        """Return what is told of ``batch x 3 x height x width`` pictures in [-1, 1]."""
        told: dict[str, Tensor] = dict(zip(self._parts, self._network(images), strict=True))
        return Prediction(**told)


class _Predicting(nn.Module):
    """A predictor as a module, which is what can be exported."""

    def __init__(self, predictor: Callable[[Tensor], Prediction], parts: Sequence[Part]) -> None:
        super().__init__()
        self._predictor, self._parts = predictor, parts
        owner = getattr(predictor, "__self__", None)
        self.owner = owner if isinstance(owner, nn.Module) else None

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        said = self._predictor(images)
        return tuple(getattr(said, part) for part in self._parts)


def on_backend(detector: Detector, backend: str) -> Detector:
    """Return a detector whose networks run elsewhere, after comparing its answers on noise.

    Args:
        detector: In PyTorch, on the processor.
        backend: What is to run them, one of :data:`metafacs.models.backends.BACKENDS`.

    Raises:
        ValueError: If the backend cannot be used here, or the network cannot be exported.
    """
    check_backend(backend, detector.device)
    if backend == TORCH:
        return detector
    predictor = ExportedPredictor(open_network(network_of(detector, backend), backend), parts_of(detector))
    refuse_others(detector, predictor, backend, [noise(detector, count) for count in (1, 3)])
    return replace(detector, predictor=predictor, backend=backend)


def network_of(detector: Detector, extra: str = ONNX_RUNTIME) -> bytes:
    """Return a detector's network as ONNX, without description.

    Args:
        detector: In PyTorch, on the processor.
        extra: Which extra to name if the package ``onnx`` is missing.

    Raises:
        ValueError: If it cannot be exported, or the package ``onnx`` is missing.
    """
    parts, size = parts_of(detector), detector.input_size
    return to_onnx(_Predicting(detector.predictor, parts).eval(), (3, size, size), parts, extra)


def parts_of(detector: Detector) -> tuple[Part, ...]:
    """Return what a detector tells of a face, in the order of the network's outputs."""
    found: list[Part] = ["probabilities"]
    found += ["intensities"] if detector.intensities else []
    found += ["pose"] if detector.pose else []
    return tuple(found)


def noise(detector: Detector, count: int) -> Tensor:
    """Return pictures without faces, ``count x 3 x input_size x input_size``, the same every time."""
    generator = torch.Generator().manual_seed(count)
    return torch.rand(count, 3, detector.input_size, detector.input_size, generator=generator) * 2 - 1


def refuse_others(
    detector: Detector, predictor: ExportedPredictor, backend: str, batches: Iterable[Tensor]
) -> float:
    """Return how far the answers of a detector and its exported network lie apart at most.

    Args:
        detector: In PyTorch.
        predictor: The exported network.
        backend: What runs it.
        batches: Pictures to compare them on.

    Raises:
        ValueError: If that is more than :data:`TOLERANCE`, or the network takes no such batch.
    """
    farthest, end = 0.0, "the network is not exported; run it with torch"
    for images in batches:
        with torch.inference_mode():
            expected = detector.predictor(images)
        try:
            told = predictor(images)
        except Exception as error:  # each package has errors of its own
            reason = printable(str(error).strip().partition("\n")[0])
            raise ValueError(f"{backend} fails on {len(images)} faces ({reason}): {end}") from error
        for part in parts_of(detector):
            own, other = getattr(expected, part), getattr(told, part)
            if own.shape != other.shape:
                shapes = f"{tuple(other.shape)} instead of {tuple(own.shape)}"
                raise ValueError(f"{backend} gives {part} of shape {shapes}: {end}")
            apart = float((own - other).abs().max()) if own.numel() else 0.0
            if not apart <= TOLERANCE:  # nor if it is no number
                raise ValueError(
                    f"{backend} gives {part} that lie {apart:.2g} from torch's for {len(images)} faces, "
                    f"over {TOLERANCE:g}: {end}"
                )
            farthest = max(farthest, apart)
    return farthest
