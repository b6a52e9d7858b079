from __future__ import annotations

import numpy as np
import pytest

from metafacs.inference.envelopes import curve_of, cut_at, spans_of

TIMES = np.arange(6) / 10
ENDS = TIMES + 0.1
VALUES = np.array([0.1, 0.9, 0.2, 0.8, 0.3, 0.7], np.float32)


def test_a_curve_is_broken_at_gaps_and_lasts_until_the_last_frame_ends() -> None:
    across, up = curve_of(TIMES, ENDS, VALUES, np.array([[0, 2], [2, 3], [3, 6]]), 0)
    nan = np.nan
    assert across == pytest.approx([0, 0.1, 0.2, 0.2, 0.2, 0.3, 0.3, 0.3, 0.4, 0.5, 0.6, 0.6])
    assert up == pytest.approx([0.1, 0.9, 0.9, nan, 0.2, 0.2, nan, 0.8, 0.3, 0.7, 0.7, nan], nan_ok=True)


def test_a_person_without_frames_is_an_empty_curve() -> None:
    across, up = curve_of(TIMES[:0], ENDS[:0], VALUES[:0], np.zeros((0, 2), np.int64), 0.1)
    assert len(across) == len(up) == 0


def test_thinning_keeps_every_extreme_and_few_points() -> None:
    values = np.random.default_rng(0).uniform(size=20000).astype(np.float32)
    times = np.arange(20000) / 25
    across, up = curve_of(times, times + 0.04, values, np.array([[0, 20000]]), 8.0)
    assert len(across) <= 2 * 100 + 4
    assert (np.diff(across) >= 0).all()
    for window in range(100):
        inside = (across >= 8 * window) & (across < 8 * (window + 1))
        part = values[200 * window : 200 * (window + 1)]
        assert (up[inside].min(), up[inside].max()) == (part.min(), part.max())


def test_few_frames_are_not_thinned() -> None:
    across, _ = curve_of(TIMES, ENDS, VALUES, np.array([[0, 6]]), 0.15)
    assert len(across) == 6 + 2


def test_a_curve_gets_a_point_where_it_crosses_a_level() -> None:
    across, up = cut_at((np.array([0, 1, 2, 3, 4.0]), np.array([0, 1, np.nan, 0.5, 0])), 0.5)
    assert across == pytest.approx([0, 0.5, 1, 2, 3, 4])
    assert up == pytest.approx([0, 0.5, 1, np.nan, 0.5, 0], nan_ok=True)


def test_spans_are_seen_and_do_not_overlap() -> None:
    begins, ends = np.array([0, 1, 1.5, 5]), np.array([0.125, 1.25, 1.75, 9])
    assert spans_of(begins, ends, 0) == [(0, 0.125), (1, 0.25), (1.5, 0.25), (5, 4)]
    assert spans_of(begins, ends, 0.5) == [(0, 0.5), (1, 1), (5, 4)]
    assert spans_of(np.zeros(0), np.zeros(0), 1) == []
