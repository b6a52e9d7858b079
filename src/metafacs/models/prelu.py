"""PReLU with one slope for all channels, with a backward pass that is cheap on CPUs."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable


class SharedPReLU(nn.PReLU):
    """PReLU with one learned slope, 0.25 at the start.

    On CPUs torch's own is slow backwards. Here the slope is a number to a leaky ReLU; reading it is free
    only where no device has to be waited for, so elsewhere torch's own is used.
    """

    def forward(self, input: Tensor) -> Tensor:
        """Return ``max(x, 0) + slope * min(x, 0)`` of any shape."""
        if input.device.type != "cpu":
            return super().forward(input)
        return _Leaky.apply(input, self.weight)


class _Leaky(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, values: Tensor, slope: Tensor) -> Tensor:
        ctx.save_for_backward(values, slope)
        return nn.functional.leaky_relu(values, slope.item())

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor]:
        values, slope = ctx.saved_tensors
        along = torch.ops.aten.leaky_relu_backward(gradient, values, slope.item(), False)
        return along, (gradient * values.clamp(max=0)).sum(dtype=slope.dtype).reshape(slope.shape)
