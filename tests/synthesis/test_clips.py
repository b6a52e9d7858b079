from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from metafacs.synthesis.clips import CLIPS, ClipFrame, render_clip

SMALL = (160, 90)


def frames_of(kind: str, seconds: float = 1.0, rate: float = 1.0, seed: int = 0) -> list[ClipFrame]:
    return list(render_clip(kind, seed, seconds, rate, SMALL))


@pytest.mark.parametrize("kind", CLIPS)
def test_every_kind_tells_who_is_where(kind: str) -> None:
    for frame in frames_of(kind, 2.0):
        assert frame.image.shape == (90, 160, 3)
        assert frame.image.dtype == np.uint8
        for face in frame.faces:
            left, top, right, bottom = face.box
            x, y = face.landmarks[30]
            assert left < x < right
            assert top < y < bottom
            assert 0 <= face.hidden < 1


def test_the_same_seed_gives_the_same_frames() -> None:
    first, again, other = (frames_of("crossing", 2.0, seed=seed) for seed in (3, 3, 4))
    assert all(np.array_equal(a.image, b.image) for a, b in zip(first, again, strict=True))
    assert not np.array_equal(first[0].image, other[0].image)


def test_frames_are_counted_and_timed() -> None:
    frames = frames_of("one", 1.0, 3.0)
    assert [frame.number for frame in frames] == [0, 1, 2]
    assert [frame.timestamp for frame in frames] == pytest.approx([0, 1 / 3, 2 / 3])


def test_the_nearer_of_two_who_cross_hides_the_other() -> None:
    hidden = dict.fromkeys((0, 1), 0.0)
    for frame in frames_of("crossing", 4.0, 8.0):
        for face in frame.faces:
            hidden[face.person] = max(hidden[face.person], face.hidden)
        # Who is hidden altogether is not told.
        if len(frame.faces) == 1:
            hidden[1 - frame.faces[0].person] = 1.0
    assert hidden[0] < 0.1
    assert hidden[1] > 0.9


def test_one_leaves_and_comes_back_on_the_other_side() -> None:
    seen = [
        next((face.box[0] for face in frame.faces if face.person == 1), None)
        for frame in frames_of("leaving", 10.0, 1.0)
    ]
    assert seen[0] is not None
    assert None in seen
    assert seen[-1] is not None
    assert seen[-1] > seen[0] + 40


def test_a_poster_never_moves() -> None:
    boxes = [face.box for frame in frames_of("poster", 3.0) for face in frame.faces if face.person == 1]
    assert len(set(boxes)) == 1
    (pose,) = {face.pose for frame in frames_of("poster", 3.0) for face in frame.faces if face.person == 1}
    assert pose[0] != 0


def test_a_cut_changes_the_picture() -> None:
    images = [frame.image.astype(float) for frame in frames_of("cut", 8.0, 2.0)]
    changes = [float(np.abs(a - b).mean()) for a, b in pairwise(images)]
    assert max(changes) > 3 * float(np.median(changes))


def test_faces_do_something() -> None:
    frames = frames_of("one", 12.0, 1.5)
    assert max(max(face.action_units.values(), default=0) for frame in frames for face in frame.faces) > 0.5
    assert len({round(face.pose[0], 2) for frame in frames for face in frame.faces}) > 5


@pytest.mark.parametrize(
    ("kind", "seconds", "size"), [("dancing", 1, SMALL), ("one", 0, SMALL), ("one", 1, (32, 90))]
)
def test_what_cannot_be_rendered_is_refused(kind: str, seconds: float, size: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match=r"choose from|cannot be made"):
        render_clip(kind, 0, seconds, 1.0, size)
