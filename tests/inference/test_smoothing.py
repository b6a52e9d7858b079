from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from metafacs.inference import smoothing
from metafacs.inference.detector import Detector
from metafacs.inference.result import FaceResult
from metafacs.inference.smoothing import moving_median, smoothing_windows
from metafacs.inference.timelines import Timeline, gather_timelines

Maker = Callable[..., Detector]
Results = Callable[..., list[list[FaceResult]]]
NAN = float("nan")


def smooth(line: Timeline, width: float) -> list[float]:
    return moving_median(line.probabilities[1], smoothing_windows(line, width)).round(4).tolist()


def test_medians_of_even_frames_are_those_of_scipy(make_detector: Maker, make_results: Results) -> None:
    from scipy.ndimage import median_filter

    values = np.random.default_rng(0).uniform(size=40).round(4)
    line = gather_timelines(make_results({0: values}), make_detector()).people[0]
    for frames in (3, 5, 9):
        expected = median_filter(values, frames)
        edge = frames // 2
        found = smooth(line, (frames - 1) / 25)
        assert found[edge:-edge] == pytest.approx(expected[edge:-edge])


def test_windows_narrow_toward_a_gap_and_do_not_cross_it(make_detector: Maker, make_results: Results) -> None:
    values = [0.1, 0.9, 0.8, NAN, 0.2, 0.3, 0.9, 0.4, 0.5]
    line = gather_timelines(make_results({0: values}), make_detector()).people[0]
    first, last = smoothing_windows(line, 10)
    assert first.tolist() == [0, 0, 2, 3, 3, 3, 5, 7]
    assert last.tolist() == [1, 3, 3, 4, 6, 8, 8, 8]
    assert smooth(line, 10) == pytest.approx([0.1, 0.8, 0.8, 0.2, 0.3, 0.4, 0.5, 0.5])


def test_no_width_changes_nothing(make_detector: Maker, make_results: Results) -> None:
    line = gather_timelines(make_results({0: [0.1, 0.9, 0.2]}), make_detector()).people[0]
    assert smooth(line, 0) == pytest.approx([0.1, 0.9, 0.2])


def test_windows_are_of_time(make_detector: Maker, make_results: Results) -> None:
    times = [0, 0.01, 0.02, 0.03, 0.5, 0.51, 0.52]
    results = make_results({0: [0.5] * 7}, times, numbers=[0, 1, 2, 3, 4, 5, 6])
    first, last = smoothing_windows(gather_timelines(results, make_detector()).people[0], 0.02)
    assert (last - first).tolist() == [1, 3, 3, 2, 2, 3, 1]


def test_of_an_even_number_the_lower_one_in_the_middle_counts() -> None:
    values = np.array([0.1, 0.9, 0.5, 0.7], np.float32)
    windows = (np.array([0, 0, 0, 2]), np.array([4, 3, 2, 4]))
    assert moving_median(values, windows).tolist() == values[[2, 2, 0, 2]].tolist()


def test_many_wide_windows_need_little_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    values = np.random.default_rng(0).uniform(size=300).astype(np.float32)
    first = np.maximum(np.arange(300) - 20, 0)
    last = np.minimum(np.arange(300) + 21, 300)
    whole = moving_median(values, (first, last))
    monkeypatch.setattr(smoothing, "_CELLS", 100)
    assert (moving_median(values, (first, last)) == whole).all()
