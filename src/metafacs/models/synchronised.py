"""Batch normalisation by the statistics of the whole batch where several processes share it."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import batch_norm
from torch.nn.modules.batchnorm import _BatchNorm

from metafacs.precision import widen
from metafacs.ranks import pooled_moments, size_of_batch


class SynchronisedBatchNorm(_BatchNorm):
    """Batch normalisation over the pictures of all processes.

    Exact in value, in derivatives of first and second order and in forward mode, on any device, which torch's
    own is not: it is made of ordinary operations and one exchange of mean and variance each way.
    """

    def forward(self, inputs: Tensor) -> Tensor:
        """Return the normalised ``batch x channel x ...``; in training moves the running statistics."""
        if not self.training and self.running_mean is not None:
            return super().forward(inputs)
        variance, mean = pooled_moments(*_Moments.apply(widen(inputs)))
        centre, spread = mean.detach(), variance.detach()
        if self.training and self.track_running_stats:
            self._move(centre, spread, size_of_batch(inputs.numel() // len(mean)))
        # The kernel takes statistics as constants; their derivatives go through factor and offset, which
        # are 1 and 0 in value.
        slope = (variance + self.eps).rsqrt()
        factor, offset = slope * (spread + self.eps).sqrt(), (centre - mean) * slope
        if self.weight is not None:
            factor, offset = factor * self.weight, offset * self.weight
        if self.bias is not None:
            offset = offset + self.bias
        return batch_norm(inputs, centre, spread, factor, offset, False, 0.0, self.eps)

    @torch.no_grad()
    def _move(self, mean: Tensor, variance: Tensor, count: int) -> None:
        assert self.num_batches_tracked is not None
        assert self.running_mean is not None
        assert self.running_var is not None
        self.num_batches_tracked.add_(1)
        share = 1 / float(self.num_batches_tracked) if self.momentum is None else self.momentum
        self.running_mean.lerp_(mean.to(self.running_mean), share)
        self.running_var.lerp_((variance * (count / (count - 1))).to(self.running_var), share)

    def _check_input_dim(self, input: Tensor) -> None:
        pass  # one class for inputs of any number of axes


class _Moments(torch.autograd.Function):
    """Biased variance and mean per channel of ``batch x channel x ...``.

    Ordinary operations would take several passes over the pictures each way; this takes one.
    """

    @staticmethod
    def forward(ctx: Any, inputs: Tensor) -> tuple[Tensor, Tensor]:
        if inputs.device.type == "cpu":
            # Several times as fast there as var_mean.
            mean, variance = torch.ops.aten.batch_norm_update_stats(inputs, None, None, 0.0)
        else:
            variance, mean = torch.var_mean(inputs, _around(inputs), correction=0)
        ctx.save_for_backward(inputs, mean)
        ctx.save_for_forward(inputs, mean)
        return variance, mean

    @staticmethod
    def backward(ctx: Any, by_variance: Tensor, by_mean: Tensor) -> Tensor:
        # Of operations that can be differentiated again, by the pictures and by their mean.
        inputs, mean = ctx.saved_tensors
        count = inputs.numel() // len(mean)
        slope = 2 * by_variance / count
        return torch.addcmul(_wide(by_mean / count - slope * mean, inputs), inputs, _wide(slope, inputs))

    @staticmethod
    def jvp(ctx: Any, tangent: Tensor) -> tuple[Tensor, Tensor]:
        inputs, mean = ctx.saved_tensors
        around = _around(inputs)
        along = 2 * ((inputs - _wide(mean, inputs)) * tangent).mean(around)
        return along, tangent.mean(around)


def _around(inputs: Tensor) -> list[int]:
    return [axis for axis in range(inputs.ndim) if axis != 1]


def _wide(values: Tensor, inputs: Tensor) -> Tensor:
    """Return numbers per channel so that they can be reckoned with pictures."""
    return values.view(1, -1, *[1] * (inputs.ndim - 2))


class SynchronisedBatchNormAct(SynchronisedBatchNorm):
    """The same with dropping and rectifying behind it, as timm's networks have it in one module."""

    drop: nn.Module
    act: nn.Module

    def forward(self, inputs: Tensor) -> Tensor:
        """Return the normalised and rectified ``batch x channel x ...``."""
        rectified: Tensor = self.act(self.drop(super().forward(inputs)))
        return rectified


def synchronise(module: nn.Module) -> None:
    """Replace every BatchNorm in a module; parameters, buffers and names stay what they are.

    Raises:
        ValueError: If there is one of a class that does more than normalise.
    """
    for name, child in module.named_children():
        if isinstance(child, _BatchNorm):
            setattr(module, name, _synchronised(child))
        else:
            synchronise(child)


def _synchronised(layer: _BatchNorm) -> SynchronisedBatchNorm:
    parts = {name for name, _ in layer.named_children()}
    if type(layer) in (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d):
        kind: type[SynchronisedBatchNorm] = SynchronisedBatchNorm
    elif parts == {"drop", "act"}:
        kind = SynchronisedBatchNormAct
    else:
        raise ValueError(
            f"what normalises with {type(layer).__name__} cannot be trained by several processes: its "
            "statistics would be those of each; train in one process, or choose another backbone"
        )
    twin = kind(
        layer.num_features,
        layer.eps,
        layer.momentum,
        affine=layer.affine,
        track_running_stats=layer.track_running_stats,
        device="meta",
    )
    twin._parameters, twin._buffers, twin._modules = layer._parameters, layer._buffers, layer._modules
    return twin.train(layer.training)
