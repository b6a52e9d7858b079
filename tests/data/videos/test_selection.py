from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from metafacs.data.videos import EVERY_FRAME, Selection, parse_time
from metafacs.data.videos.selection import without_rounding


def taken(selection: Selection, times: list[float]) -> list[int]:
    return list(selection.choose(range(len(times)), times.__getitem__))


def even(count: int, rate: float) -> list[float]:
    return [number / rate for number in range(count)]


def test_every_frame_is_every_frame() -> None:
    assert taken(EVERY_FRAME, even(7, 25)) == list(range(7))


def test_every_nth_is_counted_from_the_first_of_the_span() -> None:
    assert taken(Selection(every=3), even(10, 10)) == [0, 3, 6, 9]
    assert taken(Selection(every=3, start=0.2), even(10, 10)) == [2, 5, 8]


def test_a_second_has_as_many_frames_as_the_rate_says() -> None:
    assert taken(Selection(start=1, end=2), even(100, 25)) == list(range(25, 50))
    milliseconds = [round(number / 30, 3) for number in range(100)]
    assert taken(Selection(start=1, end=2), milliseconds) == list(range(30, 60))


def test_at_so_many_per_second_the_frame_shown_then_is_taken() -> None:
    times = [0.0, 0.09, 0.21, 0.29, 0.43, 0.5]
    assert taken(Selection(fps=10), times) == [0, 1, 3, 5]
    assert taken(Selection(fps=4), times) == [0, 2, 5]
    assert taken(Selection(fps=4, start=0.2), times) == [1, 4]
    assert taken(Selection(fps=10, end=0.3), times) == [0, 1]


@pytest.mark.parametrize("fps", [30, 29.97, 60, 1000])
@pytest.mark.parametrize("rounded", [False, True])
def test_a_rate_above_the_videos_gives_every_frame_once(fps: float, rounded: bool) -> None:
    times = [float(Fraction(1001 * number, 30000)) for number in range(300)]
    if rounded:
        times = without_rounding(np.round(times, 3)).tolist()
    assert taken(Selection(fps=fps), times) == list(range(300))


def test_half_the_rate_gives_every_other_frame_though_stamps_are_rounded() -> None:
    times = without_rounding(np.round(np.arange(300) / 30, 3)).tolist()
    assert taken(Selection(fps=15), times) == list(range(0, 300, 2))


def test_times_that_differ_by_more_than_rounding_stay() -> None:
    times = np.array([0.0, 0.03, 0.07, 0.1])
    assert without_rounding(times) is times
    assert np.allclose(without_rounding(np.array([0.5])), 0.5)


def test_the_last_frame_is_shown_as_long_as_the_others() -> None:
    assert taken(Selection(fps=1), even(250, 25)) == list(range(0, 250, 25))
    assert taken(Selection(fps=1), [0.0]) == [0]
    assert taken(Selection(fps=1), []) == []


@given(
    gaps=st.lists(st.integers(5, 200), min_size=1, max_size=60),
    fps=st.floats(0.5, 100),
    start=st.none() | st.floats(0, 3),
    length=st.none() | st.floats(0.1, 3),
)
def test_against_looking_at_every_instant(
    gaps: list[int], fps: float, start: float | None, length: float | None
) -> None:
    times = [sum(gaps[:place]) / 1000 for place in range(len(gaps) + 1)]
    end = None if length is None else (start or 0) + length
    until = times[-1] + times[-1] / (len(times) - 1)
    found: list[int] = []
    step = 0
    while (instant := (start or 0) + step / fps) < until:
        step += 1
        near = [abs(instant - edge) for edge in (*times, until, *([] if end is None else [end]))]
        if min(near) < 0.001:
            return  # whether an instant on an edge counts is a matter of rounding
        if end is None or instant < end:
            found.append(max(number for number, time in enumerate(times) if time <= instant))
    assert taken(Selection(fps=fps, start=start, end=end), times) == sorted(set(found))


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"every": 0}, "0-th frame"),
        ({"fps": 0}, "0 frames per second"),
        ({"fps": math.inf}, "inf frames per second"),
        ({"fps": 5, "every": 2}, "exclude each other"),
        ({"start": -1}, "start is -1"),
        ({"end": math.nan}, "end is nan"),
        ({"start": 5, "end": 5}, "ends at 5 s, not after"),
    ],
)
def test_a_selection_of_nothing_is_refused(wrong: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Selection(**wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("0", 0), ("90.5", 90.5), (".5", 0.5), ("1:30", 90), ("90:00", 5400), ("1:02:03.5", 3723.5), (" 7 ", 7)],
)
def test_times_as_players_write_them(text: str, seconds: float) -> None:
    assert parse_time(text) == seconds


@pytest.mark.parametrize("text", ["", "-1", "1:60", "1:61:00", "1:2:3:4", "5s", "1e3", "nan", "1:", "٣"])
def test_other_times_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is no time; write seconds"):
        parse_time(text)
