from __future__ import annotations

import json

import numpy as np
import pytest
from numpy.typing import NDArray

from metafacs.faces.identity import MOST_PEOPLE, MOST_VIEWS, Appearance, People, assign, describe
from metafacs.faces.pipeline import find_faces

Picture = NDArray[np.uint8]


def view(face: float, colour: int = 0) -> Appearance:
    return Appearance(np.full(24, face, np.int8), np.full(54, colour, np.int8))


def test_a_person_is_alike_in_darker_and_smaller_pictures_and_unlike_another(
    astronaut: Picture, grace_hopper: Picture
) -> None:
    people = People()
    person = people.add()
    people.see(person, (0, 0, 1, 1), 0.0)
    people.remember(person, describe(astronaut, find_faces(astronaut)[0]))
    darker = (astronaut * 0.9).astype(np.uint8)
    smaller = np.ascontiguousarray(astronaut[::2, ::2])
    for changed in (darker, smaller):
        assert people.likeness(person, describe(changed, find_faces(changed)[0])) > 3
    assert people.likeness(person, describe(grace_hopper, find_faces(grace_hopper)[0])) < -3


def test_colours_outside_the_picture_are_unknown(astronaut: Picture) -> None:
    face = find_faces(astronaut)[0]
    below = round(face.box[3]) + 2
    cut = np.ascontiguousarray(astronaut[:below])
    colours = describe(cut, find_faces(cut)[0]).colours
    assert (colours[27:] == -128).all()
    assert (colours[:27] > -128).any()


def test_clothes_speak_for_and_against_somebody() -> None:
    people = People()
    person = people.add()
    people.see(person, (0, 0, 1, 1), 0.0)
    people.remember(person, view(0))
    alike, dressed_otherwise, unlike = (
        people.likeness(person, each) for each in (view(1), view(1, 60), view(20))
    )
    assert alike > dressed_otherwise > unlike
    assert people.likeness(person, view(1, -128)) > dressed_otherwise


def test_views_are_few_and_varied() -> None:
    people = People()
    person = people.add()
    people.see(person, (0, 0, 1, 1), 0.0)
    for number in range(40):
        people.remember(person, view(3 * number))
    assert people.views(person) == MOST_VIEWS
    people.remember(person, view(117))
    assert people.views(person) == MOST_VIEWS
    assert people.likeness(person, view(117)) > 0
    assert people.likeness(person, view(0)) < people.likeness(person, view(117))


def test_who_was_not_seen_for_longest_is_forgotten_and_no_number_comes_back() -> None:
    people = People()
    for number in range(MOST_PEOPLE + 1):
        assert people.add() == number
        people.see(number, (0, 0, 1, 1), float(number))
        people.remember(number, view(0))
    assert people.views(0) == 0
    assert people.known() == list(range(1, MOST_PEOPLE + 1))
    assert people.add() == MOST_PEOPLE + 1


def test_places_are_forgotten_at_a_cut() -> None:
    people = People()
    person = people.add()
    people.see(person, (0, 0, 5, 5), 1.0)
    assert people.place(person) is not None
    people.forget_places()
    assert people.place(person) is None


def test_people_come_back_from_json() -> None:
    people = People()
    for number in range(2):
        people.see(people.add(), (0.1, 0.2, 0.3, 1 / 3), 0.1)
        people.remember(number, view(10 * number, 5))
    again = People()
    again.restore(json.loads(json.dumps(people.state())))
    assert again.state() == people.state()
    assert again.likeness(1, view(11)) == people.likeness(1, view(11))


@pytest.mark.parametrize(
    ("scores", "expected"),
    [
        ([[-1.0, -2.0]], [None]),
        ([[3.0, -2.0]], [0]),
        ([[3.0, 2.5]], [None]),
        ([[5.0, 4.9], [4.9, 1.0]], [1, 0]),
        ([[2.0], [3.0]], [None, 0]),
    ],
)
def test_every_face_is_at_most_one_person(scores: list[list[float]], expected: list[int | None]) -> None:
    assert assign(np.array(scores)) == expected


def test_without_known_people_everybody_is_new() -> None:
    assert assign(np.zeros((2, 0))) == [None, None]
    assert assign(np.zeros((0, 3))) == []
