"""Meta-Weight-Net (MW-Net): a small net learns how much a picture counts from nothing but its loss."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import torch
from torch import Tensor, nn

from metafacs.batch import Batch
from metafacs.hypergradient import EstimatorName
from metafacs.losses.expression import expression_loss
from metafacs.methods.base import OptimizerSpec, Stepper
from metafacs.methods.sample_weighting import SampleWeightingMethod, ValidationWeights
from metafacs.models.backbones import RESNET34, Backbone
from metafacs.models.networks import Outputs
from metafacs.models.weight_net import LossWeightNet
from metafacs.ranks import size_of_batch


class MetaWeightNet(SampleWeightingMethod):
    """MAL's problem with a meta net that reads the loss of a picture instead of its features.

    Implements Algorithm 1 of Shu et al. 2019, "Meta-Weight-Net: Learning an Explicit Mapping For Sample
    Weighting", on the AU and expression pictures of MAL; Theta -> ``weight_net``, one for both tasks. As in
    the authors' code the weighted losses are divided by the number of pictures, not by the weights' sum.

    Differs from the paper only in its problem: the validation loss is MAL's, balanced per AU by class
    frequency.

    Args:
        aus: FACS numbers to detect.
        expressions: Names of the expression classes.
        backbone: Which backbone, and with which weights it starts.
        reduction: ``sum`` over the AUs of a picture as in Eq. (1) of MAL, or ``mean``.
        estimator: How d L_val(theta*) / d Theta is computed; all but ``finite_difference`` are exact.
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
        self.weight_net = LossWeightNet()

    def parameter_groups(self) -> dict[str, list[nn.Parameter]]:
        """Return the base net as ``base`` and the net that weighs as ``meta``."""
        return {"base": list(self.network.parameters()), "meta": list(self.weight_net.parameters())}

    def optimizers(self) -> dict[str, OptimizerSpec]:
        """Return MAL's SGD at .001 for the base net and the authors' Adam for the net that weighs."""
        return {
            "base": OptimizerSpec(),
            "meta": OptimizerSpec("adam", 1e-3, momentum=0.0, weight_decay=1e-4),
        }

    def update(self, batches: Mapping[str, Batch], step: Stepper) -> dict[str, Tensor]:
        """Run the virtual step, the step of the net that weighs, and the actual step once."""

        def sample_weights(outputs: Outputs) -> Tensor:
            losses = self.losses(outputs, batches).detach()
            return self.weight_net(losses) / size_of_batch(len(losses))

        meta = self.meta_gradient(
            batches,
            sample_weights,
            list(self.weight_net.parameters()),
            step.update_rule("base", plain=True),
        )
        step.apply(meta.gradients, "meta")

        with torch.no_grad():
            raw = self.weight_net(meta.losses)
        step.descend((raw * meta.losses).mean(), "base")
        return {**self.curves(batches, meta, raw), "weight_average": raw.mean()}

    def weigh(self, images: Tensor, expressions: Tensor) -> Tensor:
        """Return the weight of each expression picture by its loss, ``batch`` in (0, 1)."""
        logits = self.network(images).expressions
        assert logits is not None
        return self.weight_net(expression_loss(logits, expressions))
