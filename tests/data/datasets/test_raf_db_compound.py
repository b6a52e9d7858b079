from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from metafacs.compounds import RAF_DB_COMPOUNDS
from metafacs.data.datasets.raf_db_compound import read_raf_db_compound
from metafacs.data.datasets.reading import DatasetError


def layout(root: Path, labels: str, names: list[str]) -> Path:
    compound = root / "compound"
    (compound / "EmoLabel").mkdir(parents=True, exist_ok=True)
    (compound / "Image" / "aligned").mkdir(parents=True, exist_ok=True)
    (compound / "EmoLabel" / "list_patition_label.txt").write_bytes(labels.encode())
    for name in names:
        (compound / "Image" / "aligned" / f"{name}_aligned.jpg").write_bytes(b"x")
    return root


def test_codes_and_partition(tmp_path: Path) -> None:
    text = "\ufefftrain_0001.jpg 1\r\n\r\ntest_0001.jpg 11\r\n"
    reading = read_raf_db_compound(layout(tmp_path, text, ["train_0001", "test_0001"]))
    found = [(s.key, s.part, RAF_DB_COMPOUNDS[s.expression or 0]) for s in reading.samples]
    assert found == [
        ("train_0001", "train", "happily surprised"),
        ("test_0001", "test", "disgustedly surprised"),
    ]
    assert reading.expressions == RAF_DB_COMPOUNDS
    assert reading.aus == ()
    assert reading.pre_aligned
    assert not reading.skipped


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("name label", "line is not"),
        ("train_0002.jpg", "no label"),
        ("train_0002.jpg 0", "code 1..11"),
        ("train_0002.jpg 12", "code 1..11"),
        ("0002.jpg 1", "neither train nor test"),
        ("train_0009.jpg 1", "label without a picture"),
    ],
)
def test_bad_lines_are_reported(tmp_path: Path, line: str, reason: str) -> None:
    reading = read_raf_db_compound(layout(tmp_path, f"train_0001.jpg 4\n{line}\n", ["train_0001"]))
    assert len(reading.samples) == 1
    (skipped,) = reading.skipped
    assert skipped.line == 2
    assert reason in skipped.reason


def test_empty_list_and_pictures_without_labels(tmp_path: Path) -> None:
    reading = read_raf_db_compound(layout(tmp_path, "", ["test_0001"]))
    assert [entry.reason for entry in reading.skipped] == ["empty file", "picture without a label"]


def test_missing_parts_of_the_layout(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="compound is missing"):
        read_raf_db_compound(tmp_path)
    (tmp_path / "compound" / "Image" / "aligned").mkdir(parents=True)
    with pytest.raises(DatasetError, match=r"list_patition_label\.txt is missing"):
        read_raf_db_compound(tmp_path)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=st.text(alphabet="train_tes01.jpg 8\r\né", max_size=60))
def test_no_text_breaks_the_reader(tmp_path: Path, body: str) -> None:
    with suppress(DatasetError):  # of a pattern
        for sample in read_raf_db_compound(layout(tmp_path, body, ["train_0001"])).samples:
            assert sample.expression in range(11)
            assert sample.part in ("train", "test")
