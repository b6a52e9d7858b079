"""How each kind of layer carries a tangent, from what it kept of its forward pass.

A rule runs the layer once, keeping only what the tangent needs (nearly always a tensor that autograd keeps
as well), and returns the output with a function that pushes tangents through. Torch's own forward mode would
run the layer again and would know nothing of what is at hand.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from metafacs.models.grid_pooling import GridPooling

Lookup = Callable[[Tensor | None], Tensor | None]
"""Parameter -> its tangent; None for a frozen or absent parameter."""

Push = Callable[..., Any]
"""``push(lookup, *tangents)``: tangents of the inputs (None for zero) -> tangent of the output."""

Rule = Callable[..., tuple[Any, Push]]
"""``rule(callable, *inputs, **options)`` -> output and push."""


def convolution(module: nn.Conv2d, inputs: Tensor) -> tuple[Tensor, Push]:
    """Carry tangents of the input, the kernel and the bias through a convolution."""
    kept = inputs.detach()

    def push(lookup: Lookup, tangent: Tensor | None) -> Tensor | None:
        kernel, bias = lookup(module.weight), lookup(module.bias)
        result = None
        if tangent is not None:
            result = module._conv_forward(tangent, module.weight.detach(), None)
        if kernel is not None:
            own = module._conv_forward(kept, kernel, None)
            result = own if result is None else result.add_(own)
        return _with_bias(result, bias, kept, module) if bias is not None else result

    return module(inputs), push


def _with_bias(result: Tensor | None, bias: Tensor, kept: Tensor, module: nn.Conv2d) -> Tensor:
    if result is None:
        result = torch.zeros_like(module._conv_forward(kept, module.weight.detach(), None))
    return result.add_(bias.view(-1, 1, 1).to(result.dtype))


def linear(module: nn.Linear, inputs: Tensor) -> tuple[Tensor, Push]:
    """Carry tangents of the input, the matrix and the bias through a fully connected layer."""
    kept = inputs.detach()

    def push(lookup: Lookup, tangent: Tensor | None) -> Tensor | None:
        matrix, bias = lookup(module.weight), lookup(module.bias)
        parts = []
        if tangent is not None:
            parts.append(functional.linear(tangent, module.weight.detach()))
        if matrix is not None:
            parts.append(functional.linear(kept, matrix))
        if bias is not None:
            parts.append(bias.expand(*kept.shape[:-1], -1))
        return sum_of(*parts)

    return module(inputs), push


def batch_normalisation(module: nn.BatchNorm1d | nn.BatchNorm2d, inputs: Tensor) -> tuple[Tensor, Push]:
    """Carry tangents through BatchNorm, in training mode through mean and variance of the batch as well.

    The derivative by the input, ``gamma / sigma (1 - mean - xhat mean(xhat .))``, is its own transpose: the
    fused backward kernel of BatchNorm computes it.
    """
    by_batch = module.training or module.running_mean is None
    if by_batch and inputs.numel() == inputs.shape[1]:
        raise ValueError("BatchNorm needs more than one value per channel in training; use a larger batch")
    mean, variance, momentum = _moved_statistics(module)
    output, batch_mean, batch_scale = torch.native_batch_norm(
        inputs, module.weight, module.bias, mean, variance, by_batch, momentum, module.eps
    )
    kept = inputs.detach()
    if by_batch:
        centre, scale = batch_mean.detach(), batch_scale.detach()
        running: tuple[Tensor | None, Tensor | None] = (None, None)
    else:
        assert module.running_mean is not None
        assert module.running_var is not None
        centre, scale = module.running_mean, (module.running_var + module.eps).rsqrt()
        running = (module.running_mean, module.running_var)

    def push(lookup: Lookup, tangent: Tensor | None) -> Tensor | None:
        gamma, beta = lookup(module.weight), lookup(module.bias)
        if tangent is None and gamma is None and beta is None:
            return None
        weight = None if module.weight is None else module.weight.detach()
        if tangent is None:
            result = torch.zeros_like(kept)
        else:
            result = torch.ops.aten.native_batch_norm_backward(
                tangent.to(kept.dtype),
                kept,
                weight,
                *running,
                centre,
                scale,
                by_batch,
                module.eps,
                [True, False, False],
            )[0]
        if gamma is not None:
            slope = gamma * scale
            result.addcmul_(kept, _per_channel(slope, kept).to(kept.dtype))
            beta = -slope * centre if beta is None else beta - slope * centre
        if beta is not None:
            result.add_(_per_channel(beta, kept).to(kept.dtype))
        return result

    return output, push


def _moved_statistics(module: nn.BatchNorm1d | nn.BatchNorm2d) -> tuple[Tensor | None, Tensor | None, float]:
    """Return the buffers to use or move and how far; counts the batch, as the module itself would."""
    momentum = 0.0 if module.momentum is None else module.momentum
    if not module.training:
        return module.running_mean, module.running_var, momentum
    if not module.track_running_stats:
        return None, None, momentum
    if module.num_batches_tracked is not None:
        module.num_batches_tracked.add_(1)
        if module.momentum is None:
            momentum = 1.0 / float(module.num_batches_tracked)
    return module.running_mean, module.running_var, momentum


def _per_channel(values: Tensor, inputs: Tensor) -> Tensor:
    return values.view(1, -1, *[1] * (inputs.dim() - 2))


def rectifier(function: Callable[..., Tensor], *inputs: Tensor, **options: Any) -> tuple[Tensor, Push]:
    """Carry a tangent through ReLU where the output is positive."""
    output = function(*inputs, **options)
    kept = output.detach()

    def push(lookup: Lookup, tangent: Tensor | None, *_: None) -> Tensor | None:
        if tangent is None:
            return None
        return torch.ops.aten.threshold_backward(tangent.to(kept.dtype), kept, 0)

    return output, push


def rectifier_with_slopes(module: nn.PReLU, inputs: Tensor) -> tuple[Tensor, Push]:
    """Carry tangents of the input and of the slopes through PReLU."""
    kept = inputs.detach()

    def push(lookup: Lookup, tangent: Tensor | None) -> Tensor | None:
        slopes = lookup(module.weight)
        parts = []
        if tangent is not None:
            steepness = _per_channel(module.weight.detach(), kept).to(kept.dtype)
            parts.append(torch.ops.aten._prelu_kernel_backward(tangent.to(kept.dtype), kept, steepness)[0])
        if slopes is not None:
            parts.append(kept.clamp(max=0) * _per_channel(slopes, kept).to(kept.dtype))
        return sum_of(*parts)

    return module(inputs), push


def max_pooling(module: nn.MaxPool2d, inputs: Tensor) -> tuple[Tensor, Push]:
    """Carry the tangent of the pixel that won."""
    output, winners = functional.max_pool2d(
        inputs,
        module.kernel_size,
        module.stride,
        module.padding,
        module.dilation,
        module.ceil_mode,
        return_indices=True,
    )

    def push(lookup: Lookup, tangent: Tensor | None) -> Tensor | None:
        if tangent is None:
            return None
        if not winners.is_contiguous(memory_format=torch.channels_last):
            return tangent.flatten(-2).gather(-1, winners.flatten(-2)).view(winners.shape)
        # Pixel by pixel, as they lie in memory, and left so for the convolution that follows.
        pixels, kept = (values.movedim(1, -1) for values in (tangent, winners))
        found = pixels.flatten(1, 2).gather(1, kept.flatten(1, 2))
        return found.view(kept.shape).movedim(-1, 1)

    return output, push


def dropout(module: nn.Dropout, inputs: Tensor) -> tuple[Tensor, Push]:
    """Drop the same elements of the tangent."""
    if not module.training:
        return linear_function(module, inputs)
    mask = functional.dropout(torch.ones_like(inputs), module.p)

    def push(lookup: Lookup, tangent: Tensor | None) -> Tensor | None:
        return None if tangent is None else tangent * mask

    return inputs * mask, push


def linear_function(
    function: Callable[..., Any], inputs: Any, *rest: Any, **options: Any
) -> tuple[Any, Push]:
    """Carry a tangent through a function linear in its first argument: the function itself does it."""

    def push(lookup: Lookup, tangent: Any, *_: None) -> Any:
        return None if tangent is None else function(tangent, *rest, **options)

    return function(inputs, *rest, **options), push


def addition(function: Callable[..., Tensor], left: Any, right: Any) -> tuple[Tensor, Push]:
    """Add tangents; that of a number is zero."""

    def push(lookup: Lookup, *tangents: Tensor | None) -> Tensor | None:
        return sum_of(*(t for t in tangents if t is not None))

    return function(left, right), push


def named_tuple(kind: Callable[..., Any], *parts: Any) -> tuple[Any, Push]:
    """Bundle tangents as the values are bundled."""

    def push(lookup: Lookup, *tangents: Any) -> Any:
        return kind(*tangents)

    return kind(*parts), push


def sum_of(*parts: Tensor) -> Tensor | None:
    """Return the sum of the tensors, None for the sum of none."""
    if not parts:
        return None
    total = parts[0]
    for part in parts[1:]:
        total = total + part
    return total


MODULE_RULES: dict[type[nn.Module], Rule] = {
    GridPooling: linear_function,
    nn.AdaptiveAvgPool2d: linear_function,
    nn.AvgPool2d: linear_function,
    nn.BatchNorm1d: batch_normalisation,
    nn.BatchNorm2d: batch_normalisation,
    nn.Conv2d: convolution,
    nn.Dropout: dropout,
    nn.Flatten: linear_function,
    nn.Identity: linear_function,
    nn.Linear: linear,
    nn.MaxPool2d: max_pooling,
    nn.PReLU: rectifier_with_slopes,
    nn.ReLU: rectifier,
    nn.ZeroPad2d: linear_function,
    nn.ZeroPad3d: linear_function,
}
"""Exactly these classes; a subclass may compute something else and goes through torch's forward mode."""

FUNCTION_RULES: dict[Callable[..., Any] | str, Rule] = {
    "contiguous": linear_function,
    "flatten": linear_function,
    "mean": linear_function,
    "relu": rectifier,
    "reshape": linear_function,
    "view": linear_function,
    functional.adaptive_avg_pool2d: linear_function,
    functional.avg_pool2d: linear_function,
    functional.relu: rectifier,
    operator.add: addition,
    operator.getitem: linear_function,
    operator.iadd: addition,
    torch.flatten: linear_function,
    torch.mean: linear_function,
    torch.relu: rectifier,
}
"""Functions, and tensor methods by name."""
