"""Inner steps theta -> theta*, differentiable in the gradient, as the usual optimisers make them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

PullBack = Callable[[Sequence[Tensor]], tuple[Tensor, ...]]
"""Directions at theta* -> directions of the gradients."""


class UpdateRule(Protocol):
    """One optimiser step as a function of parameters and gradients, and its transposed derivative."""

    def displace(self, parameters: Sequence[Tensor], gradients: Sequence[Tensor]) -> tuple[Tensor, ...]:
        """Return theta*, out of place and differentiable with respect to ``gradients``."""
        ...

    def pull_back(self, parameters: Sequence[Tensor], gradients: Sequence[Tensor]) -> PullBack:
        """Return the function ``direction -> (d theta* / d gradients)^T direction``.

        It holds on to no more than it needs: a copy of the gradients is as large as the network.
        """
        ...


@dataclass(frozen=True)
class PlainSGD:
    """Gradient descent with one learning rate, the step of Eq. (6) of Li & Shan 2023 (MAL)."""

    learning_rate: float

    def displace(self, parameters: Sequence[Tensor], gradients: Sequence[Tensor]) -> tuple[Tensor, ...]:
        """Return ``parameters - learning_rate * gradients``."""
        return tuple(torch._foreach_add(list(parameters), list(gradients), alpha=-self.learning_rate))

    def pull_back(self, parameters: Sequence[Tensor], gradients: Sequence[Tensor]) -> PullBack:
        """Return ``direction -> -learning_rate * direction``."""
        return lambda direction: tuple(torch._foreach_mul(list(direction), -self.learning_rate))


class ElementwiseStep(Protocol):
    """The step of one parameter tensor, in which every element moves on its own."""

    def displaced(self, parameter: Tensor, gradient: Tensor) -> Tensor:
        """Return the parameter after the step."""
        ...

    def slope(self, parameter: Tensor, gradient: Tensor) -> Tensor | float:
        """Return the derivative of each element after the step by its gradient."""
        ...


@dataclass(frozen=True)
class SGDStep:
    """The step of `torch.optim.SGD`.

    Attributes:
        learning_rate: Step size.
        momentum: Factor of the momentum buffer.
        dampening: Share of the new gradient left out of an existing buffer.
        nesterov: Look ahead along the buffer.
        weight_decay: L2 penalty added to the gradient.
        buffer: Momentum buffer; None before the first step, when it becomes the gradient undampened.
    """

    learning_rate: float
    momentum: float = 0.0
    dampening: float = 0.0
    nesterov: bool = False
    weight_decay: float = 0.0
    buffer: Tensor | None = None

    def displaced(self, parameter: Tensor, gradient: Tensor) -> Tensor:
        """Return the parameter after the step."""
        if self.weight_decay:
            gradient = gradient + self.weight_decay * parameter
        if not self.momentum:
            return parameter - self.learning_rate * gradient
        if self.buffer is None:
            buffer = gradient
        else:
            buffer = self.momentum * self.buffer + (1 - self.dampening) * gradient
        moved = gradient + self.momentum * buffer if self.nesterov else buffer
        return parameter - self.learning_rate * moved

    def slope(self, parameter: Tensor, gradient: Tensor) -> float:
        """Return the same number for all elements: the step is affine in the gradient."""
        if not self.momentum:
            return -self.learning_rate
        share = 1.0 if self.buffer is None else 1 - self.dampening
        return -self.learning_rate * (1 + self.momentum * share if self.nesterov else share)


@dataclass(frozen=True)
class AdamStep:
    """The step of `torch.optim.Adam`, or of `torch.optim.AdamW` when ``decoupled``.

    With empty moments the first step is about ``learning_rate * sign(gradient)``: its slope, and with it
    the meta gradient, nearly vanishes and is badly conditioned. Warm moments cure that.

    Attributes:
        learning_rate: Step size.
        betas: Decay of the first and second moment.
        epsilon: Added to the denominator.
        weight_decay: L2 penalty, or decoupled decay.
        decoupled: AdamW: decay the parameter itself.
        steps: Steps made so far.
        first: First moment, None for zero.
        second: Second moment, None for zero.
    """

    learning_rate: float
    betas: tuple[float, float] = (0.9, 0.999)
    epsilon: float = 1e-8
    weight_decay: float = 0.0
    decoupled: bool = False
    steps: int = 0
    first: Tensor | None = None
    second: Tensor | None = None

    def _moments(self, parameter: Tensor, gradient: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return the gradient with penalty, the new first moment and the root of the second."""
        beta1, beta2 = self.betas
        if self.weight_decay and not self.decoupled:
            gradient = gradient + self.weight_decay * parameter
        first = (1 - beta1) * gradient
        second = (1 - beta2) * gradient * gradient
        if self.first is not None:
            first = first + beta1 * self.first
        if self.second is not None:
            second = second + beta2 * self.second
        # The root has no finite derivative at zero, where a gradient that never was nonzero sits.
        positive = second > 0
        root = torch.where(positive, torch.where(positive, second, 1.0).sqrt(), 0.0)
        return gradient, first, root

    def _corrections(self) -> tuple[float, float]:
        return 1 - self.betas[0] ** (self.steps + 1), (1 - self.betas[1] ** (self.steps + 1)) ** 0.5

    def displaced(self, parameter: Tensor, gradient: Tensor) -> Tensor:
        """Return the parameter after the step."""
        _, first, root = self._moments(parameter, gradient)
        bias1, bias2 = self._corrections()
        if self.decoupled:
            parameter = parameter * (1 - self.learning_rate * self.weight_decay)
        return parameter - self.learning_rate / bias1 * first / (root / bias2 + self.epsilon)

    def slope(self, parameter: Tensor, gradient: Tensor) -> Tensor:
        """Return the derivative of each element by its gradient, 0 for the second moment's part at 0."""
        gradient, first, root = self._moments(parameter, gradient)
        bias1, bias2 = self._corrections()
        denominator = root / bias2 + self.epsilon
        change = torch.where(
            root > 0, (1 - self.betas[1]) * gradient / (torch.where(root > 0, root, 1.0) * bias2), 0.0
        )
        return (
            -self.learning_rate / bias1 * ((1 - self.betas[0]) - first * change / denominator) / denominator
        )


@dataclass(frozen=True)
class ElementwiseUpdate:
    """An inner step made of one elementwise step per parameter tensor, in the order of theta."""

    steps: tuple[ElementwiseStep, ...]

    def displace(self, parameters: Sequence[Tensor], gradients: Sequence[Tensor]) -> tuple[Tensor, ...]:
        """Return theta*, tensor by tensor."""
        return tuple(s.displaced(p, g) for s, p, g in zip(self.steps, parameters, gradients, strict=True))

    def pull_back(self, parameters: Sequence[Tensor], gradients: Sequence[Tensor]) -> PullBack:
        """Return the function that multiplies a direction with the slope of each element."""
        with torch.no_grad():
            slopes = [s.slope(p, g) for s, p, g in zip(self.steps, parameters, gradients, strict=True)]
        return lambda direction: tuple(d * slope for d, slope in zip(direction, slopes, strict=True))


@dataclass(frozen=True)
class GlobalNormClipping:
    """Scale the gradients to a joint norm of at most ``max_norm``, then step.

    Scales as `torch.nn.utils.clip_grad_norm_` does, its 1e-6 in the denominator included.

    Attributes:
        rule: The step made with the clipped gradients.
        max_norm: Largest joint L2 norm.
    """

    rule: UpdateRule
    max_norm: float

    def _scale(self, gradients: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
        norm = torch.stack([(g * g).sum() for g in gradients]).sum().sqrt()
        return norm, self.max_norm / (norm + 1e-6)

    def displace(self, parameters: Sequence[Tensor], gradients: Sequence[Tensor]) -> tuple[Tensor, ...]:
        """Return theta* after a step with clipped gradients."""
        _, scale = self._scale(gradients)
        if scale >= 1:
            return self.rule.displace(parameters, gradients)
        return self.rule.displace(parameters, [scale * g for g in gradients])

    def pull_back(self, parameters: Sequence[Tensor], gradients: Sequence[Tensor]) -> PullBack:
        """Return the function that takes a direction through the step and through the scale."""
        with torch.no_grad():
            norm, scale = self._scale(gradients)
            if scale >= 1:
                return self.rule.pull_back(parameters, gradients)
            inner = self.rule.pull_back(parameters, [scale * g for g in gradients])

        def through(direction: Sequence[Tensor]) -> tuple[Tensor, ...]:
            pulled = inner(direction)
            along = torch.stack([(g * d).sum() for g, d in zip(gradients, pulled, strict=True)]).sum()
            shrink = -scale / (norm + 1e-6) / norm * along
            return tuple(scale * d + shrink * g for g, d in zip(gradients, pulled, strict=True))

        return through
