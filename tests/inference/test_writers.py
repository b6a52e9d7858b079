from __future__ import annotations

import csv
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from metafacs.inference.detector import Detector
from metafacs.inference.result import FaceResult
from metafacs.inference.writers import SUFFIXES, WRITERS, open_writer

Maker = Callable[..., Detector]
LANDMARKS = np.arange(136, dtype=float).reshape(68, 2)
FACE = FaceResult(
    "b, ä.jpg",
    frame=3,
    face_id=1,
    timestamp=0.12,
    success=True,
    score=0.91234,
    box=(10.0, 20.0, 40.0, 70.0),
    landmarks=LANDMARKS,
    probabilities={1: 0.5, 6: 0.4999, 12: 0.4},
)
NO_FACE = FaceResult("wall.jpg", frame=4)


TOLD = replace(FACE, intensities={1: 0.0, 6: 1.25, 12: 4.5}, pose=(0.25, 0.125, 0.0))


def written(tmp_path: Path, form: str, detector: Detector, results: list[FaceResult]) -> Path:
    path = tmp_path / "new folder" / f"faces{SUFFIXES[form]}"
    with open_writer(path, form, detector) as writer:
        for result in results:
            writer.write(result)
    return path


def test_openface_columns_and_values(tmp_path: Path, make_detector: Maker) -> None:
    path = written(tmp_path, "openface", make_detector(), [FACE, NO_FACE])
    with path.open(encoding="utf-8", newline="") as file:
        header, face, wall = list(csv.reader(file))
    assert header[:6] == ["frame", "face_id", "timestamp", "confidence", "success", "input"]
    assert header[6:10] == ["face_x", "face_y", "face_width", "face_height"]
    assert header[10:] == ["AU01_p", "AU06_p", "AU12_p", "AU01_c", "AU06_c", "AU12_c"]
    assert face[:10] == ["3", "1", "0.12", "0.912", "1", "b, ä.jpg", "10.0", "20.0", "30.0", "50.0"]
    assert face[10:] == ["0.5", "0.4999", "0.4", "1", "0", "1"]
    assert wall == ["4", "0", "0.0", "0.0", "0", "wall.jpg", *[""] * 10]


@pytest.mark.parametrize("form", ["openface", "fex"])
def test_no_name_is_a_formula_of_a_spreadsheet(tmp_path: Path, make_detector: Maker, form: str) -> None:
    results = [replace(FACE, input=name) for name in ("=cmd|' /C calc'!A0.jpg", "-1.jpg", "a=b.jpg")]
    table = pd.read_csv(written(tmp_path, form, make_detector(), results))
    assert table["input"].tolist() == ["'=cmd|' /C calc'!A0.jpg", "'-1.jpg", "a=b.jpg"]


def test_openface_has_pose_and_intensities_where_the_detector_tells_them(
    tmp_path: Path, make_detector: Maker
) -> None:
    detector = make_detector(intensities=True, pose=True)
    table = pd.read_csv(written(tmp_path, "openface", detector, [TOLD, NO_FACE]))
    pose = ["pose_Rx", "pose_Ry", "pose_Rz"]
    numbers = [f"AU{au:02d}_{suffix}" for suffix in "prc" for au in (1, 6, 12)]
    assert list(table.columns[10:]) == [*pose, *numbers]
    assert table.loc[0, ["AU01_r", "AU06_r", "AU12_r"]].tolist() == [0.0, 1.25, 4.5]
    # Down, and toward the right of the picture, which is negative there.
    assert table.loc[0, "pose_Rx"] > 0.1
    assert table.loc[0, "pose_Ry"] < -0.2
    assert table.loc[1, [*pose, "AU06_r"]].isna().all()
    (tmp_path / "only").mkdir()
    only = pd.read_csv(written(tmp_path / "only", "openface", make_detector(pose=True), [TOLD]))
    assert list(only.columns[10:13]) == pose
    assert not any(name.endswith("_r") for name in only)


def test_typed_tables_hold_them_too(tmp_path: Path, make_detector: Maker) -> None:
    detector = make_detector(intensities=True, pose=True)
    table = pd.read_parquet(written(tmp_path, "parquet", detector, [TOLD, NO_FACE]))
    assert table["AU12_r"].dtype == table["pose_Rz"].dtype == np.float32
    face, wall = written(tmp_path, "jsonl", detector, [TOLD, NO_FACE]).read_text().splitlines()
    assert json.loads(face)["AU06_r"] == 1.25
    assert json.loads(wall)["pose_Rx"] is None


def test_fex_has_degrees(tmp_path: Path, make_detector: Maker) -> None:
    detector = make_detector(intensities=True, pose=True)
    path = written(tmp_path, "fex", detector, [TOLD, NO_FACE])
    table = pd.read_csv(path)
    angles = ["Pitch", "Roll", "Yaw"]
    assert list(table.columns[141:144]) == angles
    assert table.loc[0, angles].tolist() == [7.16, 0.0, 14.32]
    assert table.loc[1, angles].isna().all()
    assert not any(name.endswith("_r") for name in table)


def test_classes_never_contradict_the_printed_probabilities(tmp_path: Path, make_detector: Maker) -> None:
    detector = make_detector()
    results = [
        FaceResult(
            "a", i, success=True, score=1, probabilities={1: round(p, 4), 6: round(p, 4), 12: round(p, 4)}
        )
        for i, p in enumerate(np.linspace(0.49985, 0.50015, 13))
    ]
    table = pd.read_csv(written(tmp_path, "openface", detector, results))
    for au in (1, 6, 12):
        assert (
            (table[f"AU{au:02d}_p"] >= detector.thresholds[au]).astype(int) == table[f"AU{au:02d}_c"]
        ).all()


def test_fex_has_bare_action_units(tmp_path: Path, make_detector: Maker) -> None:
    table = pd.read_csv(written(tmp_path, "fex", make_detector(), [FACE, NO_FACE]))
    rectangle = ["FaceRectX", "FaceRectY", "FaceRectWidth", "FaceRectHeight", "FaceScore"]
    assert list(table.columns[:5]) == rectangle
    assert table.loc[0, rectangle].tolist() == [10, 20, 30, 50, 0.912]
    assert table.loc[0, ["x_0", "y_0", "x_67", "y_67"]].tolist() == [0, 1, 134, 135]
    assert table.loc[0, ["AU01", "AU06", "AU12"]].tolist() == [0.5, 0.4999, 0.4]
    assert table.loc[0, "input"] == "b, ä.jpg"
    assert table.loc[1, "frame"] == 4
    assert table.loc[1, [*rectangle, "AU01", "x_0"]].isna().all()


def test_json_lines_keep_nulls_and_landmarks(tmp_path: Path, make_detector: Maker) -> None:
    path = written(tmp_path, "jsonl", make_detector(), [FACE, NO_FACE])
    face, wall = (json.loads(line) for line in path.read_text(encoding="utf-8").splitlines())
    assert face["landmarks"] == LANDMARKS.tolist()
    assert (face["AU12_p"], face["AU12_c"], face["input"]) == (0.4, 1, "b, ä.jpg")
    assert wall["landmarks"] is wall["AU12_p"] is wall["face_x"] is None
    assert wall["success"] == 0


@pytest.mark.parametrize("form", WRITERS)
def test_a_time_that_nothing_tells_is_empty(tmp_path: Path, make_detector: Maker, form: str) -> None:
    path = written(tmp_path, form, make_detector(), [replace(FACE, timestamp=float("nan"))])
    if form == "jsonl":
        assert json.loads(path.read_text(), parse_constant=pytest.fail)["timestamp"] is None
    elif form == "parquet":
        assert pd.read_parquet(path)["timestamp"].isna().all()
    else:
        with path.open(newline="") as file:
            assert next(csv.DictReader(file))["timestamp"] == ""


def test_parquet_keeps_types_over_many_rows(tmp_path: Path, make_detector: Maker) -> None:
    results = [FaceResult("v.mp4", i, timestamp=i / 30) if i % 3 else FACE for i in range(5000)]
    table = pd.read_parquet(written(tmp_path, "parquet", make_detector(), results))
    assert len(table) == 5000
    assert table["frame"].dtype == np.int64
    assert table["success"].sum() == sum(result.success for result in results)
    assert table["AU01_c"].isna().sum() == (table["success"] == 0).sum()
    assert np.stack(table["landmarks"][0]).tolist() == LANDMARKS.ravel().tolist()


@pytest.mark.parametrize("form", WRITERS)
def test_a_file_of_no_rows_can_still_be_read(tmp_path: Path, make_detector: Maker, form: str) -> None:
    path = written(tmp_path, form, make_detector(), [])
    if form == "jsonl":
        assert path.read_text() == ""
    else:
        assert len(pd.read_parquet(path) if form == "parquet" else pd.read_csv(path)) == 0


@pytest.mark.parametrize("form", WRITERS)
def test_a_failure_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, make_detector: Maker, form: str
) -> None:
    path = tmp_path / "faces.out"
    path.write_text("old")

    def fail() -> None:
        with open_writer(path, form, make_detector()) as writer:
            writer.write(FACE)
            raise RuntimeError("killed")

    with pytest.raises(RuntimeError, match="killed"):
        fail()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_unknown_formats_and_folders_are_refused(tmp_path: Path, make_detector: Maker) -> None:
    with (
        pytest.raises(ValueError, match="openface, fex, jsonl, parquet"),
        open_writer(tmp_path / "a", "xls", make_detector()),
    ):
        pass
    with pytest.raises(ValueError, match="is a folder"), open_writer(tmp_path, "fex", make_detector()):
        pass
