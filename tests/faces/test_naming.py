"""Who the tracker says a face is where looks must tell, with stand-ins for the networks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pytest

from metafacs.faces import tracking
from metafacs.faces.face import Face
from metafacs.faces.identity import Appearance
from metafacs.faces.mesh import EYE_CORNERS, Region
from metafacs.faces.tracking import FaceTracker
from metafacs.faces.warping import Picture

SIDE = 40.0
PLACES = {"left": 100.0, "middle": 200.0, "beside": 220.0, "right": 300.0}

Scene = Mapping[str, str]
"""Place -> who is there."""


def face_at(x: float) -> Face:
    mesh = np.zeros((468, 3))
    mesh[:, 0] = x + SIDE * (np.linspace(0, 1, 468) - 0.5)
    mesh[:, 1] = 80 + SIDE * (np.linspace(0, 1, 468) - 0.5)
    mesh[EYE_CORNERS, :2] = (x - 10, 80), (x + 10, 80)
    box = (x - SIDE / 2, 80 - SIDE / 2, x + SIDE / 2, 80 + SIDE / 2)
    return Face(box, 0.9, np.full((68, 2), x), mesh)


class Stage:
    """Finds the faces of the scene that is on, and says what the people look like."""

    device = "cpu"

    def __init__(self) -> None:
        self.scene: Scene = {}

    def _centres(self) -> list[float]:
        return [PLACES[place] for place in self.scene]

    def follow(self, image: Picture, regions: Sequence[Region]) -> list[Face | None]:
        nearest = [
            min(self._centres(), key=lambda x: abs(x - region.centre[0]), default=np.inf)
            for region in regions
        ]
        return [
            face_at(x) if abs(x - region.centre[0]) < SIDE / 4 else None
            for x, region in zip(nearest, regions, strict=True)
        ]

    def find_others(self, image: Picture, known: Sequence[Face], *, thorough: bool) -> list[Face]:
        followed = [float(face.landmarks[0, 0]) for face in known]
        return [face_at(x) for x in self._centres() if x not in followed]

    def describe(self, image: Picture, face: Face, device: object) -> Appearance:
        """Return looks: letters are 42 deviations apart, a capital and its small letter 15."""
        (who,) = (who for place, who in self.scene.items() if PLACES[place] == face.landmarks[0, 0])
        looks = np.zeros(24, np.int8)
        looks[ord(who.upper()) - ord("A")] = 90
        looks[23] = 46 if who.islower() else 0
        return Appearance(looks, np.full(54, -128, np.int8))


@pytest.fixture
def stage(monkeypatch: pytest.MonkeyPatch) -> Stage:
    stage = Stage()
    monkeypatch.setattr(tracking, "face_detector", lambda device, backend: stage)
    monkeypatch.setattr(tracking, "describe", stage.describe)
    return stage


def play(stage: Stage, scenes: Sequence[Scene], every: float = 1.0) -> list[dict[str, int]]:
    """Return place -> number for each scene; so long a time lies between two."""
    tracker, told = FaceTracker(), []
    for number, stage.scene in enumerate(scenes):
        tracked = tracker.advance(np.full((160, 400, 3), 128, np.uint8), every * number)
        at = {each.face.landmarks[0, 0]: each.person for each in tracked}
        told.append({place: at[PLACES[place]] for place in stage.scene})
    return told


def test_a_face_at_the_place_of_somebody_who_is_elsewhere_gets_a_new_number(stage: Stage) -> None:
    told = play(stage, [{"left": "A"}, {"left": "A"}, *[{"left": "C", "right": "A"}] * 3])
    assert told == [{"left": 0}] * 2 + [{"left": 1, "right": 0}] * 3


def test_another_face_alone_at_a_place_gets_a_new_number(stage: Stage) -> None:
    told = play(stage, [{"left": "A"}, {"left": "A"}, *[{"left": "C"}] * 3, {"left": "C", "right": "A"}])
    assert told == [{"left": 0}] * 2 + [{"left": 1}] * 3 + [{"left": 1, "right": 0}]


def test_whose_place_a_known_person_takes_is_known_when_back(stage: Stage) -> None:
    told = play(stage, [{"left": "A"}, *[{"left": "A", "right": "C"}] * 2, {"left": "C"}, {"right": "A"}])
    assert told[-2:] == [{"left": 1}, {"right": 0}]


def test_a_face_that_looks_little_like_itself_keeps_its_number_at_its_place(stage: Stage) -> None:
    told = play(stage, [{"left": "A"}, {"left": "a"}, {"left": "A"}, {"left": "a"}])
    assert told == [{"left": 0}] * 4


def test_a_followed_face_keeps_its_new_number_beside_somebody_alike(stage: Stage) -> None:
    """A step of a tenth of a second: the place tells, also while it is asked whether B is A after all."""
    scenes: list[Scene] = [
        {"left": "A"},
        *[{}] * 4,
        *[{"middle": "B"}] * 3,
        *[{"middle": "B", "right": "B"}] * 8,
    ]
    told = play(stage, scenes, 0.1)
    assert [each["middle"] for each in told[5:]] == [1] * 11
    assert {each["right"] for each in told[8:]} == {2}
