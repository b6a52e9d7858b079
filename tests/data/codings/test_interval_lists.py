from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import pytest

from metafacs.data.codings import CodingError, ReadingRules, read_coding
from metafacs.data.codings.coding import IntervalCoding

Write = Callable[..., Path]


def list_of(path: Path, rules: ReadingRules | None = None) -> IntervalCoding:
    coding = read_coding(path, rules)
    assert isinstance(coding, IntervalCoding)
    assert coding.kind == "list of intervals"
    return coding


def spans(coding: IntervalCoding, au: int, person: str = "") -> list[tuple[float, float]]:
    return [(one.onset, one.offset) for one in coding.people[person][au]]


def test_seconds_with_a_stretch_that_was_coded(write: Write) -> None:
    coding = list_of(write("c.csv", "onset_s,offset_s,au", "3,4.5,AU12", "1,2,12", "0,10,coded", "1,2,4"))
    assert coding.unit == "seconds"
    assert spans(coding, 12) == [(1, 2), (3, 4.5)]
    assert coding.coded == {"": ((0, 10),)}
    assert not coding.warnings
    assert sorted(coding.people[""]) == [4, 12]


def test_without_a_stretch_it_reaches_from_the_first_onset_to_the_last_offset(write: Write) -> None:
    path = write("c.csv", "onset,offset,au", "1.5,2,12", "4,6,4")
    coding = list_of(path)
    assert coding.coded == {"": ((1.5, 6),)}
    assert "--coded_range" in coding.warnings[0]
    whole = list_of(path, ReadingRules(coded_range=((-math.inf, math.inf),)))
    assert whole.coded == {"": ((-math.inf, math.inf),)}
    assert not whole.warnings
    assert any("whole video" in note for note in whole.notes)


@pytest.mark.parametrize(
    ("header", "unit", "expected"),
    [
        ("onset_frame,offset_frame,au", "frames", (25, 50)),
        ("Start Frame,End Frame,AU", "frames", (25, 50)),
        ("start_ms,end_ms,code", "seconds", (0.025, 0.05)),
        ("Begin Time - ss.msec,End Time - ss.msec,Tier", "seconds", (25, 50)),
        ("Start (s),Stop (s),Behavior", "seconds", (25, 50)),
    ],
)
def test_headers_tell_the_unit(write: Write, header: str, unit: str, expected: tuple[float, float]) -> None:
    coding = list_of(write("c.csv", header, "25,50,AU12"))
    assert coding.unit == unit
    assert spans(coding, 12) == [pytest.approx(expected)]


def test_whole_numbers_without_a_unit_are_refused(write: Write) -> None:
    with pytest.raises(CodingError, match="seconds or frames; call the columns onset_s"):
        read_coding(write("c.csv", "onset,offset,au", "25,50,12"))


def test_frames_count_from_what_is_told(write: Write) -> None:
    path = write("c.csv", "onset_frame,offset_frame,au", "25,50,12", "1,100,coded")
    coding = list_of(path, ReadingRules(first_frame=1))
    assert spans(coding, 12) == [(24, 49)]
    assert coding.coded == {"": ((0, 99),)}


def test_events_that_metafacs_wrote_are_such_a_list(write: Write) -> None:
    header = "input,face_id,au,name,onset_frame,onset,peak_frame,peak,offset_frame,offset,duration,"
    header += "peak_probability,peak_intensity,mean_probability,mean_intensity,complete"
    rows = [
        "v.mp4,0,12,Lip corner puller,25,1.0,30,1.2,49,2.0,1.0,0.9,3.2,0.8,2.9,both",
        "v.mp4,1,4,Brow lowerer,0,0.0,3,0.12,24,1.0,1.0,0.9,,0.8,,offset",
    ]
    coding = list_of(write("events.csv", header, *rows))
    assert coding.unit == "seconds"
    assert spans(coding, 12, "0") == [(1, 2)]
    assert not coding.with_intensities
    assert coding.coded == {"0": ((1, 2),), "1": ((0, 1),)}
    with pytest.raises(CodingError, match="of 2 videos"):
        read_coding(write("events.csv", header, rows[0], rows[1].replace("v.mp4", "w.mp4")))


def test_intensities_levels_sides_and_values(write: Write) -> None:
    path = write(
        "c.csv",
        "onset_s,offset_s,au,intensity",
        "1,2,L12B,",
        "1,2,R12,D",
        "3,4,AU12,9",
        "5,6,AU6+AU12,2",
    )
    coding = list_of(path)
    assert coding.with_intensities
    told = [(one.side, one.intensity, one.presence) for one in coding.people[""][12]]
    assert told[:2] == [("L", 2, 1), ("R", 4, 1)]
    assert math.isnan(told[2][2])
    assert told[3] == ("", 2, 1)
    strict = list_of(path, ReadingRules(present_from=3))
    assert [one.presence for one in strict.people[""][12]][:2] == [0, 1]
    values = list_of(write("v.csv", "onset_s,offset_s,au,value", "1,2,12,1", "3,4,12,0"))
    assert [one.presence for one in values.people[""][12]] == [1, 0]
    assert not values.with_intensities


def test_people_share_a_stretch_of_nobody(write: Write) -> None:
    path = write("c.csv", "onset_s,offset_s,person,au", "1,2,0,12", "1,3,1,12", "0,9,,coded")
    assert list_of(path).coded == {"0": ((0, 9),), "1": ((0, 9),)}


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (("onset_s,offset_s,au", "2,1,12"), r"c\.csv:2: AU12 ends at 1, before it begins at 2"),
        (("onset_s,offset_s,au", "1,3,12", "2,4,12"), r"c\.csv:3: AU12 from 2 to 4 overlaps with 1 to 3"),
        (("onset_frame,offset_frame,au", "1,3,12", "3,4,12"), r"c\.csv:3: AU12 from 3 to 4 overlaps"),
        (("onset_s,offset_s,au", "1,2,smile"), r"c\.csv:2: 'smile' is no action unit"),
        (("onset_s,offset_s,au", "1,2,AU99"), r"c\.csv:2: 'AU99' is no action unit"),
        (("onset_s,offset_s,au", "1,,12"), r"c\.csv:2: the offset is missing"),
        (("onset_s,offset_s,au,mood", "1,2,12,x"), r"c\.csv:1: column 'mood' is unknown"),
        (("onset_s,offset_s,name", "1,2,12"), r"c\.csv:1: no column tells the action unit"),
        (("onset_s,offset_ms,au", "1,2,12"), r"c\.csv:1: onset and offset are in different units"),
        (("onset_s,offset_s,au,intensity", "1,2,12,7"), r"c\.csv:2: '7' is no code"),
        (("onset_frame,offset_frame,au", "1.5,2,12"), r"c\.csv:2: a frame has no whole number"),
        (("onset_s,offset_s,au", "9,3,coded", "1,2,12"), r"c\.csv:2: the coded stretch ends at 3"),
        (("onset_s,offset_s,au", "0,3,coded"), "holds no interval of an action unit"),
    ],
)
def test_what_cannot_be_meant_is_named_with_its_line(
    write: Write, lines: tuple[str, ...], message: str
) -> None:
    with pytest.raises(CodingError, match=message):
        read_coding(write("c.csv", *lines))


def test_intervals_that_touch_do_not_overlap(write: Write) -> None:
    assert spans(list_of(write("c.csv", "onset_s,offset_s,au", "1,2,12", "2,3.5,12")), 12) == [
        (1, 2),
        (2, 3.5),
    ]


def test_values_between_0_and_1_are_no_presence(write: Write) -> None:
    with pytest.raises(CodingError, match=r"c\.csv:3: 0\.7 is neither 0 nor 1"):
        read_coding(write("c.csv", "onset_s,offset_s,au,value", "0,1,12,1", "2,3,12,0.7"))
    assert list_of(write("c.csv", "onset_s,offset_s,au,value", "0,1,12,0.7", "2,3,12,2")).with_intensities


def test_the_first_frame_is_told_by_a_frame_0_or_guessed(write: Write) -> None:
    header = "onset_frame,offset_frame,au"
    assert not list_of(write("c.csv", header, "0,5,12")).first_frame_guessed
    assert list_of(write("c.csv", header, "1,5,12")).first_frame_guessed
    assert not list_of(write("c.csv", header, "1,5,12"), ReadingRules(first_frame=1)).first_frame_guessed
    assert not list_of(write("c.csv", "onset_s,offset_s,au", "1,5,12")).first_frame_guessed
    with pytest.raises(CodingError, match=r"c\.csv:2: the onset lies before frame 1, the first"):
        read_coding(write("c.csv", header, "0,5,12"), ReadingRules(first_frame=1))
