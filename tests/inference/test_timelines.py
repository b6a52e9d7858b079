from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from metafacs.inference.detector import Detector
from metafacs.inference.result import FaceResult
from metafacs.inference.timelines import (
    TimelineBuilder,
    check_told,
    gather_timelines,
    shares_of_time,
)

Maker = Callable[..., Detector]
Results = Callable[..., list[list[FaceResult]]]
NAN = float("nan")


def test_people_and_gaps_are_told_apart(make_detector: Maker, make_results: Results) -> None:
    results = make_results({0: [0.1, 0.2, 0.3, NAN, 0.5, 0.6], 2: [NAN, 0.9, NAN, NAN, NAN, NAN]})
    timelines = gather_timelines(results, make_detector())
    assert timelines.input == "session.mp4"
    assert timelines.frames.tolist() == [0, 1, 2, 3, 4, 5]
    assert timelines.seconds == pytest.approx(0.24)
    first, second = timelines.people
    assert (first.person, second.person) == (0, 2)
    assert first.frames.tolist() == [0, 1, 2, 4, 5]
    assert first.times == pytest.approx([0, 0.04, 0.08, 0.16, 0.2])
    assert first.ends == pytest.approx([0.04, 0.08, 0.12, 0.2, 0.24])
    assert first.stretches.tolist() == [[0, 3], [3, 5]]
    assert first.probabilities[6] == pytest.approx(np.array([0.1, 0.2, 0.3, 0.5, 0.6]))
    assert first.probabilities[6].dtype == np.float32
    assert first.intensities == {}
    assert second.frames.tolist() == [1]
    assert second.seconds == pytest.approx(0.04)


def test_frames_without_times_are_refused(make_detector: Maker, make_results: Results) -> None:
    """As those of a folder of pictures whose rate nobody gave: no event would be found, without a word."""
    results = [[replace(face, timestamp=NAN) for face in frame] for frame in make_results({0: [0.1, 0.9]})]
    with pytest.raises(ValueError, match=r"frame 0 has no time.*rate=25"):
        gather_timelines(results, make_detector())


def test_faces_come_one_by_one_or_by_frame(make_detector: Maker, make_results: Results) -> None:
    results = make_results({0: [0.1, NAN, 0.3], 1: [0.4, 0.5, NAN]})
    together = gather_timelines(results, make_detector())
    apart = gather_timelines([face for frame in results for face in frame], make_detector())
    for one, other in zip(together.people, apart.people, strict=True):
        assert one.frames.tolist() == other.frames.tolist()
        assert one.probabilities[1].tolist() == other.probabilities[1].tolist()


def test_intensities_are_kept_if_the_detector_tells_them(make_detector: Maker, make_results: Results) -> None:
    timelines = gather_timelines(make_results({0: [0.5, 1.0]}), make_detector(intensities=True))
    assert timelines.people[0].intensities[12].tolist() == [2, 4]


def test_more_can_be_added_after_looking(make_detector: Maker, make_results: Results) -> None:
    builder = TimelineBuilder(make_detector())
    for place, frame in enumerate(make_results({0: [0.1, 0.2, 0.3]})):
        builder.add(frame)
        assert len(builder.timelines().people[0].frames) == place + 1


def test_a_frame_that_was_not_decoded_is_a_gap(make_detector: Maker, make_results: Results) -> None:
    timelines = gather_timelines(make_results({0: [0.9] * 5}, lost=[2]), make_detector())
    assert timelines.lost.tolist() == [2]
    assert timelines.frames.tolist() == [0, 1, 3, 4]
    assert timelines.people[0].stretches.tolist() == [[0, 2], [2, 4]]
    assert timelines.people[0].ends[1] == pytest.approx(0.08)
    assert timelines.seconds == pytest.approx(0.16)


def test_a_frame_stands_until_one_that_was_not_decoded(make_detector: Maker, make_results: Results) -> None:
    results = make_results({0: [0.9] * 4}, times=[0, 0.01, 0.05, 0.1], lost=[1, 2])
    line = gather_timelines(results, make_detector()).people[0]
    assert line.ends.tolist() == pytest.approx([0.01, 0.14], abs=0.02)
    assert line.ends[0] == 0.01


def test_missing_rows_are_a_gap(make_detector: Maker, make_results: Results) -> None:
    numbers = [*range(10), *range(14, 20)]
    timelines = gather_timelines(make_results({0: [0.9] * 16}, numbers=numbers), make_detector())
    assert timelines.people[0].stretches.tolist() == [[0, 10], [10, 16]]


@pytest.mark.parametrize("every", [1, 5, 50])
def test_taking_every_nth_frame_is_no_gap(make_detector: Maker, make_results: Results, every: int) -> None:
    numbers = range(0, 20 * every, every)
    timelines = gather_timelines(make_results({0: [0.9] * 20}, numbers=numbers), make_detector())
    assert timelines.people[0].stretches.tolist() == [[0, 20]]
    assert timelines.step == pytest.approx(every / 25)
    assert timelines.people[0].seconds == pytest.approx(20 * every / 25)


@pytest.mark.parametrize("rate", [1, 3, 10, 20, 24])
def test_sampling_in_time_is_no_gap(make_detector: Maker, make_results: Results, rate: int) -> None:
    numbers = sorted({round(instant * 25 / rate) for instant in range(4 * rate)})
    results = make_results({0: [0.9] * len(numbers)}, numbers=numbers)
    assert gather_timelines(results, make_detector()).people[0].stretches.tolist() == [[0, len(numbers)]]


def test_variable_rates_are_no_gap_but_a_still_picture_is(
    make_detector: Maker, make_results: Results
) -> None:
    times = np.cumsum([0, *[0.033] * 10, 0.5, 0.2, 0.033, 0.9, *[0.033] * 5])
    line = gather_timelines(make_results({0: [0.9] * 20}, times), make_detector()).people[0]
    assert line.stretches.tolist() == [[0, 20]]
    assert line.ends[10] == pytest.approx(times[11])
    times[12:] += 3
    line = gather_timelines(make_results({0: [0.9] * 20}, times), make_detector()).people[0]
    assert line.stretches.tolist() == [[0, 12], [12, 20]]
    assert line.ends[11] == pytest.approx(times[11] + 0.033)


def test_a_single_frame_stands_for_the_rate_of_its_video(make_detector: Maker, make_results: Results) -> None:
    results = make_results({0: [0.9]})
    assert gather_timelines(results, make_detector(), rate=50.0).people[0].seconds == pytest.approx(0.02)
    assert gather_timelines(results, make_detector()).people[0].seconds == 0
    assert shares_of_time(gather_timelines(results, make_detector())) == {0: {1: 1.0, 6: 1.0, 12: 1.0}}


def test_no_results_and_no_faces_are_no_people(make_detector: Maker, make_results: Results) -> None:
    empty = gather_timelines([], make_detector())
    assert (empty.people, len(empty.frames), empty.seconds) == ((), 0, 0)
    wall = gather_timelines(make_results({0: [NAN, NAN]}), make_detector())
    assert (wall.people, wall.frames.tolist()) == ((), [0, 1])
    assert shares_of_time(wall) == {}


def test_shares_are_those_of_the_classes_in_the_table(make_detector: Maker, make_results: Results) -> None:
    # AU12 has a threshold of .4, the others of .5; .39996 is written as .4.
    results = make_results({0: [0.39996, 0.5, 0.1, NAN], 1: [NAN, NAN, NAN, 0.7]})
    assert shares_of_time(gather_timelines(results, make_detector())) == {
        0: {1: pytest.approx(1 / 3), 6: pytest.approx(1 / 3), 12: pytest.approx(2 / 3)},
        1: {1: 1, 6: 1, 12: 1},
    }


def test_shares_are_of_time_and_not_of_frames(make_detector: Maker, make_results: Results) -> None:
    results = make_results({0: [0.9, 0.1, 0.1, 0.1]}, times=[0, 0.3, 0.4, 0.5])
    assert shares_of_time(gather_timelines(results, make_detector()))[0][1] == pytest.approx(0.5)


def test_thirty_minutes_stay_small(make_detector: Maker) -> None:
    aus = tuple(range(1, 8)) + tuple(range(9, 23))
    aus = tuple(au for au in aus if au != 3)
    detector = make_detector(aus=aus, thresholds=dict.fromkeys(aus, 0.5), intensities=True)
    builder = TimelineBuilder(detector)
    face = FaceResult(
        "a", success=True, probabilities=dict.fromkeys(aus, 0.5), intensities=dict.fromkeys(aus, 1)
    )
    for number in range(1000):
        builder.add(replace(face, frame=number, timestamp=number / 25))
    timelines = builder.timelines()
    line = timelines.people[0]
    arrays = [timelines.frames, timelines.times, timelines.ends]
    arrays += [*line.probabilities.values(), *line.intensities.values()]
    assert np.shares_memory(line.times, timelines.times)
    assert sum(array.nbytes for array in arrays) * 45 < 9e6


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"input": "other.mp4"}, "other.mp4 follow those of session.mp4"),
        ({"frame": 0}, "frame 0 at 0.12 s follows frame 2"),
        ({"timestamp": 0.01}, "frame 3 at 0.01 s follows frame 2"),
        ({"probabilities": {1: 0.5}}, "frame 3 lacks AU6"),
    ],
)
def test_results_that_do_not_fit_are_refused(
    make_detector: Maker, make_results: Results, changes: dict[str, object], message: str
) -> None:
    builder = TimelineBuilder(make_detector())
    *first, last = make_results({0: [0.9] * 4})
    for frame in first:
        builder.add(frame)
    with pytest.raises(ValueError, match=message):
        builder.add([replace(last[0], **changes)])  # type: ignore[arg-type]


def test_a_person_is_once_in_a_frame(make_detector: Maker, make_results: Results) -> None:
    with pytest.raises(ValueError, match="person 0 is named twice in frame 0"):
        gather_timelines(make_results({0: [0.9]})[0] * 2, make_detector())


def test_only_aus_of_the_model_can_be_asked_for(make_detector: Maker) -> None:
    timelines = gather_timelines([], make_detector())
    assert check_told(timelines, None) == (1, 6, 12)
    assert check_told(timelines, [12, 1]) == (12, 1)
    with pytest.raises(ValueError, match=r"does not tell the action units \[4\]"):
        check_told(timelines, [4, 6])
