"""Domain-adversarial training (DANN): features that a domain classifier cannot tell apart."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import ClassVar

import torch
import torch.nn.functional as F  # noqa: N812 (the name everyone reads)
from torch import Tensor, nn

from metafacs.batch import Batch
from metafacs.losses.action_units import action_unit_loss, occurrence_rates, rate_balanced_weights
from metafacs.methods.adversarial_separation import TASK_OPTIMIZER
from metafacs.methods.base import (
    DETECTION,
    Diagnostic,
    Method,
    OptimizerSpec,
    Prediction,
    Stepper,
    total_loss,
)
from metafacs.models.branched_net import BranchedNet
from metafacs.models.discriminators import DomainDiscriminator
from metafacs.models.gradient_reversal import reverse_gradient


class DANN(Method):
    """One feature extractor for both domains, driven against a domain classifier by gradient reversal.

    Implements Ganin et al. 2016, "Domain-Adversarial Training of Neural Networks", on the networks of ADLD
    as in the comparison of Shang & Liu: E_f, E_au, and D_d as the domain classifier. Differs from the paper:
    the Adam that ``source_only`` has, for the classifier too, so that only the adaptation differs.

    Args:
        aus: FACS numbers to detect.
        width: Channels of the first module, 32 in ADLD; all other widths follow.
    """

    streams: ClassVar[tuple[str, ...]] = ("source", "target")
    au_weights: Tensor

    def __init__(self, aus: Sequence[int], *, width: int = 32) -> None:
        super().__init__(aus)
        self.network = BranchedNet(self.aus, width)
        self.discriminator = DomainDiscriminator(2 * width)
        self.register_buffer("au_weights", torch.ones(len(self.aus)))

    def observe_labels(self, labels: Mapping[str, Tensor]) -> None:
        """Weigh each AU inversely to how often it occurs in the source pictures."""
        self.au_weights.copy_(rate_balanced_weights(occurrence_rates(labels["source"])))

    def parameter_groups(self) -> dict[str, list[nn.Parameter]]:
        """Return one group: the reversed gradient makes one descent of the game."""
        return {"base": list(self.parameters())}

    def optimizers(self) -> dict[str, OptimizerSpec]:
        """Return ADLD's Adam for feature extractor and AU branches."""
        return {"base": TASK_OPTIMIZER}

    def diagnostics(self, size: int) -> tuple[Diagnostic, ...]:
        """Return the AU loss and the state of the game."""
        classifier = Diagnostic(
            "loss_domain",
            "domain classifier's loss",
            math.log(2),
            "near 0 the domains are told apart; at chance they are not",
        )
        return DETECTION, classifier

    def update(self, batches: Mapping[str, Batch], step: Stepper) -> dict[str, Tensor]:
        """Descend the AU loss of the source and the domain loss of both, reversed into the features."""
        source, target = batches["source"], batches["target"]
        features = self.network.extractor(torch.cat([source.images, target.images]))
        logits = self.network.detector(features[: len(source)])
        action_units = action_unit_loss(
            logits, source.require("action_units"), reduction="mean", au_weights=self.au_weights
        )
        scores = self.discriminator(reverse_gradient(features, reversal_strength(step.progress)))
        is_source = (torch.arange(len(scores), device=scores.device) < len(source)).to(scores.dtype)
        losses = {
            "loss_action_units": action_units.mean(),
            "loss_domain": F.binary_cross_entropy_with_logits(scores, is_source),
        }
        step.descend(total_loss(losses), "base")
        return {name: loss.detach() for name, loss in losses.items()}

    def predict(self, images: Tensor) -> Prediction:
        """Return AU probabilities, ``batch x au``."""
        return Prediction(self.network(images).sigmoid())


def reversal_strength(progress: float) -> float:
    """Return lambda_p = 2 / (1 + exp(-10 p)) - 1, which rises from 0 to 1; p -> progress in [0, 1].

    >>> [round(reversal_strength(p), 3) for p in (0.0, 0.1, 0.5, 1.0)]
    [0.0, 0.462, 0.987, 1.0]
    """
    return 2 / (1 + math.exp(-10 * progress)) - 1
