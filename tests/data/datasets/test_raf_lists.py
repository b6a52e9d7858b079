from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from metafacs.data.datasets.raf_lists import (
    Entry,
    find_aligned_pictures,
    note_unlabelled,
    read_code,
    read_list,
    read_shares,
)
from metafacs.data.datasets.reading import DatasetError, Reading


def test_lines_become_entries_under_names_of_four_digits(write_text: Callable[[str, str], Path]) -> None:
    path = write_text("list.txt", "\ufeff0001.jpg 5 \r\n\r\n 7.JPG\t1+4 + 25\r\ntrain_00012.jpg 3\n")
    reading = Reading("x", path.parent)
    assert read_list(reading, path) == {
        "0001": Entry(1, "5"),
        "0007": Entry(3, "1+4 + 25"),
        "train_00012": Entry(4, "3"),
    }
    assert not reading.skipped


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("name label", "line is not"),
        ("0001.png 5", "line is not"),
        ("../0001.jpg 5", "line is not"),
        ("²1.jpg 5", "line is not"),
        ("0001.jpg", "no label"),
        ("1.jpg 5", "listed twice"),
    ],
)
def test_bad_lines_are_reported(write_text: Callable[[str, str], Path], line: str, reason: str) -> None:
    first = "0002.jpg" if "twice" not in reason else "0001.jpg"
    path = write_text("list.txt", f"{first} 1\n{line}\n0003.jpg 2\n")
    reading = Reading("x", path.parent)
    assert len(read_list(reading, path)) == 2
    (skipped,) = reading.skipped
    assert (skipped.file, skipped.line) == ("list.txt", 2)
    assert reason in skipped.reason


@pytest.mark.parametrize("text", ["", "\ufeff", "\r\n \r\n"])
def test_empty_list_is_reported(write_text: Callable[[str, str], Path], text: str) -> None:
    path = write_text("list.txt", text)
    reading = Reading("x", path.parent)
    assert read_list(reading, path) == {}
    assert [str(entry) for entry in reading.skipped] == ["list.txt: empty file"]


def test_missing_and_binary_lists_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"none\.txt is missing"):
        read_list(Reading("x", tmp_path), tmp_path / "none.txt")
    (tmp_path / "list.txt").write_bytes(b"\xff\xd8\xff\xe0 0001.jpg 5\n")
    with pytest.raises(DatasetError, match="not a UTF-8 text file"):
        read_list(Reading("x", tmp_path), tmp_path / "list.txt")


def test_pictures_are_found_in_the_first_folder_that_exists(tmp_path: Path) -> None:
    folder = tmp_path / "Bilder für alle" / "aligned"
    folder.mkdir(parents=True)
    for name in (
        "0001_aligned.jpg",
        "12_aligned.jpg",
        "train_00003_aligned.JPG",
        "Thumbs.db",
        "._0001_aligned.jpg",
        ".metafacs.lock",
    ):
        (folder / name).write_bytes(b"x")
    (folder / "0004_aligned.jpg").touch()
    (folder / "0005_aligned.jpg").mkdir()
    reading = Reading("x", tmp_path)
    found = find_aligned_pictures(reading, (tmp_path / "none", folder))
    assert set(found) == {"0001", "0004", "0005", "0012", "train_00003"}
    assert [(Path(entry.file).name, entry.reason) for entry in reading.skipped] == [
        ("._0001_aligned.jpg", "file ._* of macOS is no picture and no label"),
        ("Thumbs.db", "file ending in .db is not read"),
    ]
    note_unlabelled(reading, found, dict.fromkeys(["0001", "0004", "0005", "0012"]))
    assert "train_00003_aligned.JPG: picture without a label" in str(reading.skipped[-1])
    with pytest.raises(DatasetError, match="is missing: it should hold the aligned pictures"):
        find_aligned_pictures(reading, (tmp_path / "none", tmp_path / "nor this"))


@given(label=st.text(alphabet="0123456789.e-+ naif", max_size=40))
def test_shares_are_shares_or_nothing(label: str) -> None:
    shares = read_shares(label, 6)
    if shares is not None:
        assert len(shares) == 6
        assert all(0 <= share <= 1 for share in shares)
        assert sum(shares) == pytest.approx(1, abs=0.0201)


@given(counts=st.lists(st.integers(0, 40), min_size=6, max_size=6).filter(any))
def test_shares_survive_being_written(counts: list[int]) -> None:
    written = [count / sum(counts) for count in counts]
    read = read_shares(" ".join(f"{share:.6f}" for share in written), 6)
    assert read == pytest.approx(written, abs=1e-6)


@pytest.mark.parametrize(
    "label", ["", "1 0 0 0 0", "nan 1 0 0 0 0", "2 -1 0 0 0 0", ".5 .5 .5 0 0 0", "a b c"]
)
def test_other_numbers_are_no_shares(label: str) -> None:
    assert read_shares(label, 6) is None


@given(label=st.text(max_size=6))
def test_code_is_in_range_or_nothing(label: str) -> None:
    code = read_code(label, 1, 11)
    assert code is None or (1 <= code <= 11 and label.lstrip("0") == str(code))


@given(code=st.integers(-5, 20))
def test_code_survives_being_written(code: int) -> None:
    assert read_code(str(code), 0, 13) == (code if 0 <= code <= 13 else None)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    labels=st.dictionaries(
        st.sampled_from(["", "train_", "test_"]).flatmap(
            lambda p: st.integers(0, 99999).map(lambda n: f"{p}{n:05d}")
        ),
        st.text(alphabet="0123456789+LRTBAD nul.é", min_size=1).map(str.strip).filter(bool),
        max_size=5,
    ),
    separator=st.sampled_from([" ", "\t", "  "]),
    ending=st.sampled_from(["\n", "\r\n", ",\n", " \n\n"]),
)
def test_every_written_list_is_read_back(
    tmp_path: Path, labels: dict[str, str], separator: str, ending: str
) -> None:
    path = tmp_path / "list.txt"
    path.write_bytes("".join(f"{k}.jpg{separator}{label}{ending}" for k, label in labels.items()).encode())
    reading = Reading("x", tmp_path)
    assert {key: entry.label for key, entry in read_list(reading, path).items()} == labels
    assert [entry.reason for entry in reading.skipped] == ([] if labels else ["empty file"])


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=st.text(alphabet="0123.jpgtrain_ \t\r\n\ufeff+é", max_size=80))
def test_no_text_breaks_the_list(tmp_path: Path, body: str) -> None:
    path = tmp_path / "list.txt"
    path.write_bytes(body.encode())
    reading = Reading("x", tmp_path)
    lines = {entry.line for entry in read_list(reading, path).values()}
    skipped = {entry.line for entry in reading.skipped}
    assert not lines & skipped
