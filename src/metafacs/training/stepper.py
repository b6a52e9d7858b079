"""The stepper: the only thing that changes parameters."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from metafacs.hypergradient.optimizers import update_rule_of
from metafacs.hypergradient.phases import gradients_of
from metafacs.hypergradient.updates import ElementwiseStep, ElementwiseUpdate, SGDStep, UpdateRule
from metafacs.methods.base import DivergedError, OptimizerSpec
from metafacs.ranks import mean_over_ranks
from metafacs.training.loss_scaling import LossScale

_NEVER = 2**62
"""Stands for an iteration that has not come."""


class OptimizerStepper:
    """Owns the optimisers of a method's parameter groups and their schedules.

    Args:
        groups: Group name -> parameters; those that require no gradients stay as they are, and so does a
            group of nothing else.
        specs: Group name -> how to step it; must name the same groups.
        iterations: Length of the schedules.
        looks_at_once: Whether every gradient is looked at before it is used. A GPU would have to be waited
            for: there it is noted on the device, and :meth:`check` looks.
        scale: Factor of losses in half precision; None in other precisions.

    Raises:
        ValueError: If the groups and the specs do not match, or every parameter is frozen.
    """

    def __init__(
        self,
        groups: Mapping[str, Sequence[nn.Parameter]],
        specs: Mapping[str, OptimizerSpec],
        iterations: int,
        *,
        looks_at_once: bool = True,
        scale: LossScale | None = None,
    ) -> None:
        if set(groups) != set(specs):
            raise ValueError(
                f"optimizers are given for {sorted(specs)} but the method has groups {sorted(groups)}"
            )
        self._parameters = {name: [p for p in group if p.requires_grad] for name, group in groups.items()}
        if not any(self._parameters.values()):
            raise ValueError("every parameter is frozen; unfreeze those that training shall change")
        self._specs = dict(specs)
        self._iterations = iterations
        self.optimizers = {name: _build(self._parameters[name], spec) for name, spec in specs.items()}
        self.iteration = 0
        self.scale = scale
        self._looks_at_once = looks_at_once
        self._first_unsound: dict[str, Tensor] = {}

    def start(self, iteration: int) -> None:
        """Set every learning rate for iteration number ``iteration`` (0-based)."""
        self.iteration = iteration
        for name, optimizer in self.optimizers.items():
            spec = self._specs[name]
            for group in optimizer.param_groups:
                group["lr"] = spec.lr * schedule_factor(spec.schedule, iteration, self._iterations)

    @property
    def progress(self) -> float:
        """Share of the iterations that are done, in [0, 1)."""
        return self.iteration / max(self._iterations, 1)

    def descend(self, loss: Tensor, *groups: str) -> None:
        """Take one optimiser step on each of ``groups`` down the gradient of ``loss``.

        Raises:
            DivergedError: If the loss or a gradient is not finite and is looked at at once; the parameters
                are unchanged then.
        """
        # A process that stopped alone would leave the others waiting: all look at the same number.
        if self._looks_at_once and not torch.isfinite(told := mean_over_ranks(loss.detach())):
            raise DivergedError(f"the loss of group {_named(groups)} is {told.item()}")
        self.apply(self.gradients(loss, self._parameters_of(groups)), *groups)

    def gradients(self, loss: Tensor, parameters: Sequence[nn.Parameter]) -> tuple[Tensor, ...]:
        """Return the gradient of ``loss`` over the whole batch, whichever process has which part of it.

        Zeros where it does not reach. Nothing is changed.
        """
        if not parameters:
            return ()
        if self.scale is None:
            return gradients_of(loss, parameters)
        return tuple(self.scale.restored(gradients_of(self.scale.enlarged(loss), parameters)))

    def apply(self, gradients: Sequence[Tensor], *groups: str) -> None:
        """Take one optimiser step on each of ``groups`` with the given gradients, one group after the other.

        There is a gradient for each parameter of the groups that requires one, and no step without any.

        Where losses are scaled, gradients that are too large for half precision move none of the groups: the
        scale is lowered for the next iteration, and this one counts, for schedules too, as one that is done.

        Raises:
            DivergedError: If a gradient is not finite and is looked at at once; the parameters are unchanged
                then.
        """
        if not gradients:
            return
        norm = torch.stack(torch._foreach_norm([gradient.detach() for gradient in gradients])).norm()
        if self.scale is not None:
            if not self.scale.fits(norm):
                return
        elif self._looks_at_once:
            if not torch.isfinite(norm):
                raise DivergedError(f"the gradient of group {_named(groups)} is not finite")
        else:
            self._note(norm, _named(groups))
        for parameter, gradient in zip(self._parameters_of(groups), gradients, strict=True):
            parameter.grad = gradient.detach()
        for group in groups:
            self.optimizers[group].step()
            self.optimizers[group].zero_grad(set_to_none=True)
        # Autocast keeps copies of the weights in half precision and does not see them change in place.
        torch.clear_autocast_cache()

    def check(self) -> None:
        """Look at the gradients since the last look, where they were not looked at at once.

        Raises:
            DivergedError: If one was not finite; the parameters are worth nothing then.
        """
        noted, self._first_unsound = self._first_unsound, {}
        for named, first in noted.items():
            if (iteration := int(first)) != _NEVER:
                raise DivergedError(
                    f"the gradient of group {named} was not finite in iteration {iteration + 1}, noticed"
                )

    def _note(self, norm: Tensor, named: str) -> None:
        """Note on the device in which iteration a norm was the first that is not finite."""
        now = torch.where(norm.isfinite(), _NEVER, self.iteration)
        before = self._first_unsound.get(named)
        self._first_unsound[named] = now if before is None else torch.minimum(before, now)

    def update_rule(self, *groups: str, plain: bool = False) -> UpdateRule:
        """Return the step that the optimisers of ``groups`` would take now, as a differentiable rule.

        It is for the parameters of the groups that require gradients, one after the other, each with its
        group's learning rate.
        """
        steps: list[ElementwiseStep] = []
        for group in groups:
            optimizer, parameters = self.optimizers[group], self._parameters[group]
            if plain:
                steps += [SGDStep(float(optimizer.param_groups[0]["lr"]))] * len(parameters)
            else:
                steps += update_rule_of(optimizer, parameters).steps
        return ElementwiseUpdate(tuple(steps))

    def _parameters_of(self, groups: Sequence[str]) -> list[nn.Parameter]:
        return [parameter for group in groups for parameter in self._parameters[group]]


def schedule_factor(schedule: str, iteration: int, iterations: int) -> float:
    """Return the factor of the highest learning rate at a 0-based iteration.

    Raises:
        ValueError: For an unknown schedule.

    >>> [round(schedule_factor("cosine", i, 4), 2) for i in range(4)]
    [1.0, 0.85, 0.5, 0.15]
    """
    progress = iteration / max(iterations, 1)
    if schedule == "constant":
        return 1.0
    if schedule == "cosine":
        return 0.5 * (1 + math.cos(math.pi * progress))
    if schedule == "one_cycle":
        warm = 0.3
        if progress < warm:
            return 0.04 + 0.96 * 0.5 * (1 - math.cos(math.pi * (progress + 1 / max(iterations, 1)) / warm))
        return 0.5 * (1 + math.cos(math.pi * (progress - warm) / (1 - warm)))
    if schedule == "flat_then_linear":
        return min(1.0, 1.5 * (1 - progress))
    if schedule == "halved":
        return 1.0 if progress < 0.5 else 0.5
    raise ValueError(
        f"unknown schedule '{schedule}'; choose constant, cosine, one_cycle, flat_then_linear or halved"
    )


def _named(groups: Sequence[str]) -> str:
    return " and ".join(f"'{group}'" for group in groups)


def _build(learned: list[nn.Parameter], spec: OptimizerSpec) -> torch.optim.Optimizer:
    parameters = [{"params": learned}]  # a group may have none
    if spec.name == "sgd":
        return torch.optim.SGD(parameters, lr=spec.lr, momentum=spec.momentum, weight_decay=spec.weight_decay)
    # A configuration file brings a list.
    betas = (spec.betas[0], spec.betas[1])
    if spec.name == "adam":
        return torch.optim.Adam(parameters, lr=spec.lr, betas=betas, weight_decay=spec.weight_decay)
    if spec.name == "adamw":
        return torch.optim.AdamW(parameters, lr=spec.lr, betas=betas, weight_decay=spec.weight_decay)
    raise ValueError(f"unknown optimizer '{spec.name}'; choose sgd, adam or adamw")
