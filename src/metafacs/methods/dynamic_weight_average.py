"""Dynamic weight average (DWA): multi-task learning that favours the task whose loss falls more slowly."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import ClassVar, Literal

import torch
from torch import Tensor, nn

from metafacs.batch import Batch
from metafacs.methods.base import Method, OptimizerSpec, Prediction, Stepper
from metafacs.methods.task_losses import task_images, task_losses
from metafacs.models.backbones import RESNET34, Backbone
from metafacs.models.networks import BaseNet
from metafacs.ranks import mean_over_ranks, size_of_batch


class DynamicWeightAverage(Method):
    """The network of multi-task learning, weights by how fast each task's loss fell, a control of MAL.

    Implements DWA of Liu et al. 2019, "End-to-End Multi-Task Learning with Attention": in epoch t the losses
    count lambda_k = K exp(r_k / T) / sum_i exp(r_i / T), r_k = L_k(t-1) / L_k(t-2), with the mean losses L of
    the epochs before, K = 2 tasks and T -> ``temperature``; 1 each in the first two epochs.

    Args:
        aus: FACS numbers to detect.
        expressions: Names of the expression classes.
        backbone: Which backbone, and with which weights it starts.
        reduction: ``sum`` over the AUs of a picture as in Eq. (1) of MAL, or ``mean``.
        temperature: The higher, the more alike the weights.
        epoch: Iterations over which losses are averaged; None for one pass over the AU pictures.
    """

    streams: ClassVar[tuple[str, ...]] = ("au", "expression")
    pictures: Tensor
    epoch_losses: Tensor
    running: Tensor
    iterations: Tensor

    def __init__(
        self,
        aus: Sequence[int],
        expressions: Sequence[str],
        *,
        backbone: Backbone = RESNET34,
        reduction: Literal["sum", "mean"] = "sum",
        temperature: float = 2.0,
        epoch: int | None = None,
    ) -> None:
        super().__init__(aus, expressions)
        if temperature <= 0 or (epoch is not None and epoch < 1):
            raise ValueError(
                f"temperature is {temperature} and epoch {epoch}; the first must be positive, the second at "
                "least 1 or left out"
            )
        self.network = BaseNet(backbone.build(), len(self.aus), len(self.expressions))
        self.reduction: Literal["sum", "mean"] = reduction
        self.temperature, self.epoch = temperature, epoch
        # Buffers, so that a run that was stopped goes on with the same weights.
        self.register_buffer("pictures", torch.tensor(0))
        self.register_buffer("epoch_losses", torch.zeros(2, 2))
        self.register_buffer("running", torch.zeros(2))
        self.register_buffer("iterations", torch.tensor(0))
        self._counted = 0

    def observe_labels(self, labels: Mapping[str, Tensor]) -> None:
        """Note how many AU pictures there are: the length of an epoch."""
        self.pictures.fill_(len(labels["au"]))
        self._counted = 0

    def parameter_groups(self) -> dict[str, list[nn.Parameter]]:
        """Return the network as ``base``."""
        return {"base": list(self.parameters())}

    def optimizers(self) -> dict[str, OptimizerSpec]:
        """Return MAL's SGD at .001, so that only the weighting differs from ``multi_task``."""
        return {"base": OptimizerSpec()}

    def task_weights(self) -> Tensor:
        """Return lambda of the AU and of the expression loss; their sum is 2."""
        before, last = self.epoch_losses
        learned = len(last) * torch.softmax(last / before / self.temperature, dim=0)
        # Chosen on the device, as the end of an epoch is: a GPU would have to be waited for otherwise.
        return torch.where(before.all(), learned, torch.ones_like(last))

    def update(self, batches: Mapping[str, Batch], step: Stepper) -> dict[str, Tensor]:
        """Descend the weighted mean losses once; at the end of an epoch remember its mean losses."""
        outputs = self.network(task_images(batches))
        losses = torch.stack([each.mean() for each in task_losses(outputs, batches, self.reduction)])
        weights = self.task_weights()
        step.descend((weights * losses).sum(), "base")

        self.running += mean_over_ranks(losses.detach())
        self.iterations += 1
        over = self.iterations >= self._epoch_length(size_of_batch(len(batches["au"])))
        told = torch.stack([self.epoch_losses[1], self.running / self.iterations])
        self.epoch_losses.copy_(torch.where(over, told, self.epoch_losses))
        self.running.masked_fill_(over, 0.0)
        self.iterations.masked_fill_(over, 0)
        return {
            "loss_action_units": losses[0].detach(),
            "loss_expression": losses[1].detach(),
            "weight_action_units": weights[0],
            "weight_expression": weights[1],
        }

    def _epoch_length(self, batch: int) -> int:
        if self.epoch is not None:
            return self.epoch
        self._counted = self._counted or int(self.pictures)
        if not self._counted:
            raise ValueError("give the AU labels to observe_labels, or set epoch: how long is an epoch?")
        return math.ceil(self._counted / batch)

    def predict(self, images: Tensor) -> Prediction:
        """Return AU and expression probabilities."""
        return Prediction.of(self.network(images))
