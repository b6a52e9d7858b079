"""Double backward: differentiate through the inner step's graph. The reference."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch.func import functional_call

from metafacs.hypergradient.phases import base_parameters, gradients_of, weighted_sum, whole_gradients
from metafacs.hypergradient.problem import BilevelProblem, MetaGradient
from metafacs.hypergradient.statistics import frozen_running_statistics


@dataclass(frozen=True)
class DoubleBackward:
    """Exact, with no assumption on the network; the slowest and the hungriest.

    Records the inner gradient as a graph (``create_graph``) and differentiates the validation loss
    through it. The forward pass is shared with the base-learning step.
    """

    def __call__(self, problem: BilevelProblem) -> MetaGradient:
        """Return the meta gradient by a gradient through the gradient."""
        parameters = base_parameters(problem.network)
        theta = list(parameters.values())
        outputs = problem.network(problem.images)
        losses = problem.losses(outputs)
        weights = problem.weights(outputs)
        gradients = gradients_of(weighted_sum(weights, losses), theta, create_graph=True)
        displaced = problem.update.displace(theta, gradients)
        theta_star = dict(zip(parameters, displaced, strict=True))
        with frozen_running_statistics(problem.network):
            found = [
                loss_of(functional_call(problem.network, theta_star, (images,)))
                for images, loss_of in problem.judged
            ]
        validation_loss = torch.stack(found).mean()
        *meta, per_loss = torch.autograd.grad(
            validation_loss, [*problem.meta_parameters, weights], retain_graph=True
        )
        psi, by_weights = whole_gradients(meta, per_loss)
        return MetaGradient(psi, outputs, losses, validation_loss.detach(), by_weights)
