from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score

from metafacs.evaluation.calibration import best_f1_threshold, both_kinds, choose_threshold, fit_logistic

NOBODY = np.zeros(0)


def test_no_other_threshold_has_a_better_f1() -> None:
    rng = np.random.default_rng(0)
    targets = (rng.random(300) < 0.2).astype(float)
    scores = np.clip(rng.normal(0.3 + 0.3 * targets, 0.15), 0, 1)
    chosen = f1_score(targets, scores >= choose_threshold(scores, targets, NOBODY))
    for other in np.linspace(0.01, 0.99, 99):
        assert chosen >= f1_score(targets, scores >= other) - 1e-9


@pytest.mark.parametrize("spread", [0.15, 1e-3, 1e-6])
def test_the_best_threshold_has_the_best_f1_however_close_the_scores_are(spread: float) -> None:
    rng = np.random.default_rng(2)
    targets = (rng.random(60) < 0.3).astype(float)
    scores = np.clip(0.3 + spread * rng.normal(targets, 1.0), 0, 1).astype(np.float32)
    found = np.float32(best_f1_threshold(scores, targets))
    seen = scores >= np.append(scores, found)[:, None]
    f1 = 2 * (seen * targets).sum(axis=1) / (seen.sum(axis=1) + targets.sum())
    assert f1[-1] == f1.max()


def test_of_equally_good_thresholds_fewest_pictures_reach_the_best() -> None:
    # F1 is 2/3 with one picture present, and with four.
    scores, targets = np.array([0.9, 0.7, 0.6, 0.5, 0.1]), np.array([1.0, 0.0, 0.0, 1.0, 0.0])
    assert f1_score(targets, scores >= 0.9) == f1_score(targets, scores >= 0.5) == pytest.approx(2 / 3)
    assert best_f1_threshold(scores, targets) == 0.8


def test_all_present_or_equal_scores_have_a_threshold_too() -> None:
    assert best_f1_threshold(np.array([0.4, 0.6]), np.array([1.0, 0.0])) == 0.2
    assert best_f1_threshold(np.array([0.4, 0.4, 0.4]), np.array([1.0, 0.0, 1.0])) == 0.2
    assert best_f1_threshold(np.zeros(3), np.array([1.0, 0.0, 1.0])) == 0.0
    neighbours = np.array([0.3, np.nextafter(np.float32(0.3), np.float32(1))], np.float32)
    assert best_f1_threshold(neighbours, np.array([0.0, 1.0])) == neighbours[1]


def test_columns_that_tell_something_have_labels_of_both_kinds() -> None:
    nan = np.nan
    assert both_kinds(np.array([[1, 1, nan, 0], [0, 1, nan, nan]])).tolist() == [True, False, False, False]


def test_faces_at_rest_raise_it_until_few_are_seen() -> None:
    rng = np.random.default_rng(1)
    scores, targets = np.linspace(0, 1, 200), (np.linspace(0, 1, 200) > 0.3).astype(float)
    resting = rng.uniform(0.2, 0.8, 51)
    free = choose_threshold(scores, targets, NOBODY)
    held = choose_threshold(scores, targets, resting)
    assert held > free
    assert (np.round(resting, 4) >= held).sum() == 2  # 5 % of 51
    assert (np.round(resting, 4) >= choose_threshold(scores, targets, resting, most=0.0)).sum() == 0


def test_a_quiet_detector_is_left_alone() -> None:
    scores, targets = np.array([0.1, 0.2, 0.8, 0.9]), np.array([0.0, 0.0, 1.0, 1.0])
    assert choose_threshold(scores, targets, np.full(51, 0.3)) == pytest.approx(0.8)


def test_equal_scores_are_not_parted_and_unknown_labels_not_counted() -> None:
    scores = np.array([0.5, 0.5, 0.5, 0.2, 0.9])
    targets = np.array([1.0, 1.0, 0.0, 0.0, np.nan])
    assert choose_threshold(scores, targets, NOBODY) == pytest.approx(0.5)


@pytest.mark.parametrize("targets", [np.ones(3), np.zeros(3), np.full(3, np.nan)])
def test_labels_of_one_kind_are_refused(targets: np.ndarray) -> None:
    with pytest.raises(ValueError, match="with and without"):
        choose_threshold(np.array([0.1, 0.5, 0.9]), targets, NOBODY)


def test_logits_are_those_of_logistic_regression() -> None:
    rng = np.random.default_rng(0)
    targets = (rng.random(2000) < 0.3).astype(float)
    scores = rng.normal(2 * targets, 1.0) * 0.2 + 5
    slope, offset = fit_logistic(scores, targets)
    regression = LogisticRegression(C=1e9, tol=1e-8).fit(scores[:, None], targets)
    assert slope == pytest.approx(float(regression.coef_[0, 0]), rel=0.02)
    assert offset == pytest.approx(float(regression.intercept_[0]), rel=0.02)
    probabilities = 1 / (1 + np.exp(-(slope * scores + offset)))
    assert probabilities.mean() == pytest.approx(targets.mean(), abs=0.005)


def test_scores_that_part_the_pictures_give_a_finite_slope_and_useless_ones_no_falling_one() -> None:
    scores = np.arange(20.0)
    slope, _ = fit_logistic(scores, (scores > 9.5).astype(float))
    assert np.isfinite(slope)
    upside_down, _ = fit_logistic(scores, (scores < 9.5).astype(float))
    assert 0 <= upside_down < 0.01


def test_logits_need_labels_of_both_kinds() -> None:
    with pytest.raises(ValueError, match="with and without"):
        fit_logistic(np.arange(3.0), np.ones(3))
