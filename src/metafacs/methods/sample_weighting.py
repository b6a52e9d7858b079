"""What MAL shares with its relatives: weights per picture, judged by the AU loss of a validation reserve."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import ClassVar, Literal

import torch
from torch import Tensor, nn

from metafacs.batch import Batch
from metafacs.hypergradient import ESTIMATORS, EstimatorName
from metafacs.hypergradient.problem import BilevelProblem, Judged, MetaGradient
from metafacs.hypergradient.updates import UpdateRule
from metafacs.losses.action_units import (
    ClassWeights,
    balanced_action_unit_loss,
    class_balanced_weights,
    occurrence_rates,
    rate_balanced_weights,
)
from metafacs.methods.base import Method, Prediction
from metafacs.methods.task_losses import task_images, task_losses
from metafacs.models.backbones import RESNET34, Backbone
from metafacs.models.networks import BaseNet, Outputs
from metafacs.ranks import mean_over_ranks

ValidationWeights = Literal["classes", "action_units", "none"]
"""How labels count in the validation loss, see :class:`SampleWeightingMethod`."""


class SampleWeightingMethod(Method):
    """AU and expression pictures with a weight each; a concrete method says where the weights come from.

    The bilevel problem of section 3.2 of Li & Shan (MAL): a virtual step on the weighted losses of both
    tasks, judged by the AU loss of validation pictures.

    Section 4.1.4 re-weights "samples from the under-represented categories inversely proportionally to the
    class frequencies, aiming to alleviate the class imbalance among different AUs". It is read as ``classes``
    of each AU, present and absent. Where AUs are rare that sets the two losses against each other: training
    teaches "rarely present", which the balanced validation loss punishes. ``action_units`` weighs the AUs, so
    that rare ones count more, with both classes alike; ``none`` leaves every label its weight of 1.

    Args:
        aus: FACS numbers to detect.
        expressions: Names of the expression classes.
        backbone: Which backbone, and with which weights it starts.
        reduction: Over the AUs of a picture.
        estimator: How the meta gradient is computed.
        meta_batches: Validation batches that the meta gradient is averaged over.
        validation_weights: How the labels of the reserve count in the validation loss.
    """

    streams: ClassVar[tuple[str, ...]] = ("au", "expression", "validation")
    positive_weights: Tensor
    negative_weights: Tensor

    def __init__(
        self,
        aus: Sequence[int],
        expressions: Sequence[str],
        *,
        backbone: Backbone = RESNET34,
        reduction: Literal["sum", "mean"] = "sum",
        estimator: EstimatorName = "tangent",
        meta_batches: int = 1,
        validation_weights: ValidationWeights = "classes",
    ) -> None:
        super().__init__(aus, expressions)
        self.network = BaseNet(backbone.build(), len(self.aus), len(self.expressions))
        self.reduction: Literal["sum", "mean"] = reduction
        self.estimator: EstimatorName = estimator
        self.validation_batches = meta_batches
        self.validation_weights: ValidationWeights = validation_weights
        self.register_buffer("positive_weights", torch.ones(len(self.aus)))
        self.register_buffer("negative_weights", torch.ones(len(self.aus)))

    def observe_labels(self, labels: Mapping[str, Tensor]) -> None:
        """Weigh the labels of the validation loss by their frequencies in the whole reserve."""
        reserve = labels["validation"]
        if self.validation_weights == "classes":
            balance = class_balanced_weights(reserve)
        elif self.validation_weights == "action_units":
            # A rate of 0 has no inverse: what the reserve never shows counts as what it shows once.
            least = 1 / (~reserve.isnan()).sum(dim=0).clamp(min=1)
            weights = rate_balanced_weights(occurrence_rates(reserve).nan_to_num(1).maximum(least))
            balance = ClassWeights(weights, weights)
        else:
            return
        self.positive_weights.copy_(balance.positive)
        self.negative_weights.copy_(balance.negative)

    def losses(self, outputs: Outputs, batches: Mapping[str, Batch]) -> Tensor:
        """Return one loss per training picture: those of the AU pictures, then of the expression pictures."""
        return torch.cat(task_losses(outputs, batches, self.reduction))

    def meta_gradient(
        self,
        batches: Mapping[str, Batch],
        weights: Callable[[Outputs], Tensor],
        meta_parameters: Sequence[nn.Parameter],
        update: UpdateRule,
    ) -> MetaGradient:
        """Return d L_val(theta*) / d weights and / d psi at the current parameters, which stay as they are.

        Args:
            batches: The three batches of the iteration.
            weights: Outputs of the training pictures -> their weights.
            meta_parameters: Psi, what the weights depend on; may be empty.
            update: The virtual step from theta to theta*.
        """
        first, *others = (
            Judged(part.images, self._validation_loss(part))
            for part in batches["validation"].parts(self.validation_batches)
        )
        return ESTIMATORS[self.estimator](
            BilevelProblem(
                network=self.network,
                images=task_images(batches),
                losses=lambda outputs: self.losses(outputs, batches),
                weights=weights,
                meta_parameters=meta_parameters,
                validation_images=first.images,
                validation_loss=first.loss,
                update=update,
                further_validation=others,
            )
        )

    def _validation_loss(self, reserve: Batch) -> Callable[[Outputs], Tensor]:
        return lambda outputs: balanced_action_unit_loss(
            outputs.action_units,
            reserve.require("action_units"),
            ClassWeights(self.positive_weights, self.negative_weights),
            reduction=self.reduction,
        )

    def curves(self, batches: Mapping[str, Batch], meta: MetaGradient, weights: Tensor) -> dict[str, Tensor]:
        """Return the mean losses and, as in Fig. 3 of MAL, the tasks' average weights as shares of their sum.

        Both shares are 0 where every weight is. The gain of a task is by how much a unit of weight on one of
        its pictures lowers the validation loss, alpha <grad L_i(theta), grad L_val(theta*)> for a plain
        virtual step (Eq. 8), averaged over its pictures: what moves the weights.
        """
        counts = [len(batches["au"]), len(batches["expression"])]
        au_loss, fe_loss = meta.losses.detach().split(counts)
        told = (*weights.split(counts), *(-meta.sample_gradients).split(counts))
        averages, gains = mean_over_ranks(torch.stack([part.mean() for part in told])).split(2)
        shares = averages / averages.sum().clamp(min=torch.finfo(averages.dtype).tiny)
        return {
            "loss_action_units": au_loss.mean(),
            "loss_expression": fe_loss.mean(),
            "loss_validation": meta.validation_loss,
            "weight_action_units": shares[0],
            "weight_expression": shares[1],
            "gain_action_units": gains[0],
            "gain_expression": gains[1],
        }

    def predict(self, images: Tensor) -> Prediction:
        """Return AU and expression probabilities."""
        return Prediction.of(self.network(images))
