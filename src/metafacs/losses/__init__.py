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
from metafacs.losses.adversarial import domain_loss, one_hot_map_loss, uniform_map_loss
from metafacs.losses.alignment import alignment_loss, alignment_prior
from metafacs.losses.expression import UNKNOWN_EXPRESSION, expression_loss
from metafacs.losses.landmarks import action_unit_centres, cell_loss, landmark_cells, landmark_loss
from metafacs.losses.reconstruction import reconstruction_loss

__all__ = [
    "UNKNOWN_EXPRESSION",
    "ClassWeights",
    "action_unit_centres",
    "action_unit_loss",
    "alignment_loss",
    "alignment_prior",
    "balanced_action_unit_loss",
    "cell_loss",
    "class_balanced_weights",
    "domain_loss",
    "expression_loss",
    "landmark_cells",
    "landmark_loss",
    "occurrence_rates",
    "one_hot_map_loss",
    "rate_balanced_weights",
    "reconstruction_loss",
    "uniform_map_loss",
]
