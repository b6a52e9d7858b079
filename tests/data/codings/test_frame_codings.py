from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from metafacs.data.codings import CodingError, ReadingRules, read_coding
from metafacs.data.codings.coding import AuSeries, FrameCoding

Write = Callable[..., Path]
NAN = float("nan")


def frames_of(path: Path, rules: ReadingRules | None = None) -> FrameCoding:
    coding = read_coding(path, rules)
    assert isinstance(coding, FrameCoding)
    assert coding.kind == "coding by frames"
    return coding


def only(coding: FrameCoding, au: int) -> AuSeries:
    return coding.people[""][au]


def test_presence_and_unknown_codes(write: Write) -> None:
    coding = frames_of(write("c.csv", "frame,AU6,AU12,note", "0,0,1,hi", "1,9,,", "2,1,999,", "3,-1,0,"))
    np.testing.assert_equal(only(coding, 6).presence, [0, NAN, 1, NAN])
    np.testing.assert_equal(only(coding, 12).presence, [1, NAN, NAN, 0])
    assert only(coding, 6).intensity is None


@pytest.mark.parametrize("rows", [("0,0,1", "1,3,5", "2,9,0"), ("0,0,A", "1,c,E", "2,,0")])
def test_numbers_above_one_or_letters_make_all_of_a_file_intensities(
    write: Write, rows: tuple[str, ...]
) -> None:
    path = write("c.csv", "frame,AU6,AU12", *rows)
    coding = frames_of(path)
    np.testing.assert_equal(only(coding, 6).intensity, [0, 3, NAN])
    np.testing.assert_equal(only(coding, 12).intensity, [1, 5, 0])
    np.testing.assert_equal(only(coding, 12).presence, [1, 1, 0])
    strict = frames_of(path, ReadingRules(present_from=2))
    np.testing.assert_equal(only(strict, 12).presence, [0, 1, 0])


def test_suffixes_say_what_a_column_holds(write: Write) -> None:
    coding = frames_of(
        write("c.csv", "frame,AU12_c,AU12_r,AU4_L,AU4_R", "0,1,1,0,1", "1,0,0,0,0", "2,0,0,,0")
    )
    np.testing.assert_equal(only(coding, 12).presence, [1, 0, 0])
    np.testing.assert_equal(only(coding, 12).intensity, [1, 0, 0])
    np.testing.assert_equal(only(coding, 4).presence, [1, 0, NAN])


def test_people_have_their_own_frames(write: Write) -> None:
    coding = frames_of(write("c.csv", "frame,person,AU12", "0,person0,1", "0,person1,0", "1,person1,1"))
    np.testing.assert_equal(coding.people["0"][12].presence, [1, NAN])
    np.testing.assert_equal(coding.people["1"][12].presence, [0, 1])


@pytest.mark.parametrize(
    ("numbers", "rules", "expected"),
    [
        ((0, 1, 2), None, [0, 1, 2]),
        ((1, 2, 3), None, [0, 1, 2]),
        ((1, 2, 3), 0, [1, 2, 3]),
        ((5, 6, 7), None, [5, 6, 7]),
        ((5, 6, 7), 1, [4, 5, 6]),
    ],
)
def test_the_number_of_the_first_frame_is_taken_from_the_file_or_told(
    write: Write, numbers: tuple[int, ...], rules: int | None, expected: list[int]
) -> None:
    path = write("c.csv", "frame,AU12", *(f"{number},1" for number in numbers))
    coding = frames_of(path, ReadingRules(first_frame=rules))
    assert coding.frames is not None
    assert coding.frames.tolist() == expected
    assert any("--first_frame" in note for note in coding.notes)
    assert coding.first_frame_guessed == (rules is None and numbers[0] != 0)


def test_a_blank_line_is_not_overlooked_where_the_first_frame_is_guessed(write: Write) -> None:
    lines = ("frame,AU12", "", "1,0", "2,1")
    with pytest.raises(CodingError, match=r"c\.csv:2: the line is blank, .* say it with --first_frame"):
        read_coding(write("c.csv", *lines))
    assert frames_of(write("c.csv", *lines), ReadingRules(first_frame=0)).rows == 2
    assert frames_of(write("c.csv", "frame,AU12", "0,0", "", "1,1", "", "")).rows == 2
    assert frames_of(write("c.csv", "frame,AU12", "1,0", "2,1", "", "")).rows == 2


def test_times_tell_the_number_of_the_first_frame(write: Write) -> None:
    coding = frames_of(write("c.csv", "frame,time,AU12", "51,2.0,1", "52,2.04,1", "53,2.08,0"))
    assert coding.frames is not None
    assert coding.frames.tolist() == [50, 51, 52]


def test_a_frame_0_contradicts_a_first_frame_1(write: Write) -> None:
    with pytest.raises(CodingError, match="--first_frame says 1"):
        read_coding(write("c.csv", "frame,AU12", "0,1"), ReadingRules(first_frame=1))


def test_marks_semicolons_decimal_commas_and_tabs(write: Write) -> None:
    plain = "frame;time;AU12\n0;0,0;1\n1;0,04;0\n"
    for name, text in (("c.csv", plain), ("c.tsv", plain.replace(";", "\t"))):
        coding = frames_of(write(name, raw=b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode()))
        assert coding.times == pytest.approx([0, 0.04])
        np.testing.assert_equal(only(coding, 12).presence, [1, 0])


def test_a_coding_may_tell_times_only(write: Write) -> None:
    coding = frames_of(write("c.csv", "time_ms,AU12", "0,1", "40,0"))
    assert coding.frames is None
    assert coding.times == pytest.approx([0, 0.04])


def test_codes_of_head_and_eyes_are_left_out_by_name(write: Write) -> None:
    coding = frames_of(write("c.csv", "frame,AU12,AU51", "0,1,1"))
    assert list(coding.people[""]) == [12]
    assert any("AU51" in note for note in coding.notes)


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (("frame,AU12,AUU4", "0,1,1"), r"c\.csv:1: column 'AUU4' is unknown"),
        (("frame,AU12,mood", "0,1,1"), r"c\.csv:1: column 'mood' is unknown"),
        (("frame,AU99", "0,1"), r"c\.csv:1: column 'AU99': AU99 is no FACS action unit"),
        (("frame,AU12_x", "0,1"), r"c\.csv:1: column 'AU12_x': 'x' is unknown"),
        (("frame,AU12,AU 12", "0,1,1"), r"c\.csv:1: column 'AU 12' is a second one"),
        (("frame,AU12,AU12", "0,1,0"), r"two columns are called 'AU12'"),
        (("number,AU12", "0,1"), r"c\.csv:1: no column tells the frame"),
        (("frame,note", "0,1"), r"c\.csv:1: no column of an action unit"),
        (("frame,AU12", "0,1", "", "1,7"), r"c\.csv:4: AU12: '7' is no code"),
        (("frame,AU12", "0,1", "1,yes!"), r"c\.csv:3: AU12: 'yes!' is no code"),
        (("frame,AU12", "0,0.7"), r"c\.csv:2: AU12 is 0\.7, neither 0 nor 1; call columns of prob"),
        (("frame,AU12_c", "0,2"), r"c\.csv:2: AU12_c is '2', neither 0 nor 1"),
        (("frame,AU12", "x,1"), r"c\.csv:2: the frame is 'x', not a number"),
        (("frame,AU12", "1e300,1"), r"c\.csv:2: 1e\+300 is no number of a frame"),
        (("frame,AU12", "-1,1"), r"c\.csv:2: -1 is no number of a frame"),
        (("frame,AU12", "0,1,1"), r"c\.csv:2: the row has 3 cells, but the header 2"),
        (("frame,AU12", '0,"1'), r"c\.csv:2: not a table \(unexpected end of data"),
        (("frame,AU12",), r"c\.csv:1: the file holds no rows"),
        (("",), r"c\.csv is empty"),
    ],
)
def test_what_cannot_be_meant_is_named_with_its_line(
    write: Write, lines: tuple[str, ...], message: str
) -> None:
    with pytest.raises(CodingError, match=message):
        read_coding(write("c.csv", *lines))


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        ("frame,AU12,note\n0,1,\xe4\n".encode("latin-1"), r"c\.csv:2: not text in UTF-8"),
        ("frame,AU12\n0,1\n".encode("utf-16"), "UTF-16"),
        (b"frame,AU12\n0,1\n1,\x00\n", r"c\.csv:3: not text"),
    ],
)
def test_other_encodings_are_named(write: Write, raw: bytes, message: str) -> None:
    with pytest.raises(CodingError, match=message):
        read_coding(write("c.csv", raw=raw))


def test_files_that_are_no_coding_are_named(tmp_path: Path, write: Write) -> None:
    with pytest.raises(CodingError, match="is missing"):
        read_coding(tmp_path / "no.csv")
    with pytest.raises(CodingError, match="is a folder"):
        read_coding(tmp_path)
    with pytest.raises(CodingError, match=r"ends in '\.mp4'"):
        read_coding(write("clip.mp4", "x"))


@pytest.mark.parametrize(
    "rules",
    [
        {"first_frame": 2},
        {"threshold": 0},
        {"present_from": 6},
        {"least_confidence": -1},
        {"coded_range": ((3, 2),)},
    ],
)
def test_impossible_rules_are_refused(rules: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"lies in|ends before|has the number"):
        ReadingRules(**rules)  # type: ignore[arg-type]
