from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from metafacs.compounds import OBSERVED_RATE
from metafacs.data.twins.quotas import (
    action_unit_counts,
    class_counts,
    draw_action_units,
    spread_action_units,
)
from metafacs.data.twins.raf_db import TRAIN_COUNTS
from metafacs.synthesis.activations import RENDERED_AUS
from metafacs.synthesis.displays import possible_together


def test_class_counts_sum_up_and_leave_no_class_empty():
    assert class_counts(TRAIN_COUNTS, 12_271) == TRAIN_COUNTS
    for total in (7, 24, 60, 2400):
        counts = class_counts(TRAIN_COUNTS, total)
        assert sum(counts) == total
        assert min(counts) >= 1
    with pytest.raises(ValueError, match="cannot show 7 classes"):
        class_counts(TRAIN_COUNTS, 6)


@given(reference=st.lists(st.integers(1, 5000), min_size=1, max_size=20), extra=st.integers(0, 10_000))
def test_class_counts_are_the_nearest_whole_numbers_where_none_is_raised_to_one(reference, extra):
    total = len(reference) + extra
    counts = class_counts(reference, total)
    assert sum(counts) == total
    assert min(counts) >= 1
    exact = np.array(reference) * total / sum(reference)
    if exact.min() >= 1:
        assert np.abs(np.array(counts) - exact).max() < 1


def test_listed_rates_are_rounded_and_printed_thresholds_stay_observed():
    counts = action_unit_counts(np.random.default_rng(0), {1: 0.20, 4: 0.59, 25: 0.26}, {}, 891)
    assert counts == {1: 179, 4: 526, 25: 232}
    assert counts[1] / 891 >= OBSERVED_RATE


@given(pictures=st.integers(1, 400), seed=st.integers(0, 10))
def test_other_rates_stay_below_the_observed_ones_and_leave_room(pictures, seed):
    others = dict.fromkeys(RENDERED_AUS, 0.19)
    listed = {12: 1.0, 26: 0.67, 25: 1.0}
    counts = action_unit_counts(np.random.default_rng(seed), listed, others, pictures)
    for au in counts.keys() - listed.keys():
        assert counts[au] / pictures < OBSERVED_RATE
    assert not {15, 18, 20, 22, 24, 28, 34} & counts.keys(), "all smile with parted lips"
    assert counts.get(23, 0) <= pictures - counts[26]


def test_counts_come_out_exactly_and_every_face_is_possible():
    counts = {1: 20, 2: 18, 12: 40, 10: 30, 15: 8, 16: 12, 17: 15, 24: 5, 25: 55, 26: 25, 27: 20, 43: 4, 7: 6}
    faces = spread_action_units(np.random.default_rng(0), counts, 80, {(1, 2): 2.0, (17, 25): -1.0})
    assert Counter(au for face in faces for au in face) == counts
    assert len(faces) == 80
    assert all(map(possible_together, faces))
    assert all(faces), "there are enough action units for every face"


def test_affinity_brings_action_units_together():
    together = {}
    counts = {1: 50, 2: 50, 4: 200}  # AU4 everywhere: no picture attracts for want of any
    for affinity in (-2.0, 0.0, 2.0):
        faces = spread_action_units(np.random.default_rng(1), counts, 200, {(2, 1): affinity})
        together[affinity] = sum({1, 2} <= face for face in faces)
    assert together[-2.0] < together[0.0] < together[2.0]


@pytest.mark.parametrize("counts", [{10: 8, 24: 2}, {26: 5, 27: 4, 25: 9}, {16: 4, 25: 3}, {26: 1}])
def test_counts_that_no_faces_have_are_refused(counts):
    with pytest.raises(ValueError, match="no 8 faces show the action units in these numbers"):
        spread_action_units(np.random.default_rng(0), counts, 8, {})


@settings(max_examples=50)
@given(seed=st.integers(0, 1000), rate=st.floats(0.0, 1.0))
def test_single_draws_are_possible_faces(seed, rate):
    rng = np.random.default_rng(seed)
    assert possible_together(draw_action_units(rng, dict.fromkeys(RENDERED_AUS, rate)))
