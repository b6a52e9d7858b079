"""Cross-entropy for expression recognition where some pictures carry no expression label."""

from __future__ import annotations

import torch.nn.functional as F  # noqa: N812 (the name everyone reads)
from torch import Tensor

from metafacs.precision import in_float32

UNKNOWN_EXPRESSION = -1
"""Class index of a picture whose expression is unknown."""


@in_float32
def expression_loss(logits: Tensor, targets: Tensor, *, class_weights: Tensor | None = None) -> Tensor:
    """Return the softmax cross-entropy of each sample.

    Implements Eq. (2) of Li & Shan, Meta Auxiliary Learning (MAL); y^q -> targets (as class index),
    y-hat^q -> softmax(logits), Q -> expression.

    Args:
        logits: ``batch x expression``, any real number.
        targets: ``batch``, long, class index; -1 unknown.
        class_weights: ``expression``, factor of each class.

    Returns:
        ``batch``, non-negative; 0, without gradient, where the expression is unknown.

    Raises:
        ValueError: If the shapes do not fit or the targets are not integers.

    >>> import torch
    >>> expression_loss(torch.zeros(2, 7), torch.tensor([3, -1]))
    tensor([1.9459, 0.0000])
    """
    if logits.ndim != 2 or targets.shape != logits.shape[:1]:
        raise ValueError(
            "logits must be batch x expression and targets batch, "
            f"but their shapes are {tuple(logits.shape)} and {tuple(targets.shape)}"
        )
    if targets.is_floating_point():
        raise ValueError(f"expression targets are class indices of type long, not {targets.dtype}")
    return F.cross_entropy(
        logits, targets, weight=class_weights, ignore_index=UNKNOWN_EXPRESSION, reduction="none"
    )
