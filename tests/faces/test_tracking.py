from __future__ import annotations

import json
from functools import cache

import numpy as np
import pytest

from metafacs.faces.pipeline import find_faces
from metafacs.faces.tracking import FaceTracker, TrackedFace
from metafacs.synthesis.clips import ClipFrame, render_clip

RATE = 8.0
SIZE = (320, 180)


@cache
def clip(kind: str, seconds: float, rate: float = RATE) -> list[ClipFrame]:
    return list(render_clip(kind, 0, seconds, rate, SIZE))


def same(one: list[TrackedFace], other: list[TrackedFace]) -> bool:
    return len(one) == len(other) and all(
        a.person == b.person and np.array_equal(a.face.landmarks, b.face.landmarks)
        for a, b in zip(one, other, strict=True)
    )


def people_of(frames: list[ClipFrame], tracker: FaceTracker) -> dict[int, list[int]]:
    """Return which numbers each person of a clip got, one after the other."""
    numbers: dict[int, list[int]] = {}
    for frame in frames:
        tracked = tracker.advance(frame.image, frame.timestamp)
        for known in (face for face in frame.faces if face.visible):
            size = max(known.box[2] - known.box[0], known.box[3] - known.box[1])
            for each in tracked:
                apart = np.abs(each.face.landmarks - known.landmarks)[17:].mean()
                if apart < 0.2 * size and numbers.setdefault(known.person, [-1])[-1] != each.person:
                    numbers[known.person].append(each.person)
    return {person: each[1:] for person, each in numbers.items()}


def test_one_face_stays_one_person_where_find_faces_finds_it() -> None:
    tracker = FaceTracker()
    for frame in clip("one", 2.0):
        (tracked,) = tracker.advance(frame.image, frame.timestamp)
        assert tracked.person == 0
        assert tracked.face.mesh is not None
        if frame.number % 5 == 0:
            (found,) = find_faces(frame.image)
            assert np.abs(found.landmarks - tracked.face.landmarks).mean() < 0.5


def test_people_who_cross_stay_who_they_are() -> None:
    # Early in the clip the two have not met; the second one is hidden around the second second.
    assert people_of(clip("crossing", 4.0), FaceTracker()) == {0: [0], 1: [1]}


def test_who_comes_back_elsewhere_is_known_again() -> None:
    assert people_of(clip("leaving", 10.0, 3.2), FaceTracker()) == {0: [0], 1: [1]}


def test_appearance_tells_people_apart_after_a_cut() -> None:
    first, second = clip("crossing", 4.0)[0], clip("crossing", 4.0)[-1]
    tracker = FaceTracker()
    before = tracker.advance(first.image, 0.0)
    other_room = np.full_like(first.image, 230)
    assert tracker.advance(other_room, 0.1) == []
    # The two have changed sides meanwhile.
    after = tracker.advance(second.image, 0.2)
    for frame, tracked in ((first, before), (second, after)):
        for known in frame.faces:
            (number,) = {
                each.person
                for each in tracked
                if np.abs(each.face.landmarks - known.landmarks)[17:].mean() < 10
            }
            expected = [
                each.person
                for each in before
                if np.abs(each.face.landmarks - first.faces[known.person].landmarks)[17:].mean() < 10
            ]
            assert [number] == expected


def test_a_restored_tracker_goes_on_bit_for_bit() -> None:
    frames = clip("crossing", 4.0)
    whole, broken = FaceTracker(), FaceTracker()
    undisturbed = [whole.advance(frame.image, frame.timestamp) for frame in frames]
    half = len(frames) // 2
    for frame in frames[:half]:
        broken.advance(frame.image, frame.timestamp)
    resumed = FaceTracker()
    resumed.restore(json.loads(json.dumps(broken.state())))
    for frame, expected in zip(frames[half:], undisturbed[half:], strict=True):
        assert same(resumed.advance(frame.image, frame.timestamp), expected)
    assert resumed.state() == whole.state()


def test_a_fresh_state_can_be_restored() -> None:
    tracker = FaceTracker()
    tracker.restore(json.loads(json.dumps(FaceTracker().state())))
    assert tracker.advance(np.full((60, 80, 3), 128, np.uint8), 0.0) == []


def test_two_tracks_on_one_face_become_one() -> None:
    frame = clip("one", 2.0)[0]
    tracker = FaceTracker()
    tracker.advance(frame.image, 0.0)
    state = json.loads(json.dumps(tracker.state()))
    state["tracks"].append({**state["tracks"][0], "person": 1})
    state["people"]["people"].append({**state["people"]["people"][0], "person": 1})
    state["people"]["count"] = 2
    tracker.restore(state)
    assert len(tracker.advance(frame.image, 0.04)) == 1


def test_a_lost_face_ends_and_is_no_face_of_the_background() -> None:
    frame = clip("one", 2.0)[0]
    tracker = FaceTracker()
    assert len(tracker.advance(frame.image, 0.0)) == 1
    assert tracker.advance(np.full_like(frame.image, 120), 0.04) == []
    (back,) = tracker.advance(frame.image, 0.08)
    assert back.person == 0


def test_frames_out_of_order_are_refused() -> None:
    tracker = FaceTracker()
    grey = np.full((60, 80, 3), 128, np.uint8)
    tracker.advance(grey, 1.0)
    with pytest.raises(ValueError, match="in their order"):
        tracker.advance(grey, 0.5)
    with pytest.raises(ValueError, match="uint8"):
        tracker.advance(grey.astype(np.float32), 2.0)  # type: ignore[arg-type]
