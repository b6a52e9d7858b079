"""The claims of the papers, each answered yes or no with numbers from records.

The rule is strict: "yes" needs an interval wholly on the claimed side of zero. A difference that could be
nothing is a "no", and the sentence says which kind of no it is.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Literal

import numpy as np

from metafacs.evaluation.landmarks import LandmarkScores
from metafacs.evaluation.records import Record
from metafacs.evaluation.statistics import (
    Estimate,
    average_f1,
    mean_interval,
    paired_difference,
    seed_deviation,
)
from metafacs.reports.rows import row_name
from metafacs.reports.tables import by_method

_SMALLEST_RISE = 0.001

_F1_ORDERS = (
    *(("mal", "multi_task"), ("multi_task", "single_task"), ("mal", "single_task")),
    *(("dual_domain", "adld"), ("G", "adld"), ("adld", "dann"), ("adld", "adda")),
    *(("dann", "source_only"), ("adda", "source_only")),
    *(("G_P", "G"), ("dual_domain_P", "dual_domain"), ("adld_P", "adld")),
    *(("G_P", "adld_P"), ("dual_domain_P", "adld_P")),
    *(("B", "A"), ("C", "A"), ("D", "A"), ("E", "D"), ("F", "E"), ("G", "F"), ("G", "beta_1")),
)
"""Rows of which the MAL and the dual-domain paper say that the first has the higher average F1; A to G are
the rows of the latter's Table 7, P is with pseudo labels."""

_ACCURACY_ORDERS = (("MML, wild", "MTL"), ("MTL", "STL"), ("MTL", "MAL"), ("MML, wild", "MML, lab"))
"""Rows of which the MML paper says that the first recognises more: MAL alone harms, wild statistics help."""


@dataclass(frozen=True)
class Claim:
    """A claim and its answer.

    Attributes:
        statement: What is claimed, e.g. ``mal > multi_task on average F1``.
        answer: ``yes`` only if the numbers exclude chance.
        detail: The numbers and what they mean, one or two sentences.
    """

    statement: str
    answer: Literal["yes", "no"]
    detail: str

    def __str__(self) -> str:
        return f"{self.statement}: {self.answer} ({self.detail})"


def answered_claims(records: Sequence[Record], *, level: float = 0.95) -> list[Claim]:
    """Answer every claim of the MAL, the MML and the dual-domain paper that the given records can answer.

    Args:
        records: Runs of several methods on one data set and split.
        level: Nominal coverage of the intervals.

    Returns:
        Claims on the order of the methods, then on the shape of MAL's weight curves; for compound expressions
        on the order of accuracies.
    """
    groups = by_method(records)
    if all(record.expressions is not None for record in records):
        return [
            better_accuracy(better, groups[better], worse, groups[worse], level=level)
            for better, worse in _ACCURACY_ORDERS
            if better in groups and worse in groups
        ]
    claims = [
        better_average_f1(groups[better], groups[worse], level=level)
        for better, worse in _F1_ORDERS
        if better in groups and worse in groups
    ]
    learned = [run for run in groups.get("mal", []) if "weight_expression" in run.history]
    return [*claims, rising_expression_weight(learned)] if learned else claims


def better_average_f1(better: Sequence[Record], worse: Sequence[Record], *, level: float = 0.95) -> Claim:
    """Answer whether one row has the higher average F1, on the same people.

    Where people are unknown the interval adds up variances as that of :func:`better_accuracy`, from the
    records' own intervals over pictures.
    """
    difference, over = paired_difference(better, worse, level=level), "people"
    if math.isnan(difference.low) and all(run.interval for run in (*better, *worse)):
        difference, over = _over_pictures(better, worse, level), "pictures"
    detail = f"{_signed(difference)} over {difference.subjects:,} {over}"
    if difference.low > 0:
        answer: Literal["yes", "no"] = "yes"
    else:
        answer = "no"
        detail += (
            ", the opposite is true" if difference.high < 0 else ", not distinguishable from no difference"
        )
    by_seed = [seed_deviation(runs) for runs in (better, worse)]
    if any(math.isnan(deviation) for deviation in by_seed):
        detail += "; one seed, whose luck is not in the interval"
    else:
        detail += f"; another seed moves a method by ± {max(by_seed):.3f}"
    return Claim(f"{row_name(better[0])} > {row_name(worse[0])} on average F1", answer, detail)


def _over_pictures(better: Sequence[Record], worse: Sequence[Record], level: float) -> Estimate:
    """Return the difference of the average F1; as if both rows were tested on different pictures."""
    variance = 0.0
    for runs in (better, worse):
        widths = []
        for run in runs:
            assert run.interval is not None
            low, high = run.interval.f1_average
            widths.append((high - low) / 2 / NormalDist().inv_cdf((1 + run.interval.level) / 2))
        variance += float(np.mean(widths)) ** 2
        if len(runs) > 1:
            variance += float(np.var([run.f1_average for run in runs], ddof=1)) / len(runs)
    value = average_f1(better) - average_f1(worse)
    reach = NormalDist().inv_cdf((1 + level) / 2) * math.sqrt(variance)
    outcomes = [np.array(list(counts.values())) for counts in better[0].per_subject.values()]
    pictures = int(np.sum(outcomes, axis=(0, 1)).max())
    return Estimate(value, value - reach, value + reach, level, 0, pictures)


def better_accuracy(
    better: str, ours: Sequence[Record], worse: str, theirs: Sequence[Record], *, level: float = 0.95
) -> Claim:
    """Answer whether one method recognises more expressions, by the difference of the mean accuracies.

    The interval adds the variance of the difference, picture by picture, and that of the means over seeds.

    Args:
        better: Name of the row claimed to be higher.
        ours: Its runs; all must hold recognised expressions.
        worse: Name of the other row.
        theirs: Its runs.
        level: Nominal coverage of the interval.
    """
    shares, deviations, of_seeds = [], [], 0.0
    for runs in (ours, theirs):
        right = np.array([[*map(int, run.expressions.recognised)] for run in runs if run.expressions])
        shares.append(right.mean(axis=0))
        deviations.append(float(right.mean(axis=1).std(ddof=1)) if len(right) > 1 else math.nan)
        of_seeds += 0.0 if math.isnan(deviations[-1]) else deviations[-1] ** 2 / len(right)
    if len(shares[0]) != len(shares[1]):
        raise ValueError(f"{better} and {worse} were tested on different numbers of pictures")
    apart = shares[0] - shares[1]
    value = float(apart.mean())
    variance = float(apart.var(ddof=1)) / len(apart) + of_seeds
    reach = NormalDist().inv_cdf((1 + level) / 2) * math.sqrt(variance)
    low, high = value - reach, value + reach
    sign = "the opposite is true" if high < 0 else "not distinguishable from no difference"
    return Claim(
        f"{better} > {worse} in accuracy",
        "yes" if low > 0 else "no",
        f"{shares[0].mean():.3f} against {shares[1].mean():.3f}, {value:+.3f}, {level:.0%} interval "
        f"[{low:+.3f}, {high:+.3f}] over pictures and seeds{'' if low > 0 else f', {sign}'}; "
        f"another seed moves a method by ± {max(deviations):.3f}",
    )


def lower_landmark_error(
    better: str,
    ours: Sequence[LandmarkScores],
    worse: str,
    theirs: Sequence[LandmarkScores],
    *,
    level: float = 0.95,
) -> Claim:
    """Answer whether one model finds landmarks more precisely, on the same people (Table 6 of Shang & Liu).

    Args:
        better: Name of the row claimed to be more precise.
        ours: Its runs.
        worse: Name of the other row.
        theirs: Its runs.
        level: Nominal coverage of the interval.

    Raises:
        ValueError: If the two were not tested on the same people.
    """
    first, second = _error_by_person(ours), _error_by_person(theirs)
    if set(first) != set(second):
        raise ValueError(f"{better} and {worse} were not tested on the same people")
    statement = f"{better} has a lower landmark error than {worse}"
    if len(first) < 2:
        apart = np.mean([run.mean_error for run in ours]) - np.mean([run.mean_error for run in theirs])
        return Claim(statement, "no", f"{apart:+.4f}, without an interval: the people are unknown")
    difference = mean_interval([first[person] - second[person] for person in first], level=level)
    detail = f"{_signed(difference, 4)} over {difference.subjects} people"
    if difference.high >= 0:
        detail += (
            ", the opposite is true" if difference.low > 0 else ", not distinguishable from no difference"
        )
    return Claim(statement, "yes" if difference.high < 0 else "no", detail)


def _error_by_person(runs: Sequence[LandmarkScores]) -> dict[str, float]:
    errors: dict[str, list[float]] = {}
    for run in runs:
        for person, error in run.per_subject.items():
            errors.setdefault(person, []).append(error)
    return {person: float(np.mean(values)) for person, values in sorted(errors.items())}


def rising_expression_weight(records: Sequence[Record]) -> Claim:
    """Answer whether MAL raises the average weight of expression pictures during training (its Fig. 3).

    Compares the mean over the last tenth of the curve with the mean over its first tenth, run by run; "yes"
    needs, in every run, a rise above the curve's own fluctuation (its standard deviation over the last
    tenth) and above 0.001, below which the share has not moved for any practical purpose.
    """
    starts, ends, clear = [], [], []
    for record in records:
        curve = np.asarray(record.history["weight_expression"])
        tenth = max(2, len(curve) // 10)
        starts.append(float(curve[:tenth].mean()))
        ends.append(float(curve[-tenth:].mean()))
        clear.append(ends[-1] - starts[-1] > max(_SMALLEST_RISE, float(curve[-tenth:].std())))
    rise = float(np.mean(ends) - np.mean(starts))
    in_runs = f", beyond its fluctuation in {sum(clear)} of {len(clear)} run{'' if len(clear) == 1 else 's'}"
    return Claim(
        "mal raises the average weight of expression pictures during training",
        "yes" if all(clear) else "no",
        f"from {np.mean(starts):.4f} to {np.mean(ends):.4f}, {rise:+.4f}{in_runs}; 0.5 is an equal share",
    )


def low_weight_for_ambiguous(
    weights: np.ndarray,
    consistency: np.ndarray,
    *,
    labels: np.ndarray | None = None,
    class_names: Sequence[str] = (),
    level: float = 0.95,
    repetitions: int = 1000,
    seed: int = 0,
) -> Claim:
    """Answer whether pictures on which annotators agree get higher weights (MAL's Fig. 6).

    Classes differ in both numbers, so the correlation over all pictures may come from the classes alone:
    with labels, the answer also names the lowest and the highest correlation within a class.

    Args:
        weights: ``picture``, learned weight of each expression picture.
        consistency: ``picture``, share of the annotators' votes that its label got, in [0, 1].
        labels: ``picture``, class index; None leaves the classes out.
        class_names: Name by class index.
        level: Nominal coverage of the interval.
        repetitions: Bootstrap resamples of pictures.
        seed: Seed of the resampling.

    Raises:
        ValueError: If lengths differ or there are fewer than three pictures.
    """
    if weights.shape != consistency.shape or weights.ndim != 1 or len(weights) < 3:
        raise ValueError(
            f"a rank correlation needs two equally long lists of three or more, not shapes "
            f"{weights.shape} and {consistency.shape}"
        )
    rng = np.random.default_rng(seed)
    draws = []
    for _ in range(repetitions):
        chosen = rng.integers(0, len(weights), len(weights))
        draws.append(rank_correlation(weights[chosen], consistency[chosen]))
    known = [draw for draw in draws if not math.isnan(draw)] or [math.nan]
    low, high = np.quantile(known, [(1 - level) / 2, (1 + level) / 2])
    value = rank_correlation(weights, consistency)
    estimate = Estimate(value, float(low), float(high), level, repetitions, len(weights))
    return Claim(
        "mal gives low weight to ambiguous expression pictures",
        "yes" if low > 0 else "no",
        f"Spearman's rho {_signed(estimate)} over {len(weights):,} pictures of their votes' consistency "
        f"against their weight{_within_classes(weights, consistency, labels, class_names)}",
    )


def _within_classes(
    weights: np.ndarray, consistency: np.ndarray, labels: np.ndarray | None, class_names: Sequence[str]
) -> str:
    if labels is None:
        return ""
    found = {
        name: rank_correlation(weights[labels == code], consistency[labels == code])
        for code, name in enumerate(class_names)
        if (labels == code).sum() >= 3
    }
    found = {name: rho for name, rho in found.items() if not np.isnan(rho)}
    if not found:
        return ""
    low, high = min(found, key=found.__getitem__), max(found, key=found.__getitem__)
    return f"; within one class from {found[low]:+.2f} ({low}) to {found[high]:+.2f} ({high})"


def rank_correlation(first: np.ndarray, second: np.ndarray) -> float:
    """Return Spearman's rank correlation, in [-1, 1]; NaN if one list is constant."""
    left, right = _mid_ranks(first), _mid_ranks(second)
    if np.ptp(left) == 0 or np.ptp(right) == 0:
        return float("nan")
    return float(np.corrcoef(left, right)[0, 1])


def _mid_ranks(values: np.ndarray) -> np.ndarray:
    _, group, sizes = np.unique(values, return_inverse=True, return_counts=True)
    return (np.cumsum(sizes) - (sizes - 1) / 2)[group]


def _signed(estimate: Estimate, digits: int = 3) -> str:
    value, low, high = (f"{v:+.{digits}f}" for v in (estimate.value, estimate.low, estimate.high))
    return f"{value}, {estimate.level:.0%} interval [{low}, {high}]"
