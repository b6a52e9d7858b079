from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from metafacs.faces.alignment import align
from metafacs.faces.pictures import read_picture
from metafacs.faces.pipeline import face_detector, find_faces, landmarks_of_aligned

Picture = NDArray[np.uint8]


def test_the_detector_is_loaded_once_per_device() -> None:
    with ThreadPoolExecutor(4) as pool:
        detectors = list(pool.map(face_detector, ["cpu"] * 8))
    assert all(detector is detectors[0] for detector in detectors)


def test_threads_get_what_one_thread_gets(astronaut: Picture, grace_hopper: Picture) -> None:
    pictures = [astronaut, grace_hopper] * 3
    alone = [find_faces(picture)[0].landmarks for picture in pictures[:2]]
    with ThreadPoolExecutor(3) as pool:
        together = list(pool.map(lambda picture: find_faces(picture)[0].landmarks, pictures))
    for i, landmarks in enumerate(together):
        assert landmarks == pytest.approx(alone[i % 2], abs=1e-2)


def test_no_face_gives_nothing(scenery: Picture) -> None:
    assert find_faces(scenery) == []
    assert landmarks_of_aligned(scenery) is None


def test_forehead_and_chin_are_inside_the_default_crop(grace_hopper: Picture) -> None:
    (face,) = find_faces(grace_hopper)
    crop, matrix = align(grace_hopper, face.landmarks, 200)
    assert face.mesh is not None
    inside = face.mesh[:, :2] @ matrix[:, :2].T + matrix[:, 2]
    assert inside.min() > 5
    assert inside.max() < 195
    assert crop.shape == (200, 200, 3)


def test_a_crop_is_found_again_as_an_aligned_picture(grace_hopper: Picture) -> None:
    (face,) = find_faces(grace_hopper)
    crop, matrix = align(grace_hopper, face.landmarks, 100)
    landmarks = landmarks_of_aligned(crop)
    assert landmarks is not None
    expected = face.landmarks @ matrix[:, :2].T + matrix[:, 2]
    assert np.linalg.norm(landmarks - expected, axis=1).mean() < 2


def test_a_photo_turned_by_the_camera_gives_the_same_face(tmp_path: Path, grace_hopper: Picture) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(np.rot90(grace_hopper)).save(tmp_path / "turned.png", exif=exif)
    (turned,), (upright,) = find_faces(read_picture(tmp_path / "turned.png")), find_faces(grace_hopper)
    assert np.array_equal(turned.landmarks, upright.landmarks)
