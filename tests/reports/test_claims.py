from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from metafacs.evaluation.expression_results import ExpressionResult
from metafacs.evaluation.expression_statistics import accuracy_differences
from metafacs.evaluation.landmarks import LandmarkScores
from metafacs.evaluation.records import Interval, Record
from metafacs.evaluation.seed_statistics import variance_interval
from metafacs.reports.claims import (
    Claim,
    better_accuracy,
    better_average_auc,
    better_average_f1,
    better_mean_recall,
    lower_landmark_error,
)
from metafacs.reports.comparison import Comparison
from metafacs.reports.composition import compose_report

MakeRecord = Callable[..., Record]


def higher_f1(ours: list[Record], theirs: list[Record]) -> Claim:
    return better_average_f1(ours[0].method, ours, theirs[0].method, theirs)


def test_clear_difference_is_a_yes(record_of: MakeRecord) -> None:
    claim = higher_f1([record_of("mal", skill=2.0)], [record_of("multi_task", skill=0.5)])
    assert claim.answer == "yes"
    assert str(claim).startswith("mal > multi_task on average F1: yes (+0.")
    assert "one seed" in claim.detail


def test_opposite_and_nothing_are_different_kinds_of_no(record_of: MakeRecord) -> None:
    opposite = higher_f1([record_of("mal", skill=0.5)], [record_of("multi_task", skill=2.0)])
    assert opposite.answer == "no"
    assert "opposite is true" in opposite.detail
    nothing = higher_f1([record_of("mal")], [record_of("multi_task")])
    assert nothing.answer == "no"
    assert "not distinguishable" in nothing.detail


def higher_auc(ours: list[Record], theirs: list[Record]) -> Claim:
    return better_average_auc(ours[0].method, ours, theirs[0].method, theirs)


def test_areas_are_compared_person_by_person(record_of: MakeRecord) -> None:
    ours = [record_of("mal", skill=1.6, fold=fold, seed=seed) for fold in (1, 2) for seed in (0, 1)]
    theirs = [record_of("multi_task", skill=1.0, fold=fold) for fold in (1, 2)]
    claim = higher_auc(ours, theirs)
    assert claim.statement == "mal > multi_task on average AUC"
    assert claim.answer == "yes"
    assert claim.difference is not None
    means = [np.mean([np.mean(list(run.auc.values())) for run in runs]) for runs in (ours, theirs)]
    assert claim.difference.estimate.value == pytest.approx(means[0] - means[1], abs=1e-3)
    assert "over 16 people" in claim.detail
    same = higher_auc(ours, ours)
    assert same.answer == "no"
    assert same.difference is not None
    assert same.difference.estimate.high == pytest.approx(0, abs=1e-9)
    with pytest.raises(ValueError, match="same people or pictures"):
        higher_auc(ours, theirs[:1])


def of_one_person(run: Record) -> Record:
    """Return a record as if its first person had been tested alone."""
    (person, counts), *_ = run.per_subject.items()
    present = np.add(counts["tp"], counts["fn"]).tolist()
    return replace(
        run,
        per_subject={person: counts},
        positives=dict(zip(run.aus, present, strict=True)),
        interval=Interval((math.nan, math.nan), 0.95, 50),
        auc_by_unit=run.auc_by_unit[:1],
    )


def test_one_person_gives_no_interval_and_no_kind_of_no(record_of: MakeRecord) -> None:
    ours, theirs = [of_one_person(record_of("mal"))], [of_one_person(record_of("multi_task", skill=0.5))]
    for claim in (
        better_average_f1("mal", ours, "multi_task", theirs),
        better_average_auc("mal", ours, "multi_task", theirs),
    ):
        assert claim.difference is not None
        assert (claim.answer, math.isnan(claim.difference.estimate.low)) == ("no", True)
        value = f"{claim.difference.estimate.value:+.3f}"
        assert claim.detail.startswith(f"{value}, without an interval over 1 people; one seed")
    headline = compose_report(Comparison(ours)).headlines[0]
    assert headline.detail.startswith("average F1; average AUC")


def test_areas_of_unknown_people_are_compared_picture_by_picture(record_of: MakeRecord) -> None:
    def unknown(run: Record, seed: int) -> Record:
        total = {n: np.sum([c[n] for c in run.per_subject.values()], axis=0).tolist() for n in ("tp", "fp")}
        total |= {n: np.sum([c[n] for c in run.per_subject.values()], axis=0).tolist() for n in ("fn", "tn")}
        units = np.random.default_rng(0).random(320) + (0.05 if run.method == "mal" else 0)
        return replace(run, per_subject={"": total}, auc_by_unit=tuple(units + seed * 1e-3), seed=seed)

    ours, theirs = ([unknown(record_of(name), seed) for seed in (0, 1)] for name in ("mal", "multi_task"))
    claim = higher_auc(ours, theirs)
    # Every picture is told better by as much: nothing is left to chance but the seeds.
    assert claim.detail.startswith("+0.050, 95% interval [+0.050, +0.050] over 320 pictures")
    assert claim.answer == "yes"


def test_small_gain_within_the_interval_is_a_no(record_of: MakeRecord) -> None:
    first = [record_of("mal", skill=1.0, seed=3)]
    second = [record_of("multi_task", skill=1.0, seed=4)]
    claim = higher_f1(first, second)
    assert claim.answer == "no"
    assert "not distinguishable" in claim.detail


def test_several_seeds_are_told(record_of: MakeRecord) -> None:
    claim = higher_f1(
        [record_of("mal", skill=2.0, seed=s) for s in (0, 1)],
        [record_of("multi_task", seed=s) for s in (0, 1)],
    )
    assert "another seed moves a method by ±" in claim.detail


def _recognised(correct: int, total: int = 400) -> ExpressionResult:
    right = "1" * correct + "0" * (total - correct)
    return ExpressionResult(("a", "b"), ((correct, total - correct), (0, 0)), right)


def test_accuracies_apart_answer_yes_and_alike_no(record_of: MakeRecord) -> None:
    def runs(*correct: int) -> list[Record]:
        return [
            replace(record_of("mml", seed=seed), expressions=_recognised(count))
            for seed, count in enumerate(correct)
        ]

    apart = better_accuracy("MML", runs(300, 304), "MTL", runs(200, 204))
    assert apart.answer == "yes"
    assert "0.755 against 0.505" in apart.detail
    # Of 400 pictures both rows recognise 200, MML all of 96 more: 1.96 * sqrt(.2500 * .7500 / 400 + ...), and
    # the seeds' part, 2 * .00707**2 / 2.
    low, high = (float(bound) for bound in apart.detail.split("[")[1].split("]")[0].split(", "))
    expected = 1.96 * np.sqrt(0.25 * 0.75 / 400 + 0.00707**2)
    assert (high - low) / 2 == pytest.approx(expected, abs=0.001)
    assert better_accuracy("MML", runs(202, 206), "MTL", runs(200, 204)).answer == "no"
    assert "opposite" in better_accuracy("MTL", runs(200, 204), "MML", runs(300, 304)).detail


def _of_fold(record: Record, recognised: str, **people: tuple[int, int]) -> Record:
    right = recognised.count("1")
    matrix = ((right, len(recognised) - right), (0, 0))
    return replace(record, expressions=ExpressionResult(("a", "b"), matrix, recognised, by_subject=people))


def _bounds(claim: Claim) -> list[float]:
    return [float(bound) for bound in claim.detail.split("[")[1].split("]")[0].split(", ")]


def test_accuracies_are_averaged_over_folds_of_any_size(record_of: MakeRecord) -> None:
    def runs(name: str, *recognised: str) -> list[Record]:
        return [_of_fold(record_of(name, fold=fold + 1), told) for fold, told in enumerate(recognised)]

    claim = better_accuracy("a", runs("mml", "1111", "110000"), "b", runs("mal", "1100", "100000"))
    # Accuracies of the folds 1 against 1/2 and 1/3 against 1/6.
    assert "0.667 against 0.333, +0.333, 95% interval" in claim.detail
    assert "over pictures, whose people the records do not tell, and seeds" in claim.detail
    assert "one seed" in claim.detail
    parts = np.var([0, 0, 1, 1], ddof=1) / 4, np.var([0, 1, 0, 0, 0, 0], ddof=1) / 6
    freedom = sum(parts) ** 2 / (parts[0] ** 2 / 3 + parts[1] ** 2 / 5)
    reach = stats.t.ppf(0.975, freedom) * sum(parts) ** 0.5 / 2
    assert _bounds(claim) == pytest.approx([1 / 3 - reach, 1 / 3 + reach], abs=1e-3)
    # Pictures of two folds are different ones, even if there are as many.
    same = better_accuracy("a", runs("mml", "1100", "0011"), "b", runs("mal", "0000", "0000"))
    reach = stats.t.ppf(0.975, 6) * (np.var([0, 0, 1, 1], ddof=1) / 8) ** 0.5
    assert _bounds(same) == pytest.approx([0.5 - reach, 0.5 + reach], abs=1e-3)
    with pytest.raises(ValueError, match="not tested on the same people or pictures"):
        better_accuracy("a", runs("mml", "1100"), "b", runs("mal", "110"))


def test_accuracies_are_compared_person_by_person(record_of: MakeRecord) -> None:
    def run(name: str, seed: int, fold: int, *right: int) -> Record:
        people = {f"p{fold}{k}": (count, (10, 20, 30)[k]) for k, count in enumerate(right)}
        told = "".join("1" * count + "0" * (known - count) for count, known in people.values())
        return _of_fold(record_of(name, seed=seed, fold=fold), told, **people)

    ours = [run("mml", seed, fold, 8, 16 + seed, 24) for seed in (0, 1) for fold in (1, 2)]
    theirs = [run("mal", 0, fold, 4, 8, 12) for fold in (1, 2)]
    claim = better_accuracy("a", ours, "b", theirs)
    first, second = accuracy_differences(ours, theirs)
    assert first == pytest.approx(second)
    accuracy, worse = 48.5 / 60, 24 / 60
    influence = [3 / 60 * (right - accuracy * n) for right, n in ((8, 10), (16.5, 20), (24, 30))]
    assert first == pytest.approx(np.add(influence, accuracy - worse))
    assert "0.808 against 0.400, +0.408, 95% interval" in claim.detail
    assert "over 6 people; one seed" in claim.detail
    assert claim.answer == "yes"
    assert _bounds(claim) == pytest.approx([0.408, 0.408], abs=0.02)
    with pytest.raises(ValueError, match="not tested on the same people"):
        better_accuracy("a", ours, "b", [run("mal", 0, fold, 4, 8) for fold in (1, 2)])


def _confused(record: Record, *right: int, of: tuple[int, ...]) -> Record:
    """Return a record of classes a, b, ... of which so many pictures are right."""
    names = tuple("abcd"[: len(of)])
    confusion = np.zeros((len(of), len(of)), int)
    for place, (correct, count) in enumerate(zip(right, of, strict=True)):
        confusion[place, place] = correct
        confusion[place, (place + 1) % len(of)] = count - correct
    shown = "1" * sum(right) + "0" * (sum(of) - sum(right))
    return replace(record, expressions=ExpressionResult(names, tuple(map(tuple, confusion.tolist())), shown))


def test_mean_recalls_are_compared_class_by_class(record_of: MakeRecord) -> None:
    def runs(*right: int) -> list[Record]:
        return [_confused(record_of("mml", seed=seed), *right, of=(400, 400, 0)) for seed in (0, 1)]

    apart = better_mean_recall("MML", runs(300, 200, 0), "MTL", runs(200, 100, 0))
    assert apart.statement == "MML > MTL in mean recall"
    assert apart.answer == "yes"
    assert "0.625 against 0.375, +0.250" in apart.detail
    assert "over 800 pictures, 400 of the smallest class, and seeds" in apart.detail
    low, high = (float(bound) for bound in apart.detail.split("[")[1].split("]")[0].split(", "))
    shares = [(right + 1) / 402 for right in (300, 200, 200, 100)]
    expected = 1.96 * np.sqrt(sum(share * (1 - share) / 400 for share in shares)) / 2
    assert (high - low) / 2 == pytest.approx(expected, abs=0.001)
    assert "opposite" in better_mean_recall("MTL", runs(200, 100, 0), "MML", runs(300, 200, 0)).detail
    named = better_mean_recall(
        "MML", runs(300, 200, 0), "MTL", runs(300, 100, 0), classes=("b", "c"), of="few"
    )
    assert named.statement == "MML > MTL in mean recall of few"
    assert "0.500 against 0.250" in named.detail
    with pytest.raises(ValueError, match="no picture shows one of c"):
        better_mean_recall("MML", runs(300, 200, 0), "MTL", runs(300, 100, 0), classes=("c",))


def test_a_few_pictures_that_happen_to_be_right_are_no_yes(record_of: MakeRecord) -> None:
    ours, theirs = ([_confused(record_of("mml"), *right, of=(8, 6, 1))] for right in ((1, 0, 1), (0, 0, 0)))
    claim = better_mean_recall("MML", ours, "MTL", theirs)
    assert claim.answer == "no"
    assert "not distinguishable" in claim.detail
    assert "one seed" in claim.detail


def without_people(record: Record, method: str, half_width: float) -> Record:
    """Return a record as of web pictures: one heap of them, with an interval over pictures."""
    pooled = {
        outcome: np.sum([counts[outcome] for counts in record.per_subject.values()], axis=0).tolist()
        for outcome in ("tp", "fp", "fn", "tn")
    }
    bounds = (record.f1_average - half_width, record.f1_average + half_width)
    interval = Interval(bounds, 0.95, 50, over="pictures")
    return replace(record, method=method, per_subject={"": pooled}, interval=interval)


def test_pictures_of_unknown_people_are_compared_by_their_own_intervals(record_of: MakeRecord) -> None:
    good, poor = record_of(skill=2.0), record_of(skill=0.5)
    difference = good.f1_average - poor.f1_average
    for half_width, answer in ((difference / 3, "yes"), (difference, "no")):
        ours = [without_people(good, "dual_domain", half_width)]
        claim = higher_f1(ours, [without_people(poor, "adld", half_width)])
        assert claim.statement == "dual_domain > adld on average F1"
        assert claim.answer == answer
        reach = np.sqrt(2) * half_width
        assert f"[{difference - reach:+.3f}, {difference + reach:+.3f}]" in claim.detail
        assert "pictures" in claim.detail


def test_pictures_of_all_folds_are_counted_whatever_the_seeds(record_of: MakeRecord) -> None:
    good, poor = (
        [
            without_people(record_of(skill=skill, fold=fold, seed=seed), "row", 0.01)
            for seed in (0, 1)
            for fold in (1, 2)
        ]
        for skill in (2.0, 0.5)
    )
    known = [np.sum(list(run.per_subject[""].values()), axis=0).max() for run in good[:2]]
    found = higher_f1(good, poor)
    assert f"over {sum(known):,} pictures" in found.detail
    # Seeds are of the same pictures, folds of others: .01 in each is .01 / sqrt(2) of the mean over both.
    assert found.difference is not None
    estimate = found.difference.estimate
    lucky = [variance for runs in (good, poor) for variance in seed_variances(runs)]
    total = sum(lucky) + 2 * 0.01**2 / 2 / 1.96**2
    # A fold's two seeds have one degree of freedom.
    reach = stats.t.ppf(0.975, total**2 / np.square(lucky).sum()) * total**0.5
    assert estimate.high - estimate.value == pytest.approx(reach, rel=1e-3)


def seed_variances(runs: list[Record]) -> list[float]:
    folds = [[run.f1_average for run in runs if run.data.fold == fold] for fold in (1, 2)]
    return [float(np.var(scores, ddof=1)) / 2 / 4 for scores in folds]


def test_luck_of_few_seeds_is_welchs() -> None:
    ours, theirs = [0.60, 0.63, 0.64], [0.55, 0.60, 0.57, 0.58]
    variances = [(float(np.var(scores, ddof=1)) / len(scores), len(scores) - 1) for scores in (ours, theirs)]
    found = variance_interval(float(np.mean(ours) - np.mean(theirs)), variances, 100)
    welch = stats.ttest_ind(ours, theirs, equal_var=False).confidence_interval(0.95)
    assert (found.low, found.high) == pytest.approx((welch.low, welch.high))
    # What is known from endless pictures is normally distributed; what does not vary has no width.
    assert variance_interval(0.0, [(1.0, math.inf)], 100).high == pytest.approx(1.96, abs=1e-3)
    assert variance_interval(0.1, [(0.0, 2)], 100).high == 0.1


def test_lower_landmark_error_needs_an_interval_below_zero() -> None:
    def scores(errors: list[float]) -> LandmarkScores:
        people = {f"p{k}": error for k, error in enumerate(errors)}
        return LandmarkScores(float(np.mean(errors)), 0.0, len(errors), people, True)

    precise = [scores([0.03, 0.04, 0.05, 0.03, 0.04]), scores([0.04, 0.03, 0.04, 0.05, 0.03])]
    coarse = [scores([0.06, 0.07, 0.07, 0.05, 0.06])]
    yes = lower_landmark_error("G", precise, "landmarks", coarse)
    assert yes.answer == "yes"
    assert "-0.0240" in yes.detail
    assert "over 5 people" in yes.detail
    assert lower_landmark_error("a", coarse, "b", precise).detail.endswith("the opposite is true")
    assert "not distinguishable" in lower_landmark_error("a", precise, "b", precise).detail
    alone = [[scores([0.03])], [scores([0.05])]]
    unknown = [[replace(run, per_subject={"": run.mean_error}) for run in runs] for runs in alone]
    for (first, second), why in ((alone, "of one person"), (unknown, "the people are unknown")):
        claim = lower_landmark_error("a", first, "b", second)
        assert (claim.answer, claim.detail) == ("no", f"-0.0200, without an interval: {why}")
    with pytest.raises(ValueError, match="same people"):
        lower_landmark_error("a", coarse, "b", [scores([0.05])])
