from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from metafacs.evaluation.records import Record
from metafacs.evaluation.seed_statistics import average_f1_spread, f1_spreads, run_spread
from metafacs.evaluation.statistics import (
    auc_of,
    average_f1,
    average_f1_interval,
    expanded_tail,
    f1_intervals,
    mean_interval,
    paired_difference,
    seed_deviation,
    spread,
)

MakeRecord = Callable[..., Record]


def test_spread_is_the_sample_standard_deviation() -> None:
    values = [0.4, 0.5, 0.9]
    assert spread(values).mean == pytest.approx(np.mean(values))
    assert spread(values).std == pytest.approx(np.std(values, ddof=1))
    assert math.isnan(spread([0.4]).std)
    assert spread([float("nan")]).count == 0


def test_average_over_folds_is_the_mean_of_the_runs(record_of: MakeRecord) -> None:
    runs = [record_of(fold=fold, seed=seed) for fold in (1, 2, 3) for seed in (0, 1)]
    assert average_f1(runs) == pytest.approx(np.mean([run.f1_average for run in runs]))
    assert average_f1_spread(runs).mean == pytest.approx(average_f1(runs))
    assert f1_spreads(runs)[4].mean == pytest.approx(np.mean([run.f1[4] for run in runs]))


def test_seed_deviation_leaves_out_what_differs_between_folds(record_of: MakeRecord) -> None:
    easy, hard = record_of(fold=1, skill=2.0), record_of(fold=2, skill=0.3)
    assert math.isnan(seed_deviation([easy, hard]))
    runs = [easy, hard, record_of(fold=1, skill=2.0, seed=1), record_of(fold=2, skill=0.3, seed=1)]
    within = [np.var([runs[i].f1_average, runs[i + 2].f1_average], ddof=1) for i in (0, 1)]
    assert seed_deviation(runs) == pytest.approx(np.sqrt(np.mean(within)))
    assert seed_deviation(runs) < average_f1_spread(runs).std


def test_pooled_average_adds_the_counts_first(record_of: MakeRecord) -> None:
    runs = [record_of(fold=fold, skill=skill) for fold, skill in ((1, 0.3), (2, 2.0))]
    counts = {name: np.zeros(5) for name in ("tp", "fp", "fn")}
    for run in runs:
        for subject in run.per_subject.values():
            for name in counts:
                counts[name] += subject[name]
    pooled = 2 * counts["tp"] / (2 * counts["tp"] + counts["fp"] + counts["fn"])
    assert average_f1(runs, "pooled") == pytest.approx(pooled.mean())
    assert average_f1(runs, "pooled") != pytest.approx(average_f1(runs))


def test_interval_contains_the_estimate_and_narrows_with_people(record_of: MakeRecord) -> None:
    few = average_f1_interval([record_of()], repetitions=400)
    many = average_f1_interval([record_of(fold=fold) for fold in (1, 2, 3)], repetitions=400)
    assert few.low < few.value < few.high
    assert many.subjects == 3 * few.subjects == 24
    assert many.high - many.low < few.high - few.low


def test_interval_agrees_with_resampling_people_one_by_one(record_of: MakeRecord) -> None:
    run = record_of()
    rng = np.random.default_rng(3)
    counts = np.array(
        [[run.per_subject[s][n] for n in ("tp", "fp", "fn")] for s in sorted(run.per_subject)], float
    )
    draws = []
    for _ in range(10_000):
        tp, fp, fn = counts[rng.integers(0, len(counts), len(counts))].sum(0)
        draws.append((2 * tp / (2 * tp + fp + fn)).mean())
    interval = average_f1_interval([run], repetitions=10_000)
    tail = expanded_tail(0.95, len(counts))
    assert tail < 0.025
    assert (interval.low, interval.high) == pytest.approx(np.quantile(draws, [tail, 1 - tail]), abs=0.008)


@pytest.mark.parametrize("people", [6, 13, 41, 1000])
def test_tail_is_that_of_students_t(people: int) -> None:
    quantile = stats.t.ppf(0.975, people - 1) * np.sqrt(people / (people - 1))
    assert expanded_tail(0.95, people) == pytest.approx(stats.norm.cdf(-quantile), rel=0.03)


def test_one_person_has_no_interval() -> None:
    assert math.isnan(expanded_tail(0.95, 1))


def test_interval_covers_the_population_about_as_often_as_it_says() -> None:
    rng = np.random.default_rng(0)
    covered = 0
    for _ in range(300):
        people = rng.normal(0, 1, 13)
        means = people[rng.integers(0, 13, (400, 13))].mean(1)
        tail = expanded_tail(0.95, 13)
        low, high = np.quantile(means, [tail, 1 - tail])
        covered += bool(low <= 0 <= high)
    assert 0.92 <= covered / 300 <= 0.99


def test_every_action_unit_has_its_interval(record_of: MakeRecord) -> None:
    runs = [record_of(fold=fold, seed=seed) for fold in (1, 2) for seed in (0, 1)]
    intervals = f1_intervals(runs)
    for au, estimate in intervals.items():
        assert estimate.value == pytest.approx(np.mean([run.f1[au] for run in runs]))
        assert estimate.low < estimate.value < estimate.high
    assert np.mean([e.value for e in intervals.values()]) == pytest.approx(average_f1(runs))


def test_au_that_never_occurs_has_no_interval(record_of: MakeRecord) -> None:
    run = record_of()
    without = {
        person: {name: [0, *count[1:]] if name in ("tp", "fn") else count for name, count in counts.items()}
        for person, counts in run.per_subject.items()
    }
    none = replace(run, f1=run.f1 | {1: float("nan")}, positives=run.positives | {1: 0}, per_subject=without)
    intervals = f1_intervals([none])
    assert math.isnan(intervals[1].value)
    assert math.isnan(intervals[1].low)
    assert average_f1([none]) == pytest.approx(np.mean([run.f1[au] for au in (2, 4, 6, 12)]))


def test_people_without_differences_leave_no_interval(record_of: MakeRecord) -> None:
    run = record_of()
    counts = next(iter(run.per_subject.values()))
    present = np.add(counts["tp"], counts["fn"]) * len(run.per_subject)
    same = replace(
        run,
        per_subject=dict.fromkeys(run.per_subject, counts),
        positives=dict(zip(run.aus, present.tolist(), strict=True)),
    )
    estimate = average_f1_interval([same])
    assert estimate.low == pytest.approx(estimate.high) == pytest.approx(estimate.value)


def test_paired_difference_is_sharper_than_two_intervals(record_of: MakeRecord) -> None:
    better, worse = [record_of("mal", skill=1.4)], [record_of("multi_task", skill=1.0)]
    difference = paired_difference(better, worse)
    assert difference.value == pytest.approx(average_f1(better) - average_f1(worse))
    assert difference.low > 0
    ours, theirs = average_f1_interval(better), average_f1_interval(worse)
    assert difference.high - difference.low < (ours.high - ours.low) + (theirs.high - theirs.low)
    reverse = paired_difference(worse, better)
    assert reverse.value == pytest.approx(-difference.value)
    assert reverse.high == pytest.approx(-difference.low)


def test_method_does_not_differ_from_itself(record_of: MakeRecord) -> None:
    difference = paired_difference([record_of("mal")], [record_of("multi_task")])
    assert difference.value == difference.low == difference.high == 0


def test_the_same_people_give_the_same_interval(record_of: MakeRecord) -> None:
    assert average_f1_interval([record_of()]) == average_f1_interval([record_of()])


def test_what_cannot_be_compared_is_refused(record_of: MakeRecord) -> None:
    run = record_of()
    other_people = record_of("multi_task", fold=2)
    with pytest.raises(ValueError, match="not tested on the same people"):
        paired_difference([run], [other_people])
    person, counts = next(iter(run.per_subject.items()))
    shifted = {**counts, "tn": [counts["tn"][0] + 1, *counts["tn"][1:]]}
    with pytest.raises(ValueError, match="different labels"):
        paired_difference([run], [replace(run, per_subject=run.per_subject | {person: shifted})])
    with pytest.raises(ValueError, match="mix several"):
        average_f1([run, record_of("multi_task")])
    with pytest.raises(ValueError, match="more than one record"):
        average_f1([run, run])
    with pytest.raises(ValueError, match="split hashes"):
        average_f1([run, replace(run, seed=1, data=replace(run.data, split_hash="other"))])
    with pytest.raises(ValueError, match="no records"):
        average_f1([])
    with pytest.raises(ValueError, match="level"):
        expanded_tail(95, 13)


def test_a_fold_with_fewer_seeds_counts_as_much(record_of: MakeRecord) -> None:
    # Runs that lost a game leave folds with different numbers of seeds.
    runs = [record_of(seed=0), record_of(seed=1), record_of(fold=2)]
    by_hand = (average_f1(runs[:2]) + average_f1(runs[2:])) / 2
    assert average_f1(runs) == pytest.approx(by_hand, abs=1e-9)
    assert average_f1(runs, "pooled") == pytest.approx(average_f1([runs[0], runs[2]], "pooled"))
    # The tables say the same as the claims.
    assert average_f1_spread(runs).mean == pytest.approx(average_f1(runs))
    assert f1_spreads(runs)[4].mean == pytest.approx(f1_intervals(runs)[4].value)
    areas = [auc_of(run) for run in runs]
    assert run_spread(runs, auc_of).mean == pytest.approx((np.mean(areas[:2]) + areas[2]) / 2)
    assert run_spread(runs, auc_of).std == pytest.approx(np.std(areas, ddof=1))
    other = [record_of("multi_task", skill=0.5), record_of("multi_task", skill=0.5, fold=2)]
    assert paired_difference(runs, other).value == pytest.approx(average_f1(runs) - average_f1(other))


def leave_one_out(record: Record) -> list[Record]:
    """Return a record as if each of its people had been held out of a training of their own."""
    data = record.data
    return [
        replace(
            record,
            data=replace(data, fold=fold, split="leave_one_subject_out", split_hash=f"hash{fold}"),
            per_subject={person: counts},
            positives={au: counts["tp"][k] + counts["fn"][k] for k, au in enumerate(record.aus)},
        )
        for fold, (person, counts) in enumerate(record.per_subject.items(), start=1)
    ]


def test_people_held_out_one_by_one_are_drawn_over_all_folds(record_of: MakeRecord) -> None:
    ours, theirs = record_of("mal", skill=1.4), record_of("multi_task", skill=0.8)
    counts = np.array(
        [[run[name] for name in ("tp", "fp", "fn")] for run in ours.per_subject.values()], float
    )
    tp, fp, fn = counts.swapaxes(0, 1)
    by_person = (2 * tp / (2 * tp + fp + fn)).mean(axis=1)
    found, of_mean = average_f1_interval(leave_one_out(ours)), mean_interval(by_person)
    assert (found.value, found.subjects) == (pytest.approx(by_person.mean()), 8)
    assert (found.low, found.high) == pytest.approx((of_mean.low, of_mean.high), abs=0.01)
    assert mean_interval(*by_person[:, None]) == of_mean
    assert paired_difference(leave_one_out(ours), leave_one_out(theirs)).low > 0
    assert math.isnan(average_f1_interval(leave_one_out(ours)[:1]).low)


def test_folds_of_unknown_people_are_no_people(record_of: MakeRecord) -> None:
    unknown = [
        replace(run, per_subject={"": counts})
        for run in leave_one_out(record_of())
        for counts in run.per_subject.values()
    ]
    assert math.isnan(average_f1_interval(unknown).low)


def test_an_au_that_some_of_the_people_show_is_averaged_over_these(record_of: MakeRecord) -> None:
    runs = leave_one_out(record_of())
    (counts,) = runs[0].per_subject.values()
    never = {name: [0, *told[1:]] if name in ("tp", "fn") else told for name, told in counts.items()}
    first = replace(runs[0], per_subject={"F100": never}, positives=runs[0].positives | {1: 0})
    shown = f1_intervals(runs[1:])[1]
    found = f1_intervals([first, *runs[1:]])[1]
    assert found.value == pytest.approx(shown.value)
    assert (found.low, found.high) == pytest.approx((shown.low, shown.high), abs=0.02)
