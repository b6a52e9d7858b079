from __future__ import annotations

import numpy as np
import pytest

from metafacs.data.transforms import Augmentation, Windows, augment, crop_centre
from metafacs.synthesis.projection import rotation_matrix


@pytest.fixture
def pictures() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (4, 10, 10, 3), dtype=np.uint8)


def test_centre_crop_is_the_middle(pictures: np.ndarray) -> None:
    assert np.array_equal(crop_centre(pictures, 8)[0], pictures[:, 1:9, 1:9])


def test_same_state_gives_the_same_pictures(pictures: np.ndarray) -> None:
    change = Augmentation(brightness=10, contrast=0.1)
    first, _ = augment(pictures, 8, change, np.random.default_rng(1))
    assert first.shape == (4, 8, 8, 3)
    assert np.array_equal(first, augment(pictures, 8, change, np.random.default_rng(1))[0])
    assert not np.array_equal(first, augment(pictures, 8, change, np.random.default_rng(2))[0])


def test_only_windows_and_mirrors_without_light_changes(pictures: np.ndarray) -> None:
    out, _ = augment(pictures, 9, Augmentation(flip=1.0), np.random.default_rng(0))
    for picture, result in zip(pictures, out, strict=True):
        windows = [picture[y : y + 9, x : x + 9][:, ::-1] for y in (0, 1) for x in (0, 1)]
        assert any(np.array_equal(result, window) for window in windows)


@pytest.mark.parametrize("flip", [0.0, 1.0])
def test_points_go_where_their_pixels_go(flip: float) -> None:
    pictures = np.zeros((4, 12, 12, 3), np.uint8)
    points = np.full((4, 68, 2), np.nan, np.float32)
    points[:, 36], points[:, 45] = (4, 5), (7, 6)
    pictures[:, 5, 4], pictures[:, 6, 7] = 100, 200
    for out, windows in (
        crop_centre(pictures, 10),
        augment(pictures, 10, Augmentation(flip=flip), np.random.default_rng(0)),
    ):
        moved = windows.move(points)
        for picture, (left, right) in zip(out, moved[:, [36, 45]].astype(int), strict=True):
            # Left and right are the picture's: after a mirror the other eye stands on the left.
            assert {picture[y, x, 0] for x, y in (left, right)} == {100, 200}
            assert left[0] < right[0]
        assert np.isnan(moved[:, 0]).all()


def test_mirrored_head_is_turned_the_other_way() -> None:
    rng = np.random.default_rng(0)
    poses = rng.uniform(-0.5, 0.5, (6, 3)).astype(np.float32)
    windows = Windows(np.zeros((6, 2), int), np.arange(6) % 2 == 0, 8)
    mirror = np.diag([-1.0, 1.0, 1.0])
    for mirrored, before, after in zip(windows.mirrored, poses, windows.turn(poses), strict=True):
        expected = rotation_matrix(*before)
        if mirrored:
            expected = mirror @ expected @ mirror
        np.testing.assert_allclose(rotation_matrix(*after), expected, atol=1e-6)


def test_too_small_crops_say_what_to_do(pictures: np.ndarray) -> None:
    with pytest.raises(ValueError, match="prepare the store with --size 12"):
        crop_centre(pictures, 12)
