from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from metafacs.data.videos import Camera, Frame, Selection, VideoError
from metafacs.faces.face import Face
from metafacs.faces.tracking import FaceTracker, TrackedFace
from metafacs.inference import engine
from metafacs.inference.detector import Detector
from metafacs.inference.engine import AnalysisError, FrameResults, analyse_frames
from metafacs.methods.base import Prediction

Picture = NDArray[np.uint8]
Maker = Callable[..., Detector]
Sources = Callable[..., Any]


class FixedTracker(FaceTracker):
    """Sees the same faces in every frame, as many as the first pixel says."""

    def __init__(self) -> None:
        self.seen: list[float] = []

    def advance(self, image: Picture, timestamp: float) -> list[TrackedFace]:
        self.seen.append(timestamp)
        points = np.random.default_rng(0).random((68, 2)) * 10 + 59
        face = Face((5.125, 5.0, 35.0, 35.0), 0.99, points)
        return [TrackedFace(person * 2, face) for person in range(image[0, 0, 0])]


def flat(faces: int, light: int = 100) -> Picture:
    """Return a grey picture that says how many faces the fixed tracker sees in it."""
    picture = np.full((128, 128, 3), light, np.uint8)
    picture[0, 0, 0] = faces
    return picture


@pytest.fixture
def batches(make_detector: Maker) -> tuple[Detector, list[int]]:
    """Return a detector and the sizes of the batches that it reads."""
    sizes: list[int] = []

    def look(images: torch.Tensor) -> Prediction:
        sizes.append(len(images))
        light = images.mean((1, 2, 3)) / 2 + 0.5
        return Prediction(light[:, None].repeat(1, 3))

    return make_detector(predictor=look, batch_size=1000), sizes


def test_every_frame_of_a_video_is_told_in_order(
    make_detector: Maker, make_source: Sources, nodding: list[Picture]
) -> None:
    detector = make_detector()
    frames = list(analyse_frames(detector, make_source(nodding[:20])))
    assert [frame.number for frame in frames] == list(range(20))
    assert [frame.timestamp for frame in frames] == [number / 25 for number in range(20)]
    for frame in frames:
        (face,) = frame.faces
        assert (face.input, face.frame, face.face_id, face.timestamp) == (
            "session.mp4",
            frame.number,
            0,
            frame.timestamp,
        )
        assert face.success
        assert face.landmarks is not None
        assert (face.landmarks == face.landmarks.round(2)).all()
        assert frame.image is None
    (alone,) = detector.analyse_picture(nodding[9])
    (followed,) = frames[9].faces
    assert list(followed.rounded().probabilities.values()) == pytest.approx(
        list(alone.probabilities.values()), abs=0.02
    )


def test_faces_are_read_together_and_given_to_their_frames(
    batches: tuple[Detector, list[int]], make_source: Sources
) -> None:
    detector, sizes = batches
    counts = [1, 0, 3, 2, 0, 1, 1, 4, 0, 1]
    pictures = [flat(count, 20 * number) for number, count in enumerate(counts)]
    frames = list(analyse_frames(detector, make_source(pictures), tracker=FixedTracker(), group=4))
    assert sizes == [6, 6, 1]
    for number, (count, frame) in enumerate(zip(counts, frames, strict=True)):
        assert [face.face_id for face in frame.faces if face.success] == [2 * i for i in range(count)]
        assert len(frame.faces) == max(1, count)
        for face in frame.faces:
            assert face.success == (count > 0)
            if face.success:
                assert face.probabilities[1] == pytest.approx(20 * number / 255, abs=0.001)
                assert face.box == (5.12, 5.0, 35.0, 35.0)


def test_a_crowd_is_read_before_the_group_is_full(
    batches: tuple[Detector, list[int]], make_source: Sources
) -> None:
    detector, sizes = batches
    pictures = [flat(30)] * 5 + [flat(1)] * 5
    frames = list(analyse_frames(detector, make_source(pictures), tracker=FixedTracker(), group=4))
    assert sizes == [30, 30, 30, 30, 30, 3, 2]
    assert [frame.number for frame in frames] == list(range(10))


def test_batches_depend_on_the_frame_only(batches: tuple[Detector, list[int]], make_source: Sources) -> None:
    """A run that goes on where a group begins reads the same batches as one that was never interrupted."""
    detector, sizes = batches
    rng = np.random.default_rng(1)
    pictures = [flat(int(rng.integers(0, 30)), number) for number in range(40)]
    whole = list(analyse_frames(detector, make_source(pictures), tracker=FixedTracker(), group=8))
    rest = list(sizes)
    sizes.clear()
    later = list(
        analyse_frames(detector, make_source(pictures), tracker=FixedTracker(), group=8, start_at=16)
    )
    assert [frame.number for frame in later] == list(range(16, 40))
    assert rest[-len(sizes) :] == sizes
    said = [[face.probabilities for face in frame.faces] for frame in whole[16:]]
    assert [[face.probabilities for face in frame.faces] for frame in later] == said


def test_selected_frames_are_analysed_alone(
    batches: tuple[Detector, list[int]], make_source: Sources
) -> None:
    source, tracker = make_source([flat(1)] * 30), FixedTracker()
    frames = list(analyse_frames(batches[0], source, Selection(every=10), tracker=tracker))
    assert [frame.number for frame in frames] == [0, 10, 20]
    assert tracker.seen == [0.0, 0.4, 0.8]


def test_a_frame_that_cannot_be_decoded_says_why(
    batches: tuple[Detector, list[int]], make_source: Sources
) -> None:
    tracker = FixedTracker()
    source = make_source([flat(1), None, flat(0), flat(1)])
    frames = list(analyse_frames(batches[0], source, tracker=tracker))
    assert [frame.faces[0].success for frame in frames] == [True, False, False, True]
    assert [frame.faces[0].problem for frame in frames] == ["", "a packet is damaged", "", ""]
    assert len(tracker.seen) == 3


def test_the_tracker_gets_times_where_there_are_none(
    batches: tuple[Detector, list[int]], make_source: Sources, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, tracker = make_source([flat(1)] * 3), FixedTracker()
    given = source.frames

    def without_times(*arguments: Any) -> Iterator[Any]:
        for frame in given(*arguments):
            yield engine.replace(frame, timestamp=float("nan"))

    monkeypatch.setattr(source, "frames", without_times)
    frames = list(analyse_frames(batches[0], source, tracker=tracker))
    assert tracker.seen == [0.0, 0.04, 0.08]
    assert all(np.isnan(frame.timestamp) for frame in frames)


def test_pictures_come_if_they_are_asked_for(
    batches: tuple[Detector, list[int]], make_source: Sources
) -> None:
    pictures = [flat(1), None, flat(0)]
    frames = list(analyse_frames(batches[0], make_source(pictures), tracker=FixedTracker(), keep_images=True))
    assert frames[0].image is pictures[0]
    assert frames[1].image is None
    assert frames[2].image is pictures[2]


def test_a_camera_is_answered_at_once(make_source: Sources) -> None:
    """The results of a camera's frame come before the next frame is followed."""
    tracker = FixedTracker()

    class Fake(Camera):
        def __init__(self) -> None:
            self.name, self.notes, self.frame_count = "camera 0", [], None

        def frames(self, *arguments: Any) -> Iterator[Frame]:
            return make_source([flat(0)] * 5).frames(*arguments)

    detector = Detector(lambda images: Prediction(images[:, 0, 0, :1]), (12,), {12: 0.5}, 64)
    threads = threading.active_count()
    for count, frame in enumerate(analyse_frames(detector, Fake(), tracker=tracker), start=1):
        assert len(tracker.seen) == count == frame.number + 1
        # It has a thread of its own, which keeps the newest picture only.
        assert threading.active_count() == threads


@pytest.mark.parametrize("part", ["tracker", "predictor"])
def test_an_error_in_the_networks_names_the_frame(
    part: str, make_detector: Maker, make_source: Sources, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*arguments: object) -> Any:
        raise RuntimeError("out of memory")

    tracker = FixedTracker()
    if part == "tracker":
        monkeypatch.setattr(tracker, "advance", fail)
    detector = make_detector(**({"predictor": fail} if part == "predictor" else {}))
    where = "frame 0" if part == "tracker" else "frames 0 to 7"
    with pytest.raises(AnalysisError, match=rf"session\.mp4, {where}: out of memory"):
        list(analyse_frames(detector, make_source([flat(1)] * 20), tracker=tracker, group=8))


def test_frames_before_an_error_of_the_source_are_given(
    batches: tuple[Detector, list[int]], make_source: Sources
) -> None:
    source = make_source([flat(1)] * 21, VideoError("session.mp4: the disk does not answer"))
    seen: list[FrameResults] = []
    with pytest.raises(VideoError, match="does not answer"):
        seen.extend(analyse_frames(batches[0], source, tracker=FixedTracker(), group=8))
    assert [frame.number for frame in seen] == list(range(21))


@pytest.mark.parametrize("end", [KeyboardInterrupt, None])
def test_nothing_is_left_running_when_nobody_listens(
    end: type[BaseException] | None, batches: tuple[Detector, list[int]], make_source: Sources
) -> None:
    source = make_source([flat(1)] * 1000)
    before = threading.active_count()

    def go_through() -> None:
        for frame in analyse_frames(batches[0], source, tracker=FixedTracker()):
            if frame.number == 20:
                if end is not None:
                    raise end
                return

    if end is None:
        go_through()
    else:
        with pytest.raises(end):
            go_through()
    assert threading.active_count() == before
    assert source.given < 60
