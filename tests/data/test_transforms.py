from __future__ import annotations

import numpy as np
import pytest
import torch

from metafacs.data.changes import draw_changes
from metafacs.data.transforms import Augmentation, Windows, crop_centre, draw_windows
from metafacs.synthesis.activations import Activation
from metafacs.synthesis.contact_sheet import portrait_scene
from metafacs.synthesis.identities import sample_identity
from metafacs.synthesis.projection import rotation_matrix
from metafacs.synthesis.renderer import Subject, render


def augment(
    images: np.ndarray, size: int, change: Augmentation, rng: np.random.Generator, *, border: int = 128
) -> tuple[np.ndarray, Windows]:
    """Return a batch as a stream changes it."""
    windows = draw_windows(len(images), images.shape[1], size, change, rng)
    changes = draw_changes(len(images), size, change, rng)
    return changes.applied(torch.from_numpy(windows.cut(images, border))).numpy(), windows


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


def as_before(images: np.ndarray, size: int, change: Augmentation, rng: np.random.Generator) -> np.ndarray:
    """Return the pictures of the first version, which knew flip, brightness and contrast only."""
    count, side = images.shape[:2]
    corners = rng.integers(0, side - size + 1, (count, 2))
    mirrored = np.less(rng.random(count), change.flip)
    out = np.stack([images[i, y : y + size, x : x + size] for i, (y, x) in enumerate(corners.tolist())])
    out[mirrored] = out[mirrored][:, :, ::-1]
    if change.brightness or change.contrast:
        gain = 1 + change.contrast * rng.standard_normal((count, 1, 1, 1)).astype(np.float32)
        shift = change.brightness * rng.standard_normal((count, 1, 1, 1)).astype(np.float32)
        mean = out.mean(axis=(1, 2, 3), keepdims=True, dtype=np.float32)
        out = np.clip((out - mean) * gain + mean + shift, 0, 255).astype(np.uint8)
    return out


@pytest.mark.parametrize(
    "change", [Augmentation(), Augmentation(0.0), Augmentation(0.5, 8.0, 0.1), Augmentation(brightness=4.0)]
)
def test_configurations_of_before_give_the_pictures_of_before(
    pictures: np.ndarray, change: Augmentation
) -> None:
    first, second = np.random.default_rng((7, 1, 3)), np.random.default_rng((7, 1, 3))
    for _ in range(3):
        out, windows = augment(pictures, 8, change, first)
        np.testing.assert_array_equal(out, as_before(pictures, 8, change, second))
        assert windows.matrices is None
    assert first.random() == second.random()
    assert list(change.settings()) == ["flip", "brightness", "contrast"]


@pytest.mark.parametrize("change", [{"rotation": 25.0}, {"shift": 0.1}, {"scale": 0.3}, {}])
@pytest.mark.parametrize("flip", [0.0, 1.0])
def test_points_follow_turned_shifted_and_scaled_pixels(change: dict, flip: float) -> None:
    changes = change or {"rotation": 20.0, "shift": 0.08, "scale": 0.2}
    count, side, size = 12, 72, 64
    y, x = np.mgrid[:side, :side]
    places = {36: (24.0, 28.0), 45: (46.0, 27.0), 8: (35.0, 50.0)}
    colours = {36: 0, 45: 1, 8: 2}
    picture = np.zeros((side, side, 3))
    for point, (px, py) in places.items():
        picture[..., colours[point]] = 255 * np.exp(-((x - px) ** 2 + (y - py) ** 2) / 8)
    points = np.full((count, 68, 2), np.nan, np.float32)
    for point, place in places.items():
        points[:, point] = place
    pictures = np.repeat(picture[None].round().astype(np.uint8), count, 0)
    out, windows = augment(
        pictures, size, Augmentation(flip=flip, **changes), np.random.default_rng(3), border=0
    )
    moved = windows.move(points)
    assert moved.dtype == np.float32
    # After a mirror the picture's left eye is what was its right one before; the chin stays the chin.
    names = {36: 45, 45: 36, 8: 8} if flip else {36: 36, 45: 45, 8: 8}
    y, x = np.mgrid[:size, :size]
    for shown, found in zip(out.astype(float), moved, strict=True):
        for point, now in names.items():
            light = shown[..., colours[point]]
            centre = np.array([(light * x).sum(), (light * y).sum()]) / light.sum()
            np.testing.assert_allclose(found[now], centre, atol=0.15)
    assert np.isnan(moved[:, 0]).all()
    if windows.matrices is not None:
        scales = np.hypot(windows.matrices[:, 0, 0], windows.matrices[:, 0, 1])
        assert np.ptp(scales) > 0.1 if "scale" in changes else np.allclose(scales, 1)


def test_a_turned_head_is_the_rendered_head_of_the_turned_pose() -> None:
    subject, display = Subject(sample_identity(3)), Activation({12: 0.8})
    scene = {"yaw": 0.3, "pitch": -0.1}
    upright = render(subject, display, portrait_scene(72, **scene))
    pose = np.array([upright.pose], np.float32)
    change = Augmentation(0.0, rotation=30.0, scale=0.1)
    _, windows = augment(upright.image[None], 64, change, np.random.default_rng(6))
    yaw, pitch, roll = windows.turn(pose)[0].tolist()
    assert (yaw, pitch) == pytest.approx((0.3, -0.1))
    assert 0.1 < abs(roll) <= np.radians(30)
    turned = render(subject, display, portrait_scene(72, roll=roll, **scene))

    def shape(points: np.ndarray) -> np.ndarray:
        centred = points - points.mean(0)
        return centred / np.linalg.norm(centred)

    np.testing.assert_allclose(
        shape(windows.move(upright.landmarks[None])[0]), shape(turned.landmarks), atol=2e-3
    )
    mirrored = Windows(windows.corners, np.ones(1, bool), 64, windows.matrices)
    np.testing.assert_allclose(mirrored.turn(pose)[0], [-yaw, pitch, -roll], atol=1e-6)
    assert np.isnan(mirrored.turn(np.full((1, 3), np.nan, np.float32))).all()


def test_outside_the_picture_is_the_border(pictures: np.ndarray) -> None:
    out, _ = augment(pictures, 10, Augmentation(shift=0.5), np.random.default_rng(0), border=7)
    assert (out == 7).all(axis=3).mean() > 0.1


def test_styled_pictures_are_a_pure_function_of_the_generator(pictures: np.ndarray) -> None:
    style = Augmentation.styled()
    first, windows = augment(pictures, 8, style, np.random.default_rng(1))
    again, _ = augment(pictures, 8, style, np.random.default_rng(1))
    other, _ = augment(pictures, 8, style, np.random.default_rng(2))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)
    assert (first.shape, first.dtype) == ((4, 8, 8, 3), np.uint8)
    assert windows.matrices is not None
    assert Augmentation(**style.settings()) == style


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"flip": 1.5}, "flip is 1.5; give a number from 0 to 1"),
        ({"noise": float("inf")}, "noise is inf; give a number from 0 to 255"),
        ({"scale": 0.9}, "scale is 0.9; give a number from 0 to 0.5"),
        ({"quality": 0}, "quality is 0; give a number from 1 to 95"),
        ({"grey": float("nan")}, "grey is nan; give a number from 0 to 1"),
    ],
)
def test_values_out_of_range_are_refused(wrong: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Augmentation(**wrong)


def test_too_small_crops_say_what_to_do(pictures: np.ndarray) -> None:
    with pytest.raises(ValueError, match="prepare the store with --size 12"):
        crop_centre(pictures, 12)
