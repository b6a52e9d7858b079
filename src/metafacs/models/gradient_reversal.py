"""Gradient reversal: the identity forwards, minus a factor backwards."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor


class _Reversal(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, features: Tensor, strength: float) -> Tensor:
        ctx.strength = strength
        return features.view_as(features)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        return -ctx.strength * gradient, None


def reverse_gradient(features: Tensor, strength: float) -> Tensor:
    """Return the features; what is trained on them drives what made them the other way.

    Implements the gradient reversal layer of Ganin et al. 2016 (DANN); lambda -> strength.

    Args:
        features: Any shape.
        strength: Factor of the reversed gradient, at least 0.
    """
    return _Reversal.apply(features, strength)
