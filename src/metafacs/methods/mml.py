"""Meta multi-task learning (MML): a meta net weighs the AU and the alignment loss of every picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar, Literal

import torch
from torch import Tensor, nn

from metafacs.batch import Batch
from metafacs.hypergradient import ESTIMATORS, EstimatorName
from metafacs.hypergradient.phases import weighted_sum
from metafacs.hypergradient.problem import BilevelProblem
from metafacs.losses.alignment import Form, Statistics, StopGradient
from metafacs.losses.expression import expression_loss
from metafacs.methods.base import Method, OptimizerSpec, Prediction, Stepper
from metafacs.methods.compound_losses import CompoundLosses, expression_share, used_weights
from metafacs.models.backbones import RESNET34, Backbone
from metafacs.models.networks import BaseNet, Outputs
from metafacs.models.weight_net import WeightNet
from metafacs.ranks import size_of_batch


class MML(Method):
    """Compound expression recognition helped by AUs, with learned weights per picture and auxiliary loss.

    Implements Eqs. (11)-(17) of Li et al., "Compound Expression Recognition In-the-wild with AU-assisted
    Meta Multi-task Learning"; theta -> ``network``, psi -> ``weight_net``, alpha -> the learning rates of the
    groups ``backbone`` and ``heads``, beta -> that of ``meta``. A weight is a number or ``learned``; 0 leaves
    its loss out. Rows of Table 3 by their weights of expression, AUs and alignment: MML 1, learned, learned;
    MAL 1, learned, 0 or learned, learned, 0. For fixed weights only there is ``compound_multi_task``.

    Differs from the paper where it is silent or contradicts itself: L_emo of Eq. (16) is taken at theta, not
    at theta*; sums over the batch are means; the meta net reads detached features; only base-learning moves
    the running statistics of BatchNorm.

    Args:
        aus: FACS numbers to detect.
        expressions: Names of the expression classes.
        backbone: Which backbone, and with which weights it starts.
        expression: Weight of the expression loss: 1 in the paper, or ``learned``.
        action_units: Weight of the AU loss.
        alignment: Weight of the alignment loss.
        reduction: ``sum`` over the AUs of a picture as printed in Eq. (1), or ``mean``.
        batch_reduction: ``mean`` over the pictures of a batch, or their ``sum`` as printed in Eq. (12).
        statistics: Where the alignment knows from which AUs an expression shows: ``wild`` or ``lab``.
        form: Cross-entropy of the alignment: as printed in the ``paper``, or ``two_sided``.
        stop_gradient: Side of the alignment held fixed: ``none``, ``predicted`` or ``expected``.
        estimator: How d L_val(theta*) / d psi is computed; all but ``finite_difference`` are exact.
        virtual_step: Step of meta-train, Eq. (13): ``sgd`` takes a plain gradient step at each group's
            learning rate, ``optimizer`` the step of its optimiser with momentum and decay.
    """

    streams: ClassVar[tuple[str, ...]] = ("joint", "validation")

    def __init__(
        self,
        aus: Sequence[int],
        expressions: Sequence[str],
        *,
        backbone: Backbone = RESNET34,
        expression: float | Literal["learned"] = 1.0,
        action_units: float | Literal["learned"] = "learned",
        alignment: float | Literal["learned"] = "learned",
        reduction: Literal["sum", "mean"] = "sum",
        batch_reduction: Literal["mean", "sum"] = "mean",
        statistics: Statistics = "wild",
        form: Form = "paper",
        stop_gradient: StopGradient = "none",
        estimator: EstimatorName = "tangent",
        virtual_step: Literal["optimizer", "sgd"] = "sgd",
    ) -> None:
        super().__init__(aus, expressions)
        self.weights = used_weights(
            {"expression": expression, "action_units": action_units, "alignment": alignment}
        )
        self.learned = tuple(part for part, weight in self.weights.items() if weight == "learned")
        if not self.learned:
            raise ValueError(
                "mml learns at least one of the weights expression, action_units and alignment; "
                "for fixed weights use compound_multi_task"
            )
        self.picture_losses = CompoundLosses(
            self.aus,
            self.expressions,
            tuple(self.weights),
            reduction=reduction,
            statistics=statistics,
            form=form,
            stop_gradient=stop_gradient,
        )
        self.network = BaseNet(backbone.build(), len(self.aus), len(self.expressions))
        self.weight_net = WeightNet(self.network.features, len(self.learned))
        self.batch_reduction: Literal["mean", "sum"] = batch_reduction
        self.estimator: EstimatorName = estimator
        self.virtual_step: Literal["optimizer", "sgd"] = virtual_step

    def parameter_groups(self) -> dict[str, list[nn.Parameter]]:
        """Return theta as ``backbone`` and ``heads``, and psi as ``meta``."""
        return {**self.network.backbone_and_heads(), "meta": list(self.weight_net.parameters())}

    def optimizers(self) -> dict[str, OptimizerSpec]:
        """Return SGD at .001, .01 and .01; momentum and decay, which the paper leaves open, as usual."""
        return {
            "backbone": OptimizerSpec(lr=1e-3),
            "heads": OptimizerSpec(lr=1e-2),
            "meta": OptimizerSpec(lr=1e-2),
        }

    def sample_weights(self, outputs: Outputs) -> Tensor:
        """Return omega of Eq. (11) for each picture, ``batch x part``: learned in (0, 1), or as given."""
        omega = self.weight_net(outputs.features.detach())
        learned = dict(zip(self.learned, omega.unbind(dim=1), strict=True))
        columns = [
            learned[part] if isinstance(weight, str) else omega.new_full((len(omega),), weight)
            for part, weight in self.weights.items()
        ]
        return torch.stack(columns, dim=1)

    def update(self, batches: Mapping[str, Batch], step: Stepper) -> dict[str, Tensor]:
        """Run meta-train, meta-test and base-learning once."""
        faces, reserve = batches["joint"], batches["validation"]
        share = 1 / size_of_batch(len(faces)) if self.batch_reduction == "mean" else 1.0

        def validation_loss(outputs: Outputs) -> Tensor:
            assert outputs.expressions is not None
            return expression_loss(outputs.expressions, reserve.require("expression")).mean()

        # Meta-train (Eqs. 12-13) and meta-test (Eqs. 14-15): theta* and the gradient of its validation loss.
        meta = ESTIMATORS[self.estimator](
            BilevelProblem(
                network=self.network,
                images=faces.images,
                losses=lambda outputs: self.picture_losses(outputs, faces),
                weights=lambda outputs: share * self.sample_weights(outputs),
                meta_parameters=list(self.weight_net.parameters()),
                validation_images=reserve.images,
                validation_loss=validation_loss,
                update=step.update_rule("backbone", "heads", plain=self.virtual_step == "sgd"),
            )
        )
        step.apply(meta.gradients, "meta")

        # Base-learning (Eqs. 16-17): theta again, with the updated weights.
        with torch.no_grad():
            weights = self.sample_weights(meta.outputs)
        step.descend(share * weighted_sum(weights, meta.losses), "backbone", "heads")

        losses = dict(zip(self.weights, meta.losses.detach().mean(dim=0), strict=True))
        averages = dict(zip(self.weights, weights.mean(dim=0), strict=True))
        return {
            **{f"loss_{part}": loss for part, loss in losses.items()},
            "loss_validation": meta.validation_loss,
            **{f"weight_{part}": averages[part] for part in self.learned},
            "accuracy_expression": expression_share(meta.outputs, faces),
        }

    def predict(self, images: Tensor) -> Prediction:
        """Return AU and expression probabilities."""
        return Prediction.of(self.network(images))
