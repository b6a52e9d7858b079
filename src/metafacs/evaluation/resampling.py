"""Bootstrap from predictions, over people or over the pictures of a data set that does not tell its people.

Pictures of one person are not independent. Where nobody is known they have to be taken for it: an interval
over pictures is too narrow where several show one person.
"""

from __future__ import annotations

import numpy as np
import torch

from metafacs.evaluation.expression_results import ExpressionIntervals, Unit
from metafacs.evaluation.statistics import LEVEL, percentile_bounds
from metafacs.metrics.outcomes import Outcomes, count_outcomes, f1
from metafacs.metrics.ranking import placements


def resampled_totals(counts: np.ndarray, repetitions: int, seed: int = 0) -> np.ndarray:
    """Return sums of counts over units drawn with replacement, as many as there are.

    Args:
        counts: ``unit x ...``.
        repetitions: Resamples.
        seed: Seed of the resampling; the same for every method gives the same resamples.

    Returns:
        ``repetition x ...``, float64.
    """
    units = len(counts)
    flat = counts.reshape(units, -1).astype(float)
    rng = np.random.default_rng(seed)
    drawn = (np.bincount(rng.integers(0, units, units), minlength=units) for _ in range(repetitions))
    totals = np.stack([weights @ flat for weights in drawn])
    return totals.reshape(repetitions, *counts.shape[1:])


def f1_bounds_over_pictures(
    probabilities: torch.Tensor,
    targets: torch.Tensor,
    threshold: float | torch.Tensor,
    repetitions: int,
) -> tuple[float, float]:
    """Return the interval of the F1 averaged over AUs, resampling pictures.

    Args:
        probabilities: ``picture x au``, in [0, 1].
        targets: ``picture x au``, 0 or 1; NaN unknown.
        threshold: An AU is detected where its probability is at least this; one number or one per AU.
        repetitions: Resamples.
    """
    each = count_outcomes(probabilities[:, None], targets[:, None], threshold, dim=1)
    totals = torch.from_numpy(resampled_totals(torch.stack(each, dim=1).numpy(), repetitions))
    draws = f1(Outcomes(*totals.unbind(dim=1))).nanmean(dim=-1).numpy()
    return percentile_bounds(draws, len(probabilities))


def area_by_unit(
    probabilities: torch.Tensor, targets: torch.Tensor, subjects: np.ndarray | None
) -> tuple[float, ...]:
    """Return what each unit makes of the AUC averaged over AUs: values whose mean it is.

    A value is the average AUC plus the unit's influence on it, from the placements of its pictures (DeLong et
    al. 1988; for people, Obuchowski 1997). So a difference of AUCs of two methods on the same units has the
    interval of a mean of paired values.

    Args:
        probabilities: ``picture x au``, in [0, 1].
        targets: ``picture x au``, 0 or 1; NaN unknown.
        subjects: ``picture``, id of the person; None where nobody is known: each picture is a unit.

    Returns:
        A value per person by id, or per picture in order, with three decimals; none if no AU has an area.
    """
    codes = np.arange(len(targets)) if subjects is None else np.unique(subjects, return_inverse=True)[1]
    units = int(codes.max(initial=-1)) + 1
    by_au = []
    for au in range(targets.shape[1]):
        placed = placements(probabilities[:, au], targets[:, au]).numpy()
        shown = (targets[:, au] == 1).numpy()
        known = ~np.isnan(placed)
        if not known.any():
            continue
        area = placed[shown].mean()
        counts = np.where(shown, shown.sum(), (known & ~shown).sum())
        influence = np.where(known, placed - area, 0.0) / counts
        by_au.append(area + units * np.bincount(codes, weights=influence, minlength=units))
    return tuple(np.mean(by_au, axis=0).round(3).tolist()) if by_au else ()


def expression_intervals(
    predicted: np.ndarray,
    targets: np.ndarray,
    classes: int,
    subjects: np.ndarray | None,
    repetitions: int,
) -> ExpressionIntervals:
    """Return the intervals of accuracy and mean recall, resampling people or, without them, pictures.

    Args:
        predicted: ``picture``, class index.
        targets: ``picture``, class index; -1 unknown, left out.
        classes: Number of expression classes.
        subjects: ``picture``, id of the person; None where nobody is known.
        repetitions: Resamples.
    """
    over: Unit = "pictures" if subjects is None else "subjects"
    known = np.flatnonzero(targets >= 0)
    codes = np.arange(len(known)) if subjects is None else np.unique(subjects[known], return_inverse=True)[1]
    units = int(codes.max(initial=-1)) + 1
    cells, size = codes * classes + targets[known], units * classes
    right_of_unit = np.bincount(cells[predicted[known] == targets[known]], minlength=size)
    pictures_of_unit = np.bincount(cells, minlength=size)
    # Right answers and pictures of each class: accuracy and recalls need nothing else of a unit.
    counts = np.stack([right_of_unit, pictures_of_unit]).reshape(2, units, classes)
    totals = torch.from_numpy(resampled_totals(counts.swapaxes(0, 1), repetitions))
    right, pictures = totals.unbind(dim=1)
    accuracy = (right.sum(dim=-1) / pictures.sum(dim=-1)).numpy()
    recall = (right / pictures).nanmean(dim=-1).numpy()
    return ExpressionIntervals(
        accuracy=percentile_bounds(accuracy, units),
        mean_recall=percentile_bounds(recall, units),
        level=LEVEL,
        bootstrap=repetitions,
        over=over,
    )
