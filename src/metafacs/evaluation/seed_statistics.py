"""Means of rows over folds and seeds, and intervals that tell of both units and seeds."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Sequence
from statistics import NormalDist

import numpy as np

from metafacs.evaluation.records import Record
from metafacs.evaluation.statistics import LEVEL, Estimate


def over_units(
    apart: Sequence[np.ndarray],
    ours: Sequence[Record],
    theirs: Sequence[Record],
    score: Callable[[Record], float],
) -> Estimate:
    """Return a difference from that of each unit of each fold, with the variances of units and of seeds."""
    variance = sum(float(values.var(ddof=1)) / len(values) for values in apart) / len(apart) ** 2
    variance += sum(variance_of_seeds(runs, score) for runs in (ours, theirs))
    value = float(np.mean([values.mean() for values in apart]))
    return normal_interval(value, variance, sum(map(len, apart)))


def by_fold(runs: Sequence[Record], score: Callable[[Record], float]) -> list[list[float]]:
    """Return the scores of each fold's runs."""
    found: dict[int, list[float]] = defaultdict(list)
    for run in runs:
        found[run.data.fold].append(score(run))
    return list(found.values())


def mean_over_folds(runs: Sequence[Record], score: Callable[[Record], float]) -> float:
    """Return the mean over folds of the mean over the seeds of each."""
    return float(np.mean([np.mean(scores) for scores in by_fold(runs, score)]))


def variance_of_seeds(runs: Sequence[Record], score: Callable[[Record], float]) -> float:
    """Return the variance of a mean over folds that comes from the seeds of each."""
    folds = by_fold(runs, score)
    several = [scores for scores in folds if len(scores) > 1]
    return sum(float(np.var(scores, ddof=1)) / len(scores) for scores in several) / len(folds) ** 2


def normal_interval(value: float, variance: float, units: int) -> Estimate:
    """Return the interval of a value with a known variance, as if it were normally distributed."""
    reach = NormalDist().inv_cdf((1 + LEVEL) / 2) * math.sqrt(variance)
    return Estimate(value, value - reach, value + reach, LEVEL, 0, units)
