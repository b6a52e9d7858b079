from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from metafacs.data.facts import BP4D
from metafacs.inference.detector import Detector
from metafacs.inference.overlay import MOST_PANELS, draw_overlay
from metafacs.inference.panels import FACE_COLOURS
from metafacs.inference.result import FaceResult

Picture = NDArray[np.uint8]
Maker = Callable[..., Detector]


def face(number: int = 0, probability: float = 0.8, place: float = 30.0, width: float = 60.0) -> FaceResult:
    rng = np.random.default_rng(number)
    return FaceResult(
        "a.jpg",
        face_id=number,
        success=True,
        score=0.9,
        box=(place, 20, place + width, 20 + width),
        landmarks=rng.uniform((place, 20), (place + width, 20 + width), (68, 2)),
        probabilities=dict.fromkeys(BP4D.evaluated_aus, probability),
    )


THRESHOLDS = dict.fromkeys(BP4D.evaluated_aus, 0.5)
GREY = np.full((300, 500, 3), 120, np.uint8)


def share(drawing: Image.Image, colour: tuple[int, int, int]) -> float:
    """Return which part of the drawing has exactly a colour."""
    return float((np.asarray(drawing) == colour).all(2).mean())


def test_the_panel_stands_beside_the_picture(make_detector: Maker, astronaut: Picture) -> None:
    detector = make_detector()
    drawing = draw_overlay(astronaut, detector.analyse_picture(astronaut), detector.thresholds)
    assert drawing.mode == "RGB"
    assert drawing.width > 512 + 200
    # Far from the face the picture is untouched.
    assert np.array_equal(np.asarray(drawing)[300:512, :512], astronaut[300:])


def test_bars_grow_with_the_probability_and_are_coloured_from_the_threshold_on() -> None:
    shares = [
        share(draw_overlay(GREY, [face(probability=p)], THRESHOLDS), FACE_COLOURS[0])
        for p in (0.1, 0.49, 0.5, 0.9)
    ]
    assert shares[0] == shares[1] < shares[2] < shares[3]


def test_the_input_is_not_drawn_on(astronaut: Picture) -> None:
    before = astronaut.copy()
    draw_overlay(astronaut, [face()], THRESHOLDS)
    assert np.array_equal(astronaut, before)


@pytest.mark.parametrize("shape", [(40, 60), (3000, 2000), (2, 900), (1, 1)])
def test_any_size_becomes_readable(shape: tuple[int, int]) -> None:
    drawing = draw_overlay(np.zeros((*shape, 3), np.uint8), [face(width=20)], THRESHOLDS, synthetic=True)
    assert 480 < drawing.width <= 1280 + 500
    assert 300 < drawing.height <= 1280 + 100


def test_many_faces_go_below_and_only_the_largest_are_listed() -> None:
    few = draw_overlay(GREY, [face(i, place=40.0 * i, width=20 + i) for i in range(3)], THRESHOLDS)
    many = draw_overlay(
        GREY, [face(i, place=10.0 * i, width=20 + i) for i in range(MOST_PANELS + 8)], THRESHOLDS
    )
    assert few.width < 1000
    assert many.width < 1000
    assert few.height < many.height < 300 + 400 * MOST_PANELS


def test_no_face_still_gives_a_picture_with_a_note() -> None:
    drawing = draw_overlay(GREY, [FaceResult("a.jpg")], THRESHOLDS)
    assert np.array_equal(np.asarray(drawing)[:300, :500], GREY)
    assert (np.asarray(drawing)[300:] < 100).any()


def test_synthetic_training_is_noted() -> None:
    plain, noted = (
        draw_overlay(GREY, [face()], THRESHOLDS, synthetic=synthetic) for synthetic in (False, True)
    )
    assert plain.size == noted.size
    assert not np.array_equal(np.asarray(plain), np.asarray(noted))


def test_experimental_action_units_are_pale_with_a_note() -> None:
    plain, pale, other = (
        draw_overlay(GREY, [face()], THRESHOLDS, experimental=experimental)
        for experimental in ((), BP4D.evaluated_aus, (43,))
    )
    assert share(pale, (34, 34, 34)) < share(plain, (34, 34, 34))
    # The note is at the foot; action units that are not shown need none.
    assert plain.size == other.size == pale.size
    assert np.array_equal(np.asarray(plain), np.asarray(other))
    foot = [np.asarray(drawing)[-20:] for drawing in (plain, pale)]
    assert not np.array_equal(*foot)


def test_a_face_without_landmarks_or_action_units() -> None:
    drawing = draw_overlay(GREY, [replace(face(), landmarks=None, probabilities={})], {})
    assert share(drawing, FACE_COLOURS[0]) > 0
