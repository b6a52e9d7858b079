"""The bilevel problem every estimator solves, and what an estimator returns."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from torch import Tensor, nn

from metafacs.hypergradient.updates import UpdateRule
from metafacs.models.networks import Outputs


class Judged(NamedTuple):
    """Pictures that theta* is judged on.

    Attributes:
        images: ``batch x 3 x height x width``.
        loss: Their outputs -> scalar loss.
    """

    images: Tensor
    loss: Callable[[Outputs], Tensor]


@dataclass(frozen=True)
class BilevelProblem:
    """One iteration of learning sample weights: a weighted step on theta, judged on validation pictures.

    ``theta* = update(theta, grad_theta sum(weights * losses))``, wanted is ``d L_val(theta*) / d psi``:
    Eqs (5) to (8) of Li & Shan 2023 (MAL).

    An estimator leaves every parameter as it is and draws the same random numbers (dropout) in all its
    passes over the training pictures. It works under the autocast context it is called in.

    Attributes:
        network: The base net, bare (no DistributedDataParallel, no Fabric wrapper). Theta is its
            parameters that require gradients.
        images: Training pictures of all tasks, concatenated: they share one forward pass and, in
            training mode, their BatchNorm statistics.
        losses: Outputs of the training pictures -> losses of any shape S, one per sample and task.
        weights: Outputs of the training pictures -> weights of shape S, differentiable with respect to
            the meta parameters. Features are to be detached inside, unless the gradient of the weights
            is wanted to flow into the network as well.
        meta_parameters: Psi, what the weights depend on.
        validation_images: Pictures of the validation loss.
        validation_loss: Outputs of the validation pictures -> scalar loss.
        update: The inner step from theta to theta*.
        further_validation: More batches of validation pictures, each with its loss. All are judged one by
            one, with BatchNorm statistics of their own, and the mean of their losses is what counts.
    """

    network: nn.Module
    images: Tensor
    losses: Callable[[Outputs], Tensor]
    weights: Callable[[Outputs], Tensor]
    meta_parameters: Sequence[nn.Parameter]
    validation_images: Tensor
    validation_loss: Callable[[Outputs], Tensor]
    update: UpdateRule
    further_validation: Sequence[Judged] = ()

    @property
    def judged(self) -> tuple[Judged, ...]:
        """All batches of validation pictures with their losses."""
        return (Judged(self.validation_images, self.validation_loss), *self.further_validation)


@dataclass(frozen=True)
class MetaGradient:
    """The meta gradient, and the forward pass the base-learning step goes on from.

    Attributes:
        gradients: ``d L_val(theta*) / d psi``, one per meta parameter.
        outputs: Outputs of the training pictures at theta with a live graph. This is the one pass that
            moved the running statistics.
        losses: The losses of ``outputs``, shape S, live graph: ``(new_weights * losses).sum()`` is the
            base-learning loss, Eq. (10).
        validation_loss: ``L_val(theta*)``, a detached scalar; the mean over validation batches.
        sample_gradients: ``d L_val(theta*) / d weights``, shape S, detached. Negative means that more
            weight on the sample lowers the validation loss.
    """

    gradients: tuple[Tensor, ...]
    outputs: Outputs
    losses: Tensor
    validation_loss: Tensor
    sample_gradients: Tensor


class Estimator(Protocol):
    """Computes the meta gradient of a bilevel problem."""

    def __call__(self, problem: BilevelProblem) -> MetaGradient:
        """Return the meta gradient; parameters stay, running statistics move once."""
        ...
