from __future__ import annotations

import numpy as np
import pytest

from metafacs.synthesis.occluders import OCCLUDERS, occlude, sample_occluder
from metafacs.synthesis.occluders.geometry import FaceGeometry


@pytest.fixture
def face() -> FaceGeometry:
    """A schematic frontal face in a picture of 96 px: eyes at (36, 40) and (60, 40), mouth at (48, 66)."""
    landmarks = np.zeros((68, 2), np.float32)
    angle = np.linspace(np.pi, 0, 17)
    landmarks[:17] = np.stack([48 + 30 * np.cos(angle), 42 + 40 * np.sin(angle)], 1)
    landmarks[17:27] = np.stack([np.linspace(28, 68, 10), np.full(10, 32)], 1)
    landmarks[27:36] = np.stack([np.full(9, 48), np.linspace(40, 56, 9)], 1)
    ring = np.linspace(0, 2 * np.pi, 6, endpoint=False)
    landmarks[36:42] = np.stack([36 + 5 * np.cos(ring), 40 + 2 * np.sin(ring)], 1)
    landmarks[42:48] = np.stack([60 + 5 * np.cos(ring), 40 + 2 * np.sin(ring)], 1)
    ring = np.linspace(0, 2 * np.pi, 20, endpoint=False)
    landmarks[48:] = np.stack([48 + 10 * np.cos(ring), 66 + 4 * np.sin(ring)], 1)
    landmarks[[48, 54]] = [[38, 66], [58, 66]]
    return FaceGeometry(landmarks, np.array([-0.5, -0.6], np.float32))


@pytest.fixture
def picture() -> np.ndarray:
    image = np.full((96, 96, 3), 90, np.uint8)
    image[10:90, 15:80] = (200, 160, 130)
    return image


@pytest.mark.parametrize("kind", OCCLUDERS)
def test_occluders_change_part_of_the_picture_and_repeat(kind, face, picture):
    before = picture.copy()
    for seed in range(6):
        covered = occlude(picture, kind, face, np.random.default_rng(seed))
        assert covered.shape == picture.shape
        assert covered.dtype == np.uint8
        share = (np.abs(covered.astype(int) - picture).max(2) > 12).mean()
        assert 0.001 < share < 0.6
        np.testing.assert_array_equal(covered, occlude(picture, kind, face, np.random.default_rng(seed)))
    np.testing.assert_array_equal(picture, before)


def test_sunglasses_hide_the_eyes_and_glasses_do_not(face, picture):
    dark = occlude(picture, "sunglasses", face, np.random.default_rng(1))
    clear = occlude(picture, "glasses", face, np.random.default_rng(1))
    eye = (slice(38, 43), slice(33, 40))
    assert dark[eye].mean() < 0.7 * picture[eye].mean()
    assert clear[eye].mean() > 0.75 * picture[eye].mean()


def test_hand_has_the_colour_of_the_face(face, picture):
    blue = picture.copy()
    blue[10:90, 15:80] = (110, 130, 200)
    changed = []
    for image in (picture, blue):
        covered = occlude(image, "hand", face, np.random.default_rng(3)).astype(int)
        beside = covered[:, :12].reshape(-1, 3)
        inside = covered.reshape(-1, 3)[(np.abs(covered - image).max(2) > 8).ravel()]
        changed.append((inside if len(inside) else beside).mean(0))
    assert changed[0][0] > changed[0][2]
    assert changed[1][0] < changed[1][2]


def test_occluders_work_at_the_edge_of_the_picture(face, picture):
    for shift in ((-70, 0), (70, 0), (0, -70), (0, 80)):
        moved = FaceGeometry(face.landmarks + np.array(shift, np.float32), face.toward_light)
        for kind in OCCLUDERS:
            assert occlude(picture, kind, moved, np.random.default_rng(0)).shape == picture.shape


def test_shares_are_kept():
    shares = {"glasses": 0.2, "hand": 0.1}
    drawn = [sample_occluder(np.random.default_rng(seed), shares) for seed in range(2000)]
    assert drawn.count("glasses") / 2000 == pytest.approx(0.2, abs=0.03)
    assert drawn.count("hand") / 2000 == pytest.approx(0.1, abs=0.03)
    assert drawn.count(None) / 2000 == pytest.approx(0.7, abs=0.03)


def test_wrong_requests_are_refused(face, picture):
    with pytest.raises(ValueError, match="unknown occluder 'hat'"):
        occlude(picture, "hat", face, np.random.default_rng(0))
    with pytest.raises(ValueError, match="at most 1"):
        sample_occluder(np.random.default_rng(0), {"hand": 0.7, "hair": 0.6})
