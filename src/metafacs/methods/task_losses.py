"""The losses of the two tasks of MAL and of its controls: AU pictures and expression pictures in one pass."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, NamedTuple

import torch
from torch import Tensor

from metafacs.batch import Batch
from metafacs.losses.action_units import action_unit_loss
from metafacs.losses.expression import expression_loss
from metafacs.models.networks import Outputs


class TaskLosses(NamedTuple):
    """One loss per picture of each task.

    Attributes:
        action_units: One per picture of the ``au`` batch.
        expression: One per picture of the ``expression`` batch.
    """

    action_units: Tensor
    expression: Tensor


def task_images(batches: Mapping[str, Batch]) -> Tensor:
    """Return the pictures of both tasks for one forward, so that BatchNorm sees them together: AUs first."""
    return torch.cat([batches["au"].images, batches["expression"].images])


def task_losses(
    outputs: Outputs, batches: Mapping[str, Batch], reduction: Literal["sum", "mean"]
) -> TaskLosses:
    """Return the losses of Eqs. (1) and (2) of Li & Shan (MAL).

    Args:
        outputs: What a base net says about :func:`task_images`.
        batches: The ``au`` and the ``expression`` batch.
        reduction: Over the AUs of a picture: ``sum`` as printed in Eq. (1), or ``mean``.

    Raises:
        ValueError: If a batch lacks its labels.
    """
    faces, expressive = batches["au"], batches["expression"]
    assert outputs.expressions is not None
    return TaskLosses(
        action_unit_loss(
            outputs.action_units[: len(faces)], faces.require("action_units"), reduction=reduction
        ),
        expression_loss(outputs.expressions[len(faces) :], expressive.require("expression")),
    )
