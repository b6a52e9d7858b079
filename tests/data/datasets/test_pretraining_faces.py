from __future__ import annotations

import csv
import shutil
from pathlib import Path

import numpy as np
import pytest

from metafacs.data.datasets.pretraining_faces import COLUMNS, LIST_FILE, read_pretraining_faces
from metafacs.data.datasets.reading import DatasetError


@pytest.fixture
def root(pretraining_faces: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(pretraining_faces, tmp_path / "faces"))


def test_everything_that_was_written_comes_back(pretraining_faces: Path) -> None:
    reading = read_pretraining_faces(pretraining_faces)
    with (pretraining_faces / LIST_FILE).open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == len(reading.samples) == 60
    assert not reading.skipped
    assert reading.twin is not None
    assert reading.twin["synthetic"] is True
    for row, sample in zip(rows, reading.samples, strict=True):
        assert sample.picture.name == row["name"]
        assert (sample.subject, sample.part) == (row["person"], row["part"])
        assert sample.pose == pytest.approx([float(row[name]) for name in ("yaw", "pitch", "roll")])
        assert sample.landmarks is not None
        assert sample.landmarks[30] == pytest.approx([float(row["x30"]), float(row["y30"])])
        assert sample.landmarks.shape == (68, 2)


def test_there_are_no_action_units_and_no_expressions(pretraining_faces: Path) -> None:
    reading = read_pretraining_faces(pretraining_faces)
    assert (reading.aus, reading.expressions) == ((), ())
    assert all(not s.action_units and not s.intensities for s in reading.samples)
    assert all(s.expression is None and s.votes is None for s in reading.samples)
    allowed = {"name", "person", "part", "yaw", "pitch", "roll"}
    assert {name for name in COLUMNS if name[1:].isdecimal() is False} == allowed


def test_bad_lines_are_noted_and_stop_nothing(root: Path) -> None:
    path = root / LIST_FILE
    lines = path.read_text().splitlines()
    lines[1] = lines[1].replace(",train,", ",test,")
    lines[2] = lines[2].rsplit(",", 1)[0]
    lines[3] = lines[3].rsplit(",", 1)[0] + ",nan"
    lines[4] = "P00001_0.jpg"
    (root / "pictures" / lines[5].split(",")[0]).unlink()
    path.write_text("\n".join(lines))
    reading = read_pretraining_faces(root)
    assert len(reading.samples) == 55
    reason = "line is not name, person, part, three angles and 68 points"
    assert [str(s) for s in reading.skipped] == [
        *(f"faces.csv:{number}: {reason}" for number in (2, 3, 4, 5)),
        "faces.csv:6: label without a picture",
    ]


def test_missing_list_and_foreign_header_say_what_to_do(root: Path) -> None:
    (root / LIST_FILE).write_text("name,person\n")
    with pytest.raises(DatasetError, match=r"faces\.csv, line 1: wrong header: expected 'name,person,part"):
        read_pretraining_faces(root)
    (root / LIST_FILE).unlink()
    with pytest.raises(DatasetError, match="render it with 'metafacs twin pretraining_faces'"):
        read_pretraining_faces(root)
    shutil.rmtree(root / "pictures")
    with pytest.raises(DatasetError, match="the pictures that"):
        read_pretraining_faces(root)


def test_points_and_poses_are_those_of_the_faces(pretraining_faces: Path) -> None:
    """A face turned toward the right of the picture shows its nose to the right of its eyes."""
    samples = read_pretraining_faces(pretraining_faces).samples
    points = np.stack([s.landmarks for s in samples if s.landmarks is not None])
    yaw, _, roll = np.array([s.pose for s in samples]).T
    left, right = points[:, 36:42].mean(1), points[:, 42:48].mean(1)
    across = right - left
    ahead = points[:, 30] - (left + right) / 2
    turned = (ahead * across).sum(1) / (across**2).sum(1)
    assert np.corrcoef(turned, np.sin(yaw))[0, 1] > 0.9
    # Roll lifts the eye on the right; y points down.
    assert np.corrcoef(np.arctan2(-across[:, 1], across[:, 0]), roll)[0, 1] > 0.9
