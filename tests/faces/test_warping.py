from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from metafacs.faces.warping import invert, move_points, similarity, warp

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
