"""Pre-training of a backbone on faces: who it is, where the landmarks are, how the head is turned."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, NamedTuple

import torch.nn.functional as F  # noqa: N812 (the name everyone reads)
from torch import Tensor, nn

from metafacs.batch import Batch
from metafacs.losses.regression import absolute_error
from metafacs.methods.base import Learner, OptimizerSpec, Stepper
from metafacs.models.backbones import SMALL, Backbone

_POINTS, _ANGLES = 68, 3
_EMBEDDING = 64
_SHARPNESS = 20.0


class FaceDescription(NamedTuple):
    """What the pre-trained network says about pictures.

    Attributes:
        embedding: ``batch x embedding``, length one; its products tell whether two pictures show one person.
        landmarks: ``batch x 68 x 2``, (x, y) in pixels of the pictures.
        pose: ``batch x 3``, yaw, pitch and roll in radians.
    """

    embedding: Tensor
    landmarks: Tensor
    pose: Tensor


class FacePretraining(Learner):
    """A backbone that learns faces from three tasks, none of which is an action unit or an expression.

    Identity is a softmax over the cosines between an embedding and one direction per person; landmarks and
    pose are regressed. The embedding is a layer of its own, so that the features may keep what identity does
    not care for. The papers start from CASIA-WebFace or ImageNet, which teach names of people and things
    in the same way; this stands in for them.

    Args:
        people: Number of people in the pictures.
        backbone: Which backbone, and with which weights it starts.
        identity: Weight of the cross-entropy over people.
        landmarks: Weight of the mean absolute error of the points in units of the picture's side.
        pose: Weight of the mean absolute error of the angles in radians.
    """

    streams: ClassVar[tuple[str, ...]] = ("faces",)

    def __init__(
        self,
        people: int,
        *,
        backbone: Backbone = SMALL,
        identity: float = 1.0,
        landmarks: float = 100.0,
        pose: float = 10.0,
    ) -> None:
        super().__init__()
        self.weights = {"identity": identity, "landmarks": landmarks, "pose": pose}
        self.backbone = backbone.build()
        width: int = self.backbone.feature_width  # type: ignore[assignment]
        self.embedding = nn.Linear(width, _EMBEDDING)
        self.people = nn.Linear(_EMBEDDING, people, bias=False)
        self.landmarks = nn.Linear(width, _POINTS * 2)
        self.pose = nn.Linear(width, _ANGLES)

    def parameter_groups(self) -> dict[str, list[nn.Parameter]]:
        """Return one group, ``base``, with every parameter."""
        return {"base": list(self.parameters())}

    def optimizers(self) -> dict[str, OptimizerSpec]:
        """Return AdamW in one cycle."""
        return {"base": OptimizerSpec("adamw", lr=2e-3, weight_decay=0.05, schedule="one_cycle")}

    def update(self, batches: Mapping[str, Batch], step: Stepper) -> dict[str, Tensor]:
        """Descend the weighted sum of the three losses once."""
        faces = batches["faces"]
        found = self.describe(faces.images)
        cosines = found.embedding @ F.normalize(self.people.weight, dim=1).T
        side = faces.images.shape[-1]
        losses = {
            "identity": F.cross_entropy(_SHARPNESS * cosines, faces.require("subject")),
            "landmarks": absolute_error(found.landmarks / side, faces.require("landmarks") / side).mean(),
            "pose": absolute_error(found.pose, faces.require("pose")).mean(),
        }
        weighted = {f"loss_{name}": self.weights[name] * loss for name, loss in losses.items()}
        step.descend(sum(weighted.values()), "base")  # type: ignore[arg-type]
        return {name: loss.detach() for name, loss in weighted.items()}

    def describe(self, images: Tensor) -> FaceDescription:
        """Return identity, landmarks and pose of ``batch x 3 x height x width`` square pictures."""
        features = self.backbone(images)
        places = self.landmarks(features).unflatten(1, (_POINTS, 2)) + 0.5
        return FaceDescription(
            F.normalize(self.embedding(features), dim=1), places * images.shape[-1], self.pose(features)
        )
