"""A control of MAML-AU's baseline: batch normalisation sees one person at a time, as it does at test."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import torch
from torch import Tensor
from torch.nn import functional

from metafacs.batch import Batch
from metafacs.methods.base import Stepper
from metafacs.methods.few_shot import FewShotLearner, Parameters


class AnyAUByPerson(FewShotLearner):
    """The baseline whose batches are sets of one person, each normalised by its own statistics.

    It is trained on the task of the baseline (section 3.3 of Lee et al., MAML-AU) without episodes, but what
    its batch normalisation meets in training is what it meets at test: a small balanced set of one person.
    What it gains on the baseline is not owed to meta-learning. Its options are those of
    :class:`FewShotLearner`.
    """

    streams: ClassVar[tuple[str, ...]] = ("any_au_by_person",)
    normalises_apart: ClassVar[bool] = True

    def step_sizes(self) -> Mapping[str, float | Tensor]:
        """Return alpha for every parameter."""
        return dict.fromkeys(dict(self.network.named_parameters()), self.inner_rate)

    def update(self, batches: Mapping[str, Batch], step: Stepper) -> dict[str, Tensor]:
        """Take one step on the mean cross-entropy of the sets."""
        batch = batches["any_au_by_person"]
        targets = batch.require("action_units").squeeze(1)
        parameters: Parameters = dict(self.network.named_parameters())
        logits = torch.cat([self.logits(parameters, images) for images in batch.images.split(4 * self.shots)])
        loss = functional.binary_cross_entropy_with_logits(logits, targets)
        step.descend(loss, "base")
        return {"loss": loss.detach(), "accuracy": ((logits > 0) == (targets > 0)).float().mean()}
