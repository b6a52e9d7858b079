"""Means of rows over folds and seeds, and intervals that tell of both units and seeds."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from operator import attrgetter
from typing import TypeVar

import numpy as np
from scipy.stats import t

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

Variance = tuple[float, float]
"""A variance of a mean, and its degrees of freedom: those of what it was estimated from."""

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
    parts: list[Variance] = [
        (float(values.var(ddof=1)) / len(values) / len(apart) ** 2, len(values) - 1) for values in apart
    ]
    parts += [part for runs in (ours, theirs) for part in variances_of_seeds(runs, score)]
    value = float(np.mean([values.mean() for values in apart]))
    return variance_interval(value, parts, sum(map(len, apart)))


def mean_over_folds(runs: Sequence[Record], score: Callable[[Record], float]) -> float:
    """Return the mean over folds of the mean over the seeds of each."""
    return float(np.mean([np.mean(scores) for scores in by_fold(runs, score).values()]))


def variances_of_seeds(runs: Sequence[Record], score: Callable[[Record], float]) -> list[Variance]:
    """Return the variances of a mean over folds that come from the seeds of each."""
    folds = by_fold(runs, score).values()
    several = [scores for scores in folds if len(scores) > 1]
    return [
        (float(np.var(scores, ddof=1)) / len(scores) / len(folds) ** 2, len(scores) - 1) for scores in several
    ]


def variance_interval(value: float, variances: Sequence[Variance], units: int) -> Estimate:
    """Return the interval of a value with added variances, some of them known from few seeds only.

    That of Student's t with the degrees of freedom of Welch (1947) and Satterthwaite: in a simulation of two
    rows of three seeds, whose luck was all that moved them, the normal distribution covered 88 % for 95.
    """
    total = sum(variance for variance, _ in variances)
    told = sum(variance**2 / freedom for variance, freedom in variances)
    quantile = t.ppf((1 + LEVEL) / 2, total**2 / told if told else math.inf)
    reach = float(quantile) * math.sqrt(total)
    return Estimate(value, value - reach, value + reach, LEVEL, 0, units)
