"""Manual tangents: all per-sample products from activations already at hand. The default."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from metafacs.hypergradient.phases import (
    base_parameters,
    chain_into_meta_parameters,
    inner_step,
    validation_direction,
)
from metafacs.hypergradient.problem import BilevelProblem, MetaGradient
from metafacs.hypergradient.randomness import RandomState
from metafacs.hypergradient.recording import Recording
from metafacs.hypergradient.statistics import frozen_running_statistics


@dataclass(frozen=True)
class Tangent:
    """Exact; pushes tangents through a recorded forward pass, two convolutions per layer, no primal again.

    Serves every network that torch.fx can read. Layers with a rule in `tangent_rules` are fast, others, and
    layers with hooks, go through torch's forward mode one by one.

    Attributes:
        kept: Share of what is held of the training pictures that stays during the validation pass, from the
            network's end backwards. What comes before is let go of and computed once more. The last layers
            hold little and compute as much as the first: on ResNet-18 (64 px, 64 + 64 + 256) a quarter saves
            more than half of that second pass.
    """

    kept: float = 0.25

    def __call__(self, problem: BilevelProblem) -> MetaGradient:
        """Return the meta gradient by tangents along the validation direction.

        Raises:
            ValueError: If torch.fx cannot read the network, or an operation has neither a rule nor a forward
                derivative.
        """
        device = problem.images.device
        if torch.is_autocast_enabled(device.type):
            return self._narrow(problem)
        parameters = base_parameters(problem.network)
        recording = Recording(problem.network, problem.images)
        step = inner_step(problem, recording.outputs, list(parameters.values()), retain_graph=True)
        losses = step.losses
        recording.forget(self.kept)
        direction = validation_direction(problem, parameters, step)
        del step
        recording.recall()
        tangents = recording.tangents(direction.tangents)
        meta, per_loss = chain_into_meta_parameters(problem, recording.outputs, tangents)
        return MetaGradient(meta, recording.outputs, losses, direction.validation_loss, per_loss)

    def _narrow(self, problem: BilevelProblem) -> MetaGradient:
        """Return the same under autocast.

        Where tangents are taken is recorded in float32, in a pass without a graph: it is what rounding harms
        most (a cosine of .998 on noise), while tangents in half precision cost nothing (.999998). All else,
        base-learning too, is computed as autocast has it.
        """
        device = problem.images.device
        parameters = base_parameters(problem.network)
        theta = list(parameters.values())
        randomness = RandomState.capture(device)
        outputs = problem.network(problem.images) if self.kept == 1 else None
        if outputs is None:
            with frozen_running_statistics(problem.network):
                first = problem.network(problem.images)
            step = inner_step(problem, first, theta, retain_graph=False)
            del first
        else:
            step = inner_step(problem, outputs, theta, retain_graph=True)
        losses, direction = step.losses, validation_direction(problem, parameters, step)
        del step
        with (
            torch.no_grad(),
            torch.autocast(device.type, enabled=False),
            frozen_running_statistics(problem.network),
            randomness.replayed(),
        ):
            recording = Recording(problem.network, problem.images)
        tangents = recording.tangents(direction.tangents)
        meta, per_loss = chain_into_meta_parameters(problem, recording.outputs, tangents)
        del recording, tangents
        if outputs is None:
            with randomness.replayed():
                outputs = problem.network(problem.images)
            losses = problem.losses(outputs)
        return MetaGradient(meta, outputs, losses, direction.validation_loss, per_loss)
