from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from metafacs.faces.warping import SHRINK_LIMIT, invert, move_points, similarity, warp

RAMP = np.stack(
    [np.tile(np.arange(64), (48, 1)), np.tile(np.arange(48)[:, None], (1, 64)), np.zeros((48, 64))], 2
)


def ramp() -> np.ndarray:
    """Return a picture whose red is twice x and whose green is twice y."""
    return (2 * RAMP).astype(np.uint8)


@given(
    x=st.floats(-50, 500),
    y=st.floats(-50, 500),
    side=st.floats(1, 900),
    angle=st.floats(-4, 4),
    size=st.integers(2, 300),
)
def test_the_square_lands_on_the_crop(x: float, y: float, side: float, angle: float, size: int) -> None:
    matrix = similarity((x, y), side, angle, size)
    right = np.array([np.cos(angle), np.sin(angle)]) * side / 2
    down = np.array([-right[1], right[0]])
    corners = np.array([x, y]) + np.array([-right - down, right + down])
    assert move_points(matrix, corners) == pytest.approx(
        np.array([[-0.5, -0.5], [size - 0.5, size - 0.5]]), abs=1e-6
    )
    assert move_points(invert(matrix), move_points(matrix, corners)) == pytest.approx(corners, abs=1e-6)


def test_a_square_of_its_own_size_is_copied() -> None:
    crop = warp(ramp(), similarity((19.5, 9.5), 20, 0, 20), 20, border=9)
    assert np.array_equal(crop, ramp()[0:20, 10:30])


def test_a_quarter_turn_turns() -> None:
    crop = warp(ramp(), similarity((19.5, 19.5), 20, np.pi / 2, 20), 20, border=9)
    assert np.abs(crop.astype(int) - np.rot90(ramp()[10:30, 10:30]).astype(int)).max() <= 1


@pytest.mark.parametrize("shrink", [1.2, 2.0, 3.7])
def test_points_and_pixels_move_together(shrink: float) -> None:
    matrix = similarity((31.5, 23.5), 16 * shrink, 0.3, 16)
    crop = warp(ramp(), matrix, 16, border=0)
    for point in ([8, 8], [5, 9], [10, 6]):
        where = move_points(invert(matrix), np.array([point], dtype=float))[0]
        assert crop[point[1], point[0], :2] == pytest.approx(2 * where, abs=1.5)


def test_outside_the_picture_is_border() -> None:
    crop = warp(ramp(), similarity((0, 0), 20, 0, 20), 20, border=77)
    assert (crop[:9] == 77).all()
    assert (crop[:, :9] == 77).all()
    assert not (crop[10:, 10:] == 77).all()


def test_a_square_beside_the_picture_is_all_border() -> None:
    crop = warp(ramp(), similarity((1000, 1000), 20, 0.5, 12), 12, border=128)
    assert crop.shape == (12, 12, 3)
    assert (crop == 128).all()


def test_shrinking_averages_fine_texture() -> None:
    board = (255 * (np.indices((512, 512)).sum(0) % 2)).astype(np.uint8)
    crop = warp(
        np.repeat(board[..., None], 3, axis=2), similarity((255.5, 255.5), 500, 0.4, 64), 64, border=128
    )
    assert np.abs(crop.astype(int) - 128).max() < 16


def test_part_of_a_picture_can_be_a_view() -> None:
    view = ramp()[::2, ::-1]
    assert np.array_equal(warp(view, similarity((9.5, 9.5), 20, 0, 20), 20, border=0), view[:20, :20])


def warp_with_pillow(image: np.ndarray, matrix: np.ndarray, size: int, border: int) -> np.ndarray:
    """Return the crop as Pillow makes it."""
    inverse = invert(matrix)
    shrink = float(np.sqrt(np.linalg.det(inverse[:, :2])))
    corners = move_points(inverse, np.array([[0, 0], [size, 0], [0, size], [size, size]]) - 0.5)
    low = np.maximum(np.floor(corners.min(0) - 2 * shrink - 2), 0).astype(int)
    high = np.minimum(np.ceil(corners.max(0) + 2 * shrink + 2), image.shape[1::-1]).astype(int)
    if (high <= low).any():
        return np.full((size, size, 3), border, np.uint8)
    part = Image.fromarray(np.ascontiguousarray(image[low[1] : high[1], low[0] : high[0]]))
    ratio = np.ones(2)
    if shrink > SHRINK_LIMIT:
        small = part.resize(
            (max(1, round(part.width / shrink)), max(1, round(part.height / shrink))),
            Image.Resampling.BILINEAR,
            reducing_gap=3.0,
        )
        ratio, part = np.divide(part.size, small.size), small
    turn = inverse[:, :2]
    shift = inverse[:, 2] + 0.5 - turn @ (0.5, 0.5) - low
    rows = np.concatenate([turn, shift[:, None]], 1) / ratio[:, None]
    return np.array(
        part.transform(
            (size, size),
            Image.Transform.AFFINE,
            tuple(rows.ravel().tolist()),
            Image.Resampling.BILINEAR,
            fillcolor=(border,) * 3,
        )
    )


@pytest.mark.parametrize("turned", [True, False])
@pytest.mark.parametrize(("nearest", "farthest"), [(0.2, 1.5), (1.5, 6.0), (6.0, 12.0)])
def test_crops_are_those_of_pillow_to_the_last_bit(turned: bool, nearest: float, farthest: float) -> None:
    rng = np.random.default_rng(int(10 * nearest) + turned)
    for case in range(40):
        height, width = rng.integers(1, 300, 2).tolist()
        image = rng.integers(0, 256, (height, width, 3), np.uint8)
        if case % 5 == 0:
            image = image[::-1, ::2]
        image.flags.writeable = case % 3 > 0
        size = int(rng.integers(2, 120))
        centre = rng.uniform(-20, width + 20), rng.uniform(-20, height + 20)
        angle = float(rng.uniform(-4, 4)) if turned else 0.0
        matrix = similarity(centre, size * float(rng.uniform(nearest, farthest)), angle, size)
        assert np.array_equal(warp(image, matrix, size, 77), warp_with_pillow(image, matrix, size, 77))


def test_a_crop_can_be_written_to() -> None:
    image = np.zeros((8, 8, 3), np.uint8)
    crop = warp(image, similarity((3.5, 3.5), 8, 0, 8), 8, border=0)
    crop[:] = 255
    assert crop.flags.c_contiguous
    assert not image.any()
