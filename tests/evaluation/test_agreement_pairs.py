from __future__ import annotations

from pathlib import Path

import pytest

from metafacs.data.codings import READABLE, CodingError
from metafacs.evaluation.agreement_pairs import pair_files


def folder(root: Path, name: str, *files: str) -> Path:
    made = root / name
    made.mkdir()
    for file in files:
        (made / file).touch()
    return made


def test_files_go_two_by_two_and_are_named_apart() -> None:
    pairs, warnings = pair_files([Path("a.csv"), Path("x.eaf"), Path("b.csv"), Path("y.eaf")])
    assert [(pair.left.name, pair.right.name, pair.video) for pair in pairs] == [
        ("a.csv", "x.eaf", "a"),
        ("b.csv", "y.eaf", "b"),
    ]
    assert not warnings
    same, _ = pair_files([Path("1/p.csv"), Path("x.eaf"), Path("2/p.csv"), Path("y.eaf")])
    assert [pair.video for pair in same] == ["1_p", "2_p"]
    coders, _ = pair_files([Path("p.csv"), Path("x.eaf"), Path("p.csv"), Path("y.eaf")])
    assert [pair.video for pair in coders] == ["p_x", "p_y"]
    assert [pair.subject for pair in coders] == ["p", "p"], "two coders of one video are not two people"
    assert {pair.subject for pair in same} == {None}


def test_a_pair_counts_once(tmp_path: Path) -> None:
    with pytest.raises(CodingError, match=r"a\.csv and x\.eaf are given twice"):
        pair_files([Path("a.csv"), Path("x.eaf"), Path("a.csv"), Path("x.eaf")])
    with pytest.raises(CodingError, match=r"a\.csv would be compared with itself"):
        pair_files([Path("a.csv"), Path("./a.csv")])
    listed = tmp_path / "pairs.csv"
    listed.write_text("left,right,person\na.csv,x.eaf,0\na.csv,x.eaf,1\n")
    assert [pair.person for pair in pair_files([], listed)[0]] == ["0", "1"]


def test_codings_in_other_formats_are_named(tmp_path: Path) -> None:
    left = folder(tmp_path, "tables", "a.csv", "b.xlsx")
    _, warnings = pair_files([left, folder(tmp_path, "codings", "a.eaf")])
    assert warnings == [f"1 files of {left} are not read; save them as {', '.join(READABLE)}: b.xlsx"]


def test_folders_go_by_name_and_what_is_alone_is_told(tmp_path: Path) -> None:
    left = folder(tmp_path, "tables", "a.csv", "a.csv.meta.json", "b.csv", "c.csv", "._a.csv", "notes.pdf")
    right = folder(tmp_path, "codings", "a.eaf", "b.csv", "z.eaf")
    pairs, warnings = pair_files([left, right])
    assert [(pair.video, pair.right.name) for pair in pairs] == [("a", "a.eaf"), ("b", "b.csv")]
    assert len(warnings) == 2
    assert "1 files" in warnings[0]
    assert warnings[0].endswith(": c")


def test_a_list_may_name_people(tmp_path: Path) -> None:
    listed = tmp_path / "pairs.csv"
    listed.write_text("left,right,subject,person\nt/a.csv,c/a.eaf,S1,0\nt/b.csv,c/b.eaf,S1,\n")
    pairs, _ = pair_files([], listed)
    assert [(pair.left, pair.subject, pair.person) for pair in pairs] == [
        (tmp_path / "t/a.csv", "S1", "0"),
        (tmp_path / "t/b.csv", "S1", None),
    ]


def test_two_people_of_a_video_are_two(tmp_path: Path) -> None:
    listed = tmp_path / "pairs.csv"
    rows = ["a.csv,anna.csv,0", "a.csv,bob.csv,1", "a.csv,bob_again.csv,1", "b.csv,x.csv,", "b.csv,y.csv,"]
    listed.write_text("\n".join(["left,right,person", *rows]))
    told = [(pair.subject, pair.person) for pair in pair_files([], listed)[0]]
    assert told == [(None, "0"), ("a, person 1", "1"), ("a, person 1", "1"), ("b", None), ("b", None)]


def test_what_does_not_go_into_pairs_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CodingError, match="3 files do not go into pairs"):
        pair_files([Path("a"), Path("b"), Path("c")])
    with pytest.raises(CodingError, match="0 files"):
        pair_files([])
    with pytest.raises(CodingError, match="is a folder; give two folders"):
        pair_files([tmp_path, Path("b.csv")])
    with pytest.raises(CodingError, match="either files or --pairs"):
        pair_files([Path("a")], Path("b"))
    left, right = folder(tmp_path, "l", "a.csv", "a.jsonl"), folder(tmp_path, "r", "b.csv")
    with pytest.raises(CodingError, match=r"holds a\.csv and a\.jsonl"):
        pair_files([left, right])
    (left / "a.jsonl").unlink()
    with pytest.raises(CodingError, match=r"no file of .* has the name"):
        pair_files([left, right])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("left,right\na.csv,\n", r"p\.csv:2: a pair lacks a file"),
        ("left,rihgt\na,b\n", "column 'rihgt' is unknown"),
        ("left\na\n", "'left' and 'right' name"),
        ("left,right\n", "lists no pair"),
    ],
)
def test_broken_lists_are_named(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "p.csv"
    path.write_text(text)
    with pytest.raises(CodingError, match=message):
        pair_files([], path)
