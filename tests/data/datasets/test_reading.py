from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from metafacs.data.datasets.reading import (
    DatasetError,
    Reading,
    finite_numbers,
    listed_names,
    numbered_lines,
    numbered_rows,
    occurrence,
    whole_number,
)


@given(st.text(max_size=12))
def test_whole_numbers_are_digits_and_nothing_else(cell: str) -> None:
    number = whole_number(cell)
    assert (number is not None) == (0 < len(cell) < 10 and set(cell) <= set("0123456789"))


def test_an_endless_number_is_none() -> None:
    assert whole_number("1" * 5000) is None


@given(st.text(alphabet="019-. enaif_²", max_size=6))
def test_codes_are_known_unknown_or_refused(code: str) -> None:
    try:
        value = occurrence(code, (9, -1))
    except ValueError:
        return
    assert value in (0.0, 1.0, None)


@pytest.mark.parametrize("code", ["1e-400", "1_0", "\u0661", "0x1", "1e0", "+1", "nan", "inf", "9" * 5000])
def test_only_what_every_program_takes_for_a_code_is_one(code: str) -> None:
    with pytest.raises(ValueError, match="is neither 0 nor 1"):
        occurrence(code, ())


def test_lists_lose_blank_lines_and_trailing_commas(write_text: Callable[[str, str], Path]) -> None:
    path = write_text("train.txt", "\ufeff001A,\r\n\r\n  Zoë B \n,\n")
    assert listed_names(path) == ["001A", "Zoë B"]
    with pytest.raises(DatasetError, match="is missing"):
        listed_names(path.with_name("test.txt"))


LINES = st.lists(st.text(alphabet=st.characters(blacklist_categories=("Cs",), blacklist_characters="\r\n")))


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(lines=LINES, ending=st.sampled_from(["\n", "\r\n", "\r"]), bom=st.booleans())
def test_lines_are_numbered_as_an_editor_does(
    tmp_path: Path, lines: list[str], ending: str, bom: bool
) -> None:
    path = tmp_path / "text.txt"
    path.write_bytes(("\ufeff" * bom + ending.join(lines)).encode())
    expected = {number: line.strip() for number, line in enumerate(lines, start=1) if line.strip()}
    if not bom and expected.get(1, "").startswith("\ufeff"):
        return
    assert dict(numbered_lines(path)) == expected
    names = [line.rstrip(",").strip() for line in expected.values()]
    assert listed_names(path) == [name for name in names if name]


def test_things_of_one_kind_are_counted_together(tmp_path: Path) -> None:
    reading = Reading("x", tmp_path)
    reading.skip(tmp_path / "a", None, "frame without a label", 7)
    reading.skip(tmp_path / "b", 3, "frame without a label")
    reading.skip(tmp_path / "c", None, "nothing of this kind", 0)
    assert [str(entry) for entry in reading.skipped] == [
        "a: frame without a label (7 times)",
        "b:3: frame without a label",
    ]
    assert reading.summary()["skipped"] == {"frame without a label": 8}
    assert "skipped 8: frame without a label (first: a)" in str(reading)


def test_every_reason_is_told_with_its_first_place(tmp_path: Path) -> None:
    reading = Reading("x", tmp_path)
    for number in range(1, 26):
        for line in range(1, number + 1):
            reading.skip(tmp_path / "list.txt", line, f"reason {number}")
    told = str(reading).splitlines()
    assert told[1] == "  skipped 25: reason 25 (first: list.txt:1)"
    assert told[-1] == "  and more, for 5 other reasons"
    assert len(told) == 22


def test_a_file_that_is_not_text_is_noted(tmp_path: Path) -> None:
    path = tmp_path / "labels.txt"
    path.write_bytes(b"1,2\n\xff\xfe")
    reading = Reading("disfa", tmp_path)
    assert reading.lines(path) == []
    assert [str(entry) for entry in reading.skipped] == ["labels.txt: not a UTF-8 text file"]


def test_what_a_terminal_would_obey_is_printed_as_it_is_written(tmp_path: Path) -> None:
    reading = Reading("x", tmp_path)
    reading.skip(tmp_path / "a\x1b[2J", 1, "column '\x1b]0;x\x07' is no AU")
    assert str(reading.skipped[0]) == "a\\x1b[2J:1: column '\\x1b]0;x\\x07' is no AU"


def test_numbers_are_numbers_to_every_program() -> None:
    assert finite_numbers(" 1\t-2.5,3e2 ").tolist() == [1.0, -2.5, 300.0]  # type: ignore[union-attr]
    assert finite_numbers("").tolist() == []  # type: ignore[union-attr]
    for text in ("nan", "inf", "1_0", "\u0661", "1e400", "1 2 x", "--1", "1e"):
        assert finite_numbers(text) is None, text


def test_a_line_that_is_no_csv_keeps_its_number(write_text: Callable[[str, str], Path]) -> None:
    long = "x" * 200_000
    path = write_text("table.csv", f'picture, AU12\n\n"a, b.png", 1\n{long},1\n')
    assert list(numbered_rows(path)) == [(1, ["picture", "AU12"]), (3, ["a, b.png", "1"]), (4, [f"{long},1"])]
