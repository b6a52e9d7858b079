from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.metrics import roc_auc_score

from metafacs.evaluation.real_people import (
    EXPRESSION_AUS,
    area_interval,
    best_measure,
    directions_of,
    pairs_won,
    share_interval,
)
from metafacs.evaluation.real_photos import LONDON_KINDS, NEUTRAL, WEB_KINDS
from metafacs.metrics.ranking import area_under_roc


@pytest.mark.parametrize("decimals", [1, 6])
def test_the_area_is_that_of_scikit_learn_with_and_without_ties(decimals: int) -> None:
    rng = np.random.default_rng(0)
    present = rng.random(200) < 0.3
    scores = (rng.random(200) + 0.3 * present).round(decimals)
    found = area_interval(scores, present)
    assert found.value == pytest.approx(roc_auc_score(present, scores), abs=1e-12)
    ours = area_under_roc(torch.from_numpy(scores)[:, None], torch.from_numpy(present).double()[:, None])
    assert found.value == pytest.approx(float(ours), abs=1e-12)
    assert found.low < found.value < found.high
    assert (found.subjects, found.level) == (200, 0.95)


def test_the_interval_is_that_of_resampled_people() -> None:
    rng = np.random.default_rng(1)
    people = np.repeat(np.arange(40), 2)
    present = np.tile([False, True], 40)
    # What people look like anyway differs more than their expression.
    scores = np.repeat(rng.normal(size=40), 2) + 0.5 * present + 0.1 * rng.normal(size=80)
    over_people = area_interval(scores, present, people)
    assert over_people.subjects == 40
    draws = []
    for _ in range(1000):
        rows = np.concatenate([np.flatnonzero(people == drawn) for drawn in rng.integers(40, size=40)])
        draws.append(roc_auc_score(present[rows], scores[rows]))
    low, high = np.quantile(draws, [0.025, 0.975])
    assert (over_people.low, over_people.high) == pytest.approx((low, high), abs=0.02)
    # Pairs cancel who it is, so people are surer than as many strangers.
    over_pictures = area_interval(scores, present)
    assert over_people.high - over_people.low < 0.8 * (over_pictures.high - over_pictures.low)


def test_one_seed_draws_the_same_people_for_every_score() -> None:
    present = np.tile([False, True], 30)
    scores = np.random.default_rng(2).random(60)
    assert area_interval(scores, present) == area_interval(np.exp(scores), present)


def test_one_sided_pictures_have_no_area() -> None:
    found = area_interval(np.array([0.1, 0.2]), np.array([True, True]))
    assert np.isnan([found.value, found.low, found.high]).all()


def test_scores_that_are_no_numbers_are_refused() -> None:
    with pytest.raises(ValueError, match="NaN"):
        area_interval(np.array([0.1, np.nan]), np.array([True, False]))


def test_pairs_compare_a_person_with_themselves() -> None:
    people = np.array(["a", "b", "c", "a", "b", "c", "d"])
    present = np.array([False, False, False, True, True, True, True])
    scores = np.array([0.1, 0.9, 0.5, 0.2, 0.8, 0.5, 1.0])
    assert pairs_won(scores, present, people) == (1.5, 3)
    assert pairs_won(scores[:3], present[:3], people[:3]) == (0.0, 0)


def test_shares_have_exact_intervals() -> None:
    assert share_interval(0, 51) == pytest.approx((0, 1 - 0.025 ** (1 / 51)))
    low, high = share_interval(5, 50)
    assert (low, high) == pytest.approx((0.0333, 0.2181), abs=1e-4)


def test_the_best_measure_wins_in_its_own_direction_only() -> None:
    present = np.array([False] * 4 + [True] * 4)
    people = np.array(list("abcdabcd"))
    measures = {
        "mouth width": np.array([0.1, 0.2, 0.3, 0.6, 0.5, 0.6, 0.7, 0.8]),
        "lip corner height": np.arange(8)[::-1] / 10,
        "eye opening": np.array([0.4] * 4 + [0.1] * 4),
    }
    floor = best_measure(measures, directions_of([12]), present, people)
    assert (floor.measure, floor.direction) == ("mouth width", 1)
    assert floor.area.value == pytest.approx(roc_auc_score(present, measures["mouth width"]))
    assert floor.pairs == 1.0
    narrower = best_measure(measures, directions_of([12, 6]), present)
    assert (narrower.measure, narrower.direction, narrower.area.value) == ("eye opening", -1, 1.0)
    assert narrower.pairs is None


def test_opposite_directions_are_refused() -> None:
    with pytest.raises(ValueError, match="both ways"):
        directions_of([5, 7])


def test_every_expression_of_the_sets_has_action_units_with_a_floor() -> None:
    assert set(EXPRESSION_AUS) == {*LONDON_KINDS, *WEB_KINDS} - {NEUTRAL}
    for aus in EXPRESSION_AUS.values():
        assert directions_of(aus)
        assert all(directions_of([au]) for au in aus)
