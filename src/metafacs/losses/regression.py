"""Distance of predicted numbers from known ones where some are unknown."""

from __future__ import annotations

from torch import Tensor

from metafacs.precision import in_float32


@in_float32
def absolute_error(predicted: Tensor, targets: Tensor) -> Tensor:
    """Return the mean absolute error of each sample over what is known of it.

    Args:
        predicted: ``batch x ...``, any real numbers.
        targets: The same shape; NaN unknown.

    Returns:
        ``batch``, non-negative; 0, without gradient, where nothing is known.

    Raises:
        ValueError: If the shapes differ.

    >>> import torch
    >>> absolute_error(torch.tensor([[1.0, 5.0]]), torch.tensor([[3.0, float("nan")]]))
    tensor([2.])
    """
    return _errors(predicted, targets).abs().sum(dim=1) / _known(targets)


@in_float32
def squared_error(predicted: Tensor, targets: Tensor) -> Tensor:
    """Return the mean squared error of each sample over what is known of it; see :func:`absolute_error`.

    >>> import torch
    >>> squared_error(torch.tensor([[1.0, 5.0]]), torch.tensor([[3.0, float("nan")]]))
    tensor([4.])
    """
    return _errors(predicted, targets).square().sum(dim=1) / _known(targets)


def _errors(predicted: Tensor, targets: Tensor) -> Tensor:
    """Return ``batch x number`` differences, 0 where the target is unknown."""
    if predicted.shape != targets.shape or predicted.ndim < 2:
        raise ValueError(
            "predicted and targets must have one shape, batch x ..., "
            f"but their shapes are {tuple(predicted.shape)} and {tuple(targets.shape)}"
        )
    # Not a product with the mask: the gradient of NaN times 0 would be NaN.
    return (predicted - targets.where(~targets.isnan(), predicted.detach())).flatten(1)


def _known(targets: Tensor) -> Tensor:
    return (~targets.isnan()).flatten(1).sum(dim=1).clamp(min=1)
