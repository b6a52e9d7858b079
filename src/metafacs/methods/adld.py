"""ADLD: AU labels carried into the wild by exchanging the landmarks of features between two domains."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

import torch
from torch import Tensor, nn

from metafacs.batch import Batch
from metafacs.losses.action_units import action_unit_loss, occurrence_rates, rate_balanced_weights
from metafacs.losses.reconstruction import reconstruction_loss
from metafacs.methods.adversarial_separation import (
    ADVERSARY_OPTIMIZER,
    LANDMARKS,
    TASK_OPTIMIZER,
    GameWatch,
    detection_apart,
    discriminator_losses,
    game_diagnostics,
    inner_landmarks,
    label_cells,
    labelled_rows,
    paired,
    separation_losses,
)
from metafacs.methods.base import Diagnostic, Method, OptimizerSpec, Prediction, Stepper, total_loss
from metafacs.models.dual_domain import Domain, DualDomainNet, Reading

_WEIGHTS = {
    "loss_action_units": 1.0,
    "loss_cells": 0.6,
    "loss_mixed_cells": 0.6,
    "loss_uniformity": 400.0,
    "loss_domain": 1.2,
    "loss_cycle": 40.0,
    "loss_self": 3.0,
}


class ADLD(Method):
    """Landmarks of source features on the background of target features, with the source's AU labels.

    Implements Shao et al. 2022, "Unconstrained Facial Action Unit Detection via Latent Feature Domain", with
    the losses and weights of its published code. Differs from that code: the pictures of both domains go
    through the feature extractor in one pass, and original and mixed features through the AU branches, so
    that BatchNorm sees them together as its running statistics do; and learning rates fall as Shang & Liu
    print it, flat for a third of the iterations, then in a line to zero, where the code has them flat for
    five of ten epochs and falling from epoch to epoch, to a sixth in the last.

    Args:
        aus: FACS numbers to detect.
        width: Channels of the first module, 32 in the paper; all other widths follow.
        domain: Which pictures :meth:`predict` expects, ``target`` ones or ``source`` ones, which are read
            directly.
        read: How target pictures are read, from the ``reconstruction`` of their features or ``direct``.
        shift_to_centres: Move landmarks onto action units before they become cells.
        pseudo_labels: Learn from AU labels of target pictures as well; they must come from another detector.
    """

    streams: ClassVar[tuple[str, ...]] = ("source", "target")
    au_weights: Tensor

    def __init__(
        self,
        aus: Sequence[int],
        *,
        width: int = 32,
        domain: Domain = "target",
        read: Reading = "reconstruction",
        shift_to_centres: bool = True,
        pseudo_labels: bool = False,
    ) -> None:
        super().__init__(aus)
        self.domain, self.reading = domain, read
        self.shift_to_centres, self.pseudo_labels = shift_to_centres, pseudo_labels
        self.network = DualDomainNet(self.aus, width, LANDMARKS)
        self.watch = GameWatch()
        self.register_buffer("au_weights", torch.ones(len(self.aus)))

    def observe_labels(self, labels: Mapping[str, Tensor]) -> None:
        """Weigh each AU inversely to how often it occurs in the source pictures."""
        self.au_weights.copy_(rate_balanced_weights(occurrence_rates(labels["source"])))

    def parameter_groups(self) -> dict[str, list[nn.Parameter]]:
        """Return the parameters of ADLD's three optimisers; D_l is a group of its own."""
        return self.network.groups()

    def optimizers(self) -> dict[str, OptimizerSpec]:
        """Return ADLD's Adams, on the schedule of Shang & Liu."""
        return {
            "landmark_discriminator": ADVERSARY_OPTIMIZER,
            "discriminators": ADVERSARY_OPTIMIZER,
            "generators": ADVERSARY_OPTIMIZER,
            "task": TASK_OPTIMIZER,
        }

    def diagnostics(self, size: int) -> tuple[Diagnostic, ...]:
        """Return the state of the games."""
        return game_diagnostics(size)

    def update(self, batches: Mapping[str, Batch], step: Stepper) -> dict[str, Tensor]:
        """Step the discriminators, then generators and tasks together."""
        source, target = paired(batches)
        network = self.network
        features = network.extract(source.images, target.images)
        rounds = network.separation(features)
        picture, side = source.images.shape[-1], features.shape[-1]
        landmarks = torch.cat([inner_landmarks(source), inner_landmarks(target)])
        cells = label_cells(landmarks, picture, side, shift=self.shift_to_centres)

        played = discriminator_losses(network.discriminators, rounds, cells)
        step.descend(total_loss(played), "landmark_discriminator", "discriminators")

        labelled, targets = labelled_rows(rounds, source, target, pseudo_labels=self.pseudo_labels)
        action_units = action_unit_loss(
            network.detector(labelled), targets, reduction="mean", au_weights=self.au_weights
        )
        restored = network.separation.generate(rounds.landmarks.detach(), rounds.background)
        original = features.detach()
        losses = {
            "loss_action_units": action_units.mean(),
            **separation_losses(network.discriminators, rounds, cells),
            "loss_cycle": reconstruction_loss([(rounds.restored, original)]).mean(),
            "loss_self": reconstruction_loss([(restored, original)]).mean(),
        }
        step.descend(total_loss(losses, _WEIGHTS), "generators", "task")
        told = {name: loss.detach() for name, loss in {**losses, **played}.items()}
        told |= detection_apart(action_units)
        return {**told, **self.watch(told, rounds, step.progress)}

    def predict(self, images: Tensor) -> Prediction:
        """Return AU probabilities of pictures of :attr:`domain`, ``batch x au``."""
        return Prediction(self.network(images, self.domain, self.reading).sigmoid())
