from __future__ import annotations

import csv
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest

from metafacs.inference.detector import Detector
from metafacs.inference.events import EVENT_COLUMNS, Event, EventRules, find_events, write_events_csv
from metafacs.inference.result import FaceResult
from metafacs.inference.timelines import gather_timelines

Maker = Callable[..., Detector]
Results = Callable[..., list[list[FaceResult]]]
Finder = Callable[..., list[Event]]
NAN = float("nan")
PLAIN = EventRules(smoothing=0, hysteresis=0, minimum_duration=0, merge_pause=0)


@pytest.fixture
def find(make_detector: Maker, make_results: Results) -> Finder:
    """Return a function that finds the events of AU1, whose threshold is .5, at 25 frames per second."""

    def find(values: Sequence[float], rules: EventRules = PLAIN, **changes: object) -> list[Event]:
        intensities = bool(changes.pop("intensities", False))
        timelines = gather_timelines(
            make_results({0: values}, **changes), make_detector(intensities=intensities)
        )
        return find_events(timelines, rules, [1])

    return find


def frames(events: list[Event]) -> list[tuple[int, int]]:
    return [(event.onset_frame, event.offset_frame) for event in events]


def test_an_event_lasts_until_the_first_frame_without_it(find: Finder) -> None:
    [event] = find([0.1, 0.5, 0.9, 0.7, 0.49, 0.1])
    assert (event.onset_frame, event.peak_frame, event.offset_frame) == (1, 2, 3)
    assert (event.onset, event.peak, event.offset) == pytest.approx((0.04, 0.08, 0.16))
    assert event.duration == pytest.approx(0.12)
    assert event.peak_probability == pytest.approx(0.9)
    assert event.mean_probability == pytest.approx(0.7)
    assert event.peak_intensity is event.mean_intensity is None
    assert (event.input, event.person, event.au, event.complete) == ("session.mp4", 0, 1, "both")


@pytest.mark.parametrize(
    ("values", "complete"),
    [
        ([0.9, 0.9, 0.1], ["offset"]),
        ([0.1, 0.9, 0.9], ["onset"]),
        ([0.9, 0.9, 0.9], ["neither"]),
        ([0.1, 0.9, NAN, 0.9, 0.1], ["onset", "offset"]),
        ([0.1, 0.9, 0.1, NAN, 0.9, NAN, 0.1, 0.9, 0.1], ["both", "neither", "both"]),
    ],
)
def test_what_runs_into_a_gap_or_an_end_is_cut(
    find: Finder, values: list[float], complete: list[str]
) -> None:
    assert [event.complete for event in find(values)] == complete


def test_no_pause_is_closed_over_a_gap(find: Finder) -> None:
    rules = replace(PLAIN, merge_pause=10, smoothing=10)
    assert frames(find([0.9, 0.9, NAN, 0.9, 0.9], rules)) == [(0, 1), (3, 4)]
    assert frames(find([0.9] * 5, rules, lost=[2])) == [(0, 1), (3, 4)]


def test_hysteresis_holds_an_event_but_does_not_begin_one(find: Finder) -> None:
    values = [0.1, 0.45, 0.6, 0.45, 0.55, 0.39, 0.45, 0.3, 0.45, 0.1]
    assert frames(find(values)) == [(2, 2), (4, 4)]
    rules = replace(PLAIN, hysteresis=0.5)
    assert rules.off_threshold(0.5) == pytest.approx(0.3775, abs=1e-4)
    assert frames(find(values, rules)) == [(2, 6)]


@pytest.mark.parametrize("threshold", [0.01, 0.2, 0.5, 0.9, 0.999])
def test_hysteresis_is_the_same_in_logits_for_all_thresholds(threshold: float) -> None:
    off = EventRules(hysteresis=0.7).off_threshold(threshold)
    assert 0 < off < threshold
    assert np.log(threshold / (1 - threshold)) - np.log(off / (1 - off)) == pytest.approx(0.7)
    assert PLAIN.off_threshold(threshold) == pytest.approx(threshold)


@pytest.mark.parametrize("threshold", [0.0, 1.0])
def test_thresholds_without_logits_have_no_hysteresis(threshold: float) -> None:
    assert EventRules().off_threshold(threshold) == threshold


def test_single_frames_are_smoothed_away_and_edges_stay(find: Finder) -> None:
    values = [0.1, 0.9, 0.1, 0.1, 0.8, 0.8, 0.1, 0.8, 0.8, 0.1, 0.1]
    rules = replace(PLAIN, smoothing=0.1)
    assert frames(find(values, rules)) == [(4, 8)]


def test_a_blink_of_two_frames_survives_the_defaults(find: Finder) -> None:
    # As the packaged detector saw one in a real clip of 30 frames per second.
    values = [0.01] * 6 + [0.72, 0.93, 0.45, 0.02] + [0.01] * 6
    times = np.arange(16) / 30
    [event] = find(values, EventRules(), times=times)
    assert event.onset_frame == 6
    assert find(values, replace(EventRules(), smoothing=0.2), times=times) == []


def test_short_pauses_are_closed_before_short_events_are_dropped(find: Finder) -> None:
    values = [0.1, 0.9, 0.1, 0.9, 0.1, 0.1, 0.1, 0.9, 0.1]
    assert frames(find(values)) == [(1, 1), (3, 3), (7, 7)]
    assert frames(find(values, replace(PLAIN, merge_pause=0.05))) == [(1, 3), (7, 7)]
    assert frames(find(values, replace(PLAIN, minimum_duration=0.05))) == []
    assert frames(find(values, replace(PLAIN, merge_pause=0.05, minimum_duration=0.12))) == [(1, 3)]
    assert frames(find(values, replace(PLAIN, merge_pause=0.04))) == [(1, 1), (3, 3), (7, 7)]


def test_the_peak_is_where_the_intensity_is_highest(make_detector: Maker, make_results: Results) -> None:
    results = make_results({0: [0.1, 0.6, 0.9, 0.7, 0.1]})
    strong = [2.0, 2.5, 2.0, 4.0, 0.0]
    results = [
        [replace(face, intensities=dict.fromkeys((1, 6, 12), value))]
        for [face], value in zip(results, strong, strict=True)
    ]
    timelines = gather_timelines(results, make_detector(intensities=True))
    [event] = find_events(timelines, PLAIN, [1])
    assert (event.peak_frame, event.peak_intensity) == (3, 4)
    assert event.peak_probability == pytest.approx(0.7)
    assert event.mean_intensity == pytest.approx((2.5 + 2 + 4) / 3)


def test_of_a_plateau_the_strongest_frame_is_the_peak(find: Finder) -> None:
    rules = replace(PLAIN, smoothing=0.1)
    [event] = find([0.1, 0.8, 0.7, 0.95, 0.8, 0.1, 0.1], rules)
    assert event.peak_frame == 3
    assert event.peak_probability == pytest.approx(0.8)


def test_means_are_over_time(find: Finder) -> None:
    [event] = find([0.1, 0.6, 0.9, 0.1, 0.1], times=[0, 0.1, 0.4, 0.5, 0.6])
    assert event.mean_probability == pytest.approx((0.3 * 0.6 + 0.1 * 0.9) / 0.4)
    assert event.duration == pytest.approx(0.4)


def test_events_come_by_person_au_and_onset(make_detector: Maker, make_results: Results) -> None:
    results = make_results({1: [0.9, 0.1, 0.9], 0: [0.1, 0.45, 0.1]})
    timelines = gather_timelines(results, make_detector())
    found = [(event.person, event.au, event.onset_frame) for event in find_events(timelines, PLAIN)]
    # Only AU12 has a threshold below .45.
    assert found == [(0, 12, 1), *[(1, au, frame) for au in (1, 6, 12) for frame in (0, 2)]]
    with pytest.raises(ValueError, match="does not tell"):
        find_events(timelines, PLAIN, [2])


def test_nobody_has_no_events(find: Finder) -> None:
    assert find([NAN, NAN]) == []


def test_rules_are_plain_values_and_a_sentence() -> None:
    assert asdict(EventRules()) == {
        "smoothing": 0.1,
        "hysteresis": 0.5,
        "minimum_duration": 0.1,
        "merge_pause": 0.1,
    }
    assert "moving median of 0.1 s; an event begins at the threshold" in EventRules().describe()
    assert "not smoothed" in PLAIN.describe()


@pytest.mark.parametrize("value", [-0.1, NAN, float("inf")])
@pytest.mark.parametrize("name", ["smoothing", "hysteresis", "minimum_duration", "merge_pause"])
def test_rules_that_make_no_sense_are_refused(name: str, value: float) -> None:
    with pytest.raises(ValueError, match=f"{name} of events must be 0 or more"):
        EventRules(**{name: value})


def test_the_table_has_the_documented_columns(find: Finder, tmp_path: Path) -> None:
    path = tmp_path / "new" / "events.csv"
    events = find([0.1, 0.5, 0.9, 0.1], intensities=True, input="a, b.mp4") + find([0.9, 0.1])
    write_events_csv(path, events)
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert tuple(rows[0]) == EVENT_COLUMNS
    assert list(rows[0].values()) == [
        *["a, b.mp4", "0", "1", "Inner brow raiser"],
        *["1", "0.04", "2", "0.08", "2", "0.12", "0.08"],
        *["0.9", "3.6", "0.7", "2.8", "both"],
    ]
    assert (rows[1]["peak_intensity"], rows[1]["complete"]) == ("", "offset")


def test_a_table_of_no_events_has_a_header(tmp_path: Path) -> None:
    write_events_csv(tmp_path / "events.csv", [])
    assert (tmp_path / "events.csv").read_text() == ",".join(EVENT_COLUMNS) + "\n"
