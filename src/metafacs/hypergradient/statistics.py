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
    tracking = [
        module
        for module in network.modules()
        if isinstance(module, _NormBase) and module.training and module.track_running_stats
    ]
    for module in tracking:
        module.track_running_stats = False
    try:
        yield
    finally:
        for module in tracking:
            module.track_running_stats = True
