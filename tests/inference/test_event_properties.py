"""What holds of events whatever the probabilities are."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from metafacs.inference.detector import Detector
from metafacs.inference.events import Event, EventRules, find_events
from metafacs.inference.result import FaceResult
from metafacs.inference.timelines import Timelines, gather_timelines
from metafacs.methods.base import Prediction

PLAIN = EventRules(smoothing=0, hysteresis=0, minimum_duration=0, merge_pause=0)
QUICK = settings(max_examples=30, deadline=None, derandomize=True)

# A probability in hundredths; None: the person is not there; -1: the frame cannot be decoded.
shown = st.one_of(st.integers(1, 99), st.integers(40, 60), st.none(), st.just(-1))
clips = st.lists(shown, min_size=1, max_size=40)
seconds = st.sampled_from([0.0, 0.04, 0.1, 0.2, 0.5])
rules_of_any_kind = st.builds(
    EventRules,
    smoothing=seconds,
    hysteresis=st.sampled_from([0.0, 0.5, 2.0]),
    minimum_duration=seconds,
    merge_pause=seconds,
)


def gather(clip: list[int | None], step: float = 0.04, threshold: float = 0.5, person: int = 0) -> Timelines:
    detector = Detector(lambda faces: Prediction(faces), (12,), {12: threshold}, 64)
    results = []
    for number, value in enumerate(clip):
        blank = FaceResult("a.mp4", number, person, number * step)
        if value is None:
            results.append(blank)
        elif value < 0:
            results.append(replace(blank, problem="a packet is damaged"))
        else:
            results.append(replace(blank, success=True, probabilities={12: value / 100}))
    return gather_timelines(results, detector, 1 / step)


def frames(events: list[Event]) -> list[tuple[int, int]]:
    return [(event.onset_frame, event.offset_frame) for event in events]


@QUICK
@given(clips, rules_of_any_kind)
def test_events_are_in_order_and_within_what_was_seen(clip: list[int | None], rules: EventRules) -> None:
    timelines = gather(clip)
    events = find_events(timelines, rules)
    for event in events:
        assert event.onset <= event.peak < event.offset
        assert event.onset_frame <= event.peak_frame <= event.offset_frame
        assert event.duration >= rules.minimum_duration - 0.001
        assert event.peak_probability >= np.float32(0.5)
        inside = clip[event.onset_frame : event.offset_frame + 1]
        assert all(value is not None and value >= 0 for value in inside)
        assert min(inside) / 100 <= event.mean_probability + 1e-6  # type: ignore[type-var,operator]
        before, after = [-1, *clip, -1][event.onset_frame], [*clip, -1][event.offset_frame + 1]
        seen = {"both": (True, True), "onset": (True, False), "offset": (False, True)}
        ends = tuple(value is not None and value >= 0 for value in (before, after))
        assert seen.get(event.complete, (False, False)) == ends
    for one, other in pairwise(events):
        assert one.offset <= other.onset
        assert one.offset_frame < other.onset_frame


@QUICK
@given(clips)
def test_without_rules_events_are_the_frames_that_reach_the_threshold(clip: list[int | None]) -> None:
    covered = {
        frame for first, last in frames(find_events(gather(clip), PLAIN)) for frame in range(first, last + 1)
    }
    assert covered == {frame for frame, value in enumerate(clip) if value is not None and value >= 50}


@QUICK
@given(clips, rules_of_any_kind, st.sampled_from([0.5, 2.0, 5.0]))
def test_a_slower_video_with_slower_rules_has_the_same_events(
    clip: list[int | None], rules: EventRules, factor: float
) -> None:
    slower = replace(
        rules,
        smoothing=rules.smoothing * factor,
        minimum_duration=rules.minimum_duration * factor,
        merge_pause=rules.merge_pause * factor,
    )
    # A picture that stands for more than a second is a gap; these stay below.
    events, slow = find_events(gather(clip), rules), find_events(gather(clip, 0.04 * factor), slower)
    assert frames(events) == frames(slow)
    assert np.allclose([event.duration * factor for event in events], [event.duration for event in slow])


@QUICK
@given(clips, rules_of_any_kind)
def test_a_video_played_backward_has_the_same_events(clip: list[int | None], rules: EventRules) -> None:
    # Not with hysteresis, which knows before and after.
    rules = replace(rules, hysteresis=0)
    mirrored = [
        (len(clip) - 1 - last, len(clip) - 1 - first)
        for first, last in frames(find_events(gather(clip), rules))
    ]
    assert frames(find_events(gather(clip[::-1]), rules)) == mirrored[::-1]


@QUICK
@given(clips, rules_of_any_kind)
def test_a_model_that_says_all_lower_with_a_lower_threshold_has_the_same_events(
    clip: list[int | None], rules: EventRules
) -> None:
    rules = replace(rules, hysteresis=0)
    # Halved, which keeps the order of the values that are even.
    clip = [value if value is None or value < 0 else 2 * (value // 2) for value in clip]
    lower = [value if value is None or value < 0 else value // 2 for value in clip]
    assert frames(find_events(gather(clip), rules)) == frames(
        find_events(gather(lower, threshold=0.25), rules)
    )


@QUICK
@given(clips, st.sampled_from([0.0, 0.1, 0.2]))
def test_more_hysteresis_never_ends_an_event_earlier(clip: list[int | None], smoothing: float) -> None:
    few = find_events(gather(clip), replace(PLAIN, smoothing=smoothing, hysteresis=1))
    for first, last in frames(find_events(gather(clip), replace(PLAIN, smoothing=smoothing))):
        assert any(start <= first and last <= end for start, end in frames(few))
