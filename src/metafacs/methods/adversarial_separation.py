"""What ADLD and its successor share: pairs of batches, the games of separation, the watch over them."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from metafacs.batch import Batch
from metafacs.faces.landmarks import LANDMARKS_68_TO_49
from metafacs.losses.adversarial import domain_loss, one_hot_map_loss, uniform_map_loss
from metafacs.losses.landmarks import action_unit_centres, cell_loss, landmark_cells
from metafacs.methods.base import DivergedError, OptimizerSpec
from metafacs.models.discriminators import Discriminators
from metafacs.models.domain_separation import Rounds, swap_domains

LANDMARKS = len(LANDMARKS_68_TO_49)

ADVERSARY_OPTIMIZER = OptimizerSpec(
    "adam", lr=5e-5, weight_decay=0.0, schedule="flat_then_linear", betas=(0.5, 0.9)
)
"""Of discriminators and generators."""

TASK_OPTIMIZER = OptimizerSpec(
    "adam", lr=1e-4, weight_decay=0.0, schedule="flat_then_linear", betas=(0.95, 0.999)
)
"""Of feature extractors, landmark encoder and AU branches."""


def paired(batches: Mapping[str, Batch]) -> tuple[Batch, Batch]:
    """Return the source and the target batch, whose pictures are mixed one to one.

    Raises:
        ValueError: If one holds more pictures than the other, or pictures of another size.
    """
    source, target = batches["source"], batches["target"]
    if source.images.shape != target.images.shape:
        raise ValueError(
            "source and target batches must hold as many pictures of one size, "
            f"not {tuple(source.images.shape)} and {tuple(target.images.shape)}"
        )
    return source, target


def inner_landmarks(batch: Batch) -> Tensor:
    """Return the 49 inner landmarks of a batch, ``batch x 49 x 2`` in pixels; NaN unknown."""
    return batch.require("landmarks")[:, list(LANDMARKS_68_TO_49)]


def label_cells(landmarks: Tensor, picture: int, side: int, *, shift: bool) -> Tensor:
    """Return the cell of each landmark, or with ``shift`` of the action unit it marks; -1 unknown."""
    return landmark_cells(action_unit_centres(landmarks) if shift else landmarks, picture, side)


def labelled_rows(
    rounds: Rounds, source: Batch, target: Batch, *, pseudo_labels: bool
) -> tuple[Tensor, Tensor]:
    """Return the features to detect AUs in, and their labels.

    Original features carry the labels of their pictures, mixed ones those of the picture whose landmarks they
    show. Without pseudo labels these are the source pictures only.

    Returns:
        ``row x channel x height x width`` and ``row x au``; every picture twice, original rows first.
    """
    targets = [source.require("action_units")]
    if pseudo_labels:
        targets.append(target.require("action_units"))
    rows = sum(map(len, targets))
    # One pass for both: BatchNorm sees original and mixed features together.
    return torch.cat([rounds.features[:rows], rounds.mixed[:rows]]), torch.cat([*targets, *targets])


def discriminator_losses(discriminators: Discriminators, rounds: Rounds, cells: Tensor) -> dict[str, Tensor]:
    """Return what D_l and both D_d minimise; no gradient leaves them.

    Args:
        discriminators: D_l and D_d.
        rounds: Features of both domains.
        cells: ``batch x landmark``, where the landmarks of the rows are.

    Returns:
        Scalars ``loss_landmark_discriminator``, Eq. (4) of Shang & Liu, and ``loss_domain_discriminator``,
        the least-squares form of Eq. (7), halved as in ADLD; means over both domains.
    """
    maps = discriminators.landmarks(rounds.background.detach())
    real = discriminators.domains(rounds.features.detach())
    # A row's background says which domain its mixture belongs to.
    generated = discriminators.domains(swap_domains(rounds.mixed).detach())
    told = domain_loss(real, real=True).mean() + domain_loss(generated, real=False).mean()
    return {
        "loss_landmark_discriminator": one_hot_map_loss(maps, cells).mean(),
        "loss_domain_discriminator": told / 2,
    }


def separation_losses(discriminators: Discriminators, rounds: Rounds, cells: Tensor) -> dict[str, Tensor]:
    """Return the losses that separate landmarks from background and put features of two domains together.

    Args:
        discriminators: D_l and D_d, after their own step.
        rounds: Features of both domains.
        cells: ``batch x landmark``, where the landmarks of the rows are.

    Returns:
        Scalars, means over both domains: ``loss_cells``, Eq. (3) of Shang & Liu in the features and, as in
        ADLD, in the mixtures; ``loss_uniformity``, Eq. (5); ``loss_domain``, the generator's side of Eq. (7).
    """
    first, second = cell_loss(rounds.logits, cells), cell_loss(rounds.mixed_logits, cells)
    scores = discriminators.domains(swap_domains(rounds.mixed))
    return {
        "loss_cells": first.mean() + second.mean(),
        "loss_uniformity": uniform_map_loss(discriminators.landmarks(rounds.background)).mean(),
        "loss_domain": domain_loss(scores, real=True).mean(),
    }


class CollapseWatch(nn.Module):
    """Stops a run whose domain discriminators are never wrong any more, so that nothing is played for.

    A discriminator that cannot tell has a least-squares loss of 0.25; the running mean starts there.
    """

    LIMIT = 1e-4
    """Mean loss from which on the game is over: scores within 1 % of the truth."""
    MEMORY = 100
    """Iterations that the running mean looks back."""

    level: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("level", torch.tensor(0.25))

    def forward(self, loss: Tensor) -> None:
        """Take note of one iteration's ``loss_domain_discriminator``.

        Raises:
            DivergedError: If its running mean fell below the limit.
        """
        self.level.lerp_(loss.detach().to(self.level.dtype), 1 / self.MEMORY)
        if self.level < self.LIMIT:
            raise DivergedError(
                f"loss_domain_discriminator is {self.level.item():.1e} on average, the discriminators are "
                "never wrong any more: lower their learning rate"
            )
