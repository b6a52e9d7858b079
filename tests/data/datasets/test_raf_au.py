from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from metafacs.data.datasets.raf_au import read_raf_au
from metafacs.data.datasets.reading import DatasetError


def layout(root: Path, text: str, names: list[str], folder: str = "aligned") -> Path:
    (root / folder).mkdir(parents=True, exist_ok=True)
    (root / "RAFAU_label.txt").write_bytes(text.encode())
    for name in names:
        (root / folder / f"{name}_aligned.jpg").write_bytes(b"x")
    return root


@pytest.mark.parametrize("folder", ["aligned", "Image/aligned"])
def test_every_au_of_the_list_is_present_or_absent(tmp_path: Path, folder: str) -> None:
    text = "\ufeff0001.jpg R1+R2+25 \r\n\r\n0004.jpg null \r\n0007.jpg 26+9+AD19+26\r\n"
    reading = read_raf_au(layout(tmp_path, text, ["0001", "0004", "0007"], folder))
    shown = [{au for au, label in s.action_units.items() if label} for s in reading.samples]
    assert shown == [{1, 2, 25}, set(), {9, 19, 26}]
    assert reading.aus == (1, 2, 9, 19, 25, 26)
    assert all(tuple(sample.action_units) == reading.aus for sample in reading.samples)
    assert reading.expressions == ()
    assert reading.pre_aligned
    assert not reading.skipped


def test_vocabulary_does_not_depend_on_the_pictures_that_are_there(tmp_path: Path) -> None:
    reading = read_raf_au(layout(tmp_path, "0001.jpg 1\n0002.jpg 12\n", ["0001"]))
    assert reading.aus == (1, 12)
    assert reading.samples[0].action_units == {1: 1.0, 12: 0.0}
    assert [(entry.line, entry.reason) for entry in reading.skipped] == [(2, "label without a picture")]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("image AUs", "line is not"),
        ("0002.jpg", "no label"),
        ("0002.jpg 1 4", "no action unit code"),
        ("0002.jpg 1+Q4", "no action unit code"),
    ],
)
def test_bad_lines_leave_a_picture_unlabelled(tmp_path: Path, line: str, reason: str) -> None:
    reading = read_raf_au(layout(tmp_path, f"0001.jpg 1+4\n{line}\n", ["0001", "0002"]))
    assert [sample.key for sample in reading.samples] == ["0001"]
    first, second = reading.skipped
    assert first.line == 2
    assert reason in first.reason
    assert (second.file, second.reason) == ("aligned/0002_aligned.jpg", "picture without a label")


def test_empty_list_and_picture(tmp_path: Path) -> None:
    layout(tmp_path, "", [])
    (tmp_path / "aligned" / "0001_aligned.jpg").touch()
    reading = read_raf_au(tmp_path)
    assert not reading.samples
    assert {entry.reason for entry in reading.skipped} == {"empty file", "picture without a label"}


def test_missing_parts_of_the_layout(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="none is missing"):
        read_raf_au(tmp_path / "none")
    with pytest.raises(DatasetError, match="aligned pictures"):
        read_raf_au(tmp_path)
    (tmp_path / "aligned").mkdir()
    with pytest.raises(DatasetError, match=r"RAFAU_label\.txt is missing"):
        read_raf_au(tmp_path)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=st.text(alphabet="01.jpg45LRTBAD+nul \r\né", max_size=60))
def test_no_text_breaks_the_reader(tmp_path: Path, body: str) -> None:
    with suppress(DatasetError):  # of a pattern
        reading = read_raf_au(layout(tmp_path, body, ["0001"]))
        for sample in reading.samples:
            assert tuple(sample.action_units) == reading.aus
            assert set(sample.action_units.values()) <= {0.0, 1.0}
