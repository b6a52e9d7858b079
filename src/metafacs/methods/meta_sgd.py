"""Meta-SGD, a control of MAML-AU: the step size of every single parameter is learned too."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from metafacs.methods.few_shot import MetaLearner
from metafacs.models.backbones import FEW_SHOT_BACKBONE, Backbone


class MetaSGD(MetaLearner):
    """MAML with as many step sizes as parameters, learned with them by the same optimiser.

    Implements Li et al., "Meta-SGD: Learning to Learn Quickly for Few-Shot Learning", 2017, on the episodes
    of MAML-AU: ``theta_i = theta - alpha o grad L(theta)`` with a learned vector alpha, whose elements may
    become negative.

    Args:
        aus: FACS numbers it is trained on.
        backbone: Which backbone, and with which weights it starts.
        inner_rate: Where every step size starts.
        shots: N, positive pictures per half of an episode; as many negative ones.
        steps: Gradient steps per task in training.
        second_order: Differentiate through the inner gradient.
    """

    def __init__(
        self,
        aus: Sequence[int],
        *,
        backbone: Backbone = FEW_SHOT_BACKBONE,
        inner_rate: float = 0.03,
        shots: int = 5,
        steps: int = 1,
        second_order: bool = True,
    ) -> None:
        super().__init__(
            aus,
            backbone=backbone,
            inner_rate=inner_rate,
            shots=shots,
            steps=steps,
            second_order=second_order,
        )
        self.rates = nn.ParameterList(
            nn.Parameter(torch.full_like(parameter, inner_rate)) for parameter in self.network.parameters()
        )

    def step_sizes(self) -> Mapping[str, float | Tensor]:
        """Return a learned tensor of step sizes for every parameter."""
        names = (name for name, _ in self.network.named_parameters())
        return dict(zip(names, self.rates, strict=True))
