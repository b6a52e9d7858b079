from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from metafacs.data.datasets.pictures import read_pictures
from metafacs.data.datasets.reading import DatasetError
from metafacs.data.videos import encode_video
from metafacs.seals import sealed


def test_pictures_of_any_depth_and_frames_of_videos_are_found(tmp_path: Path) -> None:
    for name in ("b.JPG", "holiday/a.png", "holiday/a.jpg", "notes.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    encode_video(tmp_path / "clip.avi", [np.full((16, 16, 3), 9, np.uint8)] * 7, 25)
    (tmp_path / "broken.mp4").write_bytes(b"x")
    reading = read_pictures(tmp_path, every=3)
    assert [sample.key for sample in reading.samples] == [
        *("b.JPG", "clip.avi/0", "clip.avi/3", "clip.avi/6", "holiday/a.jpg", "holiday/a.png")
    ]
    assert [sample.frame for sample in reading.samples[:3]] == [None, 0, 3]
    assert (reading.aus, reading.twin, {sample.part for sample in reading.samples}) == ((), None, {None})
    notes, broken = reading.skipped
    assert (notes.file, notes.reason) == ("notes.txt", "file ending in .txt is not read")
    assert broken.file == "broken.mp4"
    assert "is no video that can be read" in broken.reason


def test_linked_folders_are_followed_and_the_rest_is_named(tmp_path: Path) -> None:
    root, elsewhere = tmp_path / "mine", tmp_path / "disk"
    for path in (
        root / "a.jpg",
        root / "b.heic",
        root / "c.jpg_large",
        root / ".thumbs/a.jpg",
        elsewhere / "d.png",
    ):
        path.parent.mkdir(exist_ok=True, parents=True)
        path.write_bytes(b"x")
    (root / "more").symlink_to(elsewhere)
    (elsewhere / "loop").symlink_to(root)
    reading = read_pictures(root)
    assert [sample.key for sample in reading.samples] == ["a.jpg", "b.heic", "more/d.png"]
    assert [str(entry) for entry in reading.skipped] == [
        "c.jpg_large: file ending in .jpg_large is not read",
        ".thumbs: hidden folder is not read",
        "more/loop: linked folder is read at its own place",
    ]


def test_a_part_of_a_twin_is_synthetic(tmp_path: Path) -> None:
    (tmp_path / "faces").mkdir()
    (tmp_path / "faces" / "a.png").write_bytes(b"x")
    (tmp_path / "TWIN.json").write_text(json.dumps({"synthetic": True}))
    assert read_pictures(tmp_path / "faces").summary()["synthetic"] is True


def test_nothing_to_read_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("x")
    with pytest.raises(
        DatasetError, match=r"holds no picture and no video(.|\n)*file ending in \.txt is not read"
    ):
        read_pictures(tmp_path)
    with pytest.raises(DatasetError, match="is missing"):
        read_pictures(tmp_path / "none")
    with pytest.raises(ValueError, match="give a number from 1"):
        read_pictures(tmp_path, every=0)


def test_what_metafacs_drew_is_not_read(tmp_path: Path) -> None:
    for name in ("a.jpg", "run1/sub/a_overlay.png", "run1/a_plot.png", "run1/sub/mine.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True, parents=True)
        (tmp_path / name).write_bytes(b"x")
    outputs = ["faces.csv.meta.json", "a_plot.png", "sub/a_overlay.png"]
    (tmp_path / "run1/faces.csv.meta.json").write_text(
        json.dumps({"written": "today"} | sealed({"metafacs": "0.1.0", "outputs": outputs}))
    )
    reading = read_pictures(tmp_path)
    assert [sample.key for sample in reading.samples] == ["a.jpg", "run1/sub/mine.png"]
    assert [str(entry) for entry in reading.skipped] == [
        "run1/faces.csv.meta.json: file ending in .json is not read",
        "run1/a_plot.png: result of an earlier run of metafacs is not read (2 times)",
    ]
