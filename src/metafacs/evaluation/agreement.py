"""How well two codings of the same videos agree, per action unit and person, with intervals over people."""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch

from metafacs.data.codings.coding import AuSeries, Floats
from metafacs.evaluation.agreement_alignment import AlignedPerson
from metafacs.evaluation.agreement_events import NO_EVENTS, EventRules, PairedEvents, pair_events
from metafacs.evaluation.resampling import resampled_totals
from metafacs.evaluation.statistics import percentile_bounds
from metafacs.metrics.agreement import (
    cohen_kappa,
    count_pairs,
    intensity_sums,
    intraclass_correlation_of_sums,
    negative_agreement,
    positive_agreement,
    prevalence_adjusted_kappa,
)
from metafacs.metrics.ranking import area_under_roc

MEASURES = (
    "kappa",
    "pabak",
    "f1",
    "negative_agreement",
    "icc",
    "event_precision",
    "event_recall",
    "event_f1",
)
"""Measures that follow from counts and sums, and so have an interval over people."""

FEWEST_PEOPLE = 5
"""Below so many people there is no interval: it would say more of the method than of people."""

Interval = tuple[float, float]

_PAIRS, _EVENTS, _SUMS = slice(0, 4), slice(4, 7), slice(7, 13)
_SIZE = 13


@dataclass(frozen=True)
class AuAgreement:
    """Agreement on one AU.

    Attributes:
        au: FACS number.
        frames: Frames in which both sides know it.
        pairs: Frames that both, only the left, only the right and neither call present.
        left_present: Share of them in which the left says present; NaN if there is none.
        right_present: As that of the right.
        events: Paired events, those of the left and of the right; None if nothing tells times.
        values: Measure -> value; NaN where it has none.
        auc: Area under the ROC curve of the left's scores against the right's presence; NaN if there is none.
        onset_difference: Median of left minus right over the paired events, in seconds; NaN likewise.
        reasons: Measure -> why it has no value.
        intervals: Measure -> bounds over people; empty with fewer than ``FEWEST_PEOPLE``.
    """

    au: int
    frames: int
    pairs: tuple[int, int, int, int]
    left_present: float
    right_present: float
    events: tuple[int, int, int] | None
    values: Mapping[str, float]
    auc: float
    onset_difference: float
    reasons: Mapping[str, str]
    intervals: Mapping[str, Interval] = field(default_factory=dict)


@dataclass(frozen=True)
class PersonAgreement:
    """Agreement on one person of one video: each AU, and the mean of each measure over AUs that have it."""

    person: AlignedPerson
    aus: Mapping[int, AuAgreement]
    means: Mapping[str, float]


@dataclass(frozen=True)
class Agreement:
    """Agreement over all videos.

    Attributes:
        aus: AU -> agreement over the frames of everybody together.
        means: Measure -> mean over the AUs that have a value; with ``auc``.
        intervals: Measure -> bounds of the mean over people; empty with fewer than ``FEWEST_PEOPLE``.
        people: Each person of each video.
        subjects: Number of people that were resampled, or would have been.
        level: Nominal coverage of the intervals.
        repetitions: Resamples.
    """

    aus: Mapping[int, AuAgreement]
    means: Mapping[str, float]
    intervals: Mapping[str, Interval]
    people: tuple[PersonAgreement, ...]
    subjects: int
    level: float
    repetitions: int


@dataclass(frozen=True)
class _Told:
    """What one person's frames say of one AU: additive statistics, and what does not add up."""

    statistics: Floats
    events: PairedEvents | None
    scores: Floats
    targets: Floats
    has_scores: bool
    has_intensities: tuple[bool, bool]


def score_agreement(
    people: Sequence[AlignedPerson],
    rules: EventRules | None = None,
    *,
    level: float = 0.95,
    repetitions: int = 2000,
    seed: int = 0,
) -> Agreement:
    """Return how well left and right agree.

    Args:
        people: Each person of each video.
        rules: When two events are one.
        level: Nominal coverage of the intervals, in (0, 1).
        repetitions: Resamples of people.
        seed: Seed of the resampling.
    """
    rules = rules or EventRules()
    told = [{au: _tell(one.left[au], one.right[au], one, rules) for au in one.aus} for one in people]
    aus = sorted({au for each in told for au in each})
    by_person = [_person(one, each) for one, each in zip(people, told, strict=True)]
    subjects = sorted({one.subject for one in people})
    intervals, of_means = _intervals(people, told, aus, subjects, level, repetitions, seed)
    pooled = {
        au: _agreement(au, [each[au] for each in told if au in each], intervals.get(au, {})) for au in aus
    }
    return Agreement(pooled, _means(pooled), of_means, tuple(by_person), len(subjects), level, repetitions)


def measures_of(statistics: Floats) -> dict[str, Floats]:
    """Return the measures that follow from statistics, ``... x 13``.

    Kappa and F1 have no value where the right, which the left is compared with, gives nothing to agree on:
    kappa where it never changes, F1 and recall where it never says present.
    """
    pairs, events, sums = statistics[..., _PAIRS], statistics[..., _EVENTS], statistics[..., _SUMS]
    present = pairs[..., 0] + pairs[..., 2]
    absent = pairs[..., 1] + pairs[..., 3]
    matched, left, right = np.moveaxis(events, -1, 0)
    with np.errstate(invalid="ignore", divide="ignore"):
        return {
            "kappa": np.where((present > 0) & (absent > 0), cohen_kappa(pairs), np.nan),
            "pabak": prevalence_adjusted_kappa(pairs),
            "f1": np.where(present > 0, positive_agreement(pairs), np.nan),
            "negative_agreement": np.where(absent > 0, negative_agreement(pairs), np.nan),
            "icc": intraclass_correlation_of_sums(sums),
            "event_precision": matched / left,
            "event_recall": matched / right,
            "event_f1": np.where(right > 0, 2 * matched / (left + right), np.nan),
        }


def _tell(left: AuSeries, right: AuSeries, one: AlignedPerson, rules: EventRules) -> _Told:
    events = pair_events(left.presence, right.presence, one.grid, rules)
    counted = events or NO_EVENTS
    graded = left.intensity is not None, right.intensity is not None
    sums = np.zeros(6)
    if left.intensity is not None and right.intensity is not None:
        sums = intensity_sums(left.intensity, right.intensity)
    statistics = np.concatenate(
        [
            count_pairs(left.presence, right.presence),
            [counted.matched, counted.left, counted.right],
            sums,
        ]
    )
    scores = targets = np.zeros(0)
    if left.score is not None:
        known = ~np.isnan(left.score) & ~np.isnan(right.presence)
        scores, targets = left.score[known], right.presence[known]
    return _Told(statistics, events, scores, targets, left.score is not None, graded)


def _person(one: AlignedPerson, told: Mapping[int, _Told]) -> PersonAgreement:
    aus = {au: _agreement(au, [each], {}) for au, each in told.items()}
    return PersonAgreement(one, aus, _means(aus))


def _agreement(au: int, told: Sequence[_Told], intervals: Mapping[str, Interval]) -> AuAgreement:
    statistics = np.sum([each.statistics for each in told], axis=0)
    pairs = statistics[_PAIRS]
    frames = float(pairs.sum())
    values = {name: float(value) for name, value in measures_of(statistics).items()}
    timed = [each.events for each in told if each.events is not None]
    if not timed:
        values |= dict.fromkeys(("event_precision", "event_recall", "event_f1"), math.nan)
    differences = np.concatenate([events.onset_differences for events in timed] or [np.zeros(0)])
    auc = _auc(told)
    matched, left, right = (int(count) for count in statistics[_EVENTS])
    reasons = _reasons(pairs, told, timed=bool(timed))
    known = values | {
        "auc": auc,
        "onset_difference": float(np.median(differences)) if len(differences) else math.nan,
    }
    return AuAgreement(
        au,
        int(frames),
        (int(pairs[0]), int(pairs[1]), int(pairs[2]), int(pairs[3])),
        float((pairs[0] + pairs[1]) / frames) if frames else math.nan,
        float((pairs[0] + pairs[2]) / frames) if frames else math.nan,
        (matched, left, right) if timed else None,
        values,
        auc,
        known["onset_difference"],
        {name: reasons[name] for name, value in known.items() if math.isnan(value)},
        intervals,
    )


def _auc(told: Sequence[_Told]) -> float:
    scores = np.concatenate([each.scores for each in told])
    targets = np.concatenate([each.targets for each in told])
    if not len(scores):
        return math.nan
    return float(area_under_roc(torch.from_numpy(scores)[:, None], torch.from_numpy(targets)[:, None]))


def _reasons(pairs: Floats, told: Sequence[_Told], *, timed: bool) -> dict[str, str]:
    """Return measure -> why it has no value, if it has none."""
    if not pairs.sum():
        return dict.fromkeys((*MEASURES, "auc", "onset_difference"), "no frame is known to both")
    constant = "the right never says present" if not pairs[0] + pairs[2] else "the right always says present"
    no_events = "no event" if timed else "nothing tells the times of the frames (--rate)"
    left_graded = any(each.has_intensities[0] for each in told)
    right_graded = any(each.has_intensities[1] for each in told)
    if left_graded and right_graded:
        icc = "the intensities of the right never change, or fewer than two are known to both"
    else:
        icc = f"no intensities on the {'right' if left_graded else 'left'}"
    return {
        "kappa": constant,
        "pabak": constant,
        "f1": constant,
        "negative_agreement": constant,
        "icc": icc,
        "event_precision": f"{no_events} on the left" if timed else no_events,
        "event_recall": f"{no_events} on the right" if timed else no_events,
        "event_f1": f"{no_events} on the right" if timed else no_events,
        "auc": constant if any(each.has_scores for each in told) else "no probabilities on the left",
        "onset_difference": "no pair of events whose onsets were seen" if timed else no_events,
    }


def _means(aus: Mapping[int, AuAgreement]) -> dict[str, float]:
    means = {name: _mean([each.values[name] for each in aus.values()]) for name in MEASURES}
    return means | {"auc": _mean([each.auc for each in aus.values()])}


def _mean(values: Sequence[float]) -> float:
    known = [value for value in values if not math.isnan(value)]
    return sum(known) / len(known) if known else math.nan


def _intervals(
    people: Sequence[AlignedPerson],
    told: Sequence[Mapping[int, _Told]],
    aus: Sequence[int],
    subjects: Sequence[str],
    level: float,
    repetitions: int,
    seed: int,
) -> tuple[dict[int, dict[str, Interval]], dict[str, Interval]]:
    """Return AU -> measure -> bounds, and those of the means over AUs; empty with too few people."""
    if len(subjects) < FEWEST_PEOPLE:
        return {}, {}
    counts = np.zeros((len(subjects), len(aus), _SIZE))
    timed = np.zeros((len(subjects), len(aus)), dtype=bool)
    for one, each in zip(people, told, strict=True):
        for au, statistics in each.items():
            place = subjects.index(one.subject), aus.index(au)
            counts[place] += statistics.statistics
            timed[place] |= statistics.events is not None
    # People of whom nothing is known add nothing: a measure has as many people as tell of it.
    framed, graded = counts[..., _PAIRS].sum(axis=-1) > 0, counts[..., _SUMS.start] > 0
    tells = dict.fromkeys(MEASURES, framed) | {
        "icc": graded,
        **dict.fromkeys(("event_precision", "event_recall", "event_f1"), framed & timed),
    }
    draws = measures_of(resampled_totals(counts, repetitions, seed))
    intervals: dict[int, dict[str, Interval]] = {au: {} for au in aus}
    of_means: dict[str, Interval] = {}
    for name, values in draws.items():
        for au, column, units in zip(aus, values.T, tells[name].sum(axis=0).tolist(), strict=True):
            if units >= FEWEST_PEOPLE:
                intervals[au][name] = percentile_bounds(column, units, level=level)
        units = int(tells[name].any(axis=1).sum())
        if units < FEWEST_PEOPLE:
            continue
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", category=RuntimeWarning)
            means = np.nanmean(values, axis=1)
        of_means[name] = percentile_bounds(means, units, level=level)
    return intervals, of_means
