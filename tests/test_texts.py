from __future__ import annotations

import pytest

from metafacs.texts import cell, check_folder_name, from_cell, markdown, printable, shown


def test_terminal_sees_no_escape() -> None:
    assert printable("\x1b]0;x\x07") == "\\x1b]0;x\\x07"
    assert printable("Grüße, 顔") == "Grüße, 顔"
    printable("\udcff").encode()


@pytest.mark.parametrize("text", ["=1+1", "+cmd", "-x", "@SUM(A1)", "\t=1", "-1+1", "=cmd|' /C calc'!A0"])
def test_spreadsheet_sees_no_formula(text: str) -> None:
    assert cell(text) == f"'{text}"


def test_long_names_are_cut_and_stay_two() -> None:
    first, second = shown("w" * 5000), shown("w" * 4999)
    assert len(first) == len(second) == 100
    assert first != second
    assert shown("a\u202eb\0\n") == "a\\u202eb\\x00\\n"
    assert shown("dual_domain P, width 8") == "dual_domain P, width 8"


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("a|b\n# x", r"a\|b\\n# x"),
        ("[x](javascript:alert(1))", r"[x\](javascript:alert(1))"),
        ("<script>", r"\<script>"),
        ("**bold** `code`", r"\*\*bold\*\* \`code\`"),
        ("F1 < 0.5, beta_1, 0.5 [0.4, 0.6]", "F1 < 0.5, beta_1, 0.5 [0.4, 0.6]"),
    ],
)
def test_markdown_sees_no_mark(text: str, written: str) -> None:
    assert markdown(text) == written


@pytest.mark.parametrize(
    "text", ["", "1", "-1", "+.5", "-1e-3", "5%", "-0.1 ± 0.2", "+0.1 (-0.1 to +0.3)", "a=b", "F001/T1/2440"]
)
def test_ordinary_cells_stay(text: str) -> None:
    assert cell(text) == text


@pytest.mark.parametrize("name", ["mal", "G", "beta_0.5", "ours, 1 shot", "lr $5", "mal [lr 1]", "Größe"])
def test_names_that_can_be_folders(name: str) -> None:
    assert check_folder_name(name) == name


@pytest.mark.parametrize(
    "name",
    ["", " ", ".", "..", "../x", "/abs", "a/b", "a\\b", "a\nb", "a\0", "C:x", "nul", "w" * 300, ".a", "a."],
)
def test_names_that_cannot(name: str) -> None:
    with pytest.raises(ValueError, match="cannot be the name of a folder"):
        check_folder_name(name)


@pytest.mark.parametrize("text", ["=1+1", "@home.jpg", "-x", "-1", "'", "", "it's", "F001/T1/2440"])
def test_a_cell_gives_its_text_back(text: str) -> None:
    assert from_cell(cell(text)) == text
