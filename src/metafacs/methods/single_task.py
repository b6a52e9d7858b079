"""Single-task learning (STL): AU detection alone, the lower baseline of MAL's tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar, Literal

from torch import Tensor

from metafacs.batch import Batch
from metafacs.losses.action_units import action_unit_loss
from metafacs.methods.base import OptimizerSpec, Prediction, SingleLossMethod
from metafacs.models.backbones import RESNET34, Backbone
from metafacs.models.networks import BaseNet


class SingleTask(SingleLossMethod):
    """Backbone and AU classifier trained on AU labels only.

    Implements STL of Li & Shan (MAL), section 4.3: mean over the batch of the loss of Eq. (1).

    Args:
        aus: FACS numbers to detect.
        backbone: Which backbone, and with which weights it starts.
        reduction: ``sum`` over the AUs of a picture as printed in Eq. (1), or ``mean``.
    """

    streams: ClassVar[tuple[str, ...]] = ("au",)

    def __init__(
        self,
        aus: Sequence[int],
        *,
        backbone: Backbone = RESNET34,
        reduction: Literal["sum", "mean"] = "sum",
    ) -> None:
        super().__init__(aus)
        self.network = BaseNet(backbone.build(), len(self.aus), None)
        self.reduction: Literal["sum", "mean"] = reduction

    def optimizers(self) -> dict[str, OptimizerSpec]:
        """Return SGD at .001; momentum and decay, which the paper leaves open, as usual for ResNets."""
        return {"base": OptimizerSpec()}

    def losses(self, batches: Mapping[str, Batch]) -> dict[str, Tensor]:
        """Return the mean AU loss of the ``au`` batch."""
        batch = batches["au"]
        logits = self.network(batch.images).action_units
        per_picture = action_unit_loss(logits, batch.require("action_units"), reduction=self.reduction)
        return {"loss_action_units": per_picture.mean()}

    def predict(self, images: Tensor) -> Prediction:
        """Return AU probabilities, ``batch x au``."""
        return Prediction.of(self.network(images))
