"""The networks that find faces, on whichever backend runs them."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from metafacs.faces.graph_network import GraphNetwork, load_asset
from metafacs.models.backends import TORCH, Network, check_backend, open_network
from metafacs.models.onnx_export import to_onnx


class FaceNetwork(Protocol):
    """A network of ``load_asset``, or the same one exported."""

    @property
    def input_size(self) -> int:
        """Side of the input in pixels."""

    def __call__(self, images: Tensor) -> list[Tensor]:
        """Return the outputs for ``batch x 3 x input_size x input_size`` images."""


def load_face_network(name: str, device: torch.device, backend: str = TORCH) -> FaceNetwork:
    """Return a network that comes with the package, ready to run.

    Args:
        name: ``blaze_full``, ``blaze_back`` or ``facemesh``.
        device: Where to run it.
        backend: What runs it, one of :data:`metafacs.models.backends.BACKENDS`.

    Raises:
        ValueError: If the backend cannot be used here.
    """
    check_backend(backend, device)
    network = load_asset(name)
    return network.to(device) if backend == TORCH else ExportedFaceNetwork(network, backend)


@dataclass
class ExportedFaceNetwork:
    """A network that is exported when it is needed first: the one for rare faces may never be.

    Attributes:
        network: What is exported.
        backend: What runs it.
    """

    network: GraphNetwork
    backend: str

    def __post_init__(self) -> None:
        self._opened: Network | None = None
        self._opening = threading.Lock()

    @property
    def input_size(self) -> int:
        """Side of the input in pixels."""
        return self.network.input_size

    def __call__(self, images: Tensor) -> list[Tensor]:
        """Return the outputs for ``batch x 3 x input_size x input_size`` images."""
        if self._opened is None:
            with self._opening:
                if self._opened is None:
                    self._opened = self._open()
        return self._opened(images)

    @torch.inference_mode(False)
    def _open(self) -> Network:
        size, outputs = self.input_size, [f"output_{number}" for number in range(self.network.output_count)]
        return open_network(to_onnx(self.network, (3, size, size), outputs, self.backend), self.backend)
