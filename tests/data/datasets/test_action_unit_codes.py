from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metafacs.data.datasets.action_unit_codes import (
    parse_action_units,
    read_action_unit_list,
    vocabulary_of,
)
from metafacs.data.datasets.reading import Reading
from metafacs.facs import AU_NAMES

TOKENS = st.tuples(st.sampled_from(["", "L", "R", "T", "B", "AD"]), st.sampled_from(sorted(AU_NAMES)))


@pytest.mark.parametrize(
    ("codes", "numbers"),
    [
        ("1+4+25", {1, 4, 25}),
        ("L12+24", {12, 24}),
        ("R1+R2+25", {1, 2, 25}),
        ("15+17+T24", {15, 17, 24}),
        ("4+B22+T24", {4, 22, 24}),
        ("9+AD19+24", {9, 19, 24}),
        ("1+2+5+26+26", {1, 2, 5, 26}),
        ("16+1+12+2", {1, 2, 12, 16}),
        ("L10+R10", {10}),
        (" 5 + B28 ", {5, 28}),
        ("null", set()),
        ("NULL ", set()),
    ],
)
def test_prefixes_order_and_repetition_do_not_matter(codes: str, numbers: set[int]) -> None:
    assert parse_action_units(codes) == numbers


@pytest.mark.parametrize(
    "codes", ["", "+", "1++4", "1+", "1 4", "X12", "LR12", "null+1", "1,4", "0", "-1", "1.5", "1234", "²"]
)
def test_anything_else_is_refused(codes: str) -> None:
    with pytest.raises(ValueError, match="is no action unit code"):
        parse_action_units(codes)


@given(tokens=st.lists(TOKENS, min_size=1, max_size=12))
def test_what_is_written_is_read(tokens: list[tuple[str, int]]) -> None:
    text = "+".join(f"{where}{number}" for where, number in tokens)
    assert parse_action_units(text) == {number for _, number in tokens}


@given(text=st.text(alphabet="0123456789LRTBAD+nul é", max_size=30))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        numbers = parse_action_units(text)
    except ValueError:
        return
    assert all(0 < number < 1000 for number in numbers)


def test_vocabulary_is_that_of_the_list(write_text: Callable[[str, str], Path]) -> None:
    path = write_text("list.txt", "0001.jpg L12+25\n0002.jpg null\n0003.jpg 1+99\n0004.jpg 1+x\n")
    reading = Reading("x", path.parent)
    coded = read_action_unit_list(reading, path)
    assert vocabulary_of(coded) == (1, 12, 25)
    assert coded["0001"].action_units == {1: 0.0, 12: 1.0, 25: 1.0}
    assert coded["0001"].codes == "L12+25"
    assert coded["0002"].action_units == {1: 0.0, 12: 0.0, 25: 0.0}
    assert coded["0003"].action_units == {1: 1.0, 12: 0.0, 25: 0.0}
    assert "0004" not in coded
    assert [(entry.line, entry.reason[:10]) for entry in reading.skipped] == [
        (3, "code 99 is"),
        (4, "'x' is no "),
    ]
    assert vocabulary_of({}) == ()
