"""Claims that one row is better than another, answered yes or no with numbers from records.

The rule is strict: "yes" needs an interval wholly on the claimed side of zero. A difference that could be
nothing is a "no", and the sentence says which kind of no it is.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Literal

import numpy as np

from metafacs.evaluation.auc_statistics import auc_differences
from metafacs.evaluation.expression_results import ExpressionResult
from metafacs.evaluation.expression_statistics import (
    accuracy_differences,
    accuracy_of,
    expressions_by_person,
)
from metafacs.evaluation.landmarks import LandmarkScores
from metafacs.evaluation.records import Record
from metafacs.evaluation.seed_statistics import (
    Variance,
    mean_over_folds,
    over_units,
    variance_interval,
    variances_of_seeds,
)
from metafacs.evaluation.statistics import (
    Estimate,
    auc_of,
    average_f1,
    by_fold,
    detection_accuracy_of,
    f1_of,
    mean_interval,
    paired_difference,
    seed_deviation,
    spread,
)


@dataclass(frozen=True)
class Difference:
    """What a claim was answered by, for tables.

    Attributes:
        better: Row claimed to be higher.
        worse: The other row.
        score: What was compared.
        estimate: How much higher it is.
    """

    better: str
    worse: str
    score: str
    estimate: Estimate


@dataclass(frozen=True)
class Claim:
    """A claim and its answer.

    Attributes:
        statement: What is claimed, e.g. ``mine > yours on average F1``.
        answer: ``yes`` only if the numbers exclude chance; ``void`` if there are no sound runs to answer by.
        detail: The numbers and what they mean, one or two sentences.
        difference: The same for tables, where two rows were compared in detecting action units; else None.
    """

    statement: str
    answer: Literal["yes", "no", "void"]
    detail: str
    difference: Difference | None = None

    def __str__(self) -> str:
        return f"{self.statement}: {self.answer} ({self.detail})"


def better_average_f1(better: str, ours: Sequence[Record], worse: str, theirs: Sequence[Record]) -> Claim:
    """Answer whether one row has the higher average F1, on the same people.

    Where people are unknown the interval adds up variances as that of :func:`better_accuracy`, from the
    records' own intervals over pictures.

    Args:
        better: Name of the row claimed to be higher.
        ours: Its runs.
        worse: Name of the other row.
        theirs: Its runs.
    """
    difference, over = paired_difference(ours, theirs), "people"
    if not any(run.people for run in ours):
        value = average_f1(ours) - average_f1(theirs)
        difference = _over_pictures(ours, theirs, value, f1_of, _deviation_of_f1)
        over = "pictures"
    luck = _luck([seed_deviation(runs) for runs in (ours, theirs)])
    return _detecting_better(Difference(better, worse, "average F1", difference), over, luck)


def better_average_auc(better: str, ours: Sequence[Record], worse: str, theirs: Sequence[Record]) -> Claim:
    """Answer whether one row has the higher average AUC, which depends on no threshold.

    The interval is over the people both were tested on, or over the pictures where people are unknown, and
    then over seeds as well; a person or picture stands against itself.

    Args:
        better: Name of the row claimed to be higher.
        ours: Its runs; all must hold what each person or picture makes of the AUC.
        worse: Name of the other row.
        theirs: Its runs.

    Raises:
        ValueError: If the two were not tested on the same people or pictures.
    """
    apart = auc_differences(ours, theirs)
    if any(run.people for run in ours):
        difference, over = mean_interval(*apart), "people"
    else:
        difference, over = over_units(apart, ours, theirs, auc_of), "pictures"
    luck = _luck([seed_deviation(runs, auc_of) for runs in (ours, theirs)])
    return _detecting_better(Difference(better, worse, "average AUC", difference), over, luck)


def better_detection_accuracy(
    better: str, ours: Sequence[Record], worse: str, theirs: Sequence[Record]
) -> Claim:
    """Answer whether one row tells more labels of AUs rightly, averaged over AUs, where people are unknown.

    Records do not tell which pictures these are. So the interval is that of rows tested on different
    pictures, on which the AUs are right or wrong together: wider than it need be.

    Args:
        better: Name of the row claimed to be higher.
        ours: Its runs.
        worse: Name of the other row.
        theirs: Its runs.
    """
    value = mean_over_folds(ours, detection_accuracy_of) - mean_over_folds(theirs, detection_accuracy_of)
    difference = _over_pictures(ours, theirs, value, detection_accuracy_of, _deviation_of_accuracy)
    luck = _luck([seed_deviation(runs, detection_accuracy_of) for runs in (ours, theirs)])
    return _detecting_better(Difference(better, worse, "average accuracy", difference), "pictures", luck)


def higher(statement: str, difference: Estimate, more: str) -> Claim:
    """Answer whether a difference over people is above zero; ``more`` ends the sentence."""
    return Claim(
        statement,
        _yes_above_zero(difference),
        f"{signed(difference)} over {difference.subjects:,} people{_kind_of_no(difference)}; {more}",
    )


def alike(statement: str, difference: Estimate, within: float, more: str) -> Claim:
    """Answer whether a difference over people is less than ``within``; ``more`` ends the sentence."""
    inside = -within < difference.low and difference.high < within
    outside = difference.low >= within or difference.high <= -within
    kind = "" if inside else ", it is more" if outside else ", which leaves it open"
    detail = f"{signed(difference)} over {difference.subjects:,} people against {within:.3g}{kind}; {more}"
    return Claim(statement, "yes" if inside else "no", detail)


def _detecting_better(found: Difference, over: str, luck: str) -> Claim:
    estimate = found.estimate
    return Claim(
        f"{found.better} > {found.worse} on {found.score}",
        _yes_above_zero(estimate),
        f"{signed(estimate)} over {estimate.subjects:,} {over}{_kind_of_no(estimate)}; {luck}",
        found,
    )


def _over_pictures(
    ours: Sequence[Record],
    theirs: Sequence[Record],
    value: float,
    score: Callable[[Record], float],
    deviation: Callable[[Record], float],
) -> Estimate:
    """Return the difference ``value`` of a score; as if both rows were tested on different pictures.

    ``deviation`` tells how far other pictures would move the score of a run.
    """
    variances: list[Variance] = []
    for runs in (ours, theirs):
        deviations = [float(np.mean(fold)) for fold in by_fold(runs, deviation).values()]
        variances.append((sum(each**2 for each in deviations) / len(deviations) ** 2, math.inf))
        variances += variances_of_seeds(runs, score)
    pictures = sum(_pictures(run) for run in {run.data.fold: run for run in ours}.values())
    return variance_interval(value, variances, pictures)


def _deviation_of_f1(run: Record) -> float:
    """Return how far other pictures would move a run's average F1, from its interval; NaN without one."""
    if run.interval is None:
        return math.nan
    low, high = run.interval.f1_average
    return (high - low) / 2 / NormalDist().inv_cdf((1 + run.interval.level) / 2)


def _deviation_of_accuracy(run: Record) -> float:
    """Return how far other pictures would move a run's accuracy, its AUs right or wrong together."""
    known = np.sum([np.sum(list(counts.values()), axis=0) for counts in run.per_subject.values()], axis=0)
    right = np.array([run.accuracy[au] for au in run.aus])
    return float(np.nanmean(np.sqrt(right * (1 - right) / known)))


def _pictures(run: Record) -> int:
    """Return how many pictures a run was judged on in the AU that most of them tell."""
    outcomes = [np.array(list(counts.values())) for counts in run.per_subject.values()]
    return int(np.sum(outcomes, axis=(0, 1)).max())


def better_accuracy(better: str, ours: Sequence[Record], worse: str, theirs: Sequence[Record]) -> Claim:
    """Answer whether one row recognises more expressions, by the difference of the mean accuracies.

    The mean is over seeds in each fold, then over folds. The interval is over the people both were tested on.
    Where people are unknown, or records of earlier versions do not tell whose a picture is, it adds the
    variance of the difference, picture by picture, and that of the means over seeds.

    Args:
        better: Name of the row claimed to be higher.
        ours: Its runs; all must hold recognised expressions.
        worse: Name of the other row.
        theirs: Its runs.

    Raises:
        ValueError: If the two were not tested on the same people or numbers of pictures.
    """
    both = (*ours, *theirs)
    apart = accuracy_differences(ours, theirs)
    if expressions_by_person(both):
        difference = mean_interval(*apart)
        over = f"{difference.subjects:,} people"
    else:
        difference = over_units(apart, ours, theirs, accuracy_of)
        untold = any(run.people for run in both)
        over = f"pictures{', whose people the records do not tell,' if untold else ''} and seeds"
    means = [mean_over_folds(runs, accuracy_of) for runs in (ours, theirs)]
    return Claim(
        f"{better} > {worse} in accuracy",
        _yes_above_zero(difference),
        f"{means[0]:.3f} against {means[1]:.3f}, {signed(difference)} over {over}{_kind_of_no(difference)}; "
        f"{_luck([seed_deviation(runs, accuracy_of) for runs in (ours, theirs)])}",
    )


def better_mean_recall(
    better: str,
    ours: Sequence[Record],
    worse: str,
    theirs: Sequence[Record],
    *,
    classes: Sequence[str] = (),
    of: str = "",
) -> Claim:
    """Answer whether one row has the higher mean over classes of the share recognised.

    The interval adds up the variances of both rows' shares and of their means over seeds: as if the rows were
    tested on different pictures, since a record does not tell the class of a single one. For the variance a
    class counts one more picture right and one more wrong, so that one of which nothing is recognised is not
    taken as certain.

    Args:
        better: Name of the row claimed to be higher.
        ours: Its runs; all must hold recognised expressions.
        worse: Name of the other row.
        theirs: Its runs.
        classes: Expressions to average over, where they have pictures; all of them if none are named.
        of: What these are called.

    Raises:
        ValueError: If none of the classes has a picture.
    """
    pictures = {
        name: count
        for name, count in pictures_by_class(ours).items()
        if count and (not classes or name in classes)
    }
    if not pictures:
        raise ValueError(f"no picture shows one of {', '.join(classes)}")

    def recall_of(run: Record) -> float:
        (result,) = _results([run])
        return spread(result.recalls[name] for name in pictures).mean

    means, variances = list[float](), list[Variance]()
    for runs in (ours, theirs):
        recalls = [[result.recalls[name] for name in pictures] for result in _results(runs)]
        means.append(float(np.mean([recall_of(run) for run in runs])))
        shares = np.array([spread(column).mean for column in zip(*recalls, strict=True)])
        counts = np.array(list(pictures.values()))
        wary = (shares * counts + 1) / (counts + 2)
        variances.append((float((wary * (1 - wary) / counts).sum()) / len(counts) ** 2, math.inf))
        variances += variances_of_seeds(runs, recall_of)
    difference = variance_interval(means[0] - means[1], variances, sum(pictures.values()))
    return Claim(
        f"{better} > {worse} in mean recall{of and f' of {of}'}",
        _yes_above_zero(difference),
        f"{means[0]:.3f} against {means[1]:.3f}, {signed(difference)} over {difference.subjects:,} pictures, "
        f"{min(pictures.values()):,} of the smallest class, and seeds{_kind_of_no(difference)}; "
        f"{_luck([seed_deviation(runs, recall_of) for runs in (ours, theirs)])}",
    )


def pictures_by_class(runs: Sequence[Record]) -> dict[str, int]:
    """Return the test pictures of each expression over all folds."""
    folds = {run.data.fold: run.expressions.pictures for run in runs if run.expressions}
    names = next(iter(folds.values()), {})
    return {name: sum(counts[name] for counts in folds.values()) for name in names}


def lower_landmark_error(
    better: str,
    ours: Sequence[LandmarkScores],
    worse: str,
    theirs: Sequence[LandmarkScores],
) -> Claim:
    """Answer whether one row finds landmarks more precisely, on the same people.

    Args:
        better: Name of the row claimed to be more precise.
        ours: Its runs.
        worse: Name of the other row.
        theirs: Its runs.

    Raises:
        ValueError: If the two were not tested on the same people.
    """
    first, second = _error_by_person(ours), _error_by_person(theirs)
    if set(first) != set(second):
        raise ValueError(f"{better} and {worse} were not tested on the same people")
    statement = f"{better} has a lower landmark error than {worse}"
    if len(first) < 2:
        apart = np.mean([run.mean_error for run in ours]) - np.mean([run.mean_error for run in theirs])
        why = "of one person" if any(first) else "the people are unknown"
        return Claim(statement, "no", f"{apart:+.4f}{_UNTOLD}: {why}")
    difference = mean_interval([first[person] - second[person] for person in first])
    detail = f"{signed(difference, 4)} over {difference.subjects} people"
    if difference.high >= 0:
        detail += _OPPOSITE if difference.low > 0 else _NOTHING
    return Claim(statement, "yes" if difference.high < 0 else "no", detail)


def _error_by_person(runs: Sequence[LandmarkScores]) -> dict[str, float]:
    errors: dict[str, list[float]] = {}
    for run in runs:
        for person, error in run.per_subject.items():
            errors.setdefault(person, []).append(error)
    return {person: float(np.mean(values)) for person, values in sorted(errors.items())}


_OPPOSITE, _NOTHING = ", the opposite is true", ", not distinguishable from no difference"
_UNTOLD = ", without an interval"


def _yes_above_zero(difference: Estimate) -> Literal["yes", "no"]:
    return "yes" if difference.low > 0 else "no"


def _kind_of_no(difference: Estimate) -> str:
    return _OPPOSITE if difference.high < 0 else _NOTHING if difference.low <= 0 else ""


def _luck(deviations: Sequence[float]) -> str:
    """Return what other seeds would change, from the deviations of both rows over theirs."""
    if any(math.isnan(deviation) for deviation in deviations):
        return "one seed, whose luck is not in the interval"
    return f"another seed moves a method by ± {max(deviations):.3f}"


def _results(runs: Sequence[Record]) -> list[ExpressionResult]:
    return [run.expressions for run in runs if run.expressions is not None]


def signed(estimate: Estimate, digits: int = 3) -> str:
    """Return a difference with its sign and its interval in words; one person gives no interval."""
    value, low, high = (f"{v:+.{digits}f}" for v in (estimate.value, estimate.low, estimate.high))
    bounds = f", {estimate.level:.0%} interval [{low}, {high}]"
    return value + (_UNTOLD if math.isnan(estimate.low) else bounds)
