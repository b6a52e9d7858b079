"""Videos with what the detector says drawn onto every frame, their sound and their timing kept."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from metafacs.data.videos import EVERY_FRAME, FrameSource, Selection, VideoError, VideoRecorder
from metafacs.inference.detector import Detector, Picture
from metafacs.inference.engine import FrameResults
from metafacs.inference.panels import (
    INK,
    PALE,
    PAPER,
    RULE,
    Colour,
    area,
    bar_notes,
    face_colours,
    font_of,
    model_notes,
)
from metafacs.inference.reading_ahead import read_ahead
from metafacs.inference.result import FaceResult
from metafacs.inference.stamps import Pixels, Typewriter, draw_dots, draw_outline, paste, resized, text_stamp
from metafacs.inference.video_layout import MOST_PEOPLE, lay_out
from metafacs.inference.video_panel import Panel

_LEAST_SEEN = 0.05
"""Share of the most seen person's frames from which on a person has a column: passers-by have none."""

_DARK = 0.45
"""Brightness of a picture that stands in for a frame that could not be read."""


@dataclass(frozen=True)
class Attendance:
    """Who is in a video, from one pass over its results.

    Attributes:
        people: Persons who get a column, ascending: the most present, large faces before small ones.
        everybody: How many people there are.
        step: Largest number of frames from one result to the next: how long a result is shown.
    """

    people: tuple[int, ...] = ()
    everybody: int = 0
    step: int = 1


def attendance_of(results: Iterable[FrameResults], most: int = MOST_PEOPLE) -> Attendance:
    """Return who is in a video, from one pass that keeps nothing of a frame.

    Args:
        results: Of its frames, ascending.
        most: Persons who get a column.
    """
    presence: dict[int, float] = defaultdict(float)
    frames: dict[int, int] = defaultdict(int)
    last, step = None, 1
    for frame in results:
        step = max(step, frame.number - last) if last is not None else step
        last = frame.number
        for face in frame.faces:
            if face.success:
                presence[face.face_id] += area(face) ** 0.5
                frames[face.face_id] += 1
    least = _LEAST_SEEN * max(frames.values(), default=0)
    seen = [person for person in presence if frames[person] >= least]
    chosen = sorted(seen, key=lambda person: (-presence[person], person))[:most]
    return Attendance(tuple(sorted(chosen)), len(presence), step)


class Annotator:
    """Draws results onto the frames of one video; every person keeps a place and a colour.

    Args:
        width: Of the video in pixels.
        height: Of the video in pixels.
        detector: Whose action units and thresholds are shown.
        attendance: Who is in the video.
        names: Person -> name; without one, people go by their number.

    Attributes:
        width: Of the drawn picture in pixels, even.
        height: Of the drawn picture in pixels, even.
    """

    def __init__(
        self,
        width: int,
        height: int,
        detector: Detector,
        attendance: Attendance,
        names: Mapping[int, str] | None = None,
    ) -> None:
        people = {person: (names or {}).get(person, f"Person {person}") for person in attendance.people}
        notes = bar_notes(detector.aus, detector.experimental) if people else []
        if attendance.everybody > len(people):
            notes.append(f"{attendance.everybody} people; the {len(people)} most present have bars.")
        layout = lay_out((width, height), detector.aus, len(people), notes + model_notes(detector.synthetic))
        self.width, self.height = layout.width, layout.height
        self._layout, self._colours = layout, face_colours(attendance.people)
        self._panel = Panel(
            layout, detector.aus, detector.thresholds, detector.experimental, people, self._colours
        )
        self._several = attendance.everybody > 1
        self._names, self._tags = dict(names or {}), dict[int, Pixels]()
        font = font_of(layout.type_size)
        self._clock = Typewriter("0123456789:. frame", font, INK, layout.line)
        self._says = {
            text: text_stamp(text, font, PALE, (int(font.getlength(text)) + 1, layout.line))
            for text in ("no face", "not analysed", "frame could not be read")
        }
        self._picture = np.empty((layout.height, layout.width, 3), np.uint8)
        self._picture[:] = PAPER
        self._draw_notes()
        self._last: Picture | None = None

    def draw(
        self,
        image: Picture | None,
        faces: Iterable[FaceResult] | None,
        timestamp: float = 0.0,
        number: int = 0,
    ) -> Picture:
        """Return the frame with faces marked and their action units as bars.

        Args:
            image: ``height x width x 3``, uint8, RGB; None if it could not be decoded: then the last one is
                shown darker. It is not drawn on.
            faces: What the detector said of it; None if nothing is known of this frame.
            timestamp: Seconds from the start of the video.
            number: Of the frame, from 0.

        Returns:
            The drawing, ``height x width x 3``; the next call draws over it.
        """
        seen = [face for face in faces or () if face.success] if image is not None else []
        self._draw_video(image, seen)
        self._panel.draw(self._picture, {face.face_id: face for face in seen})
        status = ""
        if image is None:
            status = "frame could not be read"
        elif faces is None:
            status = "not analysed"
        elif not seen:
            status = "no face"
        self._draw_time(timestamp, number, status)
        self._last = self._last if image is None else image
        return self._picture

    def _draw_video(self, image: Picture | None, faces: list[FaceResult]) -> None:
        width, height = self._layout.video
        screen = self._picture[:height, :width]
        shown = self._last if image is None else image
        if shown is None:
            screen[:] = RULE
            return
        # A folder of frames may hold pictures of several sizes.
        scale = min(width / shown.shape[1], height / shown.shape[0])
        across, down = max(1, round(shown.shape[1] * scale)), max(1, round(shown.shape[0] * scale))
        left, top = (width - across) // 2, (height - down) // 2
        if (across, down) != (width, height):
            screen[:] = RULE
        view = screen[top : top + down, left : left + across]
        scaled = resized(shown, across, down)
        if image is None:
            view[:] = scaled * np.float32(_DARK)
            return
        view[:] = scaled
        zoom = np.array([across / shown.shape[1], down / shown.shape[0]])
        for face in faces:
            self._mark(view, face, zoom)

    def _mark(self, screen: Pixels, face: FaceResult, zoom: np.ndarray) -> None:
        """Draw a face's box, landmarks and name onto the video."""
        if face.box is None:
            return
        colour = self._colours.get(face.face_id, PALE)
        left, top, right, bottom = ((np.reshape(face.box, (2, 2)) + 0.5) * zoom).ravel()
        thickness = 1 if right - left <= 60 else 2 if max(self._layout.video) < 1000 else 3
        draw_outline(screen, (left - 1, top - 1, right + 1, bottom + 1), PAPER, thickness + 2)
        draw_outline(screen, (left, top, right, bottom), colour, thickness)
        if face.landmarks is not None:
            radius = min(max((right - left) / 100, 0.5), 3.0)
            draw_dots(screen, (face.landmarks + 0.5) * zoom, radius, colour)
        if self._several or face.face_id in self._names:
            tag = self._tag(face.face_id, colour)
            above = round(top) - tag.shape[0]
            paste(screen, tag, round(left), above if above >= 0 else 0)

    def _tag(self, person: int, colour: Colour) -> Pixels:
        if person not in self._tags:
            text = self._names.get(person, str(person))
            font = font_of(self._layout.type_size + 1, bold=True)
            size = int(font.getlength(text)) + self._layout.row // 2, self._layout.line
            self._tags[person] = text_stamp(text, font, PAPER, size, paper=colour, anchor="m")
        return self._tags[person]

    def _draw_time(self, timestamp: float, number: int, status: str) -> None:
        layout = self._layout
        left, top = layout.pad, layout.foot + layout.pad // 2
        line = self._picture[top : top + layout.line, : left + layout.time]
        line[:] = PAPER
        left = self._clock.write(line, f"{_clock_time(timestamp)}  frame {number}", left, 0)
        if status:
            paste(line, self._says[status], left + layout.row, 0)

    def _draw_notes(self) -> None:
        layout = self._layout
        font = font_of(layout.type_size)
        left, first = layout.notes_from
        for line, note in enumerate(layout.notes, first):
            stamp = text_stamp(note, font, INK, (int(font.getlength(note)) + 1, layout.line))
            paste(self._picture, stamp, left, layout.foot + layout.pad // 2 + line * layout.line)


def _clock_time(seconds: float) -> str:
    hundredths = max(0, round(seconds * 100))
    minutes, rest = divmod(hundredths, 6000)
    hours, minutes = divmod(minutes, 60)
    start = f"{hours}:{minutes:02d}" if hours else str(minutes)
    return f"{start}:{rest // 100:02d}.{rest % 100:02d}"


def annotate_video(
    source: FrameSource,
    results: Iterable[FrameResults],
    path: Path | str,
    detector: Detector,
    *,
    selection: Selection = EVERY_FRAME,
    names: Mapping[int, str] | None = None,
    threads: int = 2,
    advance: Callable[[int], object] | None = None,
    notes: list[str] | None = None,
) -> int:
    """Write a video with the results drawn onto it, whole or not at all.

    Every frame of the video is in it at its own time, with the sound. Where not every frame was analysed, a
    result is shown until the next one is due. Only a few frames are in memory at a time.

    Args:
        source: The video; read once more.
        results: Of its frames, ascending; gone through twice, so a list or a journal, not a generator.
        path: The video to write, e.g. ``interview_annotated.mp4``.
        detector: What made the results.
        selection: Which part of the video; all of its frames if not given.
        names: Person -> name; without one, people go by their number.
        threads: Of the encoder; one more decodes.
        advance: Called with the number of each frame written.
        notes: Gets sentences on what could not be written as wanted, such as sound that MP4 does not hold.

    Returns:
        How many frames were written.

    Raises:
        VideoError: If the video cannot be read or written, would be overwritten, or holds no frame.
        TypeError: If the results can be gone through only once.
    """
    path = Path(path)
    if isinstance(results, Iterator):
        raise TypeError("results are gone through twice: give a list or the journal, not a generator")
    if path.exists() and Path(source.name).exists() and path.samefile(source.name):
        raise VideoError(f"{path} is the video itself, which is never overwritten; name another file")
    attendance = attendance_of(results)
    annotator = Annotator(source.width, source.height, detector, attendance, names)
    held = _Held(results, attendance.step)
    written = 0
    audio = source.name if Path(source.name).is_file() else None
    recorder = VideoRecorder(
        path, annotator.width, annotator.height, rate=source.rate, audio_from=audio, threads=threads
    )
    with recorder:
        for frame in read_ahead(source.frames(selection)):
            faces = held.at(frame.number)
            recorder.write(annotator.draw(frame.image, faces, frame.timestamp, frame.number), frame.timestamp)
            written += 1
            if advance is not None:
                advance(frame.number)
        if not written:
            raise VideoError(f"{source.name} shows no frame that could be annotated")
    if notes is not None:
        notes += recorder.notes
    return written


class _Held:
    """Gives the result that is shown with a frame: its own, or the last one until the next is due."""

    def __init__(self, results: Iterable[FrameResults], step: int) -> None:
        self._results, self._step = iter(results), step
        self._now: FrameResults | None = None
        self._next = next(self._results, None)

    def at(self, number: int) -> list[FaceResult] | None:
        """Return the faces shown with a frame, None if nothing is known; numbers ascend."""
        while self._next is not None and self._next.number <= number:
            self._now, self._next = self._next, next(self._results, None)
        if self._now is None or number - self._now.number >= self._step:
            return None
        if any(face.problem for face in self._now.faces):
            return None
        return self._now.faces
