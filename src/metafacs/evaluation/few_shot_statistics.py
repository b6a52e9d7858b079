"""Averages of few-shot records over people, with their spread, and the gain of one learner over another."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from metafacs.evaluation.few_shot_records import FewShotRecord
from metafacs.evaluation.statistics import LEVEL, RESAMPLES, Estimate, Spread, percentile_bounds, spread

PRINTED_STEPS = 5
"""Gradient steps after which MAML-AU prints its accuracies."""

Scores = Mapping[tuple[str, int], float]
"""Person and AU -> accuracy, or a difference of accuracies."""


def reported_step(records: Sequence[FewShotRecord]) -> int:
    """Return the number of gradient steps to report: 5 as printed where it was measured, else the last."""
    steps = records[0].steps
    return PRINTED_STEPS if PRINTED_STEPS in steps else steps[-1]


def over_seeds(records: Sequence[FewShotRecord]) -> list[FewShotRecord]:
    """Return one record per person, the mean of those of all seeds of training.

    The draws are the same for every seed, so that the deviation over draws is averaged, not reduced.

    Args:
        records: Of one learner and number of shots.

    Raises:
        ValueError: If a person's AUs differ from seed to seed.
    """
    people: dict[str, list[FewShotRecord]] = defaultdict(list)
    for record in records:
        people[record.subject].append(record)
    return [_mean_record(same) for same in people.values()]


def _mean_record(records: Sequence[FewShotRecord]) -> FewShotRecord:
    first, *others = records
    if not others:
        return first
    if any(other.accuracy.keys() != first.accuracy.keys() for other in others):
        raise ValueError(
            f"the AUs of {first.subject} differ between the seeds of {first.learner}; test again"
        )

    accuracy = {au: np.mean([r.accuracy[au] for r in records], axis=0) for au in first.accuracy}
    variance = {au: np.mean(np.square([r.deviation[au] for r in records]), axis=0) for au in accuracy}
    return replace(
        first,
        accuracy={au: tuple(values.tolist()) for au, values in accuracy.items()},
        deviation={au: tuple(np.sqrt(values).tolist()) for au, values in variance.items()},
        seconds={phase: float(np.mean([r.seconds[phase] for r in records])) for phase in first.seconds},
    )


def without_filled(records: Sequence[FewShotRecord]) -> list[FewShotRecord]:
    """Return the records without the tests in which pictures of the other kind had to stand in.

    Their accuracies are not of balanced sets: whoever answers "absent" is above one half.
    """
    return [
        replace(
            record,
            accuracy={au: scores for au, scores in record.accuracy.items() if au not in record.filled},
            deviation={au: scores for au, scores in record.deviation.items() if au not in record.filled},
        )
        for record in records
    ]


def accuracies(records: Sequence[FewShotRecord], step: int) -> dict[int, list[float]]:
    """Return AU -> accuracy of each person after a number of gradient steps, in the order of the records."""
    found: dict[int, list[float]] = defaultdict(list)
    for record in records:
        column = record.steps.index(step)
        for au, values in record.accuracy.items():
            found[au].append(values[column])
    return dict(sorted(found.items()))


def accuracy_spreads(records: Sequence[FewShotRecord], step: int) -> dict[int, Spread]:
    """Return mean and spread over people of each AU's accuracy.

    Args:
        records: Of one learner and number of shots, one per person.
        step: Number of gradient steps.
    """
    return {au: spread(values) for au, values in accuracies(records, step).items()}


def person_averages(records: Sequence[FewShotRecord], step: int) -> dict[str, float]:
    """Return the accuracy of each person averaged over AUs; people without a task are left out."""
    found = {}
    for record in records:
        values = [scores[record.steps.index(step)] for scores in record.accuracy.values()]
        if values:
            found[record.subject] = float(np.mean(values))
    return found


def average_accuracy(records: Sequence[FewShotRecord], step: int) -> Spread:
    """Return the mean over AUs of the mean over people, with the spread of the people's averages.

    As MAML-AU prints it ("AVG"); the spread is ours.
    """
    means = [values.mean for values in accuracy_spreads(records, step).values()]
    people = spread(person_averages(records, step).values())
    return Spread(float(np.mean(means)) if means else float("nan"), people.std, people.count)


def error_of_draws(records: Sequence[FewShotRecord], step: int) -> float:
    """Return the standard error of :func:`average_accuracy` that comes from drawing a number of times only.

    Other pictures of the same people, drawn as often, would move the average by about so much.
    """
    column = records[0].steps.index(step)
    variances: dict[int, list[float]] = defaultdict(list)
    for record in records:
        for au, deviation in record.deviation.items():
            variances[au].append(deviation[column] ** 2 / record.config["testing"]["repetitions"])
    means = [sum(values) / len(values) ** 2 for values in variances.values()]
    return math.sqrt(sum(means)) / len(means) if means else float("nan")


def accuracy_by_task(records: Sequence[FewShotRecord], step: int) -> Scores:
    """Return the accuracy of each person and AU after a number of gradient steps.

    Args:
        records: Of one learner and number of shots, one per person.
        step: Number of gradient steps.
    """
    column = {record.subject: record.steps.index(step) for record in records}
    return {(r.subject, au): scores[column[r.subject]] for r in records for au, scores in r.accuracy.items()}


def difference_by_task(first: Scores, second: Scores) -> Scores:
    """Return by how much ``first`` is higher, person by person and AU by AU.

    Raises:
        ValueError: If the two are not of the same people and AUs.
    """
    if first.keys() != second.keys():
        people, others = ({person for person, _ in scores} for scores in (first, second))
        what = f"AUs of {min(first.keys() ^ second.keys())[0]}" if people == others else "people"
        raise ValueError(f"what is compared was not tested on the same {what}")
    return {task: score - second[task] for task, score in first.items()}


def average_interval(scores: Scores) -> Estimate:
    """Return the mean over AUs of the mean over the people who have them, with an interval over people.

    It is what :func:`average_accuracy` is the mean of, and each resample of people is averaged like it; an AU
    that nobody of a resample has is left out there.

    Args:
        scores: Or differences of such.

    Raises:
        ValueError: If there are no scores.
    """
    if not scores:
        raise ValueError("nobody was tested, so there is nothing to average")
    people, aus = (list(dict.fromkeys(names)) for names in zip(*scores, strict=True))
    table = np.full((len(people), len(aus)), np.nan)
    for (person, au), score in scores.items():
        table[people.index(person), aus.index(au)] = score

    def average(drawn: np.ndarray) -> np.ndarray:
        known = ~np.isnan(table[drawn])
        totals, counts = np.where(known, table[drawn], 0).sum(axis=1), known.sum(axis=1)
        means = np.divide(totals, counts, out=np.zeros_like(totals), where=counts > 0)
        return np.asarray(means.sum(axis=1) / (counts > 0).sum(axis=1))

    size = len(people)
    draws = average(np.random.default_rng(0).integers(size, size=(RESAMPLES, size)))
    low, high = percentile_bounds(draws, size)
    return Estimate(float(average(np.arange(size)[None])[0]), low, high, LEVEL, RESAMPLES, size)


def paired_gain(first: Sequence[FewShotRecord], second: Sequence[FewShotRecord], step: int) -> Estimate:
    """Return how much higher the :func:`average_accuracy` of ``first`` is, with an interval over people.

    Args:
        first: Records of one learner, one per person.
        second: Records of another learner on the same people and draws.
        step: Number of gradient steps.

    Raises:
        ValueError: If the two were not tested on the same people and AUs.
    """
    return average_interval(difference_by_task(accuracy_by_task(first, step), accuracy_by_task(second, step)))
