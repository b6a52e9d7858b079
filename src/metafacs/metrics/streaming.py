"""Accumulators that take batches as they come and reduce over processes; the mathematics is elsewhere."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torchmetrics import Metric

from metafacs.facs import check_aus
from metafacs.metrics.expression import confusion_matrix, expression_accuracy, mean_recall
from metafacs.metrics.landmarks import failure_rate, normalised_mean_error
from metafacs.metrics.outcomes import Outcomes, accuracy, average_f1, count_outcomes, f1, precision, recall
from metafacs.metrics.ranking import area_under_roc


class ActionUnitScores(Metric):
    """Accumulates AU detections and computes every score of :mod:`metafacs.metrics.outcomes` at once.

    Args:
        aus: FACS numbers of the columns.
        threshold: An AU is detected where its probability is at least this; one number or one per AU.
    """

    full_state_update = False
    tp: Tensor
    fp: Tensor
    fn: Tensor
    tn: Tensor
    probabilities: list[Tensor]
    targets: list[Tensor]

    def __init__(
        self, aus: tuple[int, ...], threshold: float | tuple[float, ...] = 0.5, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.aus = check_aus(aus)
        self.threshold = threshold
        for name in Outcomes._fields:
            self.add_state(name, torch.zeros(len(self.aus), dtype=torch.long), dist_reduce_fx="sum")
        self.add_state("probabilities", [], dist_reduce_fx="cat")
        self.add_state("targets", [], dist_reduce_fx="cat")

    def update(self, probabilities: Tensor, targets: Tensor) -> None:
        """Add one batch; both ``batch x au``, targets 0, 1 or NaN."""
        probabilities = probabilities.detach()
        counts = count_outcomes(probabilities, targets, torch.as_tensor(self.threshold))
        for name, count in counts._asdict().items():
            setattr(self, name, getattr(self, name) + count)
        # The area under the curve needs every score; frames x AUs floats are small beside the pictures.
        self.probabilities.append(probabilities.float())
        self.targets.append(targets.float())

    def outcomes(self) -> Outcomes:
        """Return the counts so far, ``au``."""
        return Outcomes(self.tp, self.fp, self.fn, self.tn)

    def compute(self) -> dict[str, Tensor]:
        """Return scores by name: ``f1_average`` (scalar) and, per AU, ``f1``, ``precision``, ``recall``,
        ``accuracy``, ``auc`` and ``positives``.
        """  # noqa: D205 (one sentence)
        counts = self.outcomes()
        scores = f1(counts)
        return {
            "f1_average": average_f1(scores, self.aus),
            "f1": scores,
            "precision": precision(counts),
            "recall": recall(counts),
            "accuracy": accuracy(counts),
            "auc": area_under_roc(_joined(self.probabilities), _joined(self.targets)),
            "positives": counts.positives,
        }


class ExpressionScores(Metric):
    """Accumulates the confusion matrix of expression recognition.

    Args:
        classes: Number of expression classes.
    """

    full_state_update = False
    confusion: Tensor

    def __init__(self, classes: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.classes = classes
        self.add_state("confusion", torch.zeros(classes, classes, dtype=torch.long), dist_reduce_fx="sum")

    def update(self, predicted: Tensor, targets: Tensor) -> None:
        """Add one batch: ``batch`` indices or ``batch x expression`` scores, and ``batch`` targets."""
        self.confusion = self.confusion + confusion_matrix(predicted, targets, self.classes)

    def compute(self) -> dict[str, Tensor]:
        """Return ``accuracy`` and ``mean_recall`` as scalars and the ``confusion`` matrix."""
        return {
            "accuracy": expression_accuracy(self.confusion),
            "mean_recall": mean_recall(self.confusion),
            "confusion": self.confusion,
        }


class LandmarkError(Metric):
    """Accumulates normalised landmark errors, one per face.

    Args:
        limit: Error above which a face counts as failed.
    """

    full_state_update = False
    errors: list[Tensor]

    def __init__(self, limit: float = 0.1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.limit = limit
        self.add_state("errors", [], dist_reduce_fx="cat")

    def update(self, predicted: Tensor, targets: Tensor, scale: Tensor) -> None:
        """Add one batch; arguments as in :func:`metafacs.metrics.landmarks.normalised_mean_error`."""
        self.errors.append(normalised_mean_error(predicted, targets, scale))

    def compute(self) -> dict[str, Tensor]:
        """Return ``error``, the mean over faces, and ``failure_rate``, both scalars."""
        errors = _joined(self.errors)
        return {"error": errors.nanmean(), "failure_rate": failure_rate(errors, self.limit)}


def _joined(batches: list[Tensor] | Tensor) -> Tensor:
    # After reduction over processes torchmetrics leaves one tensor where it had a list.
    return batches if isinstance(batches, Tensor) else torch.cat(batches)
