from __future__ import annotations

import io
from math import ceil

import numpy as np
import pytest
import torch
from PIL import Image
from torch.nn import functional

from metafacs.data.changes import Changes, draw_changes
from metafacs.data.transforms import Augmentation

SIZE, COUNT = 40, 24
STYLED = Augmentation.styled()
PORTABLE = Augmentation(brightness=20.0, contrast=0.2, colour=0.06, grey=0.35, noise=10.0)


@pytest.fixture
def pictures() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (COUNT, SIZE, SIZE, 3), dtype=np.uint8)


def drawn(augmentation: Augmentation, seed: int = 1) -> Changes:
    rng = np.random.default_rng(seed)
    return draw_changes(COUNT, SIZE, augmentation, rng)


def changed(pictures: np.ndarray, changes: Changes) -> np.ndarray:
    return changes.applied(torch.from_numpy(pictures)).numpy()


def as_before(images: np.ndarray, change: Augmentation, rng: np.random.Generator) -> np.ndarray:
    """Return what version 0.4 made of the pictures: in NumPy, drawing as it went along."""

    def rounded(values: np.ndarray) -> np.ndarray:
        return np.rint(np.clip(values, 0, 255)).astype(np.uint8)

    out, count = images.copy(), len(images)
    if change.brightness or change.contrast:
        gain = 1 + change.contrast * rng.standard_normal((count, 1, 1, 1)).astype(np.float32)
        shift = change.brightness * rng.standard_normal((count, 1, 1, 1)).astype(np.float32)
        mean = out.mean(axis=(1, 2, 3), keepdims=True, dtype=np.float32)
        out = np.clip((out - mean) * gain + mean + shift, 0, 255).astype(np.uint8)
    if change.colour:
        out = rounded(out * (1 + change.colour * rng.standard_normal((count, 1, 1, 3)).astype(np.float32)))
    if change.grey:
        chosen = rng.random(count) < change.grey
        out[chosen] = rounded(out[chosen] @ np.array([0.299, 0.587, 0.114], np.float32))[..., None]
    if change.blur:
        chosen = rng.random(count) < change.blur
        deviations = change.blur_width * SIZE * rng.random(count)[chosen]
        out[chosen] = rounded(blurred(out[chosen], np.maximum(deviations, 1e-3)))
    if change.noise:
        levels = change.noise * rng.random((count, 1, 1, 1)).astype(np.float32)
        dice = rng.integers(0, 256, (2, *out.shape), dtype=np.uint8)
        deviation = np.float32(np.sqrt(2 * (256**2 - 1) / 12))
        out = rounded(out + (dice[0].astype(np.float32) + dice[1] - 255) * (levels / deviation))
    if change.compression:
        chosen = rng.random(count) < change.compression
        qualities = rng.integers(change.quality, 96, count)
        for i in np.flatnonzero(chosen):
            file = io.BytesIO()
            Image.fromarray(out[i]).save(file, "JPEG", quality=int(qualities[i]))
            out[i] = np.asarray(Image.open(file))
    return out


def blurred(images: np.ndarray, deviations: np.ndarray) -> np.ndarray:
    count, height, width, channels = images.shape
    radius = min(ceil(3 * deviations.max()), height - 1, width - 1)
    bells = np.exp(-0.5 * (np.arange(-radius, radius + 1) / deviations[:, None]) ** 2)
    bells /= bells.sum(axis=1, keepdims=True)
    kernels = torch.from_numpy(bells.astype(np.float32)).repeat_interleave(channels, 0)[:, None, None]
    planes = torch.from_numpy(images).permute(0, 3, 1, 2).reshape(1, -1, height, width).float()
    padded = functional.pad(planes, (radius, radius, radius, radius), mode="replicate")
    both = functional.conv2d(
        functional.conv2d(padded, kernels, groups=len(kernels)), kernels.mT, groups=len(kernels)
    )
    return both.reshape(count, channels, height, width).permute(0, 2, 3, 1).numpy()


@pytest.mark.parametrize(
    "change",
    [Augmentation(), Augmentation(brightness=8.0, contrast=0.1), PORTABLE, Augmentation(blur=0.4), STYLED],
)
def test_pictures_are_those_of_before_to_rounding(pictures: np.ndarray, change: Augmentation) -> None:
    first, second = np.random.default_rng(1), np.random.default_rng(1)
    expected = as_before(pictures, change, second)
    if change.moves:
        change = Augmentation(**{**change.settings(), "rotation": 0.0, "shift": 0.0, "scale": 0.0})
    out = changed(pictures, draw_changes(COUNT, SIZE, change, first))
    assert first.random() == second.random(), "other numbers were drawn"
    # Where a value lies between two grey levels, sums in another order may tip it; JPEG spreads that.
    differing = np.abs(out.astype(int) - expected)
    assert differing.max() <= (8 if change.compression else 1)
    assert (differing > 0).mean() < (0.02 if change.compression else 1e-3)


def test_parts_of_a_batch_are_the_batch(pictures: np.ndarray) -> None:
    changes = drawn(STYLED)
    parts = [slice(0, 8), slice(8, 24)]
    together = np.concatenate([changed(pictures[part], changes.of(part)) for part in parts])
    np.testing.assert_allclose(together.astype(int), changed(pictures, changes), atol=1)
    portable = drawn(PORTABLE)
    np.testing.assert_array_equal(
        np.concatenate([changed(pictures[part], portable.of(part)) for part in parts]),
        changed(pictures, portable),
    )


def test_what_is_off_draws_no_number() -> None:
    first, second = np.random.default_rng(3), np.random.default_rng(3)
    changes = draw_changes(COUNT, SIZE, Augmentation(), first)
    assert first.random() == second.random()
    assert changes.portable
    assert [changes.light, changes.colours, changes.grey, changes.blurred, changes.noise] == [None] * 5


def test_given_pictures_stay_as_they_are_and_a_state_gives_the_same_again(pictures: np.ndarray) -> None:
    before = pictures.copy()
    first = changed(pictures, drawn(STYLED))
    np.testing.assert_array_equal(pictures, before)
    np.testing.assert_array_equal(first, changed(pictures, drawn(STYLED)))
    assert not np.array_equal(first, changed(pictures, drawn(STYLED, seed=2)))


@pytest.mark.parametrize(
    ("change", "portable"), [(PORTABLE, True), (STYLED, False), (Augmentation(blur=0.1), False)]
)
def test_blur_and_jpeg_stay_with_the_processor(change: Augmentation, portable: bool) -> None:
    assert drawn(change).portable is portable
