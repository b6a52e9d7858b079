"""Meta auxiliary learning (MAL): a meta net weighs every training picture by its use for AU detection."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar, Literal

import torch
from torch import Tensor, nn

from metafacs.batch import Batch
from metafacs.hypergradient import ESTIMATORS, BilevelProblem, EstimatorName
from metafacs.losses.action_units import (
    ClassWeights,
    action_unit_loss,
    balanced_action_unit_loss,
    class_balanced_weights,
)
from metafacs.losses.expression import expression_loss
from metafacs.methods.base import Method, OptimizerSpec, Prediction, Stepper
from metafacs.models.backbones import BackboneName, build_backbone
from metafacs.models.networks import BaseNet, Outputs
from metafacs.models.weight_net import WeightNet


class MAL(Method):
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
        backbone: Name of the backbone.
        weights: Initial weights of the backbone: ``none``, ``imagenet`` or a safetensors file.
        reduction: ``sum`` over the AUs of a picture as printed in Eq. (1), or ``mean``.
        estimator: How d L_val(theta*) / d psi is computed; all but ``finite_difference`` are exact.
        virtual_step: Step of meta-train, Eq. (6): ``optimizer`` takes the step of the base optimiser with its
            momentum or moments, ``sgd`` a plain gradient step at the base learning rate.
    """

    streams: ClassVar[tuple[str, ...]] = ("au", "expression", "validation")
    positive_weights: Tensor
    negative_weights: Tensor

    def __init__(
        self,
        aus: Sequence[int],
        expressions: Sequence[str],
        *,
        backbone: BackboneName = "resnet34",
        weights: str = "none",
        reduction: Literal["sum", "mean"] = "sum",
        estimator: EstimatorName = "tangent",
        virtual_step: Literal["optimizer", "sgd"] = "sgd",
    ) -> None:
        super().__init__(aus, expressions)
        features = build_backbone(backbone, weights)
        self.network = BaseNet(features, len(self.aus), len(self.expressions))
        self.weight_net = WeightNet(self.network.features)
        self.reduction: Literal["sum", "mean"] = reduction
        self.estimator: EstimatorName = estimator
        self.virtual_step: Literal["optimizer", "sgd"] = virtual_step
        self.register_buffer("positive_weights", torch.ones(len(self.aus)))
        self.register_buffer("negative_weights", torch.ones(len(self.aus)))

    def observe_labels(self, labels: Mapping[str, Tensor]) -> None:
        """Balance the validation loss by the class frequencies of the whole reserve (section 4.1.4)."""
        balance = class_balanced_weights(labels["validation"])
        self.positive_weights.copy_(balance.positive)
        self.negative_weights.copy_(balance.negative)

    def parameter_groups(self) -> dict[str, list[nn.Parameter]]:
        """Return theta as ``base`` and psi as ``meta``."""
        return {"base": list(self.network.parameters()), "meta": list(self.weight_net.parameters())}

    def optimizers(self) -> dict[str, OptimizerSpec]:
        """Return alpha = beta = .001: SGD with momentum for theta, plain SGD for psi as Eq. (7) prints it."""
        return {"base": OptimizerSpec(), "meta": OptimizerSpec(momentum=0.0, weight_decay=0.0)}

    def sample_weights(self, outputs: Outputs) -> Tensor:
        """Return w_AU, then w_FE of Eq. (4); section 4.1.2: they sum to one over both tasks."""
        raw = self.weight_net(outputs.features.detach()).squeeze(1)
        return raw / raw.sum()

    def update(self, batches: Mapping[str, Batch], step: Stepper) -> dict[str, Tensor]:
        """Run meta-train, meta-test and base-learning once."""
        faces, expressive, reserve = batches["au"], batches["expression"], batches["validation"]
        count = len(faces)

        def losses(outputs: Outputs) -> Tensor:
            au = action_unit_loss(
                outputs.action_units[:count], faces.require("action_units"), reduction=self.reduction
            )
            assert outputs.expressions is not None
            fe = expression_loss(outputs.expressions[count:], expressive.require("expression"))
            return torch.cat([au, fe])

        def validation_loss(outputs: Outputs) -> Tensor:
            return balanced_action_unit_loss(
                outputs.action_units,
                reserve.require("action_units"),
                ClassWeights(self.positive_weights, self.negative_weights),
                reduction=self.reduction,
            )

        # Meta-train (Eqs. 4-6) and meta-test (Eqs. 7-8): theta* and the gradient of its validation loss.
        meta = ESTIMATORS[self.estimator](
            BilevelProblem(
                network=self.network,
                images=torch.cat([faces.images, expressive.images]),
                losses=losses,
                weights=self.sample_weights,
                meta_parameters=list(self.weight_net.parameters()),
                validation_images=reserve.images,
                validation_loss=validation_loss,
                update=step.update_rule("base", plain=self.virtual_step == "sgd"),
            )
        )
        step.apply(meta.gradients, "meta")

        # Base-learning (Eqs. 9-11): theta again, with the updated weights.
        with torch.no_grad():
            weights = self.sample_weights(meta.outputs)
        step.descend((weights * meta.losses).sum(), "base")

        au_loss, fe_loss = meta.losses.detach().split([count, len(expressive)])
        au_weight, fe_weight = weights.split([count, len(expressive)])
        averages = torch.stack([au_weight.mean(), fe_weight.mean()])
        averages = averages / averages.sum()
        return {
            "loss_action_units": au_loss.mean(),
            "loss_expression": fe_loss.mean(),
            "loss_validation": meta.validation_loss,
            "weight_action_units": averages[0],
            "weight_expression": averages[1],
        }

    def weigh(self, images: Tensor) -> Tensor:
        """Return the meta net's weight of each picture before normalisation, ``batch`` in (0, 1)."""
        return self.weight_net(self.network(images).features).squeeze(1)

    def predict(self, images: Tensor) -> Prediction:
        """Return AU and expression probabilities."""
        return Prediction.of(self.network(images))
