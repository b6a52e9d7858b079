from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from metafacs.inference.panels import ABSENT, FACE_COLOURS, INK, PALE, face_colours
from metafacs.inference.result import FaceResult
from metafacs.inference.video_layout import lay_out
from metafacs.inference.video_panel import Panel

AUS = (1, 6, 12)
THRESHOLDS = {1: 0.5, 6: 0.5, 12: 0.2}
LAYOUT = lay_out((640, 360), AUS, 2, [])
PEOPLE = {3: "Person 3", 7: "Ana"}


def panel(experimental: tuple[int, ...] = ()) -> Panel:
    return Panel(LAYOUT, AUS, THRESHOLDS, experimental, PEOPLE, face_colours(list(PEOPLE)))


def drawn(probabilities: Mapping[int, Mapping[int, float]], one: Panel | None = None) -> NDArray[np.uint8]:
    picture = np.full((LAYOUT.height, LAYOUT.width, 3), 255, np.uint8)
    faces = {
        person: FaceResult("", face_id=person, success=True, probabilities=values)
        for person, values in probabilities.items()
    }
    (one or panel()).draw(picture, faces)
    return picture


def bar(picture: NDArray[np.uint8], column: int, au: int) -> NDArray[np.uint8]:
    left, top, right, bottom = LAYOUT.bar_box(column, AUS.index(au))
    return picture[top : bottom + 1, left : right + 1]


def label(picture: NDArray[np.uint8], au: int) -> NDArray[np.uint8]:
    top = LAYOUT.top_of(AUS.index(au))
    left = LAYOUT.panel[0] + LAYOUT.pad
    return picture[top : top + LAYOUT.row, left : left + LAYOUT.label - 2]


def count(pixels: NDArray[np.uint8], colour: tuple[int, int, int]) -> int:
    return int((pixels == colour).all(2).sum())


def test_a_bar_is_as_long_as_the_probability_and_coloured_from_the_threshold_on() -> None:
    for probability in (0.0, 0.1, 0.49, 0.5, 1.0):
        shown = bar(drawn({3: dict.fromkeys(AUS, probability)}), 0, 1)
        colour, other = (FACE_COLOURS[0], ABSENT) if probability >= 0.5 else (ABSENT, FACE_COLOURS[0])
        middle = (shown[shown.shape[0] // 2] == colour).all(1)
        # The tick covers one pixel of a bar that reaches it.
        assert abs(int(middle.sum()) - LAYOUT.bar * probability) <= 2
        assert count(shown, other) == 0


def test_every_threshold_has_its_tick_whoever_is_there() -> None:
    for faces in ({}, {3: dict.fromkeys(AUS, 0.9)}):
        picture = drawn(faces)
        for column in (0, 1):
            for au in AUS:
                tick = round(LAYOUT.bar * THRESHOLDS[au])
                assert (bar(picture, column, au)[:, tick] == INK).all()


def test_people_keep_their_columns_and_who_is_away_has_no_bars() -> None:
    both, second = drawn({7: {1: 0.9}, 3: {1: 0.9}}), drawn({7: {1: 0.9}})
    assert count(bar(both, 0, 1), FACE_COLOURS[0]) > 0
    assert count(bar(second, 0, 1), FACE_COLOURS[0]) == 0
    assert np.array_equal(bar(both, 1, 1), bar(second, 1, 1))
    nobody = drawn({})
    assert np.array_equal(bar(second, 0, 1), bar(nobody, 0, 1))


def test_nothing_of_the_last_frame_is_left() -> None:
    one = panel()
    picture = drawn({3: dict.fromkeys(AUS, 0.9), 7: dict.fromkeys(AUS, 0.7)}, one)
    one.draw(picture, {})
    assert np.array_equal(picture, drawn({}))


def test_what_is_present_is_written_in_bold_and_experimental_ones_pale() -> None:
    absent, present = drawn({3: {12: 0.1}}), drawn({3: {12: 0.3}})
    assert label(present, 12).mean() < label(absent, 12).mean()
    assert np.array_equal(label(present, 1), label(absent, 1))
    pale = drawn({3: {12: 0.3}}, panel(experimental=(12,)))
    assert count(label(pale, 12), INK) == 0
    assert count(label(pale, 12), PALE) > 0


def test_a_person_who_is_not_listed_and_an_unknown_action_unit_are_passed_over() -> None:
    assert np.array_equal(drawn({5: {1: 0.9}}), drawn({}))
    assert count(bar(drawn({3: {}}), 0, 1), ABSENT) == 0
