from __future__ import annotations

import numpy as np
import pytest

from metafacs.inference.panels import INK, PAPER, font_of
from metafacs.inference.stamps import Typewriter, draw_dots, draw_outline, paste, resized, text_stamp

GREEN = (0, 158, 115)


def ground(height: int = 40, width: int = 60) -> np.ndarray:
    return np.full((height, width, 3), 100, np.uint8)


def test_what_hangs_over_the_edge_is_cut_off() -> None:
    stamp = np.arange(4 * 6 * 3, dtype=np.uint8).reshape(4, 6, 3)
    for left, top in ((-2, -1), (57, 38), (-10, 5), (70, 5), (5, 5)):
        image = np.zeros((40, 60, 3), np.uint8)
        paste(image, stamp, left, top)
        roomy = np.zeros((80, 120, 3), np.uint8)
        roomy[top + 20 : top + 24, left + 20 : left + 26] = stamp
        assert np.array_equal(image, roomy[20:60, 20:80])


def test_an_outline_has_four_edges_and_an_untouched_middle() -> None:
    image = ground()
    draw_outline(image, (10.2, 5.4, 30, 25), GREEN, 2)
    coloured = (image == GREEN).all(2)
    assert coloured.sum() == 20 * 20 - 16 * 16
    assert coloured[5:25, 10:30].sum() == coloured.sum()


@pytest.mark.parametrize("box", [(-50, -50, -10, -10), (-5, -5, 100, 100), (58, 38, 90, 90), (9, 9, 9, 9)])
def test_an_outline_may_lie_outside(box: tuple[int, int, int, int]) -> None:
    image = ground()
    draw_outline(image, box, GREEN, 3)
    assert image.shape == (40, 60, 3)


def test_a_dot_is_where_its_point_is() -> None:
    for x, y in ((20.5, 15.5), (20.0, 15.25), (33.7, 8.1)):
        image = np.zeros((40, 60, 3), np.uint8)
        draw_dots(image, np.array([[x, y]]), 1.0, (255, 255, 255))
        weights = image[..., 0].astype(float)
        rows, columns = np.mgrid[:40, :60] + 0.5
        # A quarter of a pixel is the finest step.
        assert (weights * columns).sum() / weights.sum() == pytest.approx(x, abs=0.13)
        assert (weights * rows).sum() / weights.sum() == pytest.approx(y, abs=0.13)


def test_a_dot_has_a_rim_and_a_white_heart_when_it_is_large_enough() -> None:
    image = ground()
    draw_dots(image, np.array([[20.5, 20.5]]), 3.0, GREEN)
    assert tuple(image[20, 20]) == PAPER
    assert np.abs(image[20, 18].astype(int) - GREEN).max() < 90
    small = ground()
    draw_dots(small, np.array([[20.5, 20.5]]), 0.5, GREEN)
    assert small[20, 20, 0] < 60


def test_dots_that_overlap_do_not_wipe_each_other_out() -> None:
    together, apart = ground(), [ground(), ground()]
    points = np.array([[20.0, 20.0], [22.3, 20.6]])
    draw_dots(together, points, 2.0, (0, 0, 0))
    for image, point in zip(apart, points, strict=True):
        draw_dots(image, point[None], 2.0, (0, 0, 0))
    touched = [(image != 100).any(2) for image in apart]
    assert np.array_equal((together != 100).any(2), touched[0] | touched[1])
    only = touched[0] & ~touched[1]
    assert np.array_equal(together[only], apart[0][only])


def test_dots_outside_are_left_out_and_the_rest_is_untouched() -> None:
    image = ground()
    draw_dots(image, np.array([[-3.0, 5.0], [59.9, 39.9], [1000.0, 1000.0], [0.1, 0.1]]), 2.0, GREEN)
    assert (image == 100).all()


def test_text_stands_where_it_is_asked_for() -> None:
    font = font_of(12)
    left, right = (text_stamp("12", font, INK, (60, 20), anchor=anchor) for anchor in "lr")
    dark = [np.flatnonzero((stamp < 128).any((0, 2))) for stamp in (left, right)]
    assert dark[0].max() < 20
    assert dark[1].min() > 40
    # Words with and without descenders stand on one line.
    a, b = (text_stamp(text, font, INK, (60, 20)) for text in ("A", "Ag"))
    foot = font.getlength("A")
    assert np.array_equal(a[:, : int(foot) - 1], b[:, : int(foot) - 1])


def test_a_typewriter_writes_letter_by_letter() -> None:
    font = font_of(12)
    image = np.full((20, 100, 3), 255, np.uint8)
    end = Typewriter("0123456789", font, INK, 20).write(image, "1908", 4, 0)
    assert end - 4 == pytest.approx(font.getlength("1908"), abs=2)
    step = (end - 4) // 4
    for place, digit in enumerate("1908"):
        left = 4 + place * step
        assert np.array_equal(image[:, left : left + step], text_stamp(digit, font, INK, (step, 20)))
    assert (image[:, end:] == 255).all()


def test_resizing_keeps_the_mean_and_the_place() -> None:
    image = np.random.default_rng(0).integers(0, 255, (90, 160, 3), np.uint8)
    assert resized(image, 160, 90) is image
    small, large = resized(image, 80, 45), resized(image, 320, 180)
    assert small.shape == (45, 80, 3)
    assert large.shape == (180, 320, 3)
    assert np.allclose(small.mean((0, 1)), image.mean((0, 1)), atol=1)
    spot = np.zeros((90, 160, 3), np.uint8)
    spot[28:36, 100:108] = (10, 200, 250)
    assert (resized(spot, 80, 45)[15:17, 51:53] == (10, 200, 250)).all()
    assert (resized(spot, 320, 180)[58:70, 202:214] == (10, 200, 250)).all()
