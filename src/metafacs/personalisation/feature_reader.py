"""Finds the last layer of any trained detector, and reads the features that go into it."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from metafacs.methods.base import Method, Prediction

_PROBES = 6


class LastLayerError(ValueError):
    """The probabilities of a model do not come out of linear layers, so that these cannot be replaced."""


@dataclass(frozen=True)
class Output:
    """Where the logit of an action unit comes from.

    Attributes:
        layer: Name of the linear layer within the method.
        column: Which of its outputs.
    """

    layer: str
    column: int


@dataclass(frozen=True)
class FeatureReader:
    """Reads what a detector predicts and, from the same pass, the features behind each of them.

    Attributes:
        method: The detector, in evaluation mode.
        outputs: AU -> where its logit comes from, from :func:`find_outputs`.
    """

    method: Method
    outputs: Mapping[int, Output]

    @property
    def layers(self) -> list[str]:
        """Names of the last layers: one, or one per branch of the network."""
        return list(dict.fromkeys(output.layer for output in self.outputs.values()))

    def read(self, images: Tensor) -> tuple[Prediction, dict[str, Tensor]]:
        """Return what the detector predicts and, by last layer, ``picture x features``."""
        inputs: dict[str, Tensor] = {}
        with _watched(self.method, lambda name, given, _: inputs.__setitem__(name, given)):
            said = self.method.predict(images)
        return said, {layer: inputs[layer] for layer in self.layers}

    def features(self, inputs: Mapping[str, Tensor], au: int) -> Tensor:
        """Return the features that an AU is detected from; for an AU the model does not know, all of them."""
        if au in self.outputs:
            return inputs[self.outputs[au].layer]
        return torch.cat([inputs[layer] for layer in self.layers], dim=1)

    def weights(self, au: int) -> tuple[Tensor, Tensor]:
        """Return weight vector and bias of an AU's logit; zeros for an AU the model does not know."""
        modules = dict(self.method.named_modules())
        if au in self.outputs:
            linear, column = modules[self.outputs[au].layer], self.outputs[au].column
            bias = linear.bias[column] if linear.bias is not None else linear.weight.new_zeros(())
            return linear.weight[column].detach(), bias.detach()
        width = sum(modules[layer].in_features for layer in self.layers)
        like = modules[self.layers[0]].weight
        return like.new_zeros(width), like.new_zeros(())


def find_outputs(method: Method, size: int) -> dict[int, Output]:
    """Return where the logit of each AU comes from, whatever the architecture.

    Looks for the outputs of linear layers whose sigmoid is the predicted probability, on pictures of noise
    and in float64.

    Args:
        method: A trained detector.
        size: Side of its input in pixels.

    Raises:
        LastLayerError: If there is no AU, or one's probability is no linear layer's output through a sigmoid.
    """
    if not method.aus:
        raise LastLayerError(f"{type(method).__name__} detects no action units")
    twin = copy.deepcopy(method).double().cpu().eval()
    images = 0.3 * torch.randn(
        _PROBES, 3, size, size, generator=torch.Generator().manual_seed(0), dtype=torch.float64
    )
    seen: dict[str, Tensor] = {}
    with torch.no_grad(), _watched(twin, lambda name, _, given: seen.__setitem__(name, given)):
        logits = twin.predict(images).probabilities.logit()
    found: dict[int, Output] = {}
    for au, wanted in zip(method.aus, logits.unbind(1), strict=True):
        for layer, values in seen.items():
            if values.ndim != 2 or len(values) != len(wanted):
                continue
            same = torch.isclose(values, wanted[:, None], rtol=1e-6, atol=1e-6).all(0).nonzero()
            if len(same):
                found[au] = Output(layer, int(same[0]))
        if au not in found:
            raise LastLayerError(
                f"the last layer of {type(method).__name__} for AU{au} cannot be told, so that it cannot be "
                "fitted to a person"
            )
    return found


@contextmanager
def _watched(method: nn.Module, note: Callable[[str, Tensor, Tensor], None]) -> Iterator[None]:
    """Note name, input and output of every linear layer that is called."""
    handles = [
        module.register_forward_hook(lambda _, given, out, name=name: note(name, given[0], out))
        for name, module in method.named_modules()
        if isinstance(module, nn.Linear)
    ]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()
