from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from metafacs.data.datasets.bp4d import read_bp4d
from metafacs.data.datasets.reading import DatasetError

HEADER = "0,1,2,3,4\n"


def layout(root: Path, text: str, frames: list[str], sequence: str = "F001_T1") -> Path:
    labels = root / "AUCoding" / "AU_OCC"
    labels.mkdir(parents=True, exist_ok=True)
    (labels / f"{sequence}.csv").write_bytes(text.encode())
    folder = root / "Sequences(2D+3D)" / Path(*sequence.split("_"))
    folder.mkdir(parents=True, exist_ok=True)
    for frame in frames:
        (folder / f"{frame}.jpg").touch()
    return root


def test_columns_are_taken_by_header_and_nine_is_unknown(tmp_path: Path) -> None:
    reading = read_bp4d(layout(tmp_path, "0,4,2,1,3\n2440,1,9,0,5\n".replace(",5", ",1"), ["2440"]))
    (sample,) = reading.samples
    assert sample.action_units == {4: 1.0, 1: 0.0}
    assert (sample.subject, sample.part, sample.key) == ("F001", "T1", "F001/T1/2440")
    assert reading.aus == (1, 4)
    assert reading.twin is None


@pytest.mark.parametrize("name", ["0007", "007", "7"])
def test_frames_may_be_padded_to_four_three_or_no_digits(tmp_path: Path, name: str) -> None:
    reading = read_bp4d(layout(tmp_path, HEADER + "7,0,1,0,0\n", [name]))
    assert reading.samples[0].picture.name == f"{name}.jpg"


def test_hostile_but_readable_text(tmp_path: Path) -> None:
    text = "\ufeff0,1,2,\r\n\r\n 12 , 1 ,0,\r\n"
    (sample,) = read_bp4d(layout(tmp_path, text, ["0012"])).samples
    assert sample.action_units == {1: 1.0, 2: 0.0}


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        ("", None, "empty file"),
        ("frame,AU1\n1,0\n", 1, "wrong header"),
        ("1,2\n3,0\n", 1, "wrong header"),
        ("0,1,1\n1,0,0\n", 1, "each once"),
        (HEADER + "1,0,0\n", 2, "number of cells"),
        (HEADER + "x,0,0,0,0\n", 2, "frame number"),
        (HEADER + "²,0,0,0,0\n", 2, "frame number"),
        (HEADER + "9" * 5000 + ",0,0,0,0\n", 2, "frame number"),
        ("0,²\n1,0\n", 1, "wrong header"),
        (HEADER + "1,0,7,0,0\n", 2, "code other than"),
        (HEADER + "\n99,0,0,0,0\n", 3, "label without a frame"),
    ],
)
def test_bad_lines_are_reported_and_do_not_stop_the_rest(
    tmp_path: Path, text: str, line: int | None, reason: str
) -> None:
    layout(tmp_path, HEADER + "5,1,1,0,0\n", ["0005"], "M002_T3")
    reading = read_bp4d(layout(tmp_path, text, ["0001"]))
    assert [sample.key for sample in reading.samples] == ["M002/T3/0005"]
    skipped = reading.skipped[0]
    assert skipped.file == "AUCoding/AU_OCC/F001_T1.csv"
    assert skipped.line == line
    assert reason in skipped.reason
    assert reason in str(reading)


def test_missing_parts_of_the_layout(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="AU_OCC is missing"):
        read_bp4d(tmp_path)
    (tmp_path / "AUCoding" / "AU_OCC").mkdir(parents=True)
    with pytest.raises(DatasetError, match="Sequences"):
        read_bp4d(tmp_path)
    (tmp_path / "Sequences").mkdir()
    with pytest.raises(DatasetError, match=r"holds no \*\.csv"):
        read_bp4d(tmp_path)


def test_missing_sequence_and_strange_file_are_counted(tmp_path: Path) -> None:
    layout(tmp_path, HEADER + "5,1,1,0,0\n", ["0005"])
    (tmp_path / "AUCoding" / "AU_OCC" / "F002_T1.csv").write_text(HEADER)
    (tmp_path / "AUCoding" / "AU_OCC" / "notes.csv").write_text("hello")
    reading = read_bp4d(tmp_path)
    assert {skipped.reason for skipped in reading.skipped} == {
        "sequence has labels but no folder of frames",
        "file name is not <subject>_<task>.csv",
    }
    assert reading.summary()["pictures"] == 1


def test_repeated_and_unlabelled_frames_are_counted(tmp_path: Path) -> None:
    reading = read_bp4d(layout(tmp_path, HEADER + "7,1,1,0,0\n7,0,0,0,0\n", ["0007", "0008", "0009"]))
    assert [sample.action_units[1] for sample in reading.samples] == [1.0]
    assert [str(entry) for entry in reading.skipped] == [
        "AUCoding/AU_OCC/F001_T1.csv:3: frame is labelled twice; the first label counts",
        "Sequences(2D+3D)/F001/T1: frame without a label (2 times)",
    ]
    assert reading.summary()["skipped"]["frame without a label"] == 2  # type: ignore[index]


def test_one_file_that_is_no_text_does_not_stop_the_rest(tmp_path: Path) -> None:
    root = layout(tmp_path, HEADER + "7,1,1,0,0\n", ["0007"])
    (root / "AUCoding" / "AU_OCC" / "F002_T1.csv").write_bytes(b"\xff\xfe")
    reading = read_bp4d(root)
    assert len(reading.samples) == 1
    assert {entry.file for entry in reading.skipped} == {"AUCoding/AU_OCC/F002_T1.csv"}


def test_damaged_twin_file_never_passes_for_real_data(tmp_path: Path) -> None:
    layout(tmp_path, HEADER, ["0005"])
    (tmp_path / "TWIN.json").write_text("{")
    with pytest.raises(DatasetError, match=r"TWIN\.json is damaged"):
        read_bp4d(tmp_path)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    aus=st.permutations([1, 2, 4, 12, 25]),
    codes=st.lists(st.lists(st.sampled_from("019"), min_size=5, max_size=5), max_size=4),
    first=st.integers(0, 99_990),
)
def test_every_written_table_is_read_back(
    tmp_path: Path, aus: list[int], codes: list[list[str]], first: int
) -> None:
    shutil.rmtree(tmp_path / "t", ignore_errors=True)
    rows = [[str(first + row), *cells] for row, cells in enumerate(codes)]
    text = "".join(",".join(row) + "\n" for row in (["0", *map(str, aus)], *rows))
    reading = read_bp4d(layout(tmp_path / "t", text, [f"{first + row:04d}" for row in range(len(codes))]))
    assert not reading.skipped
    assert [sample.action_units for sample in reading.samples] == [
        {au: float(code) for au, code in zip(aus, cells, strict=True) if code != "9"} for cells in codes
    ]


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=st.text(alphabet="0123459,-. \r\nxé", max_size=60))
def test_no_text_breaks_the_reader(tmp_path: Path, body: str) -> None:
    reading = read_bp4d(layout(tmp_path, HEADER + body, ["0001", "0005"]))
    for sample in reading.samples:
        assert set(sample.action_units) <= {1, 2, 4}
        assert set(sample.action_units.values()) <= {0.0, 1.0}
