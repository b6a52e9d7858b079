"""Manual tangents: all per-sample products from activations already at hand. The default."""

from __future__ import annotations

from dataclasses import dataclass

from metafacs.hypergradient.phases import (
    base_parameters,
    chain_into_meta_parameters,
    inner_gradients,
    validation_direction,
)
from metafacs.hypergradient.problem import BilevelProblem, MetaGradient
from metafacs.hypergradient.randomness import RandomState
from metafacs.hypergradient.recording import record
from metafacs.hypergradient.statistics import frozen_running_statistics


@dataclass(frozen=True)
class Tangent:
    """Exact; pushes tangents through a recorded forward pass, two convolutions per layer, no primal again.

    Serves every network that torch.fx can read. Layers with a rule in `tangent_rules` are fast, others
    go through torch's forward mode one by one.

    Attributes:
        reuse_graph: Run the training pictures once and keep their graph during the validation pass:
            one forward pass less, more memory. Otherwise the graph is dropped and built anew.
    """

    reuse_graph: bool = False

    def __call__(self, problem: BilevelProblem) -> MetaGradient:
        """Return the meta gradient by tangents along the validation direction."""
        parameters = base_parameters(problem.network)
        theta = list(parameters.values())
        randomness = RandomState.capture(problem.images.device)
        if self.reuse_graph:
            recording = record(problem.network, problem.images)
            losses, gradients = inner_gradients(problem, recording.outputs, theta, retain_graph=True)
            direction = validation_direction(problem, parameters, gradients)
            del gradients
        else:
            with frozen_running_statistics(problem.network):
                outputs = problem.network(problem.images)
            _, gradients = inner_gradients(problem, outputs, theta, retain_graph=False)
            del outputs
            direction = validation_direction(problem, parameters, gradients)
            del gradients
            with randomness.replayed():
                recording = record(problem.network, problem.images)
            losses = problem.losses(recording.outputs)
        tangents = recording.tangents(direction.tangents)
        meta, per_loss = chain_into_meta_parameters(problem, recording.outputs, tangents)
        return MetaGradient(meta, recording.outputs, losses, direction.validation_loss, per_loss)
