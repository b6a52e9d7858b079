"""The lower baseline of domain adaptation: trained on the source pictures, tried on the target ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

import torch
from torch import Tensor

from metafacs.batch import Batch
from metafacs.losses.action_units import action_unit_loss, occurrence_rates, rate_balanced_weights
from metafacs.methods.adversarial_separation import TASK_OPTIMIZER
from metafacs.methods.base import DETECTION, Diagnostic, OptimizerSpec, Prediction, SingleLossMethod
from metafacs.models.branched_net import BranchedNet


class SourceOnly(SingleLossMethod):
    """ADLD's feature extractor and AU branches, trained on source pictures alone.

    Args:
        aus: FACS numbers to detect.
        width: Channels of the first module, 32 in ADLD; all other widths follow.
    """

    streams: ClassVar[tuple[str, ...]] = ("source",)
    au_weights: Tensor

    def __init__(self, aus: Sequence[int], *, width: int = 32) -> None:
        super().__init__(aus)
        self.network = BranchedNet(self.aus, width)
        self.register_buffer("au_weights", torch.ones(len(self.aus)))

    def observe_labels(self, labels: Mapping[str, Tensor]) -> None:
        """Weigh each AU inversely to how often it occurs in the source pictures."""
        self.au_weights.copy_(rate_balanced_weights(occurrence_rates(labels["source"])))

    def optimizers(self) -> dict[str, OptimizerSpec]:
        """Return ADLD's Adam for feature extractor and AU branches."""
        return {"base": TASK_OPTIMIZER}

    def diagnostics(self, size: int) -> tuple[Diagnostic, ...]:
        """Return the AU loss."""
        return (DETECTION,)

    def losses(self, batches: Mapping[str, Batch]) -> dict[str, Tensor]:
        """Return the weighted AU loss of the ``source`` batch."""
        source = batches["source"]
        logits = self.network(source.images)
        losses = action_unit_loss(
            logits, source.require("action_units"), reduction="mean", au_weights=self.au_weights
        )
        return {"loss_action_units": losses.mean()}

    def predict(self, images: Tensor) -> Prediction:
        """Return AU probabilities, ``batch x au``."""
        return Prediction(self.network(images).sigmoid())
