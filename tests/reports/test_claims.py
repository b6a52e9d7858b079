from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from metafacs.evaluation.expression_results import ExpressionResult
from metafacs.evaluation.landmarks import LandmarkScores
from metafacs.evaluation.records import Interval, Record
from metafacs.reports.claims import (
    answered_claims,
    better_accuracy,
    better_average_f1,
    low_weight_for_ambiguous,
    lower_landmark_error,
    rank_correlation,
    rising_expression_weight,
)

MakeRecord = Callable[..., Record]


def test_clear_difference_is_a_yes(record_of: MakeRecord) -> None:
    claim = better_average_f1([record_of("mal", skill=2.0)], [record_of("multi_task", skill=0.5)])
    assert claim.answer == "yes"
    assert str(claim).startswith("mal > multi_task on average F1: yes (+0.")
    assert "one seed" in claim.detail


def test_opposite_and_nothing_are_different_kinds_of_no(record_of: MakeRecord) -> None:
    opposite = better_average_f1([record_of("mal", skill=0.5)], [record_of("multi_task", skill=2.0)])
    assert opposite.answer == "no"
    assert "opposite is true" in opposite.detail
    nothing = better_average_f1([record_of("mal")], [record_of("multi_task")])
    assert nothing.answer == "no"
    assert "not distinguishable" in nothing.detail


def test_small_gain_within_the_interval_is_a_no(record_of: MakeRecord) -> None:
    first = [record_of("mal", skill=1.0, seed=3)]
    second = [record_of("multi_task", skill=1.0, seed=4)]
    claim = better_average_f1(first, second)
    assert claim.answer == "no"
    assert "not distinguishable" in claim.detail


def test_several_seeds_are_told(record_of: MakeRecord) -> None:
    claim = better_average_f1(
        [record_of("mal", skill=2.0, seed=s) for s in (0, 1)],
        [record_of("multi_task", seed=s) for s in (0, 1)],
    )
    assert "another seed moves a method by ±" in claim.detail


def test_weight_curve_is_answered_from_its_ends(record_of: MakeRecord) -> None:
    rising = record_of("mal")
    assert rising_expression_weight([rising]).answer == "yes"
    level = replace(
        rising, history=rising.history | {"weight_expression": [0.5] * len(rising.history["iteration"])}
    )
    assert rising_expression_weight([level]).answer == "no"
    hardly = np.linspace(0.5, 0.5005, len(rising.history["iteration"])).tolist()
    hardly_rising = replace(rising, history=rising.history | {"weight_expression": hardly})
    assert rising_expression_weight([hardly_rising]).answer == "no"
    assert rising_expression_weight([rising, level]).answer == "no"


def test_only_claims_that_records_can_answer_are_answered(record_of: MakeRecord) -> None:
    statements = [claim.statement for claim in answered_claims([record_of("mal"), record_of("multi_task")])]
    assert len(statements) == 2
    assert answered_claims([record_of("single_task")]) == []


def test_rank_correlation_agrees_with_ranks_by_hand() -> None:
    assert rank_correlation(np.array([1.0, 2.0, 9.0]), np.array([0.1, 0.5, 0.6])) == pytest.approx(1)
    assert rank_correlation(np.array([1.0, 2.0, 9.0]), np.array([3.0, 2.0, 1.0])) == pytest.approx(-1)
    # Ties get the mean of their ranks: ranks (1.5, 1.5, 3) against (1, 2, 3).
    assert rank_correlation(np.array([1.0, 1.0, 2.0]), np.array([1.0, 2.0, 3.0])) == pytest.approx(
        np.corrcoef([1.5, 1.5, 3], [1, 2, 3])[0, 1]
    )
    assert np.isnan(rank_correlation(np.ones(3), np.arange(3.0)))


def test_ambiguity_claim_needs_an_interval_above_zero() -> None:
    rng = np.random.default_rng(0)
    consistency = rng.random(80)
    related = low_weight_for_ambiguous(consistency + rng.normal(0, 0.2, 80), consistency, repetitions=200)
    assert related.answer == "yes"
    assert low_weight_for_ambiguous(rng.random(80), consistency, repetitions=200).answer == "no"
    with pytest.raises(ValueError, match="rank correlation"):
        low_weight_for_ambiguous(np.ones(2), np.ones(2))


def test_correlation_within_classes_is_told_apart_from_that_between_them() -> None:
    rng = np.random.default_rng(0)
    labels = np.repeat([0, 1], 100)
    consistency = labels * 0.5 + rng.random(200) * 0.4
    weights = labels + rng.random(200) * 0.1 - 0.2 * (consistency - labels * 0.5)
    claim = low_weight_for_ambiguous(
        weights, consistency, labels=labels, class_names=("fear", "anger"), repetitions=100
    )
    assert claim.answer == "yes"
    assert "within one class from -0." in claim.detail


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
        claims = answered_claims([*ours, without_people(poor, "adld", half_width)])
        (claim,) = claims
        assert claim.statement == "dual_domain > adld on average F1"
        assert claim.answer == answer
        reach = np.sqrt(2) * half_width
        assert f"[{difference - reach:+.3f}, {difference + reach:+.3f}]" in claim.detail
        assert "pictures" in claim.detail


def test_rows_of_an_ablation_are_claimed_one_step_after_the_other(record_of: MakeRecord) -> None:
    rows = [replace(record_of("dual_domain", skill=s), label=row) for row, s in (("F", 1.0), ("G", 2.0))]
    assert [str(claim).split(":")[0] for claim in answered_claims(rows)] == ["G > F on average F1"]


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
    unknown = lower_landmark_error("a", [scores([0.03])], "b", [scores([0.05])])
    assert unknown.answer == "no"
    assert "people are unknown" in unknown.detail
    with pytest.raises(ValueError, match="same people"):
        lower_landmark_error("a", coarse, "b", [scores([0.05])])
