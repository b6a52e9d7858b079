from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from metafacs.faces.detection import FaceDetector
from metafacs.faces.landmarks import inter_ocular_distance
from metafacs.faces.warping import move_points, similarity, warp

Picture = NDArray[np.uint8]
REAL_FACES = Path(__file__).resolve().parents[2].parent / "shared" / "real_faces"


@pytest.fixture(scope="module")
def detector() -> FaceDetector:
    return FaceDetector()


def resized(picture: Picture, width: int) -> Picture:
    return np.array(
        Image.fromarray(picture).resize((width, round(picture.shape[0] * width / picture.shape[1])))
    )


def error(found: NDArray[np.float64], expected: NDArray[np.float64]) -> float:
    """Return the mean distance as a share of the inter-ocular distance."""
    return float(np.linalg.norm(found - expected, axis=1).mean() / inter_ocular_distance(expected))


def test_a_face_has_box_score_landmarks_and_mesh(detector: FaceDetector, astronaut: Picture) -> None:
    (face,) = detector.find(astronaut)
    assert face.score > 0.9
    assert face.box == pytest.approx((178, 69, 272, 177), abs=3)
    assert (face.width, face.height) == pytest.approx((94, 108), abs=4)
    assert face.landmarks.shape == (68, 2)
    assert face.mesh is not None
    assert face.mesh.shape == (468, 3)
    # Placed by eye: the eyes' centres, the tip of the nose, the corners of the mouth.
    points = np.stack(
        [face.landmarks[36:42].mean(0), face.landmarks[42:48].mean(0), *face.landmarks[[30, 48, 54]]]
    )
    assert points == pytest.approx(
        np.array([[203, 101], [247, 104], [223, 126], [200, 139], [246, 141]]), abs=3
    )


def test_glasses_are_no_hindrance(detector: FaceDetector, grace_hopper: Picture) -> None:
    (face,) = detector.find(grace_hopper)
    assert face.box == pytest.approx((168, 130, 358, 333), abs=6)


@pytest.mark.parametrize("degrees", [-60, 25, 90, 180])
def test_a_turned_face_gets_turned_landmarks(
    detector: FaceDetector, grace_hopper: Picture, degrees: float
) -> None:
    expected = detector.find(grace_hopper)[0].landmarks
    matrix = similarity((255.5, 299.5), 600, np.radians(degrees), 600)
    (face,) = detector.find(warp(grace_hopper, matrix, 600, border=0))
    assert error(face.landmarks, move_points(matrix, expected)) < 0.05


@pytest.mark.parametrize("width", [80, 256, 2400])
def test_the_size_of_the_picture_hardly_matters(
    detector: FaceDetector, astronaut: Picture, width: int
) -> None:
    head = np.ascontiguousarray(astronaut[20:220, 130:320])
    expected = (detector.find(head)[0].landmarks + 0.5) * width / 190 - 0.5
    (face,) = detector.find(resized(head, width))
    assert error(face.landmarks, expected) < 0.05


def test_a_face_that_fills_the_picture_is_found_once(detector: FaceDetector, grace_hopper: Picture) -> None:
    expected = detector.find(grace_hopper)[0].landmarks - (170, 132)
    (face,) = detector.find(np.ascontiguousarray(grace_hopper[132:332, 170:358]))
    assert error(face.landmarks, expected) < 0.07


def test_grey_dark_and_bright_pictures(detector: FaceDetector, astronaut: Picture) -> None:
    expected = detector.find(astronaut)[0].landmarks
    grey = np.repeat(astronaut.mean(2, keepdims=True), 3, axis=2)
    for picture in (grey, 0.2 * grey, np.clip(1.8 * astronaut, 0, 255)):
        (face,) = detector.find(picture.astype(np.uint8))
        assert error(face.landmarks, expected) < 0.05


def test_several_faces_come_largest_first(
    detector: FaceDetector, astronaut: Picture, grace_hopper: Picture
) -> None:
    small = np.pad(resized(astronaut, 300), ((0, 300), (0, 0), (0, 0)))
    faces = detector.find(np.concatenate([small, grace_hopper], axis=1))
    assert len(faces) == 2
    assert faces[0].width > faces[1].width
    assert faces[0].box[0] > 300 > faces[1].box[2]


def test_a_crowd_of_small_faces_is_found(detector: FaceDetector, astronaut: Picture) -> None:
    head = resized(np.ascontiguousarray(astronaut[:260, 90:350]), 100)
    faces = detector.find(np.tile(head, (5, 10, 1)))
    assert 45 <= len(faces) <= 50


@pytest.mark.parametrize("upright", [True, False])
def test_all_faces_of_a_strip_are_found(
    detector: FaceDetector, astronaut: Picture, grace_hopper: Picture, upright: bool
) -> None:
    heads = [resized(head, 300)[:300] for head in (astronaut[:260, 90:350], grace_hopper[60:440, 80:460])]
    strip = np.full((6000, 320, 3), 120, np.uint8)
    for place in range(15):
        strip[20 + 400 * place :][:300, 10:310] = heads[place % 2]
    if not upright:
        strip = np.concatenate([strip[400 * place :][:400] for place in range(15)], axis=1)
    centres = sorted(face.landmarks.mean(0)[0 if not upright else 1] for face in detector.find(strip))
    step = 400 if upright else 320
    assert [int(centre / step) for centre in centres] == list(range(15))


def test_scenery_has_no_face(detector: FaceDetector, scenery: Picture) -> None:
    assert detector.find(scenery) == []
    assert detector.find_in_aligned(scenery) is None


def test_tiny_faces_and_tiny_pictures_give_nothing(detector: FaceDetector, astronaut: Picture) -> None:
    assert detector.find(resized(astronaut, 100)) == []
    assert detector.find(np.zeros((1, 1, 3), np.uint8)) == []
    assert detector.find(np.zeros((2, 900, 3), np.uint8)) == []


def test_an_aligned_picture_needs_no_detector(detector: FaceDetector, grace_hopper: Picture) -> None:
    expected = detector.find(grace_hopper)[0].landmarks
    matrix = similarity((263.0, 231.0), 240, 0.0, 100)
    face = detector.find_in_aligned(warp(grace_hopper, matrix, 100, border=0))
    assert face is not None
    assert face.score > 0.99
    assert error(face.landmarks, move_points(matrix, expected)) < 0.05


@pytest.mark.parametrize(
    "picture",
    [
        np.zeros((9, 9), np.uint8),
        np.zeros((9, 9, 4), np.uint8),
        np.zeros((9, 9, 3)),
        np.zeros((0, 9, 3), np.uint8),
    ],
    ids=["grey", "alpha", "float", "empty"],
)
def test_other_arrays_are_refused(detector: FaceDetector, picture: NDArray[np.generic]) -> None:
    with pytest.raises(ValueError, match="read_picture"):
        detector.find(picture)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="read_picture"):
        detector.find_in_aligned(picture)  # type: ignore[arg-type]


needs_real_faces = pytest.mark.skipif(
    not REAL_FACES.is_dir(), reason="the openly licensed photos are not beside the repository"
)


@needs_real_faces
@pytest.mark.parametrize("name", ["neutral/103", "neutral/124", "smiling/003", "smiling/135"])
def test_a_face_is_found_alike_with_any_side_up(detector: FaceDetector, name: str) -> None:
    photo = np.array(Image.open(REAL_FACES / f"{name}.jpg").convert("RGB"))
    expected, side = detector.find(photo)[0].landmarks, max(photo.shape[:2])
    for degrees in (90, 180, 210, 270):
        matrix = similarity((side / 2 - 0.5, side / 2 - 0.5), 1.4 * side, np.radians(degrees), side)
        (face,) = detector.find(warp(photo, matrix, side, border=120))
        assert error(face.landmarks, move_points(matrix, expected)) < 0.03


@needs_real_faces
def test_every_studio_portrait_has_exactly_one_face(detector: FaceDetector) -> None:
    photos = sorted(REAL_FACES.glob("*/*.jpg"))
    found = [len(detector.find(np.array(Image.open(photo).convert("RGB")))) for photo in photos]
    assert len(photos) > 50
    assert found == [1] * len(photos)
