"""The steps that estimators share: inner gradient, validation gradient, chain rule into psi."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.func import functional_call

from metafacs.hypergradient.problem import BilevelProblem
from metafacs.hypergradient.statistics import frozen_running_statistics
from metafacs.hypergradient.updates import PullBack
from metafacs.models.networks import Outputs
from metafacs.precision import widen
from metafacs.ranks import mean_of_gradients, size_of_batch, sum_over_batch


def base_parameters(network: nn.Module) -> dict[str, nn.Parameter]:
    """Return theta: the parameters of the network that require gradients, by name.

    Raises:
        ValueError: If all parameters are frozen.
    """
    parameters = {name: p for name, p in network.named_parameters() if p.requires_grad}
    if not parameters:
        raise ValueError(
            "every parameter of the network is frozen; unfreeze those that training shall change"
        )
    return parameters


def weighted_sum(weights: Tensor, losses: Tensor) -> Tensor:
    """Return ``sum(weights * losses)`` over the whole batch, Eq. (5) of Li & Shan 2023 (MAL).

    Raises:
        ValueError: If the shapes differ, because broadcasting would hide a mistake.
    """
    if weights.shape != losses.shape:
        raise ValueError(
            f"there must be one weight per loss: weights have shape {tuple(weights.shape)}, "
            f"losses {tuple(losses.shape)}"
        )
    return sum_over_batch(weights * losses)


class InnerStep(NamedTuple):
    """The virtual step of meta-train.

    Attributes:
        losses: Losses of the training pictures, live if their graph was retained.
        displaced: theta*, in the order of theta; leaves that require gradients.
        pull_back: From directions at theta* to directions of the inner gradient.
    """

    losses: Tensor
    displaced: list[Tensor]
    pull_back: PullBack


def inner_step(
    problem: BilevelProblem, outputs: Outputs, parameters: Sequence[Tensor], retain_graph: bool
) -> InnerStep:
    """Step from theta down the gradient of the weighted losses; the gradient itself is let go of."""
    losses = problem.losses(outputs)
    total = weighted_sum(problem.weights(outputs), losses)
    gradients = gradients_of(total, parameters, retain_graph=retain_graph)
    with torch.no_grad():
        displaced = [p.requires_grad_() for p in problem.update.displace(parameters, gradients)]
        pull_back = problem.update.pull_back(parameters, gradients)
    return InnerStep(losses, displaced, pull_back)


def gradients_of(
    loss: Tensor,
    parameters: Sequence[Tensor],
    *,
    retain_graph: bool | None = None,
    create_graph: bool = False,
) -> tuple[Tensor, ...]:
    """Return the gradient of the whole batch's loss, zeros where it does not reach.

    Args:
        loss: That of this process's part of the batch; the mean over all processes is that of the batch.
        parameters: The same in every process.
        retain_graph: As in `torch.autograd.grad`.
        create_graph: Let the gradient be differentiated, through the other processes too.
    """
    found = torch.autograd.grad(
        loss, list(parameters), retain_graph=retain_graph, create_graph=create_graph, allow_unused=True
    )
    return mean_of_gradients(
        [torch.zeros_like(p) if g is None else g for g, p in zip(found, parameters, strict=True)]
    )


def present(outputs: Outputs) -> list[Tensor]:
    """Return the outputs that the network has."""
    return [value for value in outputs if value is not None]


def map_outputs(function: Callable[..., Tensor], *outputs: Outputs) -> Outputs:
    """Apply a function to each output, or to each pair of two sets of outputs; absent ones stay None."""
    values = [None if parts[0] is None else function(*parts) for parts in zip(*outputs, strict=True)]
    return type(outputs[0])(*values)  # type: ignore[arg-type]


class Direction(NamedTuple):
    """Where the weighted gradient should go for the validation loss, seen from theta.

    Attributes:
        tangents: ``(d theta* / d gradient)^T grad L_val(theta*)``, by parameter name. The derivative of a
            training loss along it is the derivative of the validation loss by that loss's weight.
        validation_loss: ``L_val(theta*)``, detached.
    """

    tangents: dict[str, Tensor]
    validation_loss: Tensor


def validation_direction(
    problem: BilevelProblem, parameters: dict[str, nn.Parameter], step: InnerStep
) -> Direction:
    """Differentiate the validation loss at theta* and pull its gradient back to theta.

    Several validation batches are judged one after the other, so that one graph is held at a time.
    """
    at_displaced = dict(zip(parameters, step.displaced, strict=True))
    losses: list[Tensor] = []
    total: list[Tensor] = []
    for images, loss_of in problem.judged:
        with frozen_running_statistics(problem.network):
            outputs = functional_call(problem.network, at_displaced, (images,))
        loss = loss_of(outputs) / len(problem.judged)
        del outputs
        slopes = list(gradients_of(loss, step.displaced))
        total = list(torch._foreach_add(total, slopes)) if total else slopes
        losses.append(loss.detach())
    with torch.no_grad():
        pulled = step.pull_back(total)
    return Direction(dict(zip(parameters, pulled, strict=True)), torch.stack(losses).sum())


def chain_into_meta_parameters(
    problem: BilevelProblem, outputs: Outputs, tangents: Outputs
) -> tuple[tuple[Tensor, ...], Tensor]:
    """Return ``d L_val / d psi`` and ``d L_val / d weights`` from the outputs' tangents.

    The derivative of the weighted training loss along the direction, seen as a function of psi, is all
    that is needed. Two gradients through losses and weights give it, and these start at the outputs:
    the network is not part of the graph. Weights that read features without detaching them are served too.

    Args:
        problem: The bilevel problem.
        outputs: Outputs of the training pictures at theta.
        tangents: Their derivatives along the direction.
    """
    with torch.enable_grad():
        leaves = map_outputs(lambda value: widen(value.detach()).requires_grad_(), outputs)
        losses = problem.losses(leaves)
        weights = problem.weights(leaves)
        # Added to the weights, so that its gradient is the one by the weights alone.
        probe = torch.zeros_like(weights, requires_grad=True)
        total = weighted_sum(weights + probe, losses)
        used = present(leaves)
        along = [tangent.to(leaf.dtype) for leaf, tangent in zip(used, present(tangents), strict=True)]
        slopes = torch.autograd.grad(total, used, create_graph=True, allow_unused=True)
        products = [(s * t).sum() for s, t in zip(slopes, along, strict=True) if s is not None]
        *meta, per_loss = torch.autograd.grad(products, [*problem.meta_parameters, probe])
    return whole_gradients(meta, per_loss)


def whole_gradients(meta: Sequence[Tensor], per_loss: Tensor) -> tuple[tuple[Tensor, ...], Tensor]:
    """Return the gradients by psi and by this process's weights that the whole batch gives.

    Args:
        meta: What autograd gives each process by psi, which all of them have.
        per_loss: What it gives by weights that no other process has: the sum over the processes' losses.
    """
    return mean_of_gradients(meta), per_loss / size_of_batch(1)
