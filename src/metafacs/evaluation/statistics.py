"""Spread over runs and bootstrap intervals over people.

Frames of one person are far from independent, so people are resampled, not frames: a cluster bootstrap with
each fold's test people as one stratum; where every fold holds out one person, people are drawn over all
folds. An interval therefore speaks of *other people from the same
population*; it does not contain the luck of the training seed, which :func:`seed_deviation` shows.

Plain percentile intervals are too narrow for a dozen people, so the percentiles are expanded (Hesterberg,
"What Teachers Should Know About the Bootstrap", 2015) to the tail that Student's t has for as many people.
In a simulation with 13 people that raised the coverage of a nominal 95 % from 88 % to 92 %; with 41 people
it is 95 %.
"""

from __future__ import annotations

import warnings
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Literal, TypeVar

import numpy as np

from metafacs.evaluation.pairing import tested_apart
from metafacs.evaluation.records import OUTCOME_NAMES, Record

Pooling = Literal["folds", "pooled"]

ToldT = TypeVar("ToldT")

LEVEL = 0.95
"""Nominal coverage of the intervals of records and reports."""

RESAMPLES = 2000
"""Resamples of people behind the intervals of reports."""


@dataclass(frozen=True)
class Spread:
    """Mean and standard deviation of several runs.

    Attributes:
        mean: Mean over the runs that have a value; NaN if none has.
        std: Sample standard deviation (n - 1); NaN below two values.
        count: Runs with a value.
    """

    mean: float
    std: float
    count: int


@dataclass(frozen=True)
class Estimate:
    """A quantity with its bootstrap interval over people.

    Attributes:
        value: Of the people as they are.
        low: Lower bound.
        high: Upper bound.
        level: Nominal coverage.
        repetitions: Resamples drawn.
        subjects: Number of people resampled.
    """

    value: float
    low: float
    high: float
    level: float
    repetitions: int
    subjects: int


def spread(values: Iterable[float]) -> Spread:
    """Return mean and sample standard deviation, NaN left out.

    >>> spread([0.5, 0.75, 1.0, float("nan")])
    Spread(mean=0.75, std=0.25, count=3)
    """
    known = np.array([value for value in values if not np.isnan(value)], dtype=float)
    if not len(known):
        return Spread(float("nan"), float("nan"), 0)
    std = float(known.std(ddof=1)) if len(known) > 1 else float("nan")
    return Spread(float(known.mean()), std, len(known))


def f1_of(record: Record) -> float:
    """Return the F1 averaged over AUs."""
    return record.f1_average


def auc_of(record: Record) -> float:
    """Return the AUC averaged over AUs; NaN if none has one."""
    return spread(record.auc.values()).mean


def detection_accuracy_of(record: Record) -> float:
    """Return the share of labels told rightly, averaged over AUs; NaN if none is known."""
    return spread(record.accuracy.values()).mean


def by_fold(records: Iterable[Record], told: Callable[[Record], ToldT]) -> dict[int, list[ToldT]]:
    """Return fold -> what each of its runs tells."""
    folds: dict[int, list[ToldT]] = defaultdict(list)
    for record in records:
        folds[record.data.fold].append(told(record))
    return folds


def seed_deviation(records: Sequence[Record], score: Callable[[Record], float] = f1_of) -> float:
    """Return how much another training seed moves a score of one method, the average F1 by default.

    The standard deviation over seeds within a fold, pooled over folds; NaN if every fold has one seed.
    """
    common_aus(records)
    folds = by_fold(records, score).values()
    deviations = [np.var(scores, ddof=1) for scores in folds if len(scores) > 1]
    return float(np.sqrt(np.mean(deviations))) if deviations else float("nan")


def average_f1(records: Sequence[Record], pooling: Pooling = "folds") -> float:
    """Return the average F1 of one method over folds and seeds.

    Args:
        records: Runs of one method.
        pooling: ``"folds"``: each AU's F1 is averaged over folds, as published; ``"pooled"``: the
            counts of all folds are added up first, of as many seeds as every fold has. Seeds are averaged
            either way, in each fold its own.
    """
    strata = _strata(records)
    return float(_average_f1(strata, [np.ones((1, s.shape[1])) for s in strata.values()], pooling)[0])


def average_f1_interval(records: Sequence[Record], *, repetitions: int = RESAMPLES) -> Estimate:
    """Return the average F1 of one method with its bootstrap interval over people.

    Args:
        records: Runs of one method; folds are strata, seeds are averaged. Without known people there is no
            interval: its bounds are NaN.
        repetitions: Resamples; the same people have the same ones for every method.

    Raises:
        ValueError: If there are no records, or they mix methods or data.
    """
    strata = _strata(records)
    draws = _average_f1(strata, _resamples(records, strata, repetitions))
    return _estimate(average_f1(records), draws, records)


def f1_intervals(records: Sequence[Record]) -> dict[int, Estimate]:
    """Return each AU's F1 of one method with its interval over people."""
    strata = _strata(records)
    as_they_are = _f1(strata, [np.ones((1, s.shape[1])) for s in strata.values()])
    draws = _f1(strata, _resamples(records, strata, RESAMPLES))
    return {
        au: _estimate(float(as_they_are[0, column]), draws[:, column], records)
        for column, au in enumerate(records[0].aus)
    }


def paired_difference(first: Sequence[Record], second: Sequence[Record]) -> Estimate:
    """Return average F1 of ``first`` minus ``second`` with an interval over the people both were tested on.

    Every resample scores both methods on the same people, so what makes a person hard cancels.

    Args:
        first: Runs of one method.
        second: Runs of another method on the same folds and people.

    Raises:
        ValueError: If the two were not tested on the same people and labels of the same AUs.
    """
    _refuse_unpaired(first, second)
    ours, theirs = _strata(first), _strata(second)
    resamples = _resamples(first, ours, RESAMPLES)
    differences = _average_f1(ours, resamples) - _average_f1(theirs, resamples)
    return _estimate(average_f1(first) - average_f1(second), differences, first)


def _strata(records: Sequence[Record]) -> dict[int, np.ndarray]:
    """Return fold -> counts ``seed x subject x outcome x au``, subjects sorted."""
    common_aus(records)
    strata = {}
    for fold, runs in sorted(by_fold(records, lambda run: run).items()):
        subjects = sorted(runs[0].per_subject)
        if any(sorted(run.per_subject) != subjects for run in runs):
            raise ValueError(f"the runs of fold {fold} were tested on different people")
        strata[fold] = np.array(
            [
                [[run.per_subject[s][name] for name in OUTCOME_NAMES] for s in subjects]
                for run in sorted(runs, key=lambda run: run.seed)
            ],
            dtype=float,
        )
    return strata


def _one_by_one(records: Sequence[Record]) -> bool:
    """Return whether every fold holds out one person: folds are then drawn, as the people that they are."""
    return all(run.people == 1 for run in records)


def _resamples(
    records: Sequence[Record], strata: dict[int, np.ndarray], repetitions: int
) -> list[np.ndarray]:
    """Return, per fold, how often each person is drawn: ``repetition x subject``."""
    rng = np.random.default_rng(0)

    def drawn(people: int) -> np.ndarray:
        return rng.multinomial(people, np.full(people, 1 / people), size=repetitions).astype(float)

    if _one_by_one(records):
        return np.split(drawn(len(strata)), len(strata), axis=1)
    return [drawn(counts.shape[1]) for counts in strata.values()]


def _f1(
    strata: dict[int, np.ndarray], resamples: Sequence[np.ndarray], pooling: Pooling = "folds"
) -> np.ndarray:
    """Return the F1 of each resample, mean over seeds, ``repetition x au``; NaN without a positive label."""
    totals = [
        np.einsum("rs,ksoa->rkoa", drawn, counts)
        for counts, drawn in zip(strata.values(), resamples, strict=True)
    ]
    if pooling == "pooled":
        # Trainings of different folds have nothing in common but the number of their seed.
        fewest = min(total.shape[1] for total in totals)
        totals = [np.sum([total[:, :fewest] for total in totals], axis=0)]
        resamples = [np.ones((len(totals[0]), 1))]
    folds = []
    for total in totals:
        tp, fp, fn = total[..., 0, :], total[..., 1, :], total[..., 2, :]
        with np.errstate(invalid="ignore", divide="ignore"):
            scores = np.where(tp + fn > 0, 2 * tp / (2 * tp + fp + fn), np.nan)
        folds.append(_nanmean(scores, axis=1))
    found = np.stack(folds)
    # One, but for a fold of one person, who may be drawn several times.
    times = np.stack([drawn.mean(axis=1) for drawn in resamples])[..., None] * ~np.isnan(found)
    with np.errstate(invalid="ignore"):
        return np.asarray((np.nan_to_num(found) * times).sum(axis=0) / times.sum(axis=0))


def _average_f1(
    strata: dict[int, np.ndarray], resamples: Sequence[np.ndarray], pooling: Pooling = "folds"
) -> np.ndarray:
    """Return the average F1 of each resample, ``repetition``."""
    return _nanmean(_f1(strata, resamples, pooling), axis=-1)


def _nanmean(values: np.ndarray, axis: int) -> np.ndarray:
    with warnings.catch_warnings():
        # A resample may hold no positive label of an AU: no F1, left out like everywhere else.
        warnings.simplefilter("ignore", category=RuntimeWarning)
        return np.asarray(np.nanmean(values, axis=axis))


def _estimate(value: float, draws: np.ndarray, records: Sequence[Record]) -> Estimate:
    people = len({(run.data.fold, subject) for run in records for subject in run.per_subject})
    strata = 1 if _one_by_one(records) else len({run.data.fold for run in records})
    low, high = percentile_bounds(draws, people, strata)
    return Estimate(value, low, high, LEVEL, len(draws), people)


def percentile_bounds(
    draws: np.ndarray, units: int, strata: int = 1, *, level: float = LEVEL
) -> tuple[float, float]:
    """Return the bounds that expanded percentiles of bootstrap draws give.

    Args:
        draws: ``repetition``; NaN is left out.
        units: Number of people or pictures resampled, over all strata.
        strata: Number of groups that are resampled separately.
        level: Nominal coverage, in (0, 1).

    Returns:
        Lower and upper bound; NaN if no draw has a value or no stratum has two units.
    """
    tail = expanded_tail(level, units, strata)
    known = draws[~np.isnan(draws)]
    if not len(known) or np.isnan(tail):
        return float("nan"), float("nan")
    low, high = np.quantile(known, [tail, 1 - tail])
    return float(low), float(high)


def mean_interval(*strata: Sequence[float] | np.ndarray) -> Estimate:
    """Return a mean over people with its bootstrap interval.

    Args:
        strata: One value per person, e.g. how much better one method is on them than another; of several
            folds each by itself, whose means are averaged; folds of one person each are one stratum.
    """
    rng = np.random.default_rng(0)
    known = [np.asarray(values, float) for values in strata]
    if all(len(values) == 1 for values in known):
        known = [np.concatenate(known)]
    drawn = [
        values[rng.integers(len(values), size=(RESAMPLES, len(values)))].mean(axis=1) for values in known
    ]
    people = sum(map(len, known))
    low, high = percentile_bounds(np.mean(drawn, axis=0), people, len(known))
    value = float(np.mean([values.mean() for values in known]))
    return Estimate(value, low, high, LEVEL, RESAMPLES, people)


def expanded_tail(level: float, people: int, strata: int = 1) -> float:
    """Return the share of resamples to leave out at each end so that few people give honest coverage.

    Args:
        level: Nominal coverage, in (0, 1).
        people: Number of people resampled, over all strata.
        strata: Number of groups that are resampled separately.

    Returns:
        Below ``(1 - level) / 2`` and close to it for many people; NaN if no stratum has two people.

    Raises:
        ValueError: If the level is not in (0, 1).

    >>> round(expanded_tail(0.95, 13), 4), round(expanded_tail(0.95, 10_000), 4)
    (0.0117, 0.025)
    """
    if not 0 < level < 1:
        raise ValueError(f"the level of an interval lies in (0, 1), not {level}")
    freedom = people - strata
    if freedom < 1:
        return float("nan")
    normal = NormalDist()
    z = -normal.inv_cdf((1 - level) / 2)
    # Student's t from the normal quantile (Cornish-Fisher), right to 0.3 % from five people on.
    t = z + (z**3 + z) / (4 * freedom) + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * freedom**2)
    t += (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / (384 * freedom**3)
    return normal.cdf(-t * float(np.sqrt(people / freedom)))


def common_aus(records: Sequence[Record]) -> tuple[int, ...]:
    """Return the AUs of runs that may be summarised: of one method, data set and split, each run once.

    Raises:
        ValueError: If there are no records, or they mix what must not be mixed.
    """
    if not records:
        raise ValueError("there are no records to summarise")
    if len({(r.method, r.data.name, r.data.twin_seed, r.data.split, r.aus) for r in records}) > 1:
        raise ValueError(
            "a summary is of one method on one data set (or twin), split and AU list; "
            "these records mix several"
        )
    if len({(r.data.fold, r.data.split_hash) for r in records}) > len({r.data.fold for r in records}):
        raise ValueError("records of one fold carry different split hashes; they had different people")
    runs = Counter((r.data.fold, r.seed) for r in records)
    repeated = [f"fold {fold} seed {seed}" for (fold, seed), count in runs.items() if count > 1]
    if repeated:
        raise ValueError(f"{records[0].method} has more than one record of {', '.join(repeated)}")
    return records[0].aus


def _refuse_unpaired(first: Sequence[Record], second: Sequence[Record]) -> None:
    for records in (first, second):
        common_aus(records)
    if told := tested_apart(first, second):
        raise ValueError(f"the two methods {told}; evaluate both alike on one prepared store")
