"""How well predicted intensities agree with known ones."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def intraclass_correlation(predicted: NDArray[np.floating], known: NDArray[np.floating]) -> float:
    """Return ICC(3,1), the field's measure of agreement of intensities.

    Two-way mixed, single measure, consistency (Shrout & Fleiss 1979) of two raters, the model and the label:
    a constant offset between both does not matter, a different scale does.

    Args:
        predicted: ``picture``, in any unit.
        known: ``picture``, in the same unit; pictures that are NaN in either are left out.

    Returns:
        At most 1; NaN where less than two pictures are known or nothing varies.

    Raises:
        ValueError: If the shapes differ.

    >>> round(intraclass_correlation(np.array([1.0, 2.0, 3.0]), np.array([2.0, 3.0, 4.0])), 6)
    1.0
    """
    both = _pairs(predicted, known)
    count = len(both)
    if count < 2:
        return float("nan")
    grand, pictures, raters = both.mean(), both.mean(1, keepdims=True), both.mean(0, keepdims=True)
    between = 2 * ((pictures - grand) ** 2).sum() / (count - 1)
    error = ((both - pictures - raters + grand) ** 2).sum() / (count - 1)
    return float((between - error) / (between + error)) if between + error > 0 else float("nan")


def mean_absolute_error(predicted: NDArray[np.floating], known: NDArray[np.floating]) -> float:
    """Return the mean absolute error over the pictures known in both; NaN where none is.

    >>> mean_absolute_error(np.array([1.0, 2.0]), np.array([2.0, np.nan]))
    1.0
    """
    both = _pairs(predicted, known)
    return float(np.abs(both[:, 0] - both[:, 1]).mean()) if len(both) else float("nan")


def _pairs(predicted: NDArray[np.floating], known: NDArray[np.floating]) -> NDArray[np.float64]:
    if predicted.shape != known.shape or predicted.ndim != 1:
        raise ValueError(f"intensities of shapes {predicted.shape} and {known.shape} are no pairs of numbers")
    both = np.stack([predicted, known], 1).astype(np.float64)
    return both[np.isfinite(both).all(1)]
