from __future__ import annotations

import math

import pytest

from metafacs.data.codings.values import (
    AuCode,
    parse_au_codes,
    parse_au_name,
    parse_code,
    parse_person,
)

NAN = float("nan")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("AU12", (12, "", "")),
        ("AU 12", (12, "", "")),
        ("au_1", (1, "", "")),
        ("AU06_r", (6, "", "r")),
        ("au_1_intensity", (1, "", "intensity")),
        ("person0_AU12", (12, "person0", "")),
        ("Anna AU45", (45, "Anna", "")),
        ("L_AU12", (12, "L", "")),
        ("AU12@P1", (12, "", "p1")),
        ("AU06 Cheek raiser", (6, "", "cheek raiser")),
    ],
)
def test_names_of_columns_and_tiers_are_understood(name: str, expected: tuple[int, str, str]) -> None:
    assert parse_au_name(name) == expected


@pytest.mark.parametrize("name", ["audio", "AU", "12", "gaze_0_x", "author 12", "", "AU12345"])
def test_other_names_name_no_au(name: str) -> None:
    assert parse_au_name(name) is None


@pytest.mark.parametrize(
    ("code", "level"),
    [("0", 0), ("1", 1), ("1.0", 1), ("a", 1), ("E", 5), ("2.5", 2.5), ("present", 1), ("absent", 0)],
)
def test_codes_say_a_level(code: str, level: float) -> None:
    assert parse_code(code) == level


@pytest.mark.parametrize("code", ["", " ", "9", "9.0", "999", "-1", "-1.0", "NA", "nan", "?"])
def test_codes_of_unknown_are_not_absent(code: str) -> None:
    assert math.isnan(parse_code(code))


@pytest.mark.parametrize("code", ["6", "-2", "F", "maybe", "1e9", "0,5"])
def test_other_codes_are_refused(code: str) -> None:
    with pytest.raises(ValueError, match="no code of an action unit"):
        parse_code(code)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("AU12", [(12, NAN, "")]),
        ("AU 12", [(12, NAN, "")]),
        ("12C", [(12, 3, "")]),
        ("1+2", [(1, NAN, ""), (2, NAN, "")]),
        ("AU6 + L12B, AU25", [(6, NAN, ""), (12, 2, "L"), (25, NAN, "")]),
        ("AU1 AU2", [(1, NAN, ""), (2, NAN, "")]),
    ],
)
def test_lists_of_codes_are_understood(text: str, expected: list[tuple[int, float, str]]) -> None:
    found = parse_au_codes(text, prefixed=False)
    assert found is not None
    assert [str(code) for code in found] == [str(AuCode(*each)) for each in map(_floats, expected)]


def _floats(code: tuple[int, float, str]) -> tuple[int, float, str]:
    return code[0], float(code[1]), code[2]


@pytest.mark.parametrize("text", ["smile", "", "AU12 smile", "12 cm", "AU12F"])
def test_other_text_is_no_list_of_codes(text: str) -> None:
    assert parse_au_codes(text, prefixed=False) is None


def test_people_have_one_name_in_all_files() -> None:
    assert {parse_person(name) for name in ("person2", "Person_2", "face 2", "P02", "2", "2.0")} == {"2"}
    assert parse_person(" Anna ") == "Anna"
