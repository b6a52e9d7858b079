from __future__ import annotations

import shutil
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from metafacs.data.datasets.bp4d import read_bp4d
from metafacs.data.datasets.intensities import NO_INTENSITY
from metafacs.data.datasets.reading import DatasetError

HEADER = "0,1,2,3,4\n"
WITH_SMILES = "0,2,6,12,14\n"


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
        (HEADER + "1" * 5000 + ",0,0,0,0\n", 2, "frame number"),
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


def write_intensities(root: Path, au: int, text: str, sequence: str = "F001_T1") -> None:
    path = root / "AUCoding" / "AU_INT" / f"AU{au:02d}" / f"{sequence}_AU{au:02d}.csv"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode())


def test_intensities_are_read_where_they_are_and_nine_is_unknown(tmp_path: Path) -> None:
    root = layout(tmp_path, WITH_SMILES + "1,1,0,0,0\n5,1,1,0,0\n", ["0001", "0005"])
    assert [sample.intensities for sample in read_bp4d(root).samples] == [{}, {}]
    write_intensities(root, 6, "\ufeff1,3\r\n\r\n 5 , 9 ,\r\n")
    write_intensities(root, 12, "5,0\n")
    write_intensities(root, 14, "1,5\n", "F002_T1")
    reading = read_bp4d(root)
    assert [sample.intensities for sample in reading.samples] == [{6: 3.0}, {12: 0.0}]
    assert [sample.action_units[2] for sample in reading.samples] == [1.0, 1.0]
    assert [str(entry) for entry in reading.skipped] == [
        f"AUCoding/AU_INT/AU12/F001_T1_AU12.csv: {NO_INTENSITY}",
        "AUCoding/AU_INT/AU14/F002_T1_AU14.csv: intensities of a sequence without codes",
        "AUCoding/AU_INT/AU14: sequence without a file of intensities",
    ]


def test_intensities_are_found_whatever_the_writing_of_their_names(tmp_path: Path) -> None:
    root = layout(tmp_path, WITH_SMILES + "1,1,0,0,0\n", ["0001"])
    folder = root / "AUCoding" / "AU_INT"
    for name in ("AU6/F001_T1_AU6.csv", "au12/f001_t1_au12.CSV", "AU14/F001_T1.csv", "AU14/notes.txt"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("1,3\n")
    write_intensities(root, 12, "1,5\n", "F001_T1")  # a second folder of AU12
    write_intensities(root, 14, "1,5\n", "F001_T1_AU14_F001_T1")
    reading = read_bp4d(root)
    assert reading.samples[0].intensities == {6: 3.0, 12: 5.0}
    notes = {str(entry).removeprefix("AUCoding/AU_INT/") for entry in reading.skipped}
    assert notes == {
        "AU14/notes.txt: file ending in .txt is not read",
        "AU14/F001_T1.csv: name of the file of intensities is not <subject>_<task>_AU14.csv (2 times)",
        "AU14: sequence without a file of intensities",
        "au12: second folder of intensities of one action unit; the first is read",
    }


def test_intensities_that_a_store_has_no_column_for_are_noted(tmp_path: Path) -> None:
    root = layout(tmp_path, "0,2,6,12\n1,1,0,9\n", ["0001"])
    for au in (6, 10, 12):
        write_intensities(root, au, "1,3\n")
    reading = read_bp4d(root)
    assert (reading.aus, reading.samples[0].intensities) == ((2, 6), {6: 3.0})
    assert [str(entry) for entry in reading.skipped] == [
        "AUCoding/AU_INT/AU10: intensities of an action unit without known occurrence codes (2 times)"
    ]


def test_bad_intensities_are_reported_and_do_not_stop_the_rest(tmp_path: Path) -> None:
    root = layout(tmp_path, WITH_SMILES + "1,1,0,0,0\n5,1,1,0,0\n", ["0001", "0005"])
    write_intensities(root, 6, "frame,intensity\n1,7\n1,2\n1,3\n5,4\n8,1\n")
    (root / "AUCoding" / "AU_INT" / "notes").mkdir()
    reading = read_bp4d(root)
    assert [sample.intensities for sample in reading.samples] == [{6: 2.0}, {6: 4.0}]
    file = "AUCoding/AU_INT/AU06/F001_T1_AU06.csv"
    wrong = "line is not 'frame,intensity' with an intensity 0 to 5 or 9"
    assert [str(s) for s in reading.skipped] == [
        "AUCoding/AU_INT/notes: name of the folder of intensities is no AU such as AU06",
        f"{file}:1: {wrong}",
        f"{file}:2: {wrong}",
        f"{file}:4: frame is labelled twice; the first label counts",
        "AUCoding/AU_OCC/F001_T1.csv: frame with an intensity but without codes",
    ]


def write_list(root: Path, paths: str, lands: str | None, part: str = "BP4D_part1") -> None:
    (root / "Landmarks").mkdir(exist_ok=True)
    (root / "Landmarks" / f"{part}_path.txt").write_text(paths)
    if lands is not None:
        (root / "Landmarks" / f"{part}_land.txt").write_text(lands)


def line_of(points: np.ndarray) -> str:
    return " ".join(str(value) for value in points.ravel()) + "\n"


@pytest.mark.parametrize("name", ["0007", "007", "7"])
@pytest.mark.parametrize("listed", ["F001/T1/0007.jpg", "F001\\T1\\7.jpg,", "faces/F001/T1/007.png"])
def test_landmarks_are_matched_by_number_whatever_the_padding(tmp_path: Path, name: str, listed: str) -> None:
    root = layout(tmp_path, HEADER + "7,0,1,0,0\n", [name])
    points = np.arange(98, dtype=float).reshape(49, 2) + 1
    write_list(root, f"{listed}\n", line_of(points))
    assert read_bp4d(root).samples[0].landmarks is None
    reading = read_bp4d(root, landmarks=True)
    np.testing.assert_array_equal(reading.samples[0].landmarks, points - 1)
    assert not reading.skipped


def test_frames_without_landmarks_are_kept_and_counted(tmp_path: Path) -> None:
    root = layout(tmp_path, HEADER + "1,0,1,0,0\n5,1,1,0,0\n7,1,1,0,0\n", ["0001", "0005", "0007"])
    points = np.ones((49, 2))
    write_list(
        root, "F001/T1/0001.jpg\nF001/T1/0005.jpg\nx.jpg\n", line_of(points) + "1 2\n" + line_of(points)
    )
    write_list(root, "F001/T1/0001.jpg\nF002/T1/0001.jpg\n", 2 * line_of(points + 5), "BP4D_part2")
    write_list(root, "F001/T1/0007.jpg\n", None, "BP4D_part3")
    reading = read_bp4d(root, landmarks=True)
    first, *others = (sample.landmarks for sample in reading.samples)
    assert first is not None
    assert (first == 0).all(), "of two lists with one frame the first counts"
    assert others == [None, None]
    missing = "frame without delivered landmarks; its face is found instead"
    assert [str(s) for s in reading.skipped] == [
        "Landmarks/BP4D_part1_path.txt:2: landmarks are not 49, 66 or 68 pairs of numbers",
        "Landmarks/BP4D_part1_path.txt:3: path does not end with <subject>/<task>/<frame>.jpg",
        "Landmarks/BP4D_part3_path.txt: list without BP4D_part3_land.txt",
        f"AUCoding/AU_OCC/F001_T1.csv:3: {missing}",
        f"AUCoding/AU_OCC/F001_T1.csv:4: {missing}",
    ]


def test_wanted_landmarks_that_are_nowhere_are_an_error(tmp_path: Path) -> None:
    root = layout(tmp_path, HEADER + "1,0,1,0,0\n", ["0001"])
    with pytest.raises(DatasetError, match="Landmarks is missing"):
        read_bp4d(root, landmarks=True)
    (root / "Landmarks").mkdir()
    with pytest.raises(DatasetError, match="holds no list such as"):
        read_bp4d(root, landmarks=True)


def test_labels_that_fit_only_when_moved_are_refused(tmp_path: Path) -> None:
    rows = "".join(f"{frame},0,1,0,0\n" for frame in range(12))
    root = layout(tmp_path, HEADER + rows, [f"{number:04d}" for number in range(1, 13)])
    with pytest.raises(DatasetError, match=r"frames are 0 to 11, the pictures 1 to 12.*moved by \+1 fit 12"):
        read_bp4d(root)


@pytest.mark.parametrize("row", ["{},0,,0", "{},0,0,", "{},0,0,,"])
def test_a_blank_column_is_another_code_book_wherever_it_is(tmp_path: Path, row: str) -> None:
    rows = "".join(f"{row.format(frame)}\n" for frame in range(1, 9))
    root = layout(tmp_path, f"0,1,2,4\n{rows}", [f"{frame:04d}" for frame in range(1, 9)])
    with pytest.raises(DatasetError, match=r"8 of 8 rows hold other codes .* nothing for AU\d \(8 times\)"):
        read_bp4d(root)


def test_blank_intensities_are_another_code_book(tmp_path: Path) -> None:
    root = layout(tmp_path, WITH_SMILES + "1,1,0,0,0\n5,1,1,0,0\n", ["0001", "0005"])
    write_intensities(root, 6, "1,\n5,\n")
    with pytest.raises(DatasetError, match=r"F001_T1_AU06\.csv: 2 of 2 rows .* nothing \(2 times\)"):
        read_bp4d(root)


def test_a_slip_in_the_first_row_hides_no_movement(tmp_path: Path) -> None:
    rows = "".join(f"{frame},0,1,0,0\n" for frame in range(1, 12))
    root = layout(tmp_path, f"{HEADER}0,0,1\n{rows}", [f"{number:04d}" for number in range(1, 13)])
    with pytest.raises(DatasetError, match=r"frames are 0 to 11, the pictures 1 to 12"):
        read_bp4d(root)


def test_intensities_in_place_of_occurrence_are_refused(tmp_path: Path) -> None:
    rows = "1,0,1,0,0\n2,0,3,0,0\n3,5,1,0,0\n"
    with pytest.raises(DatasetError, match=r"F001_T1\.csv: 2 of 3 rows .* intensities: BP4D's own lie in"):
        read_bp4d(layout(tmp_path, HEADER + rows, ["0001", "0002", "0003"]))


def test_what_has_no_counterpart_is_named(tmp_path: Path) -> None:
    root = layout(tmp_path, HEADER + "1,0,1,1,0\n", ["0001", "0002", "002", "._0001", "last"])
    layout(root, HEADER + "1,0,1,0,0\n", ["0001"], "M002_T3")
    (root / "AUCoding" / "AU_OCC" / "M002_T3.csv").unlink()
    (root / "AUCoding" / "AU_OCC" / "F001_T1.cSv").write_text(HEADER + "1,1,1,1,1\n")
    frames = next(root.rglob("F001")).relative_to(root).as_posix()
    assert {str(entry) for entry in read_bp4d(root).skipped} == {
        f"{frames}/T1/._0001.jpg: file ._* of macOS is no picture and no label",
        f"{frames}/T1/last.jpg: name of the picture does not end with the number of the frame",
        f"{frames}/T1/0002.jpg: several pictures have the number of one frame; none is read (2 times)",
        "AUCoding/AU_OCC/F001_T1.csv: second file of one sequence; the first is read",
        "AUCoding/AU_OCC/F001_T1.cSv:1: column 3 is no known AU and is not read, though frames show it",
        f"{frames[:-4]}M002/T3: frames of a sequence without labels",
    }


def test_repeated_frames_and_files_that_are_no_text_are_reported(tmp_path: Path) -> None:
    root = layout(tmp_path, HEADER + "1,0,1,0,0\n1,1,1,0,1\n", ["0001"])
    (root / "AUCoding" / "AU_OCC" / "F002_T1.csv").write_bytes(b"\xff\xfe\x00")
    reading = read_bp4d(root)
    assert [sample.action_units[1] for sample in reading.samples] == [0.0]
    assert [skipped.reason for skipped in reading.skipped] == [
        "frame is labelled twice; the first label counts",
        "not a UTF-8 text file",
    ]


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
    root = layout(tmp_path, HEADER + body, ["0001", "0005"])
    write_intensities(root, 6, body)
    write_list(root, body, body)
    with suppress(DatasetError):  # of a pattern
        reading = read_bp4d(root, landmarks=True)
        for sample in reading.samples:
            assert set(sample.action_units) <= {1, 2, 4}
            assert set(sample.intensities) <= set(reading.aus)
            assert set(sample.action_units.values()) <= {0.0, 1.0}
            assert set(sample.intensities.values()) <= {0.0, 1.0, 2.0, 3.0, 4.0, 5.0}
