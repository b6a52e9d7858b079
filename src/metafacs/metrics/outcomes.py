"""Detection outcomes per action unit and the scores made of them: F1, precision, recall, accuracy.

Counts add up: over batches, over people, over folds. Every score is therefore a function of counts, and
whatever is resampled or pooled is resampled or pooled as counts.

One rule for action units that cannot be judged: where no known target is positive, F1 and recall have no
value and are NaN. :func:`average_f1` leaves such AUs out and warns; it never turns them into 0 or 1.
"""

from __future__ import annotations

import warnings
from typing import NamedTuple

import torch
from torch import Tensor


class Outcomes(NamedTuple):
    """How often each AU was detected rightly and wrongly; each field is ``... x au``, long.

    Attributes:
        tp: Present and detected.
        fp: Absent but detected.
        fn: Present but missed.
        tn: Absent and not detected.
    """

    tp: Tensor
    fp: Tensor
    fn: Tensor
    tn: Tensor

    @property
    def positives(self) -> Tensor:
        """Known targets that are present, ``... x au``."""
        return self.tp + self.fn

    @property
    def known(self) -> Tensor:
        """Known targets, ``... x au``."""
        return self.tp + self.fp + self.fn + self.tn


def count_outcomes(
    probabilities: Tensor, targets: Tensor, threshold: float | Tensor = 0.5, *, dim: int = 0
) -> Outcomes:
    """Count right and wrong detections per AU over the known labels.

    Args:
        probabilities: ``sample x au``, in [0, 1].
        targets: ``sample x au``, 0 or 1; NaN unknown.
        threshold: An AU is detected where its probability is at least this; one number or one per AU.
        dim: Axis that is counted over.

    Returns:
        Counts, ``au``.

    Raises:
        ValueError: If the shapes differ or a probability is NaN.
    """
    if probabilities.shape != targets.shape:
        raise ValueError(
            "probabilities and targets must have one shape, "
            f"but have {tuple(probabilities.shape)} and {tuple(targets.shape)}"
        )
    if bool(torch.isnan(probabilities).any()):
        raise ValueError("a predicted probability is NaN; the model has diverged or its input was broken")
    detected = probabilities >= torch.as_tensor(threshold, device=probabilities.device)
    present, absent = targets == 1, targets == 0
    return Outcomes(
        tp=(detected & present).sum(dim),
        fp=(detected & absent).sum(dim),
        fn=(~detected & present).sum(dim),
        tn=(~detected & absent).sum(dim),
    )


def f1(outcomes: Outcomes) -> Tensor:
    """Return ``2 tp / (2 tp + fp + fn)`` per AU, in [0, 1]; NaN without a positive target.

    This is F1 = 2RP / (R + P) of MAL section 4.1.3, but defined where nothing was detected (0).
    """
    tp = outcomes.tp.double()
    score = 2 * tp / (2 * tp + outcomes.fp + outcomes.fn)
    return torch.where(outcomes.positives > 0, score, torch.nan)


def precision(outcomes: Outcomes) -> Tensor:
    """Return the share of detections that are right per AU, in [0, 1]; NaN where nothing was detected."""
    return outcomes.tp.double() / (outcomes.tp + outcomes.fp)


def recall(outcomes: Outcomes) -> Tensor:
    """Return the share of present AUs that were detected, in [0, 1]; NaN without a positive target."""
    return outcomes.tp.double() / outcomes.positives


def accuracy(outcomes: Outcomes) -> Tensor:
    """Return the share of known labels that were predicted rightly per AU; NaN without a known label."""
    return (outcomes.tp + outcomes.tn).double() / outcomes.known


def average_f1(scores: Tensor, aus: tuple[int, ...] | None = None) -> Tensor:
    """Return the mean F1 over the AUs that have one, and warn about those that have none.

    Args:
        scores: ``... x au``, from :func:`f1`; NaN where an AU had no positive target.
        aus: FACS numbers, to name the AUs in the warning.

    Returns:
        ``...``, in [0, 1]; NaN if no AU has a value.
    """
    undefined = torch.isnan(scores).reshape(-1, scores.shape[-1]).any(dim=0).nonzero().flatten().tolist()
    if undefined:
        names = [f"AU{aus[i]}" for i in undefined] if aus else [f"column {i}" for i in undefined]
        warnings.warn(
            f"{', '.join(names)}: no positive label among those evaluated, so F1 has no value; "
            "the average is over the other AUs",
            stacklevel=2,
        )
    return scores.nanmean(dim=-1)
