"""The losses of a picture with both labels, which MML and its ablations weigh in different ways."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, TypeVar

import torch
from torch import Tensor, nn

from metafacs.batch import Batch
from metafacs.losses.action_units import action_unit_loss
from metafacs.losses.alignment import Form, Statistics, StopGradient, alignment_loss, alignment_prior
from metafacs.losses.expression import expression_loss
from metafacs.models.networks import Outputs
from metafacs.precision import in_float32
from metafacs.ranks import sum_over_batch

PARTS: tuple[str, ...] = ("expression", "action_units", "alignment")
"""The losses that can be weighed: Eqs. (2), (1) and (9) of MML."""

Weight = TypeVar("Weight", bound="float | str")


def expression_share(outputs: Outputs, batch: Batch) -> Tensor:
    """Return which share of the batch's known expressions is recognised, a scalar; 0 if none is known."""
    assert outputs.expressions is not None
    targets = batch.require("expression")
    hits = outputs.expressions.argmax(dim=1) == targets
    return sum_over_batch(hits.float()) / sum_over_batch(targets >= 0).clamp(min=1)


class CompoundLosses(nn.Module):
    """Expression, AU and alignment loss of each picture.

    Implements the terms that Eqs. (3), (10) and (12) of Li et al. (MML) add up. An unknown expression or AU
    adds nothing to its own loss; the alignment reads predictions only.

    Args:
        aus: FACS numbers of the AU classifier.
        expressions: Names of the compound expressions of the expression classifier.
        parts: Which of :data:`PARTS` to compute, in the order of the columns.
        reduction: ``sum`` over the AUs of a picture as printed in Eq. (1), or ``mean``.
        statistics: Table of the alignment, see :func:`metafacs.losses.alignment.alignment_prior`.
        form: Cross-entropy of the alignment, see :data:`metafacs.losses.alignment.Form`.
        stop_gradient: Side of the alignment that is held fixed.

    Raises:
        ValueError: If there are no expressions, or the alignment is asked for and does not know one of them.
    """

    prior: Tensor

    def __init__(
        self,
        aus: Sequence[int],
        expressions: Sequence[str],
        parts: Sequence[str],
        *,
        reduction: Literal["sum", "mean"],
        statistics: Statistics,
        form: Form,
        stop_gradient: StopGradient,
    ) -> None:
        super().__init__()
        self.parts = tuple(parts)
        self.reduction: Literal["sum", "mean"] = reduction
        self.statistics: Statistics = statistics
        self.form: Form = form
        self.stop_gradient: StopGradient = stop_gradient
        if not expressions:
            raise ValueError("there are no expression classes to recognise; train on a store that has them")
        if "alignment" in self.parts:
            # The table is part of the program and not of what was learned: it is not saved with a model.
            prior = alignment_prior(expressions, aus, statistics).float()
            self.register_buffer("prior", prior, persistent=False)

    @in_float32
    def forward(self, outputs: Outputs, batch: Batch) -> Tensor:
        """Return the losses of the batch's pictures, ``batch x part``."""
        return torch.stack([self._loss(part, outputs, batch) for part in self.parts], dim=1)

    def _loss(self, part: str, outputs: Outputs, batch: Batch) -> Tensor:
        assert outputs.expressions is not None
        if part == "expression":
            return expression_loss(outputs.expressions, batch.require("expression"))
        if part == "action_units":
            return action_unit_loss(
                outputs.action_units, batch.require("action_units"), reduction=self.reduction
            )
        return alignment_loss(
            outputs.action_units.sigmoid(),
            outputs.expressions.softmax(dim=1),
            self.prior,
            statistics=self.statistics,
            form=self.form,
            stop_gradient=self.stop_gradient,
        )


def used_weights(weights: Mapping[str, Weight]) -> dict[str, Weight]:
    """Return the weights of the parts that take part, those other than 0, in the order of :data:`PARTS`.

    Raises:
        ValueError: If a weight is neither a number from 0 on nor ``learned``, or all are 0.
    """
    for part, weight in weights.items():
        if isinstance(weight, str) and weight != "learned":
            raise ValueError(f"the weight of {part} is a number or 'learned', not {weight!r}")
        if not isinstance(weight, str) and not 0 <= weight < float("inf"):
            raise ValueError(f"the weight of {part} is {weight}; it must be 0 or a positive number")
    used = {part: weights[part] for part in PARTS if weights[part] != 0}
    if not used:
        raise ValueError(f"the weights of {', '.join(PARTS)} are all 0: nothing would be trained")
    return used
