"""Losses as pure functions of tensors; each returns one value per sample unless it says otherwise."""

from __future__ import annotations

from metafacs.losses.action_units import (
    ClassWeights,
    action_unit_loss,
    balanced_action_unit_loss,
    class_balanced_weights,
    occurrence_rates,
    rate_balanced_weights,
)
from metafacs.losses.alignment import alignment_loss, alignment_prior
from metafacs.losses.expression import UNKNOWN_EXPRESSION, expression_loss

__all__ = [
    "UNKNOWN_EXPRESSION",
    "ClassWeights",
    "action_unit_loss",
    "alignment_loss",
    "alignment_prior",
    "balanced_action_unit_loss",
    "class_balanced_weights",
    "expression_loss",
    "occurrence_rates",
    "rate_balanced_weights",
]
