"""The baseline of MAML-AU: the same network trained as usual to tell whether any action unit is present."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from torch import Tensor
from torch.nn import functional

from metafacs.batch import Batch
from metafacs.hypergradient.statistics import frozen_running_statistics
from metafacs.methods.base import Stepper
from metafacs.methods.few_shot import FewShotLearner


class AnyAU(FewShotLearner):
    """One classifier for the whole training set without tasks; adapted afterwards exactly as MAML is.

    Implements section 3.3 of Lee et al. (MAML-AU): a picture is positive if any of the training AUs is
    present; its options are those of :class:`FewShotLearner`. Differs from the paper where it is silent:
    half of every batch is positive (section 4.1.4 asks for balance, and nearly every picture of BP4D is
    positive), and the optimiser is that of MAML.
    """

    streams: ClassVar[tuple[str, ...]] = ("any_au",)

    def step_sizes(self) -> Mapping[str, float | Tensor]:
        """Return alpha for every parameter."""
        return dict.fromkeys(dict(self.network.named_parameters()), self.inner_rate)

    def update(self, batches: Mapping[str, Batch], step: Stepper) -> dict[str, Tensor]:
        """Take one step on the cross-entropy of a balanced batch."""
        batch = batches["any_au"]
        targets = batch.require("action_units").squeeze(1)
        with frozen_running_statistics(self.network):
            logits = self.network(batch.images).action_units.squeeze(1)
        loss = functional.binary_cross_entropy_with_logits(logits, targets)
        step.descend(loss, "base")
        return {"loss": loss.detach(), "accuracy": ((logits > 0) == (targets > 0)).float().mean()}
