"""Forward mode: all per-sample products from one pass of torch's own forward differentiation."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.autograd.forward_ad as forward_ad
from torch import Tensor, nn
from torch.func import functional_call

from metafacs.hypergradient.dual_level import quiet_dual_level
from metafacs.hypergradient.phases import (
    base_parameters,
    chain_into_meta_parameters,
    inner_step,
    map_outputs,
    validation_direction,
)
from metafacs.hypergradient.problem import BilevelProblem, MetaGradient
from metafacs.hypergradient.randomness import RandomState
from metafacs.hypergradient.statistics import frozen_running_statistics
from metafacs.models.networks import Outputs


@dataclass(frozen=True)
class ForwardMode:
    """Exact for any network whose operations have a forward derivative; no double graph.

    Not among them: flash attention on CPUs, LSTM, grid_sample, autograd Functions without ``jvp``.
    The training pass keeps its graph for the base-learning step.
    """

    def __call__(self, problem: BilevelProblem) -> MetaGradient:
        """Return the meta gradient by one forward-mode pass along the validation direction.

        Raises:
            ValueError: If an operation has no forward derivative.
        """
        parameters = base_parameters(problem.network)
        randomness = RandomState.capture(problem.images.device)
        outputs = problem.network(problem.images)
        step = inner_step(problem, outputs, list(parameters.values()), retain_graph=True)
        direction = validation_direction(problem, parameters, step)
        with randomness.replayed():
            tangents = output_tangents(problem.network, problem.images, parameters, direction.tangents)
        meta, per_loss = chain_into_meta_parameters(problem, outputs, tangents)
        return MetaGradient(meta, outputs, step.losses, direction.validation_loss, per_loss)


def output_tangents(
    network: nn.Module, images: Tensor, parameters: dict[str, nn.Parameter], tangents: dict[str, Tensor]
) -> Outputs:
    """Return the derivative of the network's outputs along ``tangents`` of its parameters."""
    with torch.no_grad(), frozen_running_statistics(network), quiet_dual_level():
        duals = {name: forward_ad.make_dual(p.detach(), tangents[name]) for name, p in parameters.items()}
        outputs = functional_call(network, duals, (images,))
        return map_outputs(_tangent_of, outputs)


def _tangent_of(value: Tensor) -> Tensor:
    primal, tangent = forward_ad.unpack_dual(value)
    return torch.zeros_like(primal) if tangent is None else tangent
