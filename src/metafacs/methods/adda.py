"""Adversarial discriminative domain adaptation (ADDA): a second extractor made to look like the first."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import ClassVar

import torch
import torch.nn.functional as F  # noqa: N812 (the name everyone reads)
from torch import Tensor, nn

from metafacs.batch import Batch
from metafacs.losses.action_units import action_unit_loss, occurrence_rates, rate_balanced_weights
from metafacs.methods.adversarial_separation import ADVERSARY_OPTIMIZER
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
from metafacs.models.dual_domain import Domain
from metafacs.models.landmark_branch import FeatureExtractor


class ADDA(Method):
    """Source extractor and detector first; then a target extractor against a domain discriminator.

    Implements Tzeng et al. 2017, "Adversarial Discriminative Domain Adaptation", on the networks of ADLD as
    in the comparison of Shang & Liu: E_f, E_au, and D_d as the discriminator. Differs from the paper: both
    stages are parts of one run, and there are three Adams. That of the source is the one of the tasks in the
    other methods of that comparison at a constant rate, those of the two players are ADLD's for adversaries.
    Their rates fall with the whole run, not with their stage: by default they begin at three quarters.

    Args:
        aus: FACS numbers to detect.
        width: Channels of the first module, 32 in ADLD; all other widths follow.
        source_share: Share of the iterations spent on the source; the rest adapts.
        domain: Which pictures :meth:`predict` expects: ``target`` or ``source`` ones.
    """

    streams: ClassVar[tuple[str, ...]] = ("source", "target")
    au_weights: Tensor
    adapting: Tensor

    def __init__(
        self,
        aus: Sequence[int],
        *,
        width: int = 32,
        source_share: float = 0.5,
        domain: Domain = "target",
    ) -> None:
        super().__init__(aus)
        self.source_share, self.domain = source_share, domain
        self.network = BranchedNet(self.aus, width)
        self.target_extractor = FeatureExtractor(width)
        self.discriminator = DomainDiscriminator(2 * width)
        self.register_buffer("au_weights", torch.ones(len(self.aus)))
        self.register_buffer("adapting", torch.tensor(False))
        self._begun = False

    def observe_labels(self, labels: Mapping[str, Tensor]) -> None:
        """Weigh each AU inversely to how often it occurs in the source pictures."""
        self.au_weights.copy_(rate_balanced_weights(occurrence_rates(labels["source"])))

    def parameter_groups(self) -> dict[str, list[nn.Parameter]]:
        """Return what the first stage trains as ``source`` and the two players of the second."""
        return {
            "source": list(self.network.parameters()),
            "target": list(self.target_extractor.parameters()),
            "discriminator": list(self.discriminator.parameters()),
        }

    def optimizers(self) -> dict[str, OptimizerSpec]:
        """Return ADLD's Adams for tasks, at a constant rate, and for adversaries."""
        return {
            "source": OptimizerSpec("adam", lr=1e-4, weight_decay=0.0, betas=(0.95, 0.999)),
            "target": ADVERSARY_OPTIMIZER,
            "discriminator": ADVERSARY_OPTIMIZER,
        }

    def diagnostics(self, size: int) -> tuple[Diagnostic, ...]:
        """Return the AU loss as the first stage ends, and the state of the game as the second does."""
        chance = math.log(2)
        return (
            replace(DETECTION, until=self.source_share),
            Diagnostic(
                "loss_domain_discriminator",
                "domain discriminator's loss",
                chance,
                "near 0 it is hardly ever wrong",
            ),
            Diagnostic(
                "loss_domain",
                "target extractor's loss against it",
                chance,
                "far above chance it never passes",
            ),
        )

    def update(self, batches: Mapping[str, Batch], step: Stepper) -> dict[str, Tensor]:
        """Run one iteration of the stage that training is in."""
        if step.progress < self.source_share:
            losses = self._learn_source(batches["source"], step)
        else:
            losses = self._adapt(batches["source"], batches["target"], step)
        # Curves have a value at every iteration; the other stage's losses are no part of this one.
        names = ("loss_action_units", "loss_domain_discriminator", "loss_domain")
        return {name: losses.get(name, self.au_weights.new_zeros(())).detach() for name in names}

    def _learn_source(self, source: Batch, step: Stepper) -> dict[str, Tensor]:
        logits = self.network(source.images)
        losses = action_unit_loss(
            logits, source.require("action_units"), reduction="mean", au_weights=self.au_weights
        )
        named = {"loss_action_units": losses.mean()}
        step.descend(total_loss(named), "source")
        return named

    def _adapt(self, source: Batch, target: Batch, step: Stepper) -> dict[str, Tensor]:
        if not self._begun:  # the buffer would have to be waited for each time
            if not self.adapting:
                self.target_extractor.load_state_dict(self.network.extractor.state_dict())
                self.adapting.fill_(True)
            self._begun = True
        # The source network is finished: it works as it will at test time.
        self.network.eval()
        with torch.no_grad():
            reference = self.network.extractor(source.images)
        features = self.target_extractor(target.images)

        real, generated = self.discriminator(reference), self.discriminator(features.detach())
        told = {"loss_domain_discriminator": (_entropy(real, 1.0) + _entropy(generated, 0.0)) / 2}
        step.descend(total_loss(told), "discriminator")

        # Inverted labels: target features pass for source ones.
        fooled = {"loss_domain": _entropy(self.discriminator(features), 1.0)}
        step.descend(total_loss(fooled), "target")
        return {**told, **fooled}

    def predict(self, images: Tensor) -> Prediction:
        """Return AU probabilities, ``batch x au``; until adaptation begins every picture is a source one."""
        adapted = self.domain == "target" and bool(self.adapting)
        extractor = self.target_extractor if adapted else self.network.extractor
        return Prediction(self.network.detector(extractor(images)).sigmoid())


def _entropy(scores: Tensor, label: float) -> Tensor:
    return F.binary_cross_entropy_with_logits(scores, torch.full_like(scores, label))
