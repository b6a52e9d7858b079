from __future__ import annotations

import numpy as np
import pytest

from metafacs.data.transforms import Augmentation, augment, crop_centre


@pytest.fixture
def pictures() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (4, 10, 10, 3), dtype=np.uint8)


def test_centre_crop_is_the_middle(pictures: np.ndarray) -> None:
    assert np.array_equal(crop_centre(pictures, 8), pictures[:, 1:9, 1:9])


def test_same_state_gives_the_same_pictures(pictures: np.ndarray) -> None:
    change = Augmentation(brightness=10, contrast=0.1)
    first = augment(pictures, 8, change, np.random.default_rng(1))
    assert first.shape == (4, 8, 8, 3)
    assert np.array_equal(first, augment(pictures, 8, change, np.random.default_rng(1)))
    assert not np.array_equal(first, augment(pictures, 8, change, np.random.default_rng(2)))


def test_only_windows_and_mirrors_without_light_changes(pictures: np.ndarray) -> None:
    out = augment(pictures, 9, Augmentation(flip=1.0), np.random.default_rng(0))
    for picture, result in zip(pictures, out, strict=True):
        windows = [picture[y : y + 9, x : x + 9][:, ::-1] for y in (0, 1) for x in (0, 1)]
        assert any(np.array_equal(result, window) for window in windows)


def test_too_small_crops_say_what_to_do(pictures: np.ndarray) -> None:
    with pytest.raises(ValueError, match="prepare the store with --size 12"):
        crop_centre(pictures, 12)
