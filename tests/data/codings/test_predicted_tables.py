from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from metafacs.data.codings import CodingError, ReadingRules, delimited, raw_tables, read_coding
from metafacs.data.codings.coding import FrameCoding
from metafacs.data.codings.raw_tables import read_raw_table
from metafacs.data.parts import RECEIPT, Receipt
from metafacs.faces.alignment import AlignmentSpec
from metafacs.inference.detector import Detector
from metafacs.inference.result import FaceResult
from metafacs.inference.sidecars import sidecar_path, write_sidecar
from metafacs.inference.writers import SUFFIXES, WRITERS, open_writer

Write = Callable[..., Path]
NAN = float("nan")
BOX = (10.0, 20.0, 40.0, 70.0)


def frames_of(path: Path, rules: ReadingRules | None = None) -> FrameCoding:
    coding = read_coding(path, rules)
    assert isinstance(coding, FrameCoding)
    return coding


def ours(folder: Path, form: str) -> Path:
    """Two people over four frames; nobody in frame 1, only person 1 in frame 3."""
    detector = Detector(
        predictor=lambda images: None,  # type: ignore[arg-type,return-value]
        aus=(6, 12),
        thresholds={6: 0.5, 12: 0.3},
        input_size=64,
        alignment=AlignmentSpec(),
        intensities=True,
        description={"synthetic": True},
    )
    path = folder / f"clip{SUFFIXES[form]}"
    with open_writer(path, form, detector) as writer:
        for frame, person, smile in (
            (0, 0, 0.9),
            (0, 1, 0.35),
            (1, 0, None),
            (2, 0, 0.1),
            (2, 1, 0.8),
            (3, 1, 0.2),
        ):
            writer.write(
                FaceResult("clip.mp4", frame, person, frame / 25)
                if smile is None
                else FaceResult(
                    "clip.mp4",
                    frame,
                    person,
                    frame / 25,
                    True,
                    0.9,
                    BOX,
                    np.zeros((68, 2)),
                    {6: 0.1, 12: smile},
                    {6: 0.0, 12: 5 * smile},
                )
            )
    write_sidecar(path, form, detector)
    return path


def test_thresholds_that_are_not_what_was_written_are_refused(tmp_path: Path) -> None:
    sidecar = sidecar_path(path := ours(tmp_path, "openface"))
    content = sidecar.read_text()
    threshold = re.search(r'"AU12": 0\.\d+', content)
    assert threshold is not None
    sidecar.write_text(content.replace(threshold[0], '"AU12": 0.95'))
    with pytest.raises(CodingError, match=r"meta\.json is damaged or was edited"):
        frames_of(path)


@pytest.mark.parametrize("form", list(WRITERS))
def test_every_format_of_ours_is_read_with_its_own_thresholds(tmp_path: Path, form: str) -> None:
    coding = frames_of(ours(tmp_path, form))
    assert coding.kind.startswith("metafacs table")
    assert coding.synthetic
    assert coding.frames is not None
    assert coding.frames.tolist() == [0, 1, 2, 3]
    assert coding.times == pytest.approx([0, 0.04, 0.08, 0.12])
    assert list(coding.people) == ["0", "1"]
    np.testing.assert_equal(coding.people["0"][12].presence, [1, NAN, 0, NAN])
    # .35 reaches the threshold of .3 that stands beside the table.
    np.testing.assert_equal(coding.people["1"][12].presence, [1, NAN, 1, 0])
    np.testing.assert_equal(coding.people["1"][6].presence, [0, NAN, 0, 0])
    score = coding.people["1"][12].score
    assert score is not None
    np.testing.assert_allclose(score, [0.35, NAN, 0.8, 0.2])
    intensity = coding.people["0"][12].intensity
    if form != "fex":
        assert intensity is not None
        np.testing.assert_allclose(intensity, [4.5, NAN, 0.5, NAN])


def test_another_threshold_replaces_the_tables_own(tmp_path: Path) -> None:
    coding = frames_of(ours(tmp_path, "openface"), ReadingRules(threshold=0.85))
    np.testing.assert_equal(coding.people["1"][12].presence, [0, NAN, 0, 0])


def test_openface_counts_from_one_and_calls_rows_failed(write: Write) -> None:
    path = write(
        "of.csv",
        "frame, face_id, timestamp, confidence, success, gaze_0_x, AU12_r, AU12_c, AU28_c",
        "1, 0, 0.000, 0.98, 1, 0.1, 2.50, 1.00, 0.00",
        "2, 0, 0.033, 0.02, 0, 0.0, 0.00, 0.00, 0.00",
        "3, 0, 0.067, 0.60, 1, 0.1, 0.00, 0.00, 1.00",
    )
    coding = frames_of(path)
    assert coding.kind == "OpenFace table"
    assert coding.frames is not None
    assert coding.frames.tolist() == [0, 1, 2]
    np.testing.assert_equal(coding.people["0"][12].presence, [1, NAN, 0])
    np.testing.assert_equal(coding.people["0"][12].intensity, [2.5, NAN, 0])
    assert coding.people["0"][28].intensity is None
    assert any("start at 1" in note for note in coding.notes)
    assert any("1 rows say that no face was found" in note for note in coding.notes)
    strict = frames_of(path, ReadingRules(least_confidence=0.8))
    np.testing.assert_equal(strict.people["0"][12].presence, [1, NAN, NAN])


def test_times_of_openface_for_folders_of_pictures_are_doubted(write: Write) -> None:
    path = write(
        "of.csv",
        "frame, timestamp, confidence, success, AU12_c",
        "1,0,0.9,1,0",
        "2,0.001,0.9,1,1",
        "3,0.002,0.9,1,1",
    )
    coding = frames_of(path)
    assert list(coding.people) == [""]
    assert "1000 frames per second" in coding.warnings[0]


def test_py_feat_writes_the_frame_twice_and_leaves_frames_without_a_face_empty(write: Write) -> None:
    path = write(
        "fex.csv",
        "frame,FaceRectX,FaceScore,x_0,AU12,AU43,anger,input,frame,approx_time,Identity",
        "0,1,0.99,5,0.7,0.1,0.2,v.mp4,0,00:00,Person_0",
        "1,,,,,,,v.mp4,1,00:00,",
        "2,1,0.99,5,0.2,0.6,0.2,v.mp4,2,00:00,Person_0",
    )
    coding = frames_of(path)
    assert coding.kind == "py-feat table"
    assert coding.times is None
    np.testing.assert_equal(coding.people["0"][12].presence, [1, NAN, 0])
    np.testing.assert_equal(coding.people["0"][43].presence, [0, NAN, 1])
    np.testing.assert_equal(coding.people["0"][12].score, [0.7, NAN, 0.2])
    assert "0.5" in " ".join(coding.notes)
    assert frames_of(path, ReadingRules(threshold=0.1)).people["0"][12].presence[2] == 1


def test_answers_of_py_feat_that_are_0_or_1_rank_nothing(write: Write) -> None:
    path = write("fex.csv", "frame,FaceScore,AU12", "0,0.99,1", "1,0.98,0")
    assert frames_of(path).people[""][12].score is None


def test_two_faces_of_a_frame_without_names_are_refused(write: Write) -> None:
    path = write("fex.csv", "frame,FaceScore,AU12", "0,0.99,1", "0,0.98,0")
    with pytest.raises(CodingError, match=r"fex\.csv:3: a face, and the file does not tell whose"):
        read_coding(path)


def test_libreface_tells_presence_and_intensity(write: Write) -> None:
    path = write(
        "libre.csv",
        ",frame_idx,frame_time_in_ms,au_1,au_12,au_12_intensity,facial_expression,lm_mp_0_x",
        "0,0,0.0,0,1,3.2,Happiness,0.1",
        "1,1,40.0,0,0,0.1,Neutral,0.1",
    )
    coding = frames_of(path)
    assert coding.kind == "LibreFace table"
    assert coding.times == pytest.approx([0, 0.04])
    np.testing.assert_equal(coding.people[""][12].presence, [1, 0])
    np.testing.assert_equal(coding.people[""][12].intensity, [3.2, 0.1])
    assert sorted(coding.people[""]) == [1, 12]


@pytest.mark.parametrize(("step", "rate"), [(40, 25), (0.04, 25), (0.02, 50), (1.0, 1)])
def test_libreface_may_write_seconds_where_it_says_milliseconds(
    write: Write, step: float, rate: float
) -> None:
    rows = (f"{frame},{frame * step},{frame % 2}" for frame in range(100, 110))
    coding = frames_of(write("libre.csv", "frame_idx,frame_time_in_ms,au_12", *rows))
    assert coding.times == pytest.approx(np.arange(100, 110) / rate)
    assert any("in seconds" in note for note in coding.notes) == (step < 2)


def test_times_tell_that_a_table_of_openface_was_counted_from_0(write: Write) -> None:
    rows = [f"{frame},{frame / 25},1,{frame % 2}" for frame in (10, 11, 12)]
    coding = frames_of(write("of.csv", "frame,timestamp,success,AU12_c", *rows))
    assert coding.frames is not None
    assert coding.frames.tolist() == [10, 11, 12]
    assert any("start at 0" in note for note in coding.notes)


def test_misspelt_columns_are_refused(write: Write) -> None:
    for name in ("AUU04_c", "AU06_x", "AU01_cx", "A12_r", "UA4"):
        with pytest.raises(CodingError, match=rf"of\.csv:1: column '{name}' looks like an action unit"):
            read_coding(write("of.csv", f"frame,success,AU12_c,AU12_r,{name},note", "1,1,1,2,1,hi"))
    path = write("of.csv", "frame,success,AU12_c,smooth_AU12,anger_2,audio1", "1,1,1,7,1,hi")
    assert list(frames_of(path).people[""]) == [12]


@pytest.mark.parametrize(
    ("sidecar", "message"),
    [
        ('{"metafacs": "1", "thresholds": {"AU04": 0.5}}', "tells no threshold of AU12"),
        (
            '{"metafacs": "1", "thresholds": {"AU12": "high"}}',
            r"meta\.json: thresholds.*remove it",
        ),
        ('{"metafacs": "1", "thresholds": {"AU12": 7}}', r"meta\.json: thresholds"),
        ('{"metafacs": "1", "thresholds": [1]}', r"meta\.json: thresholds"),
        ('{"metafacs": "1", "experimental": 3}', r"meta\.json: experimental"),
        ('{"metafacs": "1", "synthetic": "no"}', r"meta\.json: synthetic"),
        ("[" * 100_000, r"meta\.json (is nested too deeply|is damaged)"),
    ],
)
def test_a_sidecar_that_cannot_be_meant_is_named(write: Write, sidecar: str, message: str) -> None:
    path = write("t.csv", "frame,success,AU12_p", "0,1,0.9")
    path.with_name("t.csv.meta.json").write_text(sidecar)
    with pytest.raises(CodingError, match=message):
        read_coding(path)


def test_a_foreign_file_beside_a_table_is_left_alone(write: Write) -> None:
    path = write("t.csv", "frame,success,AU12_p", "0,1,0.9")
    path.with_name("t.csv.meta.json").write_text('{"thresholds": {"AU12": 0.95}}')
    np.testing.assert_equal(frames_of(path).people[""][12].presence, [1])


@pytest.mark.parametrize("number", ["1_0", "\u0661", "\uff11", "0x1", "9" * 5000])
def test_only_usual_numbers_are_numbers(write: Write, number: str) -> None:
    for header in ("frame,success,AU12_r", "frame,note,AU12_r"):
        with pytest.raises(CodingError, match=r"t\.csv:2: .*(is no|not a number|infinite|outside)"):
            read_coding(write("t.csv", header, f"0,1,{number}"))
    with pytest.raises(CodingError, match=r"t\.csv:2: "):
        read_coding(write("t.csv", "frame,success,AU12_r", f"{number},1,0"))
    assert frames_of(write("t.csv", "frame,face_id,AU12", f"0,{number},1")).people[number][12].presence == 1


def test_json_lines_and_parquet_of_any_shape_are_refused_in_words(tmp_path: Path, write: Write) -> None:
    for line in ("[1]", "7", '{"frame": 1' + "0" * 5000 + "}", "[" * 100_000, '{"frame": NaN}'):
        with pytest.raises(CodingError, match=r"t\.jsonl:1"):
            read_coding(write("t.jsonl", line))
    with pytest.raises(CodingError, match=r"t\.jsonl:1: (the frame is infinite|1e\+400 )"):
        read_coding(write("t.jsonl", '{"success": 1, "AU12_p": 0.5, "frame": 1' + "0" * 400 + "}"))
    twice = pa.table([pa.array([0]), pa.array([0.5]), pa.array([0.7])], names=["frame", "AU12_p", "AU12_p"])
    pq.write_table(twice, tmp_path / "twice.parquet")
    with pytest.raises(CodingError, match="two columns are called 'AU12_p'"):
        read_coding(tmp_path / "twice.parquet")
    os.mkfifo(tmp_path / "pipe.csv")
    with pytest.raises(CodingError, match="is missing"):
        read_coding(tmp_path / "pipe.csv")


def test_tables_without_end_are_refused(
    tmp_path: Path, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(raw_tables, "MOST_CELLS", 20)
    monkeypatch.setattr(delimited, "MOST_CELLS", 20)
    with pytest.raises(CodingError, match=r"t\.csv has more than 20 cells"):
        read_coding(write("t.csv", "frame,success,AU12_c", *(f"{i},1,0" for i in range(7))))
    with pytest.raises(CodingError, match=r"t\.jsonl has more than 20 cells"):
        read_coding(write("t.jsonl", *['{"frame": 0, "success": 1, "AU12_p": 0.5}'] * 7))
    pq.write_table(pa.table({"frame": [0] * 10**6, "AU12_p": [0.5] * 10**6}), tmp_path / "t.parquet")
    with pytest.raises(CodingError, match="tells of 1,000,000 rows"):
        read_coding(tmp_path / "t.parquet")


def test_a_part_may_hold_more_rows_than_any_of_its_videos(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = {"input": ["a.mp4", "b.mp4"] * 5, "frame": [i // 2 for i in range(10)], "AU12_p": [0.5] * 10}
    path = tmp_path / "000000-x.parquet"
    receipt = Receipt(path.name, 0, (5, 5), 10, videos=("a.mp4", "b.mp4"))
    table = pa.table(rows)
    pq.write_table(table.replace_schema_metadata({RECEIPT: receipt.to_json()}), path, row_group_size=3)
    monkeypatch.setattr(raw_tables, "MOST_CELLS", 15)
    read = read_raw_table(tmp_path, "b.mp4")
    assert (read.rows, list(read.cells["frame"])) == (5, [0, 1, 2, 3, 4])
    monkeypatch.setattr(raw_tables, "MOST_CELLS", 14)
    with pytest.raises(CodingError, match=r"000000-x\.parquet tells of 5 rows"):
        read_raw_table(tmp_path, "b.mp4")


def test_people_without_end_are_refused(write: Write) -> None:
    rows = [f"{frame},{frame},1" for frame in range(50_000)]
    with pytest.raises(CodingError, match="there are 50,000 people over 50,000 frames"):
        read_coding(write("c.csv", "frame,face_id,AU12", *rows))


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("2,0.04,0.9,1,2,0.5", r"of\.csv:3: AU12_c is 2, outside 0 or 1"),
        ("2,0.04,0.9,1,1,5.5", r"of\.csv:3: AU12_r is 5\.5, outside 0 to 5"),
        ("2,0.04,0.9,1,1,much", r"of\.csv:3: AU12_r is 'much', not a number"),
        ("2,0.04,0.9,1,1,inf", r"of\.csv:3: AU12_r is infinite"),
        ("2.5,0.04,0.9,1,1,1", r"of\.csv:3: 2\.5 is no number of a frame"),
        (",0.04,0.9,1,1,1", r"of\.csv:3: the row does not tell its frame"),
        ("1,0.04,0.9,1,1,1", r"of\.csv:3: .* has a second row for the same frame"),
        ("2,0.04,0.9", r"of\.csv:3: the row has 3 cells, but the header 6"),
    ],
)
def test_broken_rows_are_named_with_their_line(write: Write, row: str, message: str) -> None:
    path = write("of.csv", "frame,timestamp,confidence,success,AU12_c,AU12_r", "1,0,0.9,1,0,0", row)
    with pytest.raises(CodingError, match=message):
        read_coding(path)


def test_a_table_of_pictures_has_no_frames_to_compare(write: Write) -> None:
    with pytest.raises(CodingError, match="no column 'frame'"):
        read_coding(write("of.csv", "face, confidence, AU12_c", "0, 0.9, 1"))


def test_times_that_go_back_are_not_used(write: Write) -> None:
    path = write("of.csv", "frame,timestamp,confidence,success,AU12_c", "1,0,1,1,0", "2,3,1,1,0", "3,1,1,1,1")
    coding = frames_of(path)
    assert coding.times is None
    assert "of.csv:4" in coding.warnings[0]


def test_damaged_files_are_named(write: Write) -> None:
    with pytest.raises(CodingError, match=r"t\.jsonl:2 is damaged"):
        read_coding(write("t.jsonl", '{"frame": 0, "success": 1, "AU12_p": 0.5}', '{"frame": 1, "su'))
    with pytest.raises(CodingError, match="cannot be read as Parquet"):
        read_coding(write("t.parquet", raw=b"PAR1 and nothing else"))
    path = write("t.csv", "frame,success,AU12_c", "0,1,1")
    path.with_name("t.csv.meta.json").write_text("{")
    with pytest.raises(CodingError, match="is damaged"):
        read_coding(path)
