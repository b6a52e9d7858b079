from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from metafacs.data.codings import CodingError
from metafacs.data.codings.coding import AuSeries, CodedInterval, FrameCoding, IntervalCoding, Stretch, Unit
from metafacs.evaluation.agreement_alignment import AlignedPair, align
from metafacs.evaluation.agreement_placing import frame_grid, interval_grid, place_intervals

NAN = float("nan")
WHOLE = ((-math.inf, math.inf),)


def table(
    frames: list[int] | None,
    presence: dict[str, dict[int, list[float]]],
    *,
    rate: float | None = 25.0,
    times: list[float] | None = None,
) -> FrameCoding:
    numbers = None if frames is None else np.array(frames, dtype=np.int64)
    told = np.array(times) if times is not None else None
    if told is None and rate is not None and numbers is not None:
        told = numbers / rate
    people = {
        name: {au: AuSeries(np.array(values, dtype=float)) for au, values in aus.items()}
        for name, aus in presence.items()
    }
    return FrameCoding(Path("table.csv"), "table", numbers, told, people)


def intervals(
    ends: dict[int, list[tuple[float, float]]],
    *,
    coded: tuple[Stretch, ...] = WHOLE,
    unit: Unit = "seconds",
    person: str = "",
) -> IntervalCoding:
    aus = {au: [CodedInterval(*one) for one in each] for au, each in ends.items()}
    return IntervalCoding(Path("list.csv"), "list", unit, {person: aus}, {person: coded}, unit)


def pair(
    left: FrameCoding | IntervalCoding, right: FrameCoding | IntervalCoding, **more: object
) -> AlignedPair:
    return align(left, right, video="v", **more)  # type: ignore[arg-type]


def test_frames_missing_on_either_side_are_counted_and_unknown() -> None:
    left = table([0, 1, 2, 4], {"0": {12: [1, NAN, 0, 1]}})
    right = table([1, 2, 3, 4], {"": {12: [1, 1, 0, NAN]}}, rate=None)
    (person,) = pair(left, right).people
    assert person.grid.frames.tolist() == [0, 1, 2, 3, 4]
    np.testing.assert_equal(person.left[12].presence, [1, NAN, 0, NAN, 1])
    np.testing.assert_equal(person.right[12].presence, [NAN, 1, 1, 0, NAN])
    account = person.account
    assert (account.both, account.left_only, account.right_only) == (3, 1, 1)
    assert (account.left_unknown, account.right_unknown) == (1, 1)
    assert person.grid.times == pytest.approx(np.arange(5) / 25)
    assert person.name == "v, person 0"


@pytest.mark.parametrize(
    ("frames", "outcome"),
    [
        ([0, 1, 2, 3, 4], "told"),  # 1 to 5 of a video whose last frame is 4: they start at 1.
        ([0, 1, 2, 3], "refused"),  # 1 to 4: they start at 0, and the first row is missing, or at 1.
        ([2, 3, 4], "told"),
        ([3, 4, 5], "refused"),  # There is no frame 5.
        ([0, 1, 2], "guessed"),
        ([1, 2], "guessed"),
    ],
)
def test_the_last_frame_tells_the_first(frames: list[int], outcome: str) -> None:
    whole = table([0, 1, 2, 3, 4], {"": {12: [0, 1, 0, 1, 0]}})
    coded = table(frames, {"": {12: [1.0] * len(frames)}}, rate=None)
    coded = replace(coded, first_frame_guessed=True)
    for sides in ((whole, coded), (coded, whole)):
        if outcome == "refused":
            with pytest.raises(CodingError, match="say which it is with --first_frame"):
                pair(*sides)
        else:
            told = pair(*sides)
            assert told.guessed == (() if outcome == "told" else (Path("table.csv"),))
            assert any("--first_frame" in warning for warning in told.warnings) == (outcome == "guessed")


def test_frames_belong_to_the_intervals_that_hold_their_middle() -> None:
    grid = frame_grid(np.arange(10), np.arange(10) / 30, None)
    # ELAN's milliseconds of frames 2 to 4: their ends are rounded both ways.
    coding = intervals({12: [(0.067, 0.167)], 4: []}, coded=((0.033, 0.3),))
    series = place_intervals(coding, "", grid)
    np.testing.assert_equal(series[12].presence, [NAN, 0, 1, 1, 1, 0, 0, 0, 0, NAN])
    np.testing.assert_equal(series[4].presence, [NAN, 0, 0, 0, 0, 0, 0, 0, 0, NAN])


def test_an_interval_shorter_than_a_frame_is_not_lost() -> None:
    grid = frame_grid(np.arange(5), np.arange(5) / 25, None)
    series = place_intervals(intervals({12: [(0.085, 0.09)], 4: [(0.3, 0.31)]}), "", grid)
    np.testing.assert_equal(series[12].presence, [0, 0, 1, 0, 0])
    np.testing.assert_equal(series[4].presence, np.zeros(5))


def test_offsets_in_frames_are_included() -> None:
    grid = frame_grid(np.arange(6), None, None)
    coding = intervals({12: [(1, 2), (4, 4)]}, coded=((0, 4),), unit="frames")
    np.testing.assert_equal(place_intervals(coding, "", grid)[12].presence, [0, 1, 1, 0, 1, NAN])


def test_what_was_coded_outside_the_stretches_stays_unknown() -> None:
    grid = frame_grid(np.arange(4), np.arange(4) / 10, None)
    coding = intervals({12: [(0.0, 0.4)]}, coded=((0.1, 0.3),))
    np.testing.assert_equal(place_intervals(coding, "", grid)[12].presence, [NAN, 1, 1, NAN])


def test_both_halves_of_a_face_count_and_intensities_are_the_stronger() -> None:
    grid = frame_grid(np.arange(4), None, None)
    each = [
        CodedInterval(0, 1, 1, 2, "L"),
        CodedInterval(1, 2, 1, 4, "R"),
        CodedInterval(3, 3, NAN, NAN, "R"),
    ]
    coding = IntervalCoding(
        Path("c"), "list", "frames", {"": {12: each}}, {"": ((0, 9),)}, "frames", with_intensities=True
    )
    series = place_intervals(coding, "", grid)[12]
    np.testing.assert_equal(series.presence, [1, 1, 1, NAN])
    np.testing.assert_equal(series.intensity, [2, 4, 4, NAN])


def test_seconds_need_times_or_a_rate() -> None:
    left = table([0, 1, 2, 3], {"": {12: [0, 1, 1, 0]}}, rate=None)
    with pytest.raises(CodingError, match="--rate"):
        pair(left, intervals({12: [(0.04, 0.12)]}))
    (person,) = pair(left, intervals({12: [(0.04, 0.12)]}), rate=25.0).people
    np.testing.assert_equal(person.right[12].presence, [0, 1, 1, 0])


def test_a_rate_that_contradicts_the_times_is_used_and_named() -> None:
    left = table([0, 1, 2], {"": {12: [0, 1, 1]}}, rate=1000)
    found = pair(left, intervals({12: [(0.04, 0.12)]}), rate=25.0)
    assert found.people[0].grid.times == pytest.approx([0, 0.04, 0.08])
    assert "runs at 1000 frames per second by its own times" in found.warnings[0]
    assert not pair(table([0, 1, 2], {"": {12: [0, 1, 1]}}), intervals({12: []}), rate=25.0).warnings


def test_two_lists_of_intervals_are_compared_on_the_frames_of_a_rate() -> None:
    left, right = (
        intervals({12: [(0.2, 0.4)]}, coded=((0, 1),)),
        intervals({12: [(0.3, 0.4)]}, coded=((0, 1),)),
    )
    with pytest.raises(CodingError, match="both intervals in seconds; --rate"):
        pair(left, right)
    (person,) = pair(left, right, rate=10.0).people
    assert person.left[12].presence[:10].tolist() == [0, 0, 1, 1, 0, 0, 0, 0, 0, 0]
    assert person.right[12].presence[:10].tolist() == [0, 0, 0, 1, 0, 0, 0, 0, 0, 0]
    frames = intervals({12: [(2, 3)]}, unit="frames", coded=((0, 9),))
    assert interval_grid(frames, frames, None).frames.tolist() == list(range(10))
    assert person.grid.frames.tolist() == list(range(10))


def test_what_is_coded_beyond_the_table_is_told() -> None:
    left = table(list(range(25, 50)), {"": {12: [0.0] * 25}})
    found = pair(left, intervals({12: []}, coded=((0, 3),)))
    assert "codes 1 s before the first frame and 1 s after the last frame" in found.warnings[0]
    frames = pair(left, intervals({12: []}, coded=((20, 52),), unit="frames"))
    assert "codes 5 frames before the first frame and 3 frames after the last" in frames.warnings[0]


def test_rows_that_tell_only_times_are_matched_with_the_frames_shown_then() -> None:
    left = table(list(range(5)), {"": {12: [0, 1, 1, 0, 0]}})
    right = table(None, {"": {12: [1, 1, 0, 1]}}, times=[0.041, 0.079, 0.16, 9.0])
    found = pair(left, right)
    np.testing.assert_equal(found.people[0].right[12].presence, [NAN, 1, 1, NAN, 0])
    assert any("1 rows have none of their own" in note for note in found.notes)
    both = pair(
        table(None, {"": {12: [1, 0]}}, times=[0, 0.04]), table(None, {"": {12: [1, 1]}}, times=[0, 0.04])
    )
    np.testing.assert_equal(both.people[0].right[12].presence, [1, 1])
    with pytest.raises(CodingError, match=r"tells times and .* only frames"):
        pair(table([0, 1], {"": {12: [1, 0]}}, rate=None), right)


def test_people_are_matched_by_name_and_never_guessed() -> None:
    two = table([0, 1], {"0": {12: [0, 1]}, "1": {12: [1, 1]}})
    nobody = table([0, 1], {"": {12: [0, 1]}})
    with pytest.raises(CodingError, match=r"several \(0, 1\); --person"):
        pair(two, nobody)
    (chosen,) = pair(two, nobody, person="1").people
    assert chosen.person == "1"
    assert chosen.left[12].presence.tolist() == [1, 1]
    with pytest.raises(CodingError, match="has no person 7; it has 0, 1"):
        pair(two, nobody, person="7")
    both = pair(two, table([0, 1], {"1": {12: [0, 1]}, "2": {12: [0, 1]}}))
    assert [one.name for one in both.people] == ["v, person 1"]
    assert [one.subject for one in both.people] == ["v, person 1"]
    assert len(both.warnings) == 2
    with pytest.raises(CodingError, match=r"tells of person 0, .* of person 3"):
        pair(table([0], {"0": {12: [0]}}), table([0], {"3": {12: [0]}}))
    named = pair(table([0], {"0": {12: [0]}}), table([0], {"Anna": {12: [0]}}))
    assert any("person 0 of the left is compared with Anna" in note for note in named.notes)
    with pytest.raises(CodingError, match="none is in both"):
        pair(two, table([0], {"3": {12: [0]}, "4": {12: [1]}}))


def test_aus_of_one_side_are_named_and_none_in_common_is_an_error() -> None:
    left = table([0, 1], {"": {1: [0, 1], 12: [0, 1]}})
    found = pair(left, table([0, 1], {"": {12: [0, 1], 4: [0, 1]}}))
    assert found.people[0].aus == (12,)
    assert "only the left codes AU1: not compared" in found.notes
    assert "only the right codes AU4: not compared" in found.notes
    with pytest.raises(CodingError, match="no action unit in common: the left has AU1, AU12, the right AU4"):
        pair(left, table([0, 1], {"": {4: [0, 1]}}))
