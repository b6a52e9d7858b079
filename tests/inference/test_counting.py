from __future__ import annotations

import pytest

from metafacs.inference.counting import Counting, Counts
from metafacs.inference.result import FaceResult

THRESHOLDS = {6: 0.5, 12: 0.4}


def face(frame: int, timestamp: float, person: int = 0, smile: float = 0.0) -> FaceResult:
    return FaceResult(
        "v.mp4", frame, person, timestamp, success=True, score=1, probabilities={6: 0.1, 12: smile}
    )


def nobody(frame: int, timestamp: float, problem: str = "") -> FaceResult:
    return FaceResult("v.mp4", frame, timestamp=timestamp, problem=problem)


def test_frames_faces_people_and_time() -> None:
    counting = Counting(THRESHOLDS, video=True)
    counting.add([face(0, 0.0, smile=0.9), face(0, 0.0, person=3)])  # Stands for .1 s.
    counting.add([face(1, 0.1, smile=0.4)])  # .3 s.
    counting.add([nobody(2, 0.4)])
    counting.add([nobody(3, 0.5, "damaged")])
    counting.add([nobody(4, 0.6, "damaged")])
    counting.add([nobody(5, 0.7, "other")])
    counting.add([face(6, 0.8, person=3)])  # As long as the one before: .1 s.
    counts = counting.counts()
    assert (counts.frames, counts.undecodable, counts.without_face, counts.faces, counts.people) == (
        7,
        3,
        1,
        4,
        2,
    )
    assert counts.unseen == [(3, 4, "damaged"), (5, 5, "other")]
    assert counts.face_time == pytest.approx(0.6)
    assert counts.shares == pytest.approx({6: 0.0, 12: 0.4 / 0.6})
    assert counts.share_without_face == 1 / 4
    said = counts.to_json()
    assert said["share_of_time_present"] == {"AU06": 0.0, "AU12": 0.6667}
    assert said["undecodable_frames"][0] == {"from": 3, "to": 4, "problem": "damaged"}  # type: ignore[index]


def test_a_long_still_does_not_outweigh_everything() -> None:
    counting = Counting(THRESHOLDS, video=True)
    counting.add([face(0, 0.0, smile=0.9)])
    counting.add([face(1, 60.0)])
    assert counting.counts().shares[12] == 0.5


def test_pictures_count_one_each_and_nobody_knows_who_they_show() -> None:
    counting = Counting(THRESHOLDS, video=False)
    for i in range(4):
        counting.add([face(i, 0.0, smile=0.9 if i else 0.0)])
    counts = counting.counts()
    assert counts.shares[12] == 0.75
    assert counts.people == 0


def test_a_single_frame_counts() -> None:
    counting = Counting(THRESHOLDS, video=True)
    counting.add([face(0, 0.0, smile=0.9)])
    assert counting.counts().shares[12] == 1.0


def test_sums() -> None:
    total = Counts()
    for smile in (0.9, 0.1):
        counting = Counting(THRESHOLDS, video=True)
        counting.add([face(0, 0.0, smile=smile)])
        total.add(counting.counts())
    assert (total.frames, total.people, total.shares[12]) == (2, 2, 0.5)
    assert Counts().shares == {}
    assert Counts().share_without_face == 0
