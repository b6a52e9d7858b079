"""Uncertainty weighting: multi-task learning that learns the weight of each task with the network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar, Literal

import torch
from torch import Tensor, nn

from metafacs.batch import Batch
from metafacs.methods.base import Method, OptimizerSpec, Prediction, Stepper
from metafacs.methods.task_losses import task_images, task_losses
from metafacs.models.backbones import RESNET34, Backbone
from metafacs.models.networks import BaseNet


class UncertaintyWeighting(Method):
    """The network of multi-task learning with one learned weight per task, a control of MAL.

    Implements Kendall, Gal & Cipolla 2018, "Multi-Task Learning Using Uncertainty to Weigh Losses", on the AU
    and the expression loss: L = sum_k L_k / (2 exp(s_k)) + s_k / 2; s -> ``log_variances``, zero at first.

    Differs from the paper, which derives 1 / (2 sigma^2) for regression and 1 / sigma^2 for classification:
    the one form above for every task, as in the authors' code of MTAN.

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
        self.network = BaseNet(backbone.build(), len(self.aus), len(self.expressions))
        self.log_variances = nn.Parameter(torch.zeros(2))
        self.reduction: Literal["sum", "mean"] = reduction

    def parameter_groups(self) -> dict[str, list[nn.Parameter]]:
        """Return one group: the log variances are learned with the network."""
        return {"base": list(self.parameters())}

    def optimizers(self) -> dict[str, OptimizerSpec]:
        """Return MAL's SGD at .001, so that only the weighting differs from ``multi_task``."""
        return {"base": OptimizerSpec()}

    def update(self, batches: Mapping[str, Batch], step: Stepper) -> dict[str, Tensor]:
        """Descend the weighted mean losses and the regulariser of the weights once."""
        outputs = self.network(task_images(batches))
        losses = torch.stack([each.mean() for each in task_losses(outputs, batches, self.reduction)])
        weights = 1 / (2 * self.log_variances.exp())
        au_weight, fe_weight = weights.detach()
        step.descend((weights * losses + self.log_variances / 2).sum(), "base")
        return {
            "loss_action_units": losses[0].detach(),
            "loss_expression": losses[1].detach(),
            "weight_action_units": au_weight,
            "weight_expression": fe_weight,
        }

    def predict(self, images: Tensor) -> Prediction:
        """Return AU and expression probabilities."""
        return Prediction.of(self.network(images))
