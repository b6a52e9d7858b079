"""The camera of the page: JPEG pictures in, the action units of every face back, a recording if wanted."""

from __future__ import annotations

import queue
from collections.abc import Iterator
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

from metafacs.app.analysing import JOURNAL
from metafacs.app.rows import RowWriter, row_of
from metafacs.data.videos import EVERY_FRAME, Frame, Selection
from metafacs.faces.pictures import open_picture
from metafacs.faces.pixels import rgb_pixels
from metafacs.faces.tracking import FaceTracker
from metafacs.inference.detector import Detector
from metafacs.inference.engine import FrameResults, analyse_frames
from metafacs.inference.journal import Journal

LONGEST_SIDE = 1920
"""Pixels of the largest picture that is taken."""


class LiveCamera:
    """Follows the faces in pictures that come one by one.

    Args:
        detector: Reads the faces.
    """

    def __init__(self, detector: Detector) -> None:
        self._detector = detector
        self._pictures = _Pictures()
        tracker = FaceTracker(detector.device, detector.backend)
        self._results = analyse_frames(detector, self._pictures, tracker=tracker, group=1)
        self._number = 0
        self._last = -1.0
        self._recording: _Recording | None = None

    def read(self, content: bytes, seconds: float) -> dict[str, Any]:
        """Return what the next picture shows, as the page draws it.

        Args:
            content: The picture as JPEG, or in another format that is read.
            seconds: When it was taken, from the start of the camera.

        Raises:
            ValueError: If it cannot be read, is too large, or was taken before the last one.
        """
        if not seconds > self._last:
            raise ValueError(
                "the camera's pictures came in another order than they were taken; open it again"
            )
        with open_picture(BytesIO(content)) as picture:
            if max(picture.size) > LONGEST_SIDE:
                raise ValueError(
                    f"the camera's picture has {picture.width} x {picture.height} pixels; send at most "
                    f"{LONGEST_SIDE}"
                )
            image = rgb_pixels(picture, Path("the picture"))
        self._pictures.put(Frame(self._number, seconds, image))
        self._number, self._last = self._number + 1, seconds
        frame = next(self._results)
        if self._recording is not None:
            self._recording.add(frame)
        points = {
            str(face.face_id): face.landmarks.round(1).ravel().tolist()
            for face in frame.faces
            if face.landmarks is not None
        }
        size = {"width": image.shape[1], "height": image.shape[0]}
        return row_of(frame.rounded(), self._detector.aus) | {"landmarks": points} | size

    def record(self, folder: Path, name: str) -> dict[str, Any]:
        """Begin to keep what is shown from now on; return nothing.

        Args:
            folder: Of an analysis.
            name: What results call it.
        """
        self.stop()
        self._recording = _Recording(folder, name, self._detector)
        return {}

    def stop(self) -> dict[str, Any]:
        """End the recording; return how long it is and who is in it. Without one nothing happens."""
        recording, self._recording = self._recording, None
        return {} if recording is None else recording.finish()

    def close(self) -> dict[str, Any]:
        """End everything; return what :meth:`stop` does."""
        told = self.stop()
        self._pictures.end()
        self._results.close()
        return told


class _Recording:
    """A part of what a camera shows, kept as an analysis of a video is."""

    def __init__(self, folder: Path, name: str, detector: Detector) -> None:
        self._name = name
        self._rows = RowWriter(folder, detector.aus)
        self._journal = Journal.start(folder / JOURNAL, {})
        self._first: FrameResults | None = None
        self._last = 0.0
        self._people: set[int] = set()
        self._count = 0

    def add(self, frame: FrameResults) -> None:
        self._first = self._first or frame
        self._last = frame.timestamp - self._first.timestamp
        number = frame.number - self._first.number
        faces = [replace(face, input=self._name, frame=number, timestamp=self._last) for face in frame.faces]
        moved = FrameResults(number, self._last, faces)
        self._journal.append(moved)
        self._rows.add(moved)
        self._people.update(face.face_id for face in moved.faces if face.success)
        self._count += 1

    def finish(self) -> dict[str, Any]:
        self._journal.finish()
        self._journal.close()
        self._rows.close()
        return {"done": self._count, "people": sorted(self._people), "seconds": round(self._last, 3)}


class _Pictures:
    """Pictures of the page as frames of a video."""

    def __init__(self) -> None:
        self.name = "camera"
        self.frame_count: int | None = None
        self.rate: float | None = None
        self.width = self.height = 0
        self.notes: list[str] = []
        self._waiting: queue.Queue[Frame | None] = queue.Queue()

    def put(self, frame: Frame) -> None:
        self._waiting.put(frame)

    def end(self) -> None:
        self._waiting.put(None)

    def frames(self, numbers: Selection = EVERY_FRAME, start_at: int = 0) -> Iterator[Frame]:
        while (frame := self._waiting.get()) is not None:
            yield frame
