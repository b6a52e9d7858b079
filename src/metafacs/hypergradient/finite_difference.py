"""Finite difference: the directional derivative from one more forward pass. An approximation."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch.func import functional_call

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


def check_precision(*, half: bool, tf32: bool) -> None:
    """Fail where numbers are too coarse for a finite difference.

    Args:
        half: Whether networks compute in half precision.
        tf32: Whether they multiply with the 10 bits of TF32.

    Raises:
        ValueError: If either is so.
    """
    if half:
        raise ValueError(
            "a finite difference vanishes between two numbers in half precision; train with --precision "
            "32-true or choose another estimator"
        )
    if tf32:
        raise ValueError(
            "a finite difference vanishes between two numbers of TF32, which have 10 bits; train with "
            "--computing.tf32 false (in Python: torch.backends.cuda.matmul.allow_tf32 and "
            "torch.backends.cudnn.allow_tf32) or choose another estimator"
        )


@dataclass(frozen=True)
class FiniteDifference:
    """One-sided difference of the outputs along the validation direction; not exact.

    Attributes:
        step: Length of the displacement of theta, as an L2 norm over all parameters. Relative error
            about .006 at the default in float32, .2 at the .01 that DARTS uses.
    """

    step: float = 1e-4

    def __call__(self, problem: BilevelProblem) -> MetaGradient:
        """Return the meta gradient from outputs at theta and a little further along the direction.

        Raises:
            ValueError: Under autocast, or where an NVIDIA GPU computes float32 as TF32.
        """
        device = problem.images.device
        switches = torch.backends.cuda.matmul, torch.backends.cudnn
        check_precision(
            half=torch.is_autocast_enabled(device.type),
            tf32=device.type == "cuda"
            and problem.images.dtype == torch.float32
            and any(switch.allow_tf32 for switch in switches),
        )
        parameters = base_parameters(problem.network)
        randomness = RandomState.capture(device)
        outputs = problem.network(problem.images)
        step = inner_step(problem, outputs, list(parameters.values()), retain_graph=True)
        direction = validation_direction(problem, parameters, step)
        with torch.no_grad():
            tangents = list(direction.tangents.values())
            norm = torch.stack(torch._foreach_norm(tangents)).norm().item()
            scale = self.step / norm if norm > 0 else 1.0
            moved = torch._foreach_add(list(parameters.values()), tangents, alpha=scale)
            with randomness.replayed(), frozen_running_statistics(problem.network):
                further = functional_call(
                    problem.network, dict(zip(parameters, moved, strict=True)), (problem.images,)
                )
            slopes = map_outputs(lambda far, near: (far - near) / scale, further, outputs)
        meta, per_loss = chain_into_meta_parameters(problem, outputs, slopes)
        return MetaGradient(meta, outputs, step.losses, direction.validation_loss, per_loss)
