"""Compound expression recognition with fixed weights: the baselines STL, MTL and AM of MML's tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar, Literal

from torch import Tensor, nn

from metafacs.batch import Batch
from metafacs.losses.alignment import Form, Statistics, StopGradient
from metafacs.methods.base import Method, OptimizerSpec, Prediction, Stepper, total_loss
from metafacs.methods.compound_losses import CompoundLosses, expression_share, used_weights
from metafacs.models.backbones import RESNET34, Backbone
from metafacs.models.networks import BaseNet, Outputs


class CompoundMultiTask(Method):
    """Expression, AU and alignment loss of the same pictures, added with fixed weights.

    Implements Eqs. (3) and (10) of Li et al., "Compound Expression Recognition In-the-wild with AU-assisted
    Meta Multi-task Learning": L = L_emo + rho_1 L_AU + rho_2 L_AM; rho_1 -> ``action_units``, rho_2 ->
    ``alignment``. The rows of its tables by their weights of expression, AUs and alignment: STL 1, 0, 0; MTL
    1, rho, 0; AM 1, rho_1, rho_2.

    Differs from the paper where it is silent: rho, found there "by traversal" and not printed, is 1; the loss
    is a mean over the batch.

    Args:
        aus: FACS numbers to detect. With ``action_units: 0`` their classifier is not trained on labels and
            its answers mean nothing.
        expressions: Names of the expression classes.
        backbone: Which backbone, and with which weights it starts.
        expression: Weight of the expression loss, 1 in the paper.
        action_units: Weight of the AU loss.
        alignment: Weight of the alignment loss.
        reduction: ``sum`` over the AUs of a picture as printed in Eq. (1), or ``mean``.
        statistics: Where the alignment knows from which AUs an expression shows: ``wild`` or ``lab``.
        form: Cross-entropy of the alignment: as printed in the ``paper``, or ``two_sided``.
        stop_gradient: Side of the alignment held fixed: ``none``, ``predicted`` or ``expected``.
    """

    streams: ClassVar[tuple[str, ...]] = ("joint",)

    def __init__(
        self,
        aus: Sequence[int],
        expressions: Sequence[str],
        *,
        backbone: Backbone = RESNET34,
        expression: float = 1.0,
        action_units: float = 1.0,
        alignment: float = 0.0,
        reduction: Literal["sum", "mean"] = "sum",
        statistics: Statistics = "wild",
        form: Form = "paper",
        stop_gradient: StopGradient = "none",
    ) -> None:
        super().__init__(aus, expressions)
        self.weights = used_weights(
            {"expression": expression, "action_units": action_units, "alignment": alignment}
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

    def parameter_groups(self) -> dict[str, list[nn.Parameter]]:
        """Return the backbone and both classifiers, which learn at different rates."""
        return self.network.backbone_and_heads()

    def optimizers(self) -> dict[str, OptimizerSpec]:
        """Return SGD at .001 and .01; momentum and decay, which the paper leaves open, as usual."""
        return {"backbone": OptimizerSpec(lr=1e-3), "heads": OptimizerSpec(lr=1e-2)}

    def update(self, batches: Mapping[str, Batch], step: Stepper) -> dict[str, Tensor]:
        """Descend the sum of the weighted mean losses of the ``joint`` batch once."""
        batch = batches["joint"]
        outputs = self.network(batch.images)
        losses = self.losses(outputs, batch)
        step.descend(total_loss(losses), *self.parameter_groups())
        told = {name: loss.detach() for name, loss in losses.items()}
        return {**told, "accuracy_expression": expression_share(outputs, batch)}

    def losses(self, outputs: Outputs, batch: Batch) -> dict[str, Tensor]:
        """Return the weighted mean losses of what the network says about a batch."""
        means = self.picture_losses(outputs, batch).mean(dim=0)
        return {
            f"loss_{part}": weight * mean
            for (part, weight), mean in zip(self.weights.items(), means, strict=True)
        }

    def predict(self, images: Tensor) -> Prediction:
        """Return AU and expression probabilities."""
        return Prediction.of(self.network(images))
