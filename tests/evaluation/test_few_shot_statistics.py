from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from metafacs.evaluation.few_shot_records import FewShotRecord
from metafacs.evaluation.few_shot_statistics import (
    accuracy_spreads,
    average_accuracy,
    error_of_draws,
    over_seeds,
    paired_gain,
    person_averages,
    reported_step,
)
from metafacs.evaluation.statistics import expanded_tail

Maker = Callable[..., FewShotRecord]


def test_means_are_over_people_then_over_aus(few_shot_record_of: Maker) -> None:
    records = [
        few_shot_record_of(subject="a", accuracy={1: (0.5, 0.6), 4: (0.5, 0.8)}),
        few_shot_record_of(subject="b", accuracy={1: (0.5, 0.8)}),
    ]
    spreads = accuracy_spreads(records, 1)
    assert spreads[1].mean == pytest.approx(0.7)
    assert spreads[1].std == pytest.approx(np.std([0.6, 0.8], ddof=1))
    assert (spreads[4].mean, spreads[4].count) == (0.8, 1)
    assert average_accuracy(records, 1).mean == pytest.approx((0.7 + 0.8) / 2)
    assert person_averages(records, 1) == pytest.approx({"a": 0.7, "b": 0.8})


def test_the_printed_step_is_reported_where_it_was_measured(few_shot_record_of: Maker) -> None:
    five = {1: (0.5, 0.6, 0.7), 4: (0.5, 0.6, 0.7)}
    assert reported_step([few_shot_record_of()]) == 1
    assert reported_step([few_shot_record_of(steps=(0, 5, 20), accuracy=five)]) == 5


def test_error_of_draws_is_that_of_repeating_the_whole_test(few_shot_record_of: Maker) -> None:
    rng, deviations, repetitions = np.random.default_rng(0), (0.05, 0.1, 0.2), 40
    # Two people with AU 1, one of them with AU 4 as well.
    drawn = [rng.normal(0.7, d, (4000, repetitions)).mean(1) for d in deviations]
    averages = ((drawn[0] + drawn[1]) / 2 + drawn[2]) / 2
    settings = {
        "config": {"testing": {"judged": 10, "repetitions": repetitions}},
        "steps": (5,),
        "filled": (),
    }
    records = [
        few_shot_record_of(accuracy={1: (0.7,)}, deviation={1: (0.05,)}, **settings),
        few_shot_record_of(accuracy={1: (0.7,), 4: (0.7,)}, deviation={1: (0.1,), 4: (0.2,)}, **settings),
    ]
    assert error_of_draws(records, 5) == pytest.approx(averages.std(), rel=0.05)


def test_gain_is_paired_by_person(few_shot_record_of: Maker) -> None:
    hard = np.linspace(0.5, 0.8, 8)
    ours = [few_shot_record_of(subject=f"p{i}", accuracy={1: (0.5, h + 0.05)}) for i, h in enumerate(hard)]
    theirs = [few_shot_record_of(subject=f"p{i}", accuracy={1: (0.5, h)}) for i, h in enumerate(hard)]
    gain = paired_gain(ours, theirs[::-1], 1)
    assert (gain.value, gain.low, gain.high) == pytest.approx((0.05, 0.05, 0.05))
    assert gain.subjects == 8
    with pytest.raises(ValueError, match="same people"):
        paired_gain(ours[1:], theirs, 1)


def test_gain_is_the_difference_of_the_averages_where_people_lack_aus(few_shot_record_of: Maker) -> None:
    rng = np.random.default_rng(0)
    aus = ((1, 4, 12), (1, 4), (1,), (1, 12), (1, 4, 12), (4,))
    ours, theirs = (
        [
            few_shot_record_of(subject=f"p{i}", accuracy={au: (0.5, rng.uniform(0.4, 0.9)) for au in known})
            for i, known in enumerate(aus)
        ]
        for _ in range(2)
    )
    gain = paired_gain(ours, theirs, 1)
    apart = average_accuracy(ours, 1).mean - average_accuracy(theirs, 1).mean
    assert gain.value == pytest.approx(apart, abs=1e-12)
    people = [person_averages(records, 1) for records in (ours, theirs)]
    assert abs(apart - np.mean([people[0][p] - people[1][p] for p in people[0]])) > 0.005

    # The same resamples of people, each averaged as the people themselves are.
    drawn = np.random.default_rng(0).integers(6, size=(2000, 6))
    averages = [
        average_accuracy([ours[i] for i in people], 1).mean
        - average_accuracy([theirs[i] for i in people], 1).mean
        for people in drawn
    ]
    tail = expanded_tail(0.95, 6)
    assert (gain.low, gain.high) == pytest.approx(np.quantile(averages, [tail, 1 - tail]))
    lacking = [few_shot_record_of(subject="p0", accuracy={1: (0.5, 0.6)}), *theirs[1:]]
    with pytest.raises(ValueError, match="same AUs of p0"):
        paired_gain(ours, lacking, 1)


def test_seeds_are_averaged_person_by_person(few_shot_record_of: Maker) -> None:
    def of(seed: int, subject: str, score: float, deviation: float) -> FewShotRecord:
        return few_shot_record_of(
            subject=subject,
            accuracy={1: (0.5, score)},
            deviation={1: (0.1, deviation)},
            config={"testing": {"judged": 10, "repetitions": 50}, "training": {"seed": seed}},
        )

    records = [of(0, "a", 0.6, 0.3), of(0, "b", 0.7, 0.1), of(1, "a", 0.8, 0.4)]
    first, second = over_seeds(records)
    assert (first.subject, first.accuracy[1]) == ("a", pytest.approx((0.5, 0.7)))
    assert first.deviation[1] == pytest.approx((0.1, np.sqrt((0.09 + 0.16) / 2)))
    assert second is records[1]
    with pytest.raises(ValueError, match="AUs of a differ"):
        over_seeds([records[0], few_shot_record_of(subject="a")])
