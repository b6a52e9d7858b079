"""Meta auxiliary learning (MAL): a meta net weighs every training picture by its use for AU detection."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import torch
from torch import Tensor, nn

from metafacs.batch import Batch
from metafacs.hypergradient import EstimatorName
from metafacs.hypergradient.phases import weighted_sum
from metafacs.methods.base import OptimizerSpec, Stepper
from metafacs.methods.sample_weighting import SampleWeightingMethod, ValidationWeights
from metafacs.models.backbones import RESNET34, Backbone
from metafacs.models.networks import Outputs
from metafacs.models.weight_net import WeightNet
from metafacs.ranks import sum_over_batch


class MAL(SampleWeightingMethod):
    """AU detection helped by expression recognition with learned weights per picture.

    Implements Algorithm 1 and Eqs. (3)-(11) of Li & Shan, "Meta Auxiliary Learning for Facial Action Unit
    Detection"; theta -> ``network``, psi -> ``weight_net``, alpha and beta -> the learning rates of the
    groups ``base`` and ``meta``.

    Differs from the paper where it is silent or contradicts itself: the meta net reads detached features; the
    weights of a batch are divided by their sum over both tasks, and the gradient passes through that
    normaliser; training pictures of both tasks share one forward; only base-learning moves the running
    statistics of BatchNorm; the validation loss is balanced per AU by class frequency.

    Args:
        aus: FACS numbers to detect.
        expressions: Names of the expression classes.
        backbone: Which backbone, and with which weights it starts.
        reduction: ``sum`` over the AUs of a picture as printed in Eq. (1), or ``mean``.
        estimator: How d L_val(theta*) / d psi is computed; all but ``finite_difference`` are exact.
        virtual_step: Step of meta-train, Eq. (6): ``optimizer`` takes the step of the base optimiser with its
            momentum or moments, ``sgd`` a plain gradient step at the base learning rate.
        meta_batches: Validation batches that the meta gradient is averaged over, one in the paper.
        validation_weights: How the labels of the reserve count in the validation loss, see
            :class:`SampleWeightingMethod`; ``classes`` is the reading of the paper.
    """

    weighs_pictures = True

    def __init__(
        self,
        aus: Sequence[int],
        expressions: Sequence[str],
        *,
        backbone: Backbone = RESNET34,
        reduction: Literal["sum", "mean"] = "sum",
        estimator: EstimatorName = "tangent",
        virtual_step: Literal["optimizer", "sgd"] = "sgd",
        meta_batches: int = 1,
        validation_weights: ValidationWeights = "classes",
    ) -> None:
        super().__init__(
            aus,
            expressions,
            backbone=backbone,
            reduction=reduction,
            estimator=estimator,
            meta_batches=meta_batches,
            validation_weights=validation_weights,
        )
        self.weight_net = WeightNet(self.network.features)
        self.virtual_step: Literal["optimizer", "sgd"] = virtual_step

    def parameter_groups(self) -> dict[str, list[nn.Parameter]]:
        """Return theta as ``base`` and psi as ``meta``."""
        return {"base": list(self.network.parameters()), "meta": list(self.weight_net.parameters())}

    def optimizers(self) -> dict[str, OptimizerSpec]:
        """Return alpha = beta = .001: SGD with momentum for theta, plain SGD for psi as Eq. (7) prints it."""
        return {"base": OptimizerSpec(), "meta": OptimizerSpec(momentum=0.0, weight_decay=0.0)}

    def sample_weights(self, outputs: Outputs) -> Tensor:
        """Return w_AU, then w_FE of Eq. (4); section 4.1.2: they sum to one over both tasks."""
        raw = self.weight_net(outputs.features.detach()).squeeze(1)
        return raw / sum_over_batch(raw)

    def update(self, batches: Mapping[str, Batch], step: Stepper) -> dict[str, Tensor]:
        """Run meta-train, meta-test and base-learning once."""
        # Meta-train (Eqs. 4-6) and meta-test (Eqs. 7-8): theta* and the gradient of its validation loss.
        meta = self.meta_gradient(
            batches,
            self.sample_weights,
            list(self.weight_net.parameters()),
            step.update_rule("base", plain=self.virtual_step == "sgd"),
        )
        step.apply(meta.gradients, "meta")

        # Base-learning (Eqs. 9-11): theta again, with the updated weights.
        with torch.no_grad():
            weights = self.sample_weights(meta.outputs)
        step.descend(weighted_sum(weights, meta.losses), "base")
        return self.curves(batches, meta, weights)

    def weigh(self, images: Tensor, expressions: Tensor) -> Tensor:
        """Return the meta net's weight of each picture before normalisation, ``batch`` in (0, 1).

        It sees the picture alone: a wrong label can only be told by what the picture looks like.
        """
        return self.weight_net(self.network(images).features).squeeze(1)
