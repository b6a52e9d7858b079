"""Rows that a table calls failed are unknown, whatever else stands in them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from metafacs.data.codings import CodingError, ReadingRules, read_coding
from metafacs.data.codings.coding import FrameCoding, IntervalCoding

Write = Callable[..., Path]
NAN = float("nan")


def presence(path: Path, rules: ReadingRules | None = None) -> np.ndarray:
    coding = read_coding(path, rules)
    assert isinstance(coding, FrameCoding)
    return next(iter(coding.people.values()))[12].presence


@pytest.mark.parametrize(
    ("header", "rows", "expected"),
    [
        # OpenFace, whole, without one of its columns, and with a row that somebody emptied.
        ("frame,confidence,success,AU12_c", ("1,0.9,1,1", "2,0,0,0", "3,0.9,1,0"), [1, NAN, 0]),
        ("frame,confidence,AU12_c", ("1,0.9,1", "2,0,0", "3,0.9,0"), [1, NAN, 0]),
        ("frame,success,AU12_c", ("1,1,1", "2,0,0", "3,,0"), [1, NAN, NAN]),
        ("frame,confidence,success,AU12_c", ("1,,1,1", "2,0,1,0", "3,0.9,1,0"), [1, NAN, 0]),
        # py-feat 2 writes a score of 0, and some versions fill the rest.
        ("frame,FaceScore,AU12", ("0,0.99,0.7", "1,0,0.31", "2,0.99,0.2"), [1, NAN, 0]),
        ("frame,FaceScore,AU12", ("0,0.99,0.7", "1,,0.31", "2,0.99,0.2"), [1, NAN, 0]),
        # Trimmed to what looks like a coding by people.
        ("frame,success,AU12", ("0,1,1", "1,0,0", "2,1,0"), [1, NAN, 0]),
        ("frame,confidence,AU12", ("0,1,1", "1,0,0", "2,1,0"), [1, NAN, 0]),
        ("frame,problem,AU12", ("0,,1", "1,cannot be decoded,0", "2,,0"), [1, NAN, 0]),
        ("frame,success,problem,AU12_p", ("0,1,,0.9", "1,1,black,0.1", "2,1,,0.1"), [1, NAN, 0]),
        # LibreFace leaves frames out, and cells empty.
        ("frame_idx,au_12", ("0,1", "1,", "2,0"), [1, NAN, 0]),
    ],
)
def test_failed_rows_are_unknown(
    write: Write, header: str, rows: tuple[str, ...], expected: list[float]
) -> None:
    np.testing.assert_equal(presence(write("t.csv", header, *rows)), expected)


def test_failed_rows_are_counted(write: Write) -> None:
    path = write(
        "t.csv",
        "frame,success,confidence,problem,AU12",
        "0,1,.9,,1",
        "1,0,0,,0",
        "2,1,.9,dark,0",
        "3,1,.2,,0",
    )
    coding = read_coding(path, ReadingRules(least_confidence=0.5))
    np.testing.assert_equal(coding.people[""][12].presence, [1, NAN, NAN, NAN])  # type: ignore[union-attr]
    assert coding.notes[:3] == (
        "1 rows say that no face was found: unknown",
        "1 rows name a problem: unknown",
        "1 rows have a confidence below 0.5: unknown",
    )


def test_a_success_that_is_neither_is_refused(write: Write) -> None:
    with pytest.raises(CodingError, match=r"t\.csv:3: success is 2, neither 0 nor 1"):
        read_coding(write("t.csv", "frame,success,AU12_c", "1,1,1", "2,2,0"))


def test_a_failed_row_of_a_list_is_not_to_be_judged(write: Write) -> None:
    coding = read_coding(write("t.csv", "onset_s,offset_s,au,problem", "0.5,1,12,", "2,3,12,face hidden"))
    assert isinstance(coding, IntervalCoding)
    first, second = coding.people[""][12]
    assert first.presence == 1
    assert np.isnan(second.presence)


def test_a_table_of_openface_without_success_is_doubted(write: Write) -> None:
    coding = read_coding(write("t.csv", "frame,confidence,AU12_c", "1,0.9,1"))
    assert coding.warnings == ("no column 'success': only a confidence of 0 tells that no face was found",)
