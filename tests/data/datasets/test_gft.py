from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from metafacs.data.datasets.gft import read_gft
from metafacs.data.datasets.reading import DatasetError


def layout(root: Path, text: str, subject: str = "001A", frames: tuple[int, ...] = (1, 2, 3)) -> Path:
    (root / "labels").mkdir(parents=True, exist_ok=True)
    (root / "labels" / f"{subject}.csv").write_bytes(text.encode())
    folder = root / "frames" / subject
    folder.mkdir(parents=True, exist_ok=True)
    for frame in frames:
        (folder / f"{frame}.jpg").touch()
    return root


@pytest.mark.parametrize("header", ["frame,AU1,AU12", "Frame,AU01,au12,", "0,1,12", "'frame','AU 1','AU 12'"])
def test_columns_are_found_by_name(tmp_path: Path, header: str) -> None:
    reading = read_gft(layout(tmp_path, f"{header}\n1,1,0\n2,9,-9\n3,,1\n"))
    assert [sample.action_units for sample in reading.samples] == [{1: 1.0, 12: 0.0}, {}, {12: 1.0}]
    assert [sample.key for sample in reading.samples] == ["001A/00001", "001A/00002", "001A/00003"]
    assert reading.aus == (1, 12)
    assert reading.samples[0].frame is None


@pytest.mark.parametrize(("first", "frames"), [(1, [0, 2]), (0, [1, 3])])
def test_videos_count_from_what_the_table_calls_first(tmp_path: Path, first: int, frames: list[int]) -> None:
    root = layout(tmp_path, "frame,AU1\n1,1\n3,0\n", frames=())
    (root / "videos").mkdir()
    (root / "videos" / "001a.MP4").touch()
    reading = read_gft(root, first_frame=first)
    assert [sample.frame for sample in reading.samples] == frames
    with pytest.raises(ValueError, match="first_frame"):
        read_gft(root, first_frame=2)


def with_video(root: Path, text: str, subject: str = "001A") -> Path:
    layout(root, text, subject, frames=())
    (root / "videos").mkdir(exist_ok=True)
    (root / "videos" / f"{subject}.mp4").touch()
    return root


@pytest.mark.parametrize("first", [0, 1])
def test_tables_tell_what_they_call_the_first_frame(tmp_path: Path, first: int) -> None:
    text = "".join(f"{first + frame},{int(frame > 2)}\n" for frame in range(6))
    root = with_video(tmp_path, f"frame,AU1\n{text}")
    with_video(root, "frame,AU1\n70,1\n", "002B")
    expected = {**{frame: float(frame > 2) for frame in range(6)}, 70 - first: 1.0}
    assert {sample.frame: sample.action_units[1] for sample in read_gft(root).samples} == expected
    if first == 0:
        with pytest.raises(DatasetError, match="has a frame 0, first_frame says that the first is 1"):
            read_gft(root, first_frame=1)


@pytest.mark.parametrize("slip", ["0,7,0", "0,1", "0,1,0,1"], ids=["a code", "too few", "too many"])
def test_a_slip_in_the_first_row_moves_no_label(tmp_path: Path, slip: str) -> None:
    rows = "".join(f"{frame},{int(frame == 5)},0\n" for frame in range(1, 10))
    text = f"frame,AU1,AU12\n{slip}\n{rows}"
    shown = {frame: float(frame == 5) for frame in range(1, 10)}
    root = with_video(tmp_path / "alone", text)
    assert {sample.frame: sample.action_units[1] for sample in read_gft(root).samples} == shown
    with_video(root, f"frame,AU1,AU12\n0,0,0\n{rows}", "002B")
    assert len(read_gft(root).samples) == 19
    root = layout(tmp_path / "pictures", text, frames=tuple(range(10)))
    assert {int(s.picture.stem): s.action_units[1] for s in read_gft(root).samples} == shown


def test_a_number_that_is_cut_off_is_no_first_frame(tmp_path: Path) -> None:
    root = with_video(tmp_path, "frame,AU1\n70,1\n71,0\n1")
    with pytest.raises(DatasetError, match="begin with frame 70 or later"):
        read_gft(root)


def test_tables_that_do_not_tell_are_asked_about(tmp_path: Path) -> None:
    root = with_video(tmp_path, "frame,AU1\n70,1\n")
    with pytest.raises(
        DatasetError, match=r"begin with frame 70 or later: is the first frame .*first_frame 1"
    ):
        read_gft(root)
    assert [read_gft(root, first_frame=first).samples[0].frame for first in (0, 1)] == [70, 69]
    with_video(root, "frame,AU1\n0,1\n", "002B")
    with_video(root, "frame,AU1\n1,1\n", "003C")
    with pytest.raises(
        DatasetError, match=r"002B\.csv begins with frame 0, .*003C\.csv with frame 1: is the"
    ):
        read_gft(root)
    assert [sample.frame for sample in read_gft(root, first_frame=0).samples] == [70, 0, 1]


@pytest.mark.parametrize(("first", "frames"), [(0, range(1, 13)), (1, range(0, 12))])
def test_tables_and_pictures_that_count_otherwise_are_refused(
    tmp_path: Path, first: int, frames: range
) -> None:
    text = "frame,AU1\n" + "".join(f"{first + frame},1\n" for frame in range(12))
    with pytest.raises(DatasetError, match="every label would go to another frame"):
        read_gft(layout(tmp_path, text, frames=tuple(frames)))


def test_a_lost_first_picture_refuses_nothing_where_others_tell(tmp_path: Path) -> None:
    text = "frame,AU1\n" + "".join(f"{frame},{frame % 2}\n" for frame in range(10))
    root = layout(tmp_path, text, frames=tuple(range(1, 10)))
    with pytest.raises(DatasetError, match="every label would go to another frame"):
        read_gft(root)
    layout(root, text, "002B", frames=tuple(range(10)))
    reading = read_gft(root)
    assert [str(entry) for entry in reading.skipped] == ["labels/001A.csv:2: label without a frame"]
    assert all(int(s.picture.stem) % 2 == s.action_units[1] for s in reading.samples)
    layout(root, text, "003C", frames=tuple(range(1, 11)))
    with pytest.raises(
        DatasetError, match=r"003C\.csv: the labelled frames are 0 to 9, the pictures 1 to 10"
    ):
        read_gft(root)


def test_pictures_may_count_from_zero_as_the_table_does(tmp_path: Path) -> None:
    root = layout(tmp_path, "frame,AU1\n0,1\n1,0\n2,1\n", frames=(0, 1, 2))
    found = {int(s.picture.stem): s.action_units[1] for s in read_gft(root).samples}
    assert found == {0: 1.0, 1: 0.0, 2: 1.0}


def test_columns_that_are_not_read_are_named(tmp_path: Path) -> None:
    root = layout(tmp_path, "frame,AU1,AV12,AU99\n1,1,1,1\n", frames=(1,))
    assert [str(entry) for entry in read_gft(root).skipped] == [
        f"labels/001A.csv:1: column {name!r} is no AU and is not read" for name in ("AV12", "AU99")
    ]


def test_two_tables_of_the_same_frames_are_refused(tmp_path: Path) -> None:
    root = with_video(tmp_path, "frame,AU1\n1,1\n")
    (root / "labels" / "001a.csv").write_text("frame,AU1\n1,0\n")
    with pytest.raises(DatasetError, match=r"001A\.csv and .*001a\.csv label the same frames"):
        read_gft(root)
    (root / "labels" / "001a.csv").unlink()
    layout(root, "frame,AU1\n1,1\n", "002B")
    (root / "labels" / "002B.CSV").write_text("frame,AU1\n1,1\n")
    with pytest.raises(DatasetError, match=r"002B\.CSV and .*002B\.csv label the same frames"):
        read_gft(root)


def test_a_table_of_intensities_is_refused(tmp_path: Path) -> None:
    text = "frame,AU1,AU12\n1,1,0\n2,1,3\n3,0,5\n"
    with pytest.raises(DatasetError, match=r"001A\.csv: 2 of 3 rows .* for AU12 .* these are intensities"):
        read_gft(layout(tmp_path, text))


def test_people_without_a_counterpart_are_named(tmp_path: Path) -> None:
    layout(tmp_path, "frame,AU1\n1,1\n", "001A", frames=(1,))
    root = layout(tmp_path, "frame,AU1\n1,1\n", "002B", frames=(1,))
    (root / "labels" / "._001A.csv").write_bytes(b"\x00\x05\x16\x07")
    (root / "videos").mkdir()
    (root / "videos" / "005C.mp4").touch()
    (root / "train.txt").write_text("001A\n001C\n")
    assert [str(entry) for entry in read_gft(root).skipped] == [
        "labels/._001A.csv: file ._* of macOS is no picture and no label",
        "train.txt: listed person without a table, e.g. 001C",
        "labels/002B.csv: person is in neither train.txt nor test.txt",
        "videos/005C.mp4: video without labels",
    ]
    (root / "train.txt").write_text("001a\n002b\n")
    with pytest.raises(DatasetError, match=r"train\.txt: none of its 2 people is there, e\.g\. 001a; .*001A"):
        read_gft(root)


def test_split_files_give_the_part(tmp_path: Path) -> None:
    layout(tmp_path, "frame,AU1\n1,1\n", "001A")
    layout(tmp_path, "frame,AU1\n1,1\n", "002B")
    root = layout(tmp_path, "frame,AU1\n1,1\n", "003C")
    (root / "train.txt").write_text("001A\n")
    (root / "test.txt").write_text("\ufeff002B\r\n")
    assert [sample.part for sample in read_gft(root).samples] == ["train", "test", None]
    (root / "test.txt").write_text("001A\n")
    with pytest.raises(DatasetError, match=r"001A is in train\.txt and in test\.txt"):
        read_gft(root)


def test_tables_may_lie_in_the_root(tmp_path: Path) -> None:
    (tmp_path / "Zoë.csv").write_text("frame,AU1\n1,1\n", encoding="utf-8")
    (tmp_path / "Zoë").mkdir()
    (tmp_path / "Zoë" / "00001.png").touch()
    assert read_gft(tmp_path).samples[0].subject == "Zoë"


def test_hostile_but_readable_text(tmp_path: Path) -> None:
    text = "\ufeffframe,AU1,AU2,\r\n\r\n 1 , 1.0 ,0,\r\n"
    (sample,) = read_gft(layout(tmp_path, text)).samples
    assert sample.action_units == {1: 1.0, 2: 0.0}


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        ("", None, "empty file"),
        ("time,AU1\n1,0\n", 1, "no column 'frame'"),
        ("frame,smile\n1,0\n", 1, "no column named after an AU"),
        ("frame,AU1,AU01\n1,0,0\n", 1, "two columns"),
        ("frame,AU1\n1\n", 2, "number of cells"),
        ("frame,AU1\n1,0,1\n", 2, "number of cells"),
        ("frame,AU1\nx,0\n", 2, "frame number"),
        ("frame,AU1\n1,7\n", 2, "code other than"),
        ("frame,AU1\n99,1\n", 2, "label without a frame"),
        ("frame,AU1\n0,1\n", 2, "label without a frame"),
    ],
)
def test_bad_lines_are_reported_and_do_not_stop_the_rest(
    tmp_path: Path, text: str, line: int | None, reason: str
) -> None:
    layout(tmp_path, "frame,AU1\n1,1\n", "002B")
    reading = read_gft(layout(tmp_path, text))
    assert [sample.key for sample in reading.samples] == ["002B/00001"]
    skipped = next(entry for entry in reading.skipped if entry.file == "labels/001A.csv")
    assert (skipped.file, skipped.line) == ("labels/001A.csv", line)
    assert reason in skipped.reason


def test_repeated_frames_and_missing_sequences(tmp_path: Path) -> None:
    layout(tmp_path, "frame,AU1\n1,1\n", "002B", frames=())
    reading = read_gft(layout(tmp_path, "frame,AU1\n1,1\n1,0\n"))
    assert [sample.action_units for sample in reading.samples] == [{1: 1.0}]
    assert [s.reason for s in reading.skipped] == [
        "labels without a video and without frames",
        "frame is labelled twice; the first label counts",
        "frame without a label",
    ]


def test_no_labels_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"holds no \*\.csv"):
        read_gft(tmp_path)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    names=st.permutations(["AU1", "au 02", "'AU_4'", "12", "frame"]),
    codes=st.lists(
        st.lists(st.sampled_from(["0", "1", "1.0", "9", "-9", ""]), min_size=5, max_size=5), max_size=4
    ),
)
def test_every_written_table_is_read_back(tmp_path: Path, names: list[str], codes: list[list[str]]) -> None:
    place = names.index("frame")
    for number, cells in enumerate(codes, start=1):
        cells[place] = str(number)
    text = "".join(",".join(row) + "\n" for row in (names, *codes))
    reading = read_gft(layout(tmp_path, text, frames=(1, 2, 3, 4)))
    numbers = {"AU1": 1, "au 02": 2, "'AU_4'": 4, "12": 12}
    assert [sample.action_units for sample in reading.samples] == [
        {
            numbers[name]: float(code)
            for name, code in zip(names, cells, strict=True)
            if name in numbers and code in ("0", "1", "1.0")
        }
        for cells in codes
    ]
    assert {entry.reason for entry in reading.skipped} <= {"frame without a label"}


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    header=st.text(alphabet="frameAU012, '", max_size=20),
    body=st.text(alphabet="019,-. \r\nxé²", max_size=60),
)
def test_no_text_breaks_the_reader(tmp_path: Path, header: str, body: str) -> None:
    for text in (f"{header}\n{body}", f"frame,AU1,AU2\n{body}"):
        with suppress(DatasetError):  # of a pattern
            for sample in read_gft(layout(tmp_path, text)).samples:
                assert set(sample.action_units.values()) <= {0.0, 1.0}
                assert sample.picture.is_file()
