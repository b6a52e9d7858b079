from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import cohen_kappa_score, f1_score

from metafacs.metrics.agreement import (
    cohen_kappa,
    count_pairs,
    intensity_sums,
    intraclass_correlation_of_sums,
    match_events,
    negative_agreement,
    positive_agreement,
    prevalence_adjusted_kappa,
)
from metafacs.metrics.intensity import intraclass_correlation

NAN = float("nan")


def test_kappa_of_a_table_worked_out_by_hand() -> None:
    pairs = np.array([20.0, 5.0, 10.0, 15.0])
    # 35 of 50 agree; by chance .5 * .6 + .5 * .4 = .5.
    assert cohen_kappa(pairs) == pytest.approx((0.7 - 0.5) / (1 - 0.5))
    assert prevalence_adjusted_kappa(pairs) == pytest.approx(2 * 0.7 - 1)
    assert positive_agreement(pairs) == pytest.approx(2 * 20 / (25 + 30))
    assert negative_agreement(pairs) == pytest.approx(2 * 15 / (25 + 20))


def test_low_prevalence_lowers_kappa_but_not_the_adjusted_one() -> None:
    rare = np.array([1.0, 2.0, 2.0, 95.0])
    assert cohen_kappa(rare) == pytest.approx((0.96 - 0.9418) / (1 - 0.9418))
    assert prevalence_adjusted_kappa(rare) == pytest.approx(0.92)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10_000), frames=st.integers(4, 80))
def test_kappa_and_f1_are_scikit_learns_with_unknown_frames_left_out(seed: int, frames: int) -> None:
    rng = np.random.default_rng(seed)
    left, right = rng.choice([0.0, 1.0, NAN], (2, frames))
    left[:2], right[:2] = (0, 1), (0, 1)
    known = ~np.isnan(left) & ~np.isnan(right)
    pairs = count_pairs(left, right)
    assert cohen_kappa(pairs) == pytest.approx(cohen_kappa_score(left[known], right[known]))
    assert positive_agreement(pairs) == pytest.approx(f1_score(right[known], left[known]))
    assert pairs.sum() == known.sum()


def test_what_does_not_vary_has_no_value() -> None:
    never = np.array([0.0, 0.0, 0.0, 9.0])
    assert np.isnan(cohen_kappa(never))
    assert np.isnan(positive_agreement(never))
    assert negative_agreement(never) == 1
    assert np.isnan(negative_agreement(np.array([9.0, 0, 0, 0])))
    assert np.isnan(prevalence_adjusted_kappa(np.zeros(4)))
    # Only one side is constant: no agreement beyond chance.
    assert cohen_kappa(np.array([0.0, 0.0, 3.0, 6.0])) == 0


def test_codings_of_different_frames_are_refused() -> None:
    with pytest.raises(ValueError, match="not the same frames"):
        count_pairs(np.zeros(3), np.zeros(4))


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10_000), frames=st.integers(3, 60))
def test_icc_of_added_sums_is_that_of_the_values(seed: int, frames: int) -> None:
    rng = np.random.default_rng(seed)
    left, right = rng.choice([0.0, 1.0, 2.5, 5.0, NAN], (2, frames))
    left[:2], right[:2] = (0, 4), (1, 5)
    half = frames // 2
    sums = intensity_sums(left[:half], right[:half]) + intensity_sums(left[half:], right[half:])
    expected = intraclass_correlation(left, right)
    assert float(intraclass_correlation_of_sums(sums)) == pytest.approx(expected)


def test_icc_needs_intensities_that_vary() -> None:
    constant = intensity_sums(np.array([1.0, 2.0, 3.0]), np.full(3, 1.1))
    assert np.isnan(intraclass_correlation_of_sums(constant))
    assert np.isnan(intraclass_correlation_of_sums(np.zeros(6)))


def _events(rng: np.random.Generator, count: int) -> tuple[np.ndarray, np.ndarray]:
    ends = np.sort(rng.choice(60, 2 * count, replace=False)).astype(float)
    return ends[::2], ends[1::2]


def _fits(a: tuple[float, float], b: tuple[float, float], tolerance: float, overlap: float) -> bool:
    shared = min(a[1], b[1]) - max(a[0], b[0])
    return abs(a[0] - b[0]) <= tolerance or max(shared, 0) / (max(a[1], b[1]) - min(a[0], b[0])) >= overlap


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10_000), left=st.integers(0, 5), right=st.integers(0, 5))
def test_as_many_events_are_paired_as_can_be(seed: int, left: int, right: int) -> None:
    rng = np.random.default_rng(seed)
    ours, theirs = _events(rng, left), _events(rng, right)
    pairs = match_events(ours, theirs, tolerance=3, overlap=0.4)
    fits = [
        [_fits((ours[0][i], ours[1][i]), (theirs[0][j], theirs[1][j]), 3, 0.4) for j in range(right)]
        for i in range(left)
    ]
    assert all(fits[i][j] for i, j in pairs)
    assert len(set(pairs[:, 0])) == len(set(pairs[:, 1])) == len(pairs)
    most = 0
    for choice in product(range(-1, right), repeat=left):
        taken = [j for j in choice if j >= 0]
        if len(taken) == len(set(taken)) and all(j < 0 or fits[i][j] for i, j in enumerate(choice)):
            most = max(most, len(taken))
    assert len(pairs) == most


def test_of_several_possible_pairs_the_one_that_overlaps_most_is_taken() -> None:
    left = np.array([0.0, 0.4]), np.array([0.3, 2.0])
    right = np.array([0.35]), np.array([2.0])
    assert match_events(left, right, tolerance=0.5, overlap=0.5).tolist() == [[1, 0]]


def test_an_onset_just_at_the_tolerance_is_within_it() -> None:
    left, right = (np.array([1.1]), np.array([1.2])), (np.array([1.6]), np.array([9.0]))
    assert len(match_events(left, right, tolerance=0.5, overlap=1)) == 1
    assert len(match_events(left, right, tolerance=0.4, overlap=1)) == 0
