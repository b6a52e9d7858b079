"""Means of rows over folds and seeds, and intervals that tell of both units and seeds."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from operator import attrgetter
from statistics import NormalDist
from typing import TypeVar

import numpy as np

from metafacs.evaluation.records import Record
from metafacs.evaluation.statistics import (
    LEVEL,
    Estimate,
    Spread,
    average_f1,
    by_fold,
    common_aus,
    f1_of,
    spread,
)

KeyT = TypeVar("KeyT")


def run_spread(runs: Sequence[Record], score: Callable[[Record], float]) -> Spread:
    """Return a score's mean over folds of the mean over the seeds of each, and its spread over all runs.

    Every fold counts alike, also where runs that were lost, or are still to come, leave it fewer seeds.
    """
    means = [spread(scores).mean for scores in by_fold(runs, score).values()]
    return replace(spread(map(score, runs)), mean=spread(means).mean)


def run_spreads(
    runs: Sequence[Record], scores: Callable[[Record], Mapping[KeyT, float]]
) -> dict[KeyT, Spread]:
    """Return the :func:`run_spread` of each of the scores that a run has of a kind, by AU or class."""

    def of(key: KeyT) -> Spread:
        return run_spread(runs, lambda run: scores(run)[key])

    return {key: of(key) for key in scores(runs[0])}


def f1_spreads(records: Sequence[Record]) -> dict[int, Spread]:
    """Return mean and spread of each AU's F1 over the given runs of one method.

    The mean over folds of the per-fold F1 is what JAA-Net and ME-GraphAU report as F1.
    """
    common_aus(records)
    return run_spreads(records, attrgetter("f1"))


def average_f1_spread(records: Sequence[Record]) -> Spread:
    """Return the average F1, the mean over AUs of their means over folds, and its spread over runs."""
    return replace(spread(map(f1_of, records)), mean=average_f1(records))


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


def mean_over_folds(runs: Sequence[Record], score: Callable[[Record], float]) -> float:
    """Return the mean over folds of the mean over the seeds of each."""
    return float(np.mean([np.mean(scores) for scores in by_fold(runs, score).values()]))


def variance_of_seeds(runs: Sequence[Record], score: Callable[[Record], float]) -> float:
    """Return the variance of a mean over folds that comes from the seeds of each."""
    folds = by_fold(runs, score).values()
    several = [scores for scores in folds if len(scores) > 1]
    return sum(float(np.var(scores, ddof=1)) / len(scores) for scores in several) / len(folds) ** 2


def normal_interval(value: float, variance: float, units: int) -> Estimate:
    """Return the interval of a value with a known variance, as if it were normally distributed."""
    reach = NormalDist().inv_cdf((1 + LEVEL) / 2) * math.sqrt(variance)
    return Estimate(value, value - reach, value + reach, LEVEL, 0, units)
