"""The inner step a torch optimiser would make now, with its momentum and moments as they are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from metafacs.hypergradient.updates import AdamStep, ElementwiseStep, ElementwiseUpdate, SGDStep


def update_rule_of(optimizer: torch.optim.Optimizer, parameters: Sequence[Tensor]) -> ElementwiseUpdate:
    """Return the step ``optimizer`` would make now with ``parameters``, each with its group's settings.

    State is referred to, not copied: build the rule anew in each iteration, before the real step.

    Args:
        optimizer: `torch.optim.SGD`, `torch.optim.Adam` or `torch.optim.AdamW`.
        parameters: Theta in the order of the network's parameters that require gradients.

    Raises:
        ValueError: If the optimiser is of another kind, uses an option that has no rule here, or does
            not hold one of the parameters.
    """
    if not isinstance(optimizer, torch.optim.SGD | torch.optim.Adam | torch.optim.AdamW):
        raise ValueError(
            f"no inner step is known for {type(optimizer).__name__}; use SGD, Adam or AdamW for the base "
            "net, or PlainSGD as the inner step"
        )
    groups = {parameter: group for group in optimizer.param_groups for parameter in group["params"]}
    steps = []
    for position, parameter in enumerate(parameters):
        if parameter not in groups:
            raise ValueError(
                f"the optimiser does not hold parameter {position} of the network; add it to a group"
            )
        steps.append(_step_of(optimizer, groups[parameter], optimizer.state.get(parameter, {})))
    return ElementwiseUpdate(tuple(steps))


def _step_of(
    optimizer: torch.optim.Optimizer, group: dict[str, Any], state: dict[str, Any]
) -> ElementwiseStep:
    for option in ("maximize", "amsgrad"):
        if group.get(option):
            raise ValueError(
                f"no inner step is known for {type(optimizer).__name__} with {option}=True; switch it off"
            )
    if isinstance(optimizer, torch.optim.SGD):
        return SGDStep(
            learning_rate=float(group["lr"]),
            momentum=group["momentum"],
            dampening=group["dampening"],
            nesterov=group["nesterov"],
            weight_decay=group["weight_decay"],
            buffer=state.get("momentum_buffer"),
        )
    return AdamStep(
        learning_rate=float(group["lr"]),
        betas=(float(group["betas"][0]), float(group["betas"][1])),
        epsilon=group["eps"],
        weight_decay=group["weight_decay"],
        decoupled=isinstance(optimizer, torch.optim.AdamW) or bool(group.get("decoupled_weight_decay")),
        steps=int(state.get("step", 0)),
        first=state.get("exp_avg"),
        second=state.get("exp_avg_sq"),
    )
