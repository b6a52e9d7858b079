"""What ADLD and its successor share: pairs of batches, the games of separation, the watch over them."""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor, nn

from metafacs.batch import Batch
from metafacs.faces.landmarks import LANDMARKS_68_TO_49
from metafacs.losses.adversarial import domain_loss, one_hot_map_loss, uniform_map_loss
from metafacs.losses.landmarks import action_unit_centres, cell_loss, landmark_cells
from metafacs.methods.base import DETECTION, Diagnostic, DivergedError, OptimizerSpec
from metafacs.models.discriminators import Discriminators
from metafacs.models.domain_separation import Rounds, swap_domains
from metafacs.precision import widen
from metafacs.ranks import mean_over_ranks, variance_over_batch

LANDMARKS = len(LANDMARKS_68_TO_49)

_INNER = (slice(17, 60), slice(61, 64), slice(65, 68))
"""The same points as :data:`~metafacs.faces.landmarks.LANDMARKS_68_TO_49`."""

ADVERSARY_OPTIMIZER = OptimizerSpec(
    "adam", lr=5e-5, weight_decay=0.0, schedule="flat_then_linear", betas=(0.5, 0.9)
)
"""Of all discriminators and of the generators."""

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
    # By slices: a list would have to be brought to the device each time.
    points = batch.require("landmarks")
    return torch.cat([points[:, part] for part in _INNER], dim=1)


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


def detection_apart(losses: Tensor) -> dict[str, Tensor]:
    """Return the AU loss of original and of mixed features apart: whether mixtures carry action units.

    Args:
        losses: One per row of :func:`labelled_rows`.
    """
    original, mixed = losses.detach().chunk(2)
    return {"loss_action_units_original": original.mean(), "loss_action_units_mixed": mixed.mean()}


def game_diagnostics(size: int) -> tuple[Diagnostic, ...]:
    """Return the curves that tell how the games of separation went.

    Args:
        size: Side of the pictures in pixels; features have a quarter of it.
    """
    cells = (size // 4) ** 2
    return (
        DETECTION,
        Diagnostic("loss_action_units_original", "AU loss of originals"),
        Diagnostic(
            "loss_action_units_mixed", "AU loss of mixtures", meaning="above that of originals: AUs are lost"
        ),
        Diagnostic(
            "loss_landmark_discriminator",
            "D_l's loss",
            (1 - 1 / cells) / cells,
            "at chance from the start it never learned to find landmarks",
        ),
        Diagnostic(
            "loss_domain_discriminator",
            "D_d's loss",
            0.25,
            "near 0 it is hardly ever wrong",
            lost_below=GameWatch.DOMAIN,
        ),
        Diagnostic("loss_domain", "generators' loss against D_d", 0.25, "near 1 they never pass"),
        Diagnostic(
            "loss_mixed_cells",
            "landmark loss of mixtures",
            math.log(cells),
            "near chance no landmarks are found in them",
            lost_above=GameWatch.MIXED * math.log(cells),
        ),
        Diagnostic(
            "share_of_background",
            "share of background",
            meaning="of its variance between pictures; near 0 everybody has the same one",
            lost_below=GameWatch.BACKGROUND,
        ),
    )


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
        Scalars, means over both domains: ``loss_cells``, Eq. (3) of Shang & Liu in the features, and
        ``loss_mixed_cells``, as in ADLD, in the mixtures; ``loss_uniformity``, Eq. (5); ``loss_domain``, the
        generator's side of Eq. (7).
    """
    scores = discriminators.domains(swap_domains(rounds.mixed))
    return {
        "loss_cells": cell_loss(rounds.logits, cells).mean(),
        "loss_mixed_cells": cell_loss(rounds.mixed_logits, cells).mean(),
        "loss_uniformity": uniform_map_loss(discriminators.landmarks(rounds.background)).mean(),
        "loss_domain": domain_loss(scores, real=True).mean(),
    }


def share_between_pictures(features: Tensor) -> Tensor:
    """Return which share of the variance of features is between pictures, 0 to 1 but for chance.

    Of both halves of the rows, the domains, by itself; their mean. 0 where every picture has the same map.

    Args:
        features: ``batch x channel x height x width``, source pictures first, then as many target ones, at
            least two of each.
    """
    shares = []
    for half in widen(features.detach()).chunk(2):
        everything = variance_over_batch(half.transpose(0, 1).flatten(1), 1).mean()
        between = variance_over_batch(half, 0).mean()
        shares.append(between / everything.clamp(min=torch.finfo(torch.float32).tiny))
    return torch.stack(shares).mean()


class GameWatch(nn.Module):
    """Ends a run that has lost one of its games, with a sentence that names it.

    A run that has lost goes on without a word otherwise, and ends with a table. Three things are looked at,
    as running means: whether the domain discriminators are still wrong at times, whether the landmark encoder
    finds landmarks in mixtures, and whether the background of one picture differs from that of another.
    Nothing is said in the first quarter of a run, nor in its first :attr:`GRACE` iterations, when nobody has
    learned to play.
    """

    DOMAIN = 0.02
    """Mean loss of the domain discriminators below which they are hardly ever wrong; chance is .25."""
    MIXED = 0.8
    """Share of the cell loss of chance, the logarithm of the number of cells, above which none is found."""
    BACKGROUND = 0.05
    """Share of variance between pictures below which everybody has the same background."""
    GRACE = 300
    MEMORY = 100
    """Iterations that the running means look back."""
    EVERY = 20
    """Iterations between looks at a GPU, which has to be waited for; on a processor each is looked at."""

    levels: Tensor
    seen: Tensor

    def __init__(self) -> None:
        super().__init__()
        # They start where nothing is wrong.
        self.register_buffer("levels", torch.tensor([0.25, 0.0, 1.0]))
        self.register_buffer("seen", torch.tensor(0))
        self._calls = 0

    def forward(self, losses: Mapping[str, Tensor], rounds: Rounds, progress: float) -> dict[str, Tensor]:
        """Take note of one iteration.

        Args:
            losses: ``loss_domain_discriminator`` and ``loss_mixed_cells``.
            rounds: Features of both domains.
            progress: Share of the run that is done.

        Returns:
            ``share_of_background``: see :func:`share_between_pictures`.

        Raises:
            DivergedError: If a game is lost.
        """
        chance = math.log(rounds.features.shape[-2] * rounds.features.shape[-1])
        told, mixed = losses["loss_domain_discriminator"].detach(), losses["loss_mixed_cells"].detach()
        share = share_between_pictures(rounds.background)
        levels = mean_over_ranks(torch.stack([told, mixed / chance, share]).to(self.levels))
        self.levels.lerp_(levels, 1 / self.MEMORY)
        self.seen += 1
        # The buffer would have to be waited for; a run that goes on counts on.
        self._calls = self._calls + 1 if self._calls else int(self.seen)
        looks = self.levels.device.type == "cpu" or self._calls % self.EVERY == 0
        if looks and progress >= 0.25 and self.seen >= self.GRACE:
            self._judge(chance)
        return {"share_of_background": share}

    def _judge(self, chance: float) -> None:
        domain, mixed, background = self.levels.tolist()
        if domain < self.DOMAIN:
            raise DivergedError(
                f"the game of the domains is lost: loss_domain_discriminator is {domain:.4f} on average, the "
                "discriminators are hardly ever wrong; lower their learning rate"
            )
        if mixed > self.MIXED:
            raise DivergedError(
                "the game of the mixtures is lost: no landmarks are found in them (loss_mixed_cells is "
                f"{mixed * chance:.2f} on average, chance is {chance:.2f}); lower reconstruction_weight or "
                "share the feature extractor"
            )
        if background < self.BACKGROUND:
            raise DivergedError(
                "the game of the backgrounds is lost: every picture has the same one (share_of_background is "
                f"{background:.3f} on average); raise the learning rate of landmark_discriminator, or lower "
                "that of generators or uniformity_weight"
            )
