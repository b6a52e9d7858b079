"""Mesh reader: action units from the points and the features of FaceMesh, which has seen real faces."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar, NamedTuple

import torch
import torch.nn.functional as F  # noqa: N812 (the name everyone reads)
from torch import Tensor, nn

from metafacs.batch import Batch
from metafacs.faces.attention_mesh import load_attention_mesh
from metafacs.faces.frontal_mesh import mean_mesh, turn_to_front
from metafacs.facs import HIGHEST_INTENSITY
from metafacs.losses.action_units import action_unit_loss
from metafacs.losses.regression import absolute_error, squared_error
from metafacs.methods.base import OptimizerSpec, Prediction, SingleLossMethod


class Seen(NamedTuple):
    """What the frozen mesh makes of pictures.

    Attributes:
        points: ``batch x 478 x 3``, turned to the front, less the mean of rendered faces.
        features: ``batch x feature``, the maps of the face, the lips and both eyes, side by side.
        turn: ``batch x 3``, rotation vector of the head in radians.
    """

    points: Tensor
    features: Tensor
    turn: Tensor


class Read(NamedTuple):
    """What both branches make of pictures.

    Attributes:
        hidden: ``batch x branch * width``, the geometry branch's first.
        turn: ``batch x 3``, rotation vector of the head in radians.
    """

    hidden: Tensor
    turn: Tensor


class MeshReader(SingleLossMethod):
    """Two small branches on a frozen attention mesh: one reads its points, the other its features.

    Not from a paper: the method of the detector that metafacs ships, made to carry over from rendered faces
    to real ones. The *geometry* branch sees the 478 points turned to the front, the *appearance* branch the
    maps that the points are read from (face, lips, both eyes with their brows); both with noise in training,
    so that what rendered and real faces differ in is no more than noise. Each learns on its own; the answer
    is a weighted mean of their logits, over the picture and its mirror image. One pass through the mesh gives
    landmarks, action units, intensities and head pose.

    Crops should show what landmark detection looks at: ``--alignment.box_enlarge 3.7`` where the network sees
    the whole crop, in proportion more where it sees the centre.

    Args:
        aus: FACS numbers to detect.
        width: Hidden units of each branch.
        geometry: Share of the geometry branch in the answer, 0 to 1. Appearance tells more of rendered faces,
            geometry of real ones.
        point_noise: Standard deviation of the noise on the points in training, in units of the root mean
            square of a frontal mesh's coordinates.
        feature_noise: The same for the maps, in standard deviations of each feature.
        intensity: Weight of the squared error of the intensities; stores without intensities teach none.
        pose: Weight of the absolute error of the head's angles in radians.
        mirrored: Average over the picture and its mirror image; off takes half the time.
    """

    streams: ClassVar[tuple[str, ...]] = ("au",)
    gives_intensities: ClassVar[bool] = True
    gives_pose: ClassVar[bool] = True
    mean: Tensor

    def __init__(
        self,
        aus: Sequence[int],
        *,
        width: int = 512,
        geometry: float = 0.6,
        point_noise: float = 0.3,
        feature_noise: float = 1.5,
        intensity: float = 0.1,
        pose: float = 0.5,
        mirrored: bool = True,
    ) -> None:
        super().__init__(aus)
        if not 0 <= geometry <= 1:
            raise ValueError(f"geometry is the share of a branch, 0 to 1, not {geometry}")
        self.share, self.mirrored = geometry, mirrored
        self.point_noise, self.feature_noise = point_noise, feature_noise
        self.weights = {"intensity": intensity, "pose": pose}
        self.mesh = load_attention_mesh()
        self.register_buffer("mean", mean_mesh().clone())
        self.geometry = _branch(self.mean.numel(), width)
        self.normalisation = nn.BatchNorm1d(APPEARANCE_WIDTH, affine=False)
        self.appearance = _branch(APPEARANCE_WIDTH, width)
        self.action_units = nn.Linear(2 * width, len(self.aus))
        self.intensities = nn.Linear(2 * width, len(self.aus))
        self.pose = nn.Linear(3, 3)

    def optimizers(self) -> dict[str, OptimizerSpec]:
        """Return AdamW in one cycle."""
        return {"base": OptimizerSpec("adamw", lr=2e-3, weight_decay=0.02, schedule="one_cycle")}

    def train(self, mode: bool = True) -> MeshReader:
        """Switch dropout, noise and normalisation; the mesh stays as it is."""
        super().train(mode)
        self.mesh.eval()
        return self

    def see(self, images: Tensor) -> Seen:
        """Return what the mesh makes of ``batch x 3 x height x width`` pictures."""
        return self._see(self._light(images))

    def read(self, images: Tensor) -> Read:
        """Return hidden units and the turn of the head of ``batch x 3 x height x width`` pictures."""
        return self._read(self._light(images))

    def _light(self, images: Tensor) -> Tensor:
        """Return pictures as the mesh takes them: in [0, 1] and of its size."""
        light = (images * 0.5).add_(0.5)
        size = self.mesh.input_size
        if light.shape[-2:] == (size, size):
            return light
        return F.interpolate(light, size=(size, size), mode="bilinear")

    # The mesh learns nothing, so that no gradient need be kept for it.
    @torch.no_grad()
    def _see(self, light: Tensor) -> Seen:
        faces = self.mesh(light)
        frontal = turn_to_front(faces.refined(), self.mean)
        maps = faces.features
        parts = (maps.trunk, maps.lips, maps.left_eye, maps.right_eye)
        return Seen(
            frontal.points - self.mean, torch.cat([part.flatten(1) for part in parts], 1), frontal.turn
        )

    def _read(self, light: Tensor) -> Read:
        seen = self._see(light)
        points, features = seen.points.flatten(1), self.normalisation(seen.features)
        if self.training:
            points = points + self.point_noise * torch.randn_like(points)
            features = features + self.feature_noise * torch.randn_like(features)
        return Read(torch.cat([self.geometry(points), self.appearance(features)], 1), seen.turn)

    def losses(self, batches: Mapping[str, Batch]) -> dict[str, Tensor]:
        """Return each branch's cross-entropy and squared error of intensities, and the error of the pose."""
        batch = batches["au"]
        targets = batch.require("action_units")
        found = self.read(batch.images)
        losses = {}
        for share, name in ((1.0, "geometry"), (0.0, "appearance")):
            own = _shared(found.hidden, share)
            logits = self.action_units(own)
            losses[f"loss_{name}"] = action_unit_loss(logits, targets, reduction="mean").mean()
            if batch.intensities is not None:
                error = squared_error(self.intensities(own), batch.intensities).mean()
                losses[f"loss_intensity_{name}"] = self.weights["intensity"] * error
        if batch.pose is not None:
            losses["loss_pose"] = (
                self.weights["pose"] * absolute_error(self.pose(found.turn), batch.pose).mean()
            )
        return losses

    def predict(self, images: Tensor) -> Prediction:
        """Return AU probabilities, intensities 0 to 5 and the pose in radians."""
        light = self._light(images)
        found = self._read(torch.cat([light, light.flip(3)]) if self.mirrored else light)
        # The last layers are linear: the mean of hidden units gives the mean of logits.
        count = images.shape[0]
        hidden = _shared(found.hidden.reshape(-1, count, found.hidden.shape[1]).mean(0), self.share)
        return Prediction(
            self.action_units(hidden).sigmoid(),
            intensities=self.intensities(hidden).clamp(0, HIGHEST_INTENSITY),
            pose=self.pose(found.turn[:count]),
        )


def _shared(hidden: Tensor, share: float) -> Tensor:
    """Return what the last layers read when the geometry branch has a share in the answer.

    The layers are linear, and both branches share their bias: with twice a branch's own units alone they give
    its own answer, in between the weighted mean of both answers.
    """
    geometry, appearance = hidden.chunk(2, dim=1)
    return torch.cat([2 * share * geometry, 2 * (1 - share) * appearance], 1)


APPEARANCE_WIDTH = 128 * 9 + 3 * 128 * 4
"""Features of the face (3 x 3 places), of the lips and of both eyes (2 x 2 places each)."""


def _branch(inputs: int, width: int) -> nn.Sequential:
    return nn.Sequential(nn.Dropout(0.2), nn.Linear(inputs, width), nn.GELU(), nn.Dropout(0.3))
