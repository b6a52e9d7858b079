"""Batch statistics without a trace: forward passes that leave the running statistics alone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from torch import nn
from torch.nn.modules.batchnorm import _NormBase


@contextmanager
def frozen_running_statistics(network: nn.Module) -> Iterator[None]:
    """Keep running means, variances and batch counts still; modules in training mode use the batch.

    Modules in evaluation mode go on using their running statistics.
    """
    tracking = _tracking(network)
    for module in tracking:
        module.track_running_stats = False
    try:
        yield
    finally:
        for module in tracking:
            module.track_running_stats = True


@contextmanager
def copied_running_statistics(network: nn.Module) -> Iterator[None]:
    """Let running statistics move on copies that are thrown away.

    The operations are those of a pass that moves them, so that autograd keeps the same tensors in the same
    order, which without statistics it does not.
    """
    own = [(module, dict(module._buffers)) for module in _tracking(network)]
    for module, buffers in own:
        module._buffers.update({name: None if b is None else b.clone() for name, b in buffers.items()})
    try:
        yield
    finally:
        for module, buffers in own:
            module._buffers.update(buffers)


def _tracking(network: nn.Module) -> list[_NormBase]:
    """Return the modules whose running statistics a forward pass would move."""
    return [
        module
        for module in network.modules()
        if isinstance(module, _NormBase) and module.training and module.track_running_stats
    ]
