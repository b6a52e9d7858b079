"""The hard sigmoid in a form that can be differentiated twice."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional


class HardSigmoid(nn.Module):
    """``min(max(x + 3, 0), 6) / 6``, as :class:`torch.nn.Hardsigmoid`, whose gradient torch cannot derive.

    Gates of MobileNetV3 and GhostNet are made of it, and gradients through gradients go through them.

    >>> import torch
    >>> HardSigmoid()(torch.tensor([-4.0, 0.0, 1.5, 5.0]))
    tensor([0.0000, 0.5000, 0.7500, 1.0000])
    """

    def forward(self, inputs: Tensor) -> Tensor:
        """Return values in [0, 1], shaped as ``inputs``."""
        return functional.relu6(inputs + 3) / 6


def with_second_derivatives(network: nn.Module) -> nn.Module:
    """Return the network after putting :class:`HardSigmoid` in the place of torch's; it has no weights."""
    for module in list(network.modules()):
        for name, inner in module.named_children():
            if type(inner) is nn.Hardsigmoid:
                setattr(module, name, HardSigmoid())
    return network
