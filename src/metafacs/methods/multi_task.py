"""Multi-task learning (MTL): AU detection and expression recognition with a fixed weight."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar, Literal

from torch import Tensor

from metafacs.batch import Batch
from metafacs.methods.base import OptimizerSpec, Prediction, SingleLossMethod
from metafacs.methods.task_losses import task_images, task_losses
from metafacs.models.backbones import RESNET34, Backbone
from metafacs.models.networks import BaseNet


class MultiTask(SingleLossMethod):
    """Shared backbone with an AU and an expression classifier, losses added 1 : rho.

    Implements MTL of Li & Shan (MAL), sections 3.1 and 4.3: L = mean L_AU + rho * mean L_FE;
    rho -> ``balance``.

    Args:
        aus: FACS numbers to detect.
        expressions: Names of the expression classes.
        backbone: Which backbone, and with which weights it starts.
        reduction: ``sum`` over the AUs of a picture as printed in Eq. (1), or ``mean``.
        balance: Weight of the expression loss, 1 in the paper.
    """

    streams: ClassVar[tuple[str, ...]] = ("au", "expression")

    def __init__(
        self,
        aus: Sequence[int],
        expressions: Sequence[str],
        *,
        backbone: Backbone = RESNET34,
        reduction: Literal["sum", "mean"] = "sum",
        balance: float = 1.0,
    ) -> None:
        super().__init__(aus, expressions)
        self.network = BaseNet(backbone.build(), len(self.aus), len(self.expressions))
        self.reduction: Literal["sum", "mean"] = reduction
        self.balance = balance

    def optimizers(self) -> dict[str, OptimizerSpec]:
        """Return SGD at .001; momentum and decay, which the paper leaves open, as usual for ResNets."""
        return {"base": OptimizerSpec()}

    def losses(self, batches: Mapping[str, Batch]) -> dict[str, Tensor]:
        """Return both mean losses; one forward serves both tasks, so BatchNorm sees them together."""
        outputs = self.network(task_images(batches))
        au, fe = task_losses(outputs, batches, self.reduction)
        return {"loss_action_units": au.mean(), "loss_expression": self.balance * fe.mean()}

    def predict(self, images: Tensor) -> Prediction:
        """Return AU and expression probabilities."""
        return Prediction.of(self.network(images))
