"""Multi-task attention (MTAN): each task picks its features from a shared backbone by attention."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar, Literal

from torch import Tensor

from metafacs.batch import Batch
from metafacs.losses.action_units import action_unit_loss
from metafacs.losses.expression import expression_loss
from metafacs.methods.base import OptimizerSpec, Prediction, SingleLossMethod
from metafacs.methods.task_losses import task_images
from metafacs.models.attention import AttentionNet
from metafacs.models.backbones import RESNET34, Backbone


class MTAN(SingleLossMethod):
    """Shared backbone with a soft attention per task and stage; both losses count alike.

    Implements Liu et al. 2019, "End-to-End Multi-Task Learning with Attention", as the baseline of section
    4.2.2 of Li & Shan (MAL): a picture goes through the attention of its own task only. The network, and how
    it differs from the paper's, is :class:`metafacs.models.attention.AttentionNet`. MAL does not say how the
    losses were weighted; equal weights are the paper's plain form.

    Args:
        aus: FACS numbers to detect.
        expressions: Names of the expression classes.
        backbone: Which backbone, and with which weights it starts.
        reduction: ``sum`` over the AUs of a picture as in Eq. (1) of MAL, or ``mean``.
    """

    streams: ClassVar[tuple[str, ...]] = ("au", "expression")

    def __init__(
        self,
        aus: Sequence[int],
        expressions: Sequence[str],
        *,
        backbone: Backbone = RESNET34,
        reduction: Literal["sum", "mean"] = "sum",
    ) -> None:
        super().__init__(aus, expressions)
        self.network = AttentionNet(
            backbone.build(),
            {"action_units": len(self.aus), "expressions": len(self.expressions)},
        )
        self.reduction: Literal["sum", "mean"] = reduction

    def optimizers(self) -> dict[str, OptimizerSpec]:
        """Return SGD at .001, MAL's setting, with which its MTAN was trained."""
        return {"base": OptimizerSpec()}

    def losses(self, batches: Mapping[str, Batch]) -> dict[str, Tensor]:
        """Return the mean loss of each task."""
        faces, expressive = batches["au"], batches["expression"]
        rows = {"action_units": slice(0, len(faces)), "expressions": slice(len(faces), None)}
        logits = self.network(task_images(batches), rows)
        au = action_unit_loss(logits["action_units"], faces.require("action_units"), reduction=self.reduction)
        fe = expression_loss(logits["expressions"], expressive.require("expression"))
        return {"loss_action_units": au.mean(), "loss_expression": fe.mean()}

    def predict(self, images: Tensor) -> Prediction:
        """Return AU and expression probabilities: here every picture goes through both attentions."""
        logits = self.network(images, dict.fromkeys(("action_units", "expressions"), slice(None)))
        return Prediction(logits["action_units"].sigmoid(), logits["expressions"].softmax(dim=1))
