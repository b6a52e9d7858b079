"""Learning to reweight (L2RW): a picture counts as much as its gradient agrees with that of validation."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor, nn

from metafacs.batch import Batch
from metafacs.hypergradient.phases import weighted_sum
from metafacs.methods.base import OptimizerSpec, Stepper
from metafacs.methods.sample_weighting import SampleWeightingMethod
from metafacs.methods.task_losses import task_images
from metafacs.ranks import sum_over_batch


class LearningToReweight(SampleWeightingMethod):
    """MAL's problem without a meta net: the weights of each batch are found anew from the AU validation loss.

    Implements Algorithm 1 of Ren et al. 2018, "Learning to Reweight Examples for Robust Deep Learning", on
    the AU and expression pictures of MAL: epsilon = 0, w = max(-d L_val(theta*) / d epsilon, 0) over its sum.

    Differs from the paper only in its problem: the validation loss is MAL's, balanced per AU by class
    frequency, and the weights sum to one over the pictures of both tasks.

    Args:
        aus: FACS numbers to detect.
        expressions: Names of the expression classes.
        backbone: Which backbone, and with which weights it starts.
        reduction: ``sum`` over the AUs of a picture as in Eq. (1) of MAL, or ``mean``.
        estimator: How d L_val(theta*) / d epsilon is computed; all but ``finite_difference`` are exact.
        meta_batches: Validation batches that the meta gradient is averaged over, one in the paper.
        validation_weights: How the labels of the reserve count in the validation loss, see
            :class:`SampleWeightingMethod`; ``classes`` is the reading of the paper.
    """

    def parameter_groups(self) -> dict[str, list[nn.Parameter]]:
        """Return theta as ``base``; there is nothing else to learn."""
        return {"base": list(self.network.parameters())}

    def optimizers(self) -> dict[str, OptimizerSpec]:
        """Return MAL's SGD at .001, so that only the weights differ from it."""
        return {"base": OptimizerSpec()}

    def update(self, batches: Mapping[str, Batch], step: Stepper) -> dict[str, Tensor]:
        """Find the weights by a virtual step on losses that count nothing yet, then take the real step."""
        images = task_images(batches)
        epsilon = images.new_zeros(len(images), requires_grad=True)
        meta = self.meta_gradient(batches, lambda outputs: epsilon, (), step.update_rule("base", plain=True))
        weights = rectified_weights(meta.sample_gradients)
        step.descend(weighted_sum(weights, meta.losses), "base")
        return {**self.curves(batches, meta, weights), "weighted_pictures": (weights > 0).float().mean()}


def rectified_weights(slopes: Tensor) -> Tensor:
    """Return max(-slope, 0), divided by its sum; all zero where no picture lowers the validation loss.

    Args:
        slopes: ``batch``, derivative of the validation loss by each picture's weight.

    >>> import torch
    >>> rectified_weights(torch.tensor([-3.0, 2.0, -1.0]))
    tensor([0.7500, 0.0000, 0.2500])
    """
    kept = (-slopes).clamp(min=0)
    total = sum_over_batch(kept)
    return kept / (total + (total == 0))
