from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from metafacs.data.datasets.mismatches import (
    CodeBook,
    refuse_many,
    refuse_moved_codes,
    refuse_moved_frames,
    refuse_presence_codes,
    refuse_unmatched,
)
from metafacs.data.datasets.reading import DatasetError, occurrence

FILE = Path("list.txt")


def book_of(rows: list[str]) -> CodeBook:
    """Return a book after it read rows of the codes of AU1 and AU2."""
    book = CodeBook(FILE, "0 and 1", lambda code: occurrence(code, (9,)))
    for row in rows:
        book.read(dict(zip((1, 2), row.split(), strict=True)))
    return book


def test_a_row_is_known_or_strange() -> None:
    book = book_of([])
    assert book.read({1: "1", 2: "9"}) == {1: 1.0}
    assert book.read({1: "1", 2: "2"}) is None


@pytest.mark.parametrize(
    "rows",
    [["0 1"] * 500, ["0 1"] * 3 + ["0 2"], ["0 1"] * 999 + ["0 3"] * 9, ["7 1"]],
    ids=["none", "one", "few of many", "the only one"],
)
def test_slips_are_no_other_code_book(rows: list[str]) -> None:
    book_of(rows).refuse_if_many("choose")


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        (["0 1"] * 50 + ["0 2"] * 20, r"20 of 70 rows .* 2 for AU2 \(20 times\).* intensities: choose"),
        # A rare action unit: few rows are spoilt, but few show it at all.
        (["0 0"] * 2000 + ["1 0"] * 12 + ["3 0"] * 9, r"9 of 2021 rows .* 3 for AU1 .* intensities"),
        (["0 1"] * 50 + ["0 7"] * 2, r"2 of 52 rows .*; correct the file"),
        (["0 0"] * 5000 + ["0 -5"] * 2, "2 of 5002 rows"),
    ],
)  # fmt: skip
def test_another_code_book_is_refused_with_the_evidence(rows: list[str], said: str) -> None:
    with pytest.raises(DatasetError, match=rf"^list\.txt: {said}"):
        book_of(rows).refuse_if_many("choose")


@pytest.mark.parametrize("codes", [[1, 2, 7], [1, 1, 9], [None, 3], [], [8], [1] * 500 + [99] * 3])
def test_codes_of_the_list_are_let_be(codes: list[int | None]) -> None:
    refuse_moved_codes(FILE, codes, 1, 7, "expressions")


@pytest.mark.parametrize(
    ("codes", "said"),
    [
        ([0, 3, 6], "go from 0 to 6 instead of 1 to 7, 1 of 3 lie outside; they count from 0: count from 1"),
        ([2, 8] + [5] * 400, "they count from 2: count from 1"),
        ([1, 4, 8, 11, 11], "this is another list or code book"),
    ],
)  # fmt: skip
def test_moved_codes_are_refused(codes: list[int | None], said: str) -> None:
    with pytest.raises(DatasetError, match=said):
        refuse_moved_codes(FILE, codes, 1, 7, "expressions")


@pytest.mark.parametrize(
    ("labels", "pictures"),
    [
        (range(1, 9), range(1, 9)),
        (range(100, 200), range(0, 500)),
        (range(1, 9), [1, 2, 3, 5, 6, 7, 8, 9]),
        (range(1, 9), [0, 1, 2, 3, 5, 6, 7, 8]),
        (range(1, 9), range(3, 6)),
        # The first labelled picture is lost, the last one, and another beside it.
        (range(10, 20), range(11, 30)),
        (range(10, 20), range(11, 20)),
        (range(10, 20), range(5, 19)),
        (range(10, 20), [*range(11, 15), *range(16, 30)]),
        ([1, 2], [0, 1]),
        ([], []),
    ],
)
def test_frames_that_are_only_missing_are_let_be(labels: list[int], pictures: list[int]) -> None:
    refuse_moved_frames(FILE, labels, pictures)


@pytest.mark.parametrize(
    ("labels", "pictures", "shift"),
    [(range(12), range(1, 13), 1), (range(1, 13), range(12), -1), (range(2440, 2500), range(1, 61), -2439)],
)
def test_frames_that_are_moved_are_refused(labels: range, pictures: range, shift: int) -> None:
    evidence = rf"moved by \{shift:+d} fit {len(pictures)} pictures"
    with pytest.raises(DatasetError, match=evidence):
        refuse_moved_frames(FILE, labels, pictures)


@pytest.mark.parametrize(
    ("labels", "pictures"),
    [
        (range(12), [*range(1, 6), *range(7, 13)]),
        ([10, 12, 14, 16], [11, 13, 15, 17, 30]),
        (range(10, 20), [*range(9, 16), 17, 18]),
    ],
)
def test_frames_that_are_moved_by_one_are_refused_though_pictures_are_lost(
    labels: Sequence[int], pictures: Sequence[int]
) -> None:
    with pytest.raises(DatasetError, match=r"moved by [+-]1 fit"):
        refuse_moved_frames(FILE, labels, pictures)


def test_labels_from_the_first_frame_on_tell_more() -> None:
    refuse_moved_frames(FILE, range(1, 9), range(0, 20))
    with pytest.raises(DatasetError, match="labelled frames are 1 to 8, the pictures 0 to 19"):
        refuse_moved_frames(FILE, range(1, 9), range(0, 20), from_the_first=True)


def test_presence_is_no_intensity() -> None:
    codes = [0] * 90 + [1] * 10
    refuse_presence_codes(FILE, codes, 1)
    refuse_presence_codes(FILE, [*codes, 2], 2)
    refuse_presence_codes(FILE, [0] * 100, 2)
    refuse_presence_codes(FILE, [*codes, 0.5], 2)
    with pytest.raises(DatasetError, match=r"of 100 intensities 10 are 1 and none is higher.*threshold 1"):
        refuse_presence_codes(FILE, codes, 2)


def test_whole_lists_that_match_nothing() -> None:
    refuse_unmatched(FILE, [], 0, "people", "write them alike")
    refuse_unmatched(FILE, ["a"], 1, "people", "write them alike")
    with pytest.raises(DatasetError, match=r"none of its 2 people is there, e\.g\. a; write them alike"):
        refuse_unmatched(FILE, ["b", "a"], 0, "people", "write them alike")
    refuse_many(FILE, 1, 3, "codes")
    with pytest.raises(DatasetError, match="2 of 3 rows do not hold codes"):
        refuse_many(FILE, 2, 3, "codes")
