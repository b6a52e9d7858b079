"""From the frames of a video to results, one frame after the other, at the speed of the networks.

Frames are decoded ahead in a thread of their own. Faces are followed in order, cut out, and read by the
predictor many at once. What goes through it together depends only on the frames since the beginning: groups
of frames are closed at fixed counts. So a run that goes on at the beginning of a group gives the numbers of a
run that was never interrupted.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import dataclass, field, replace
from math import isnan

import numpy as np
from numpy.typing import NDArray

from metafacs.data.videos import EVERY_FRAME, Camera, Frame, FrameSource, Selection, VideoError
from metafacs.faces.tracking import FaceTracker, TrackedFace
from metafacs.inference.detector import Detector, Picture
from metafacs.inference.reading_ahead import read_ahead
from metafacs.inference.result import FaceResult

GROUP = 16
"""Frames whose faces are read together."""

MOST_CROPS = 16
"""Faces of a group from which on it is read at once: more together cost memory and win no time."""

_USUAL_RATE = 25.0
"""Frames per second of pictures without times, where only the tracker wants to know."""


class AnalysisError(ValueError):
    """A frame that the networks failed on; the message names it."""


@dataclass(frozen=True)
class FrameResults:
    """What one frame of a video shows.

    Attributes:
        number: Of the frame, from 0, as a player counts.
        timestamp: Seconds from the start of the video.
        faces: One result per person, in the order of ``face_id``; one with ``success`` False if there is none
            or the frame could not be decoded.
        image: ``height x width x 3``, uint8, RGB, if pictures were asked for and it could be decoded.
    """

    number: int
    timestamp: float
    faces: list[FaceResult]
    image: Picture | None = None

    def rounded(self) -> FrameResults:
        """Return the results with probabilities of 4 decimals, as tables hold them."""
        return replace(self, faces=[face.rounded() for face in self.faces])


@dataclass
class _Seen:
    """A frame whose faces are found and not yet read."""

    frame: Frame
    faces: list[TrackedFace] = field(default_factory=list)
    crops: NDArray[np.uint8] | None = None


def analyse_frames(
    detector: Detector,
    source: FrameSource,
    selection: Selection = EVERY_FRAME,
    *,
    tracker: FaceTracker | None = None,
    start_at: int = 0,
    group: int | None = None,
    keep_images: bool = False,
) -> Generator[FrameResults, None, None]:
    """Yield what every frame shows, in their order, at most a group behind what is decoded.

    Whenever a whole number of groups has been given, the tracker's state is that after the last frame given:
    a run with this state and ``start_at`` the next number gives the same numbers as this run goes on to.

    Args:
        detector: Reads the faces.
        source: The video, folder of frames or camera.
        selection: Which frames are taken.
        tracker: Follows the faces; None for a new one.
        start_at: Number of the first frame that is wanted.
        group: Frames whose faces are read together; None for 1 of a camera, so that results come without
            delay, and for :data:`GROUP` of everything else.
        keep_images: Give the pictures too; those of a group are then held in memory.

    Raises:
        AnalysisError: If the networks fail on a frame.
        VideoError: If the source cannot be read at all.
    """
    tracker = FaceTracker(detector.device, detector.backend) if tracker is None else tracker
    live = isinstance(source, Camera)
    if group is None:
        group = 1 if live else GROUP
    frames = source.frames(selection, start_at)
    if not live:  # A camera has a thread already, and keeps only what is new.
        frames = read_ahead(frames)
    waiting: list[_Seen] = []
    crops = count = 0
    try:
        for frame in frames:
            seen = _follow(detector, tracker, source, frame)
            waiting.append(seen if keep_images else replace(seen, frame=replace(frame, image=None)))
            crops += len(seen.faces)
            count += 1
            if count % group == 0 or crops >= MOST_CROPS:
                yield from _read(detector, source, waiting)
                waiting, crops = [], 0
    except (VideoError, OSError):
        # What was decoded before the source failed is as good as ever.
        yield from _read(detector, source, waiting)
        raise
    else:
        yield from _read(detector, source, waiting)
    finally:
        close = getattr(frames, "close", None)
        if close is not None:
            close()


def _follow(detector: Detector, tracker: FaceTracker, source: FrameSource, frame: Frame) -> _Seen:
    """Find the faces of the next frame and cut them out."""
    if frame.image is None:
        return _Seen(frame)
    try:
        seconds = frame.number / _USUAL_RATE if isnan(frame.timestamp) else frame.timestamp
        faces = tracker.advance(frame.image, seconds)
        crops = detector.crops(frame.image, [one.face for one in faces]) if faces else None
    except Exception as error:
        raise AnalysisError(f"{source.name}, frame {frame.number}: {error}") from error
    return _Seen(frame, faces, crops)


def _read(detector: Detector, source: FrameSource, group: list[_Seen]) -> Iterator[FrameResults]:
    """Yield the results of a group of frames."""
    crops = [seen.crops for seen in group if seen.crops is not None]
    said = None
    if crops:
        try:
            said = detector.read(np.concatenate(crops))
        except Exception as error:
            first, last = group[0].frame.number, group[-1].frame.number
            raise AnalysisError(f"{source.name}, frames {first} to {last}: {error}") from error
    row = 0
    for seen in group:
        frame = seen.frame
        place = FaceResult(source.name, frame.number, timestamp=frame.timestamp, problem=frame.problem)
        results = []
        for one in seen.faces:
            assert said is not None
            result = detector.result(said, row, one.face, replace(place, face_id=one.person))
            results.append(_as_kept(result))
            row += 1
        yield FrameResults(frame.number, frame.timestamp, results or [place], frame.image)


def _as_kept(result: FaceResult) -> FaceResult:
    """Return the result as a journal holds it, so that all ways to a table give the same."""
    assert result.box is not None
    assert result.landmarks is not None
    left, top, right, bottom = (round(value, 2) for value in result.box)
    return replace(
        result,
        score=round(result.score, 4),
        box=(left, top, right, bottom),
        landmarks=result.landmarks.round(2),
    )
