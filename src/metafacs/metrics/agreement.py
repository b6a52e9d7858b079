"""Agreement of two who said of the same frames whether something is there, and of two lists of events.

All of it follows from counts and sums that add up over people, so that whatever is pooled or resampled is
pooled or resampled as such.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import min_weight_full_bipartite_matching

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


def count_pairs(left: Floats, right: Floats) -> Floats:
    """Return how often both, only the left, only the right and neither say that something is there.

    Args:
        left: ``frame``, 1, 0 or NaN for unknown.
        right: Likewise.

    Returns:
        ``4``: both, left only, right only, neither; frames unknown to either are left out.

    Raises:
        ValueError: If the lengths differ.

    >>> count_pairs(np.array([1.0, 1.0, 0.0, np.nan]), np.array([1.0, 0.0, 0.0, 1.0]))
    array([1., 1., 0., 1.])
    """
    if left.shape != right.shape:
        raise ValueError(f"{left.shape} and {right.shape} are not the same frames")
    return np.array(
        [np.sum((left == a) & (right == b)) for a, b in ((1, 1), (1, 0), (0, 1), (0, 0))], dtype=np.float64
    )


def cohen_kappa(pairs: Floats) -> Floats:
    """Return Cohen's kappa (1960), agreement beyond chance.

    Args:
        pairs: ``... x 4``, as :func:`count_pairs` returns.

    Returns:
        ``...``, at most 1; NaN where nothing was counted or both always say the same one thing.

    >>> round(float(cohen_kappa(np.array([20.0, 5.0, 10.0, 15.0]))), 3)
    0.4
    """
    both, left_only, right_only, neither = np.moveaxis(np.asarray(pairs, dtype=np.float64), -1, 0)
    # (observed - chance) / (1 - chance) in whole numbers, so that no agreement is exactly 0.
    beyond = 2 * (both * neither - left_only * right_only)
    most = (both + left_only) * (left_only + neither) + (both + right_only) * (right_only + neither)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.where(most > 0, beyond / most, np.nan))


def prevalence_adjusted_kappa(pairs: Floats) -> Floats:
    """Return PABAK (Byrt et al. 1993), twice the share of agreement minus 1; arguments as for kappa.

    >>> round(float(prevalence_adjusted_kappa(np.array([20.0, 5.0, 10.0, 15.0]))), 3)
    0.4
    """
    pairs = np.asarray(pairs, dtype=np.float64)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(2 * (pairs[..., 0] + pairs[..., 3]) / pairs.sum(axis=-1) - 1)


def positive_agreement(pairs: Floats) -> Floats:
    """Return the agreement on presence, which is F1; NaN where nobody says that anything is there.

    >>> float(positive_agreement(np.array([2.0, 1.0, 1.0, 5.0]))).__round__(3)
    0.667
    """
    return _share(np.asarray(pairs, dtype=np.float64), 0)


def negative_agreement(pairs: Floats) -> Floats:
    """Return the agreement on absence; NaN where everybody always says that something is there."""
    return _share(np.asarray(pairs, dtype=np.float64), 3)


def _share(pairs: Floats, agreed: int) -> Floats:
    same = 2 * pairs[..., agreed]
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(same / (same + pairs[..., 1] + pairs[..., 2]))


def intensity_sums(left: Floats, right: Floats) -> Floats:
    """Return the sums from which ICC follows, over the frames known to both.

    Returns:
        ``6``: count, sum of left, of right, of their squares, and of their product.
    """
    known = np.isfinite(left) & np.isfinite(right)
    x, y = left[known], right[known]
    return np.array([len(x), x.sum(), y.sum(), (x * x).sum(), (y * y).sum(), (x * y).sum()])


def intraclass_correlation_of_sums(sums: Floats) -> Floats:
    """Return ICC(3,1) from added sums; the same as ``intraclass_correlation`` of the values.

    For two raters the mean squares of Shrout & Fleiss reduce to ``2 cov / (var + var)``.

    Args:
        sums: ``... x 6``, as :func:`intensity_sums` returns.

    Returns:
        ``...``, at most 1; NaN below two frames or where the right never changes.
    """
    count, x, y, xx, yy, xy = np.moveaxis(np.asarray(sums, dtype=np.float64), -1, 0)
    with np.errstate(invalid="ignore", divide="ignore"):
        left, right, shared = xx - x * x / count, yy - y * y / count, xy - x * y / count
        # Sums of squares of constant values differ from 0 by rounding only.
        varies = (count >= 2) & (right > 1e-9 * np.maximum(yy, 1e-30))
        return np.asarray(np.where(varies, 2 * shared / (left + right), np.nan))


def match_events(
    left: tuple[Floats, Floats], right: tuple[Floats, Floats], *, tolerance: float, overlap: float
) -> Integers:
    """Pair events one to one: as many pairs as possible, and of these the ones that overlap most.

    Two events may be one if their onsets are at most ``tolerance`` apart, or if the time both cover is at
    least ``overlap`` of the time either covers.

    Args:
        left: Onsets and offsets, ``event``, ascending and without overlaps, in seconds.
        right: Likewise.
        tolerance: In seconds, 0 or more.
        overlap: In (0, 1].

    Returns:
        ``pair x 2``, positions on the left and on the right, by the left.

    >>> match_events(([0.0, 5.0], [1.0, 6.0]), ([0.2, 9.0], [1.1, 9.5]), tolerance=0.5, overlap=0.5).tolist()
    [[0, 0]]
    """
    onsets, offsets = (np.asarray(ends, dtype=np.float64) for ends in left)
    others, other_offsets = (np.asarray(ends, dtype=np.float64) for ends in right)
    if not len(onsets) or not len(others):
        return np.zeros((0, 2), dtype=np.int64)
    rows, columns = _neighbours(onsets, offsets, others, other_offsets, tolerance)
    shared = np.minimum(offsets[rows], other_offsets[columns]) - np.maximum(onsets[rows], others[columns])
    either = np.maximum(offsets[rows], other_offsets[columns]) - np.minimum(onsets[rows], others[columns])
    share = np.maximum(shared, 0) / np.maximum(either, 1e-12)
    # Times are rounded to milliseconds; equal to the tolerance is within it.
    near = np.abs(onsets[rows] - others[columns]) <= tolerance + 1e-9
    fits = near | (share >= overlap - 1e-9)
    rows, columns, share = rows[fits], columns[fits], share[fits]
    if not len(rows):
        return np.zeros((0, 2), dtype=np.int64)
    # A column for each event of the left that stays alone, dearer than any change of the others.
    count = len(onsets)
    costs = np.concatenate([2 - share, np.full(count, count + 3.0)])
    alone = len(others) + np.arange(count)
    graph = csr_array(
        (costs, (np.concatenate([rows, np.arange(count)]), np.concatenate([columns, alone]))),
        shape=(count, len(others) + count),
    )
    matched, partners = min_weight_full_bipartite_matching(graph)
    pairs = np.stack([matched, partners], axis=1).astype(np.int64)
    pairs = pairs[pairs[:, 1] < len(others)]
    return pairs[np.argsort(pairs[:, 0])]


def _neighbours(
    onsets: Floats, offsets: Floats, others: Floats, other_offsets: Floats, tolerance: float
) -> tuple[Integers, Integers]:
    """Return positions of all pairs of events that overlap or whose onsets are near."""
    reach = tolerance + 1e-9
    first = np.minimum(
        np.searchsorted(other_offsets, onsets, side="right"), np.searchsorted(others, onsets - reach)
    )
    last = np.maximum(np.searchsorted(others, offsets), np.searchsorted(others, onsets + reach, side="right"))
    lengths = np.maximum(last - first, 0)
    rows = np.repeat(np.arange(len(onsets)), lengths)
    starts = np.repeat(first - np.concatenate([[0], np.cumsum(lengths)[:-1]]), lengths)
    return rows, np.arange(len(rows)) + starts
