from __future__ import annotations

import importlib.util
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from metafacs.data.datasets import emotionet
from metafacs.data.datasets.addresses import BY_NAME
from metafacs.data.datasets.emotionet import read_emotionet
from metafacs.data.datasets.reading import DatasetError

HEADER = "URL,URL orig,'AU 1','AU 2','AU 12'\n"
FIRST = "N_0000000001/N_0000000001_00003.jpg"


def layout(root: Path, rows: str, pictures: tuple[str, ...] = (FIRST,), header: str = HEADER) -> Path:
    root.mkdir(parents=True, exist_ok=True)
    (root / "EmotioNet_FACS.csv").write_bytes((header + rows).encode())
    for picture in pictures:
        path = root / "optimization_set" / picture
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return root


def row(codes: str, picture: str = FIRST) -> str:
    return f"'http://example.org/images/{picture}','http://example.org/x',{codes}\n"


def test_quoted_headers_addresses_and_999(tmp_path: Path) -> None:
    reading = read_emotionet(layout(tmp_path, row("1,999,0")))
    (sample,) = reading.samples
    assert sample.action_units == {1: 1.0, 12: 0.0}
    assert sample.key == "optimization_set/N_0000000001/N_0000000001_00003"
    assert sample.picture.is_file()
    assert (sample.subject, sample.part, reading.aus) == (None, None, (1, 12))


def test_lists_give_parts_and_unlabelled_pictures(tmp_path: Path) -> None:
    names = (FIRST, "b/2.jpg", "b/3.jpg", "b/4.jpg")
    root = layout(tmp_path, row("1,0,0") + row("0,0,1", "b/2.jpg"), names)
    (root / "validation.txt").write_text(f"{FIRST}\n")
    (root / "test.txt").write_text("optimization_set/b/2.jpg\r\n\r\n")
    (root / "train.txt").write_text("b/3.jpg\nb/none.jpg\n")
    reading = read_emotionet(root)
    found = [(s.picture.name, s.part, len(s.action_units)) for s in reading.samples]
    assert found == [
        (Path(FIRST).name, "validation", 3),
        ("2.jpg", "test", 3),
        ("3.jpg", "train", 0),
    ]
    assert [str(s) for s in reading.skipped] == [
        "train.txt:2: listed picture is missing or not unique",
        ".: picture without a label",
    ]
    (root / "train.txt").write_text("b/2.jpg\n")
    with pytest.raises(DatasetError, match=r"test\.txt lists .*2\.jpg, which is in train\.txt too"):
        read_emotionet(root)


def test_a_picture_is_listed_once(tmp_path: Path) -> None:
    root = layout(tmp_path, row("1,0,0"))
    (root / "test.txt").write_text(f"\ufeff{FIRST},\r\n\r\noptimization_set/{FIRST}\r\n", encoding="utf-8")
    reading = read_emotionet(root)
    assert [sample.part for sample in reading.samples] == ["test"]
    assert [str(s) for s in reading.skipped] == ["test.txt:3: picture is listed twice; the first line counts"]


def points(first: float, count: int = 49) -> str:
    return "\t".join(f"{first + k:.2f}" for k in range(2 * count)) + "\n"


def test_landmarks_belong_to_the_lists_line_by_line(tmp_path: Path) -> None:
    root = layout(tmp_path, row("1,0,0") + row("0,0,1", "b/2.jpg"), (FIRST, "b/2.jpg", "b/3.jpg"))
    (root / "validation.txt").write_text(f"b/2.jpg\n\n{FIRST}\n")
    (root / "validation_land.txt").write_text(points(1) + "\n" + points(11.5))
    (root / "train.txt").write_text("b/3.jpg\n")
    (root / "train_land.txt").write_text(points(31))
    by_name = {s.picture.name: s.landmarks for s in read_emotionet(root, landmarks=True).samples}
    expected = np.arange(98.0).reshape(49, 2)
    assert np.array_equal(by_name["2.jpg"], expected), "files count from 1, samples from 0"
    assert np.array_equal(by_name[Path(FIRST).name], expected + 10.5)
    assert np.array_equal(by_name["3.jpg"], expected + 30)
    assert all(sample.landmarks is None for sample in read_emotionet(root).samples)


def test_pictures_without_landmarks_are_left_out_where_these_are_asked_for(tmp_path: Path) -> None:
    names = (FIRST, "b/2.jpg", "b/3.jpg", "b/4.jpg")
    root = layout(tmp_path, "".join(row("1,0,0", name) for name in names), names)
    with pytest.raises(DatasetError, match=r"holds none of train_land\.txt, .* without the option"):
        read_emotionet(root, landmarks=True)
    (root / "validation.txt").write_text(f"{FIRST}\nb/2.jpg\n")
    (root / "validation_land.txt").write_text("1 2 3\n" + points(1))
    (root / "train.txt").write_text("b/4.jpg\n")
    reading = read_emotionet(root, landmarks=True)
    assert [sample.picture.name for sample in reading.samples] == ["2.jpg"]
    assert [str(s) for s in reading.skipped] == [
        "train.txt: list without train_land.txt",
        "validation.txt:1: landmarks are not 49, 66 or 68 pairs of numbers",
        *(f"EmotioNet_FACS.csv:{line}: picture without landmarks" for line in (2, 4, 5)),
    ]
    assert len(read_emotionet(root).samples) == 4
    (root / "test.txt").write_text("b/3.jpg\n")
    (root / "test_land.txt").write_text("")
    with pytest.raises(DatasetError, match=r"test\.txt and test_land\.txt differ in length: 1 paths, 0 rows"):
        read_emotionet(root, landmarks=True)


def test_the_truth_of_a_twin_is_no_second_table(tmp_path: Path) -> None:
    root = layout(tmp_path, row("1,0,0"))
    (root / "twin_provenance.csv").write_text("name\n")
    assert len(read_emotionet(root).samples) == 1


def test_the_folder_decides_between_pictures_of_one_name(tmp_path: Path) -> None:
    rows = row("1,0,0", "a/1.jpg") + row("0,0,0", "b/1.jpg") + row("0,0,0", "c/1.jpg")
    reading = read_emotionet(layout(tmp_path, rows, ("a/1.jpg", "b/1.jpg")))
    assert [sample.key for sample in reading.samples] == ["optimization_set/a/1", "optimization_set/b/1"]
    assert [(s.line, s.reason) for s in reading.skipped] == [(4, "several pictures have this name")]


def test_no_picture_gets_the_label_of_another_folder(tmp_path: Path) -> None:
    rows = row("0,0,0", "A/0001.jpg") + row("0,0,0", "A/0002.jpg") + row("1,1,1", "B/0001.jpg")
    reading = read_emotionet(layout(tmp_path, rows, ("A/0002.jpg", "B/0001.jpg")))
    found = {sample.key: sample.action_units[12] for sample in reading.samples}
    assert found == {"optimization_set/A/0002": 0.0, "optimization_set/B/0001": 1.0}
    assert [(s.line, s.reason) for s in reading.skipped] == [(2, "label without a picture")]


def test_what_is_found_by_its_name_alone_is_told(tmp_path: Path) -> None:
    reading = read_emotionet(layout(tmp_path, row("1,0,0", "A/0001.jpg"), ("all/0001.jpg",)))
    assert [sample.key for sample in reading.samples] == ["optimization_set/all/0001"]
    assert [(s.line, s.reason) for s in reading.skipped] == [(2, BY_NAME)]


def test_columns_that_are_not_read_are_named(tmp_path: Path) -> None:
    header = "URL,URL orig,'AU 1','AV 12','AU 60'\n"
    reading = read_emotionet(layout(tmp_path, row("1,1,0"), header=header))
    assert reading.aus == (1,)
    assert [str(s) for s in reading.skipped] == [
        "EmotioNet_FACS.csv:1: column 'AV 12' is no AU and is not read"
    ]


def test_another_code_book_is_refused(tmp_path: Path) -> None:
    names = [f"N/{number}.jpg" for number in range(6)]
    rows = "".join(row(f"{number},1,999", name) for number, name in enumerate(names))
    with pytest.raises(DatasetError, match=r"FACS\.csv: 4 of 6 rows .* for AU1 .* these are intensities"):
        read_emotionet(layout(tmp_path, rows, tuple(names)))


def test_lists_tell_who_is_not_in_them_and_must_match_something(tmp_path: Path) -> None:
    root = layout(tmp_path, row("1,0,0") + row("0,0,1", "b/2.jpg"), (FIRST, "b/2.jpg"))
    (root / "test.txt").write_text(f"{FIRST}\n")
    reading = read_emotionet(root)
    assert [(s.picture.name, s.part) for s in reading.samples] == [
        (Path(FIRST).name, "test"),
        ("2.jpg", None),
    ]
    assert [(s.line, s.reason) for s in reading.skipped] == [
        (3, "picture is in no list: its part stays unknown")
    ]
    (root / "test.txt").write_text(f"{FIRST}\nb/3.jpg\n")
    (root / "optimization_set/b/3.jpg").touch()
    assert "test.txt: listed picture without a row in the table" in map(str, read_emotionet(root).skipped)
    (root / "train.txt").write_text("c/1.jpg\nc/4.jpg\n")
    with pytest.raises(DatasetError, match=r"train\.txt: none of its 2 pictures is there, e\.g\. c/1\.jpg"):
        read_emotionet(root)


def test_hidden_and_unread_pictures_are_named_and_links_followed(tmp_path: Path) -> None:
    root = layout(tmp_path / "set", row("1,0,0", "b/2.jpg"), ("._2.jpg", "a/3.jpg_large"))
    (root / "._EmotioNet_FACS.csv").write_bytes(b"\x00\x05\x16\x07")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "2.jpg").touch()
    (root / "b").symlink_to(tmp_path / "elsewhere")
    reading = read_emotionet(root)
    assert [sample.key for sample in reading.samples] == ["b/2"]
    assert {str(s) for s in reading.skipped} == {
        "._EmotioNet_FACS.csv: file ._* of macOS is no picture and no label",
        "optimization_set/._2.jpg: file ._* of macOS is no picture and no label",
        "optimization_set/a/3.jpg_large: file ending in .jpg_large is not read",
    }


def test_hostile_but_readable_text(tmp_path: Path) -> None:
    header = "\ufeff" + HEADER.strip() + ",\r\n\r\n"
    text = row("1.0, ,0,", "Zoë.jpg").strip() + "\r\n"
    (sample,) = read_emotionet(layout(tmp_path / "ä", text, ("x/Zoë.jpg",), header)).samples
    assert sample.action_units == {1: 1.0, 12: 0.0}


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        (row("1,0"), "number of cells"),
        (row("1,0,0,1"), "number of cells"),
        (row("1,2,0"), "code other than"),
        (row("1,yes,0"), "code other than"),
        (row("1,0,0", "none.jpg"), "label without a picture"),
        (row("1,0,0", "b/2.jpg"), "labelled twice"),
    ],
)
def test_bad_rows_are_reported_and_do_not_stop_the_rest(tmp_path: Path, rows: str, reason: str) -> None:
    root = layout(tmp_path, row("0,0,1", "b/2.jpg") + rows, (FIRST, "b/2.jpg"))
    reading = read_emotionet(root)
    assert len(reading.samples) == 1
    skipped, unlabelled = reading.skipped
    assert (unlabelled.reason, unlabelled.count) == ("picture without a label", 1)
    assert (skipped.file, skipped.line) == ("EmotioNet_FACS.csv", 3)
    assert reason in skipped.reason


@pytest.mark.parametrize(
    ("header", "message"),
    [
        ("", "wrong header"),
        ("address,'AU 1'\n", "wrong header"),
        ("URL,URL orig,smile\n", "no column such as"),
        ("URL,AU 1,'AU 01'\n", "two columns"),
    ],
)
def test_a_table_without_its_columns_is_an_error(tmp_path: Path, header: str, message: str) -> None:
    with pytest.raises(DatasetError, match=message):
        read_emotionet(layout(tmp_path, "", header=header))


def test_which_table(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"neither a \*\.csv nor an \*\.xlsx"):
        read_emotionet(tmp_path)
    root = layout(tmp_path, row("1,0,0"))
    (root / "other.csv").write_text(HEADER)
    with pytest.raises(DatasetError, match="several tables"):
        read_emotionet(root)
    assert len(read_emotionet(root, table=root / "EmotioNet_FACS.csv").samples) == 1
    with pytest.raises(DatasetError, match="is missing"):
        read_emotionet(root, table=root / "none.csv")
    with pytest.raises(DatasetError, match="elsewhere is missing"):
        read_emotionet(root, table=root / "other.csv", pictures=root / "elsewhere")


def test_excel_without_openpyxl_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "EmotioNet_FACS.xlsx").touch()
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(DatasetError, match="pip install openpyxl"):
        read_emotionet(tmp_path)


def test_excel_rows_are_read_like_csv(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The package that opens Excel files may be absent; what comes after it is the same for both."""
    root = layout(tmp_path, "")
    (root / "EmotioNet_FACS.csv").unlink()
    (root / "EmotioNet_FACS.xlsx").touch()
    cells = [
        ["URL", "URL orig", "'AU 1'", "'AU 2'"],
        ["", "", "", ""],
        [f"'http://x.org/{FIRST}'", "''", "1", "999"],
    ]
    monkeypatch.setattr(emotionet, "excel_rows", lambda table: enumerate(cells, start=1))
    (sample,) = read_emotionet(root).samples
    assert sample.action_units == {1: 1.0}


def test_a_damaged_excel_file_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "EmotioNet_FACS.xlsx").write_bytes(b"")
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: object())
    with pytest.raises(DatasetError, match="not a readable Excel file"):
        read_emotionet(tmp_path)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    aus=st.permutations([1, 2, 12, 43, 60]),
    codes=st.lists(st.lists(st.sampled_from(["0", "1", "999"]), min_size=5, max_size=5), max_size=4),
    quote=st.sampled_from(["", "'", '"']),
)
def test_every_written_table_is_read_back(
    tmp_path: Path, aus: list[int], codes: list[list[str]], quote: str
) -> None:
    """AU60 is no action unit of FACS: the real table's columns beyond the known ones are left alone."""
    names = [f"N_1/N_1_{number}.jpg" for number in range(4)]
    header = ",".join(["URL", "URL orig", *(f"{quote}AU {au}{quote}" for au in aus)]) + "\n"
    text = "".join(row(",".join(cells), name) for cells, name in zip(codes, names, strict=False))
    reading = read_emotionet(layout(tmp_path, text, tuple(names), header))
    assert [sample.action_units for sample in reading.samples] == [
        {au: float(code) for au, code in zip(aus, cells, strict=True) if au != 60 and code != "999"}
        for cells in codes
    ]


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(names=st.binary(max_size=60), land=st.text(alphabet="0123 .\tna\r\n", max_size=60), good=st.booleans())
def test_no_list_breaks_the_reader(tmp_path: Path, names: bytes, land: str, good: bool) -> None:
    root = layout(tmp_path, row("1,0,0"))
    (root / "test.txt").write_bytes((FIRST.encode() + b"\n") * good + names)
    (root / "test_land.txt").write_text(points(1) * good + land)
    with suppress(DatasetError):
        for sample in read_emotionet(root, landmarks=True).samples:
            assert sample.part == "test"
            assert sample.landmarks is not None
            assert sample.landmarks.shape == (49, 2)
    with suppress(DatasetError):
        assert len(read_emotionet(root).samples) == 1


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=st.text(alphabet="01999,.'\"/jpgN_ \r\né\x00", max_size=60))
def test_no_text_breaks_the_reader(tmp_path: Path, body: str) -> None:
    for sample in read_emotionet(layout(tmp_path, body + "\n" + row(body[:8]))).samples:
        assert set(sample.action_units.values()) <= {0.0, 1.0}
