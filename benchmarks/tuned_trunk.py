"""FaceMesh's trunk trained on rendered people: the method of the rows ``trunk_*`` of detector_rows.py."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import ClassVar

import torch
from torch import Tensor, nn

from metafacs.batch import Batch
from metafacs.facs import HIGHEST_INTENSITY
from metafacs.losses.action_units import action_unit_loss
from metafacs.losses.regression import squared_error
from metafacs.methods.base import OptimizerSpec, Prediction, SingleLossMethod
from metafacs.models.backbones import Backbone
from metafacs.models.face_mesh_trunk import FaceMeshTrunk

TRUNK = Backbone("facemesh", "mesh")


class TunedTrunk(SingleLossMethod):
    """A small head on FaceMesh's trunk, which may learn at a rate of its own.

    Args:
        aus: FACS numbers to detect.
        tuned: Whether the trunk learns.
        width: Hidden units of the head.
        intensity: Weight of the squared error of the intensities.
    """

    streams: ClassVar[tuple[str, ...]] = ("au",)
    gives_intensities: ClassVar[bool] = True

    def __init__(
        self, aus: Sequence[int], *, tuned: bool = True, width: int = 256, intensity: float = 0.1
    ) -> None:
        super().__init__(aus)
        self.tuned, self.weight = tuned, intensity
        trunk = TRUNK.build()
        assert isinstance(trunk, FaceMeshTrunk)
        self.trunk = trunk.requires_grad_(tuned)
        self.hidden = nn.Sequential(
            nn.Dropout(0.2), nn.Linear(trunk.feature_width, width), nn.GELU(), nn.Dropout(0.3)
        )
        self.action_units = nn.Linear(width, len(self.aus))
        self.intensities = nn.Linear(width, len(self.aus))

    def parameter_groups(self) -> dict[str, list[nn.Parameter]]:
        """Return the head, and the trunk where it learns."""
        head = [*self.hidden.parameters(), *self.action_units.parameters(), *self.intensities.parameters()]
        return {"trunk": list(self.trunk.parameters()), "base": head} if self.tuned else {"base": head}

    def optimizers(self) -> dict[str, OptimizerSpec]:
        """Return AdamW in one cycle, a twentieth of the head's rate for the trunk."""
        head = OptimizerSpec("adamw", lr=2e-3, weight_decay=0.02, schedule="one_cycle")
        trunk = OptimizerSpec("adamw", lr=1e-4, weight_decay=0.0, schedule="one_cycle")
        return {"trunk": trunk, "base": head} if self.tuned else {"base": head}

    def losses(self, batches: Mapping[str, Batch]) -> dict[str, Tensor]:
        """Return the cross-entropy and the squared error of the intensities."""
        batch = batches["au"]
        hidden = self.hidden(self.trunk(batch.images))
        logits = self.action_units(hidden)
        per_picture = action_unit_loss(logits, batch.require("action_units"), reduction="mean")
        losses = {"loss_action_units": per_picture.mean()}
        if batch.intensities is not None:
            error = squared_error(self.intensities(hidden), batch.intensities).mean()
            losses["loss_intensity"] = self.weight * error
        return losses

    def predict(self, images: Tensor) -> Prediction:
        """Return probabilities and intensities 0 to 5, the mean over picture and mirror image."""
        both = self.hidden(self.trunk(torch.cat([images, images.flip(3)])))
        hidden = both.unflatten(0, (2, -1)).mean(0)
        return Prediction(
            self.action_units(hidden).sigmoid(),
            intensities=self.intensities(hidden).clamp(0, HIGHEST_INTENSITY),
        )

    @torch.no_grad()
    def bring_back(self, share: float, batches: Iterable[Tensor]) -> None:
        """Leave the trunk a share of the way from FaceMesh's weights to its own, and normalise anew.

        Args:
            share: 1 leaves it where it is, 0 takes it back.
            batches: Pictures ``batch x 3 x height x width`` to take the statistics of the features from.
        """
        for own, first in zip(self.trunk.parameters(), TRUNK.build().parameters(), strict=True):
            own.copy_(first + share * (own - first))
        norm = self.trunk.norm
        norm.reset_running_stats()
        norm.momentum = None  # the plain mean over the batches
        norm.train()
        for images in batches:
            self.trunk(images)
        norm.eval()
