"""What a run amounts to: frames, faces, people, and for how much of the time an action unit was present."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from metafacs.inference.result import FaceResult
from metafacs.inference.timelines import LONGEST_STAND

_KEPT = 100
"""Stretches of frames without a picture that are named; the others are only counted."""


@dataclass
class Counts:
    """Counts over the frames of a video, or over pictures, that can be added up.

    Attributes:
        frames: Frames that were analysed, undecodable ones among them.
        undecodable: Frames that could not be decoded, or pictures that could not be read.
        without_face: Frames without a face among the others.
        faces: Faces in all of them.
        people: Different people, in pictures 0, because nobody knows.
        face_time: For how long faces were seen, in seconds times faces; of pictures the number of faces.
        present_time: AU -> for how much of that it was present.
        unseen: First and last frame of every stretch that could not be decoded, and why; only the first ones.
    """

    frames: int = 0
    undecodable: int = 0
    without_face: int = 0
    faces: int = 0
    people: int = 0
    face_time: float = 0.0
    present_time: dict[int, float] = field(default_factory=dict)
    unseen: list[tuple[int, int, str]] = field(default_factory=list)

    @property
    def shares(self) -> dict[int, float]:
        """AU -> share, 0 to 1, of the time with a face in which it was present; empty without a face."""
        return {au: time / self.face_time for au, time in self.present_time.items()} if self.face_time else {}

    @property
    def share_without_face(self) -> float:
        """Share, 0 to 1, of the decoded frames that show no face; 0 if there is no such frame."""
        return self.without_face / max(self.frames - self.undecodable, 1)

    def add(self, other: Counts) -> None:
        """Add the counts of another input, whose people are others."""
        for name in ("frames", "undecodable", "without_face", "faces", "people", "face_time"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        for au, time in other.present_time.items():
            self.present_time[au] = self.present_time.get(au, 0.0) + time

    def to_json(self) -> dict[str, object]:
        """Return plain data for a sidecar."""
        return {
            "frames": self.frames,
            "undecodable": self.undecodable,
            "undecodable_frames": [
                {"from": first, "to": last, "problem": problem} for first, last, problem in self.unseen
            ],
            "without_face": self.without_face,
            "faces": self.faces,
            "people": self.people,
            "share_of_time_present": {f"AU{au:02d}": round(share, 4) for au, share in self.shares.items()},
        }


class Counting:
    """Counts results as they come, in memory that does not grow with the length of a video.

    A frame stands until the next one, but not longer than a second; the last one as long as the one before.

    Args:
        thresholds: AU -> probability from which on it counts as present.
        video: Whether these are the frames of a video; a picture stands for one.
    """

    def __init__(self, thresholds: Mapping[int, float], *, video: bool) -> None:
        self._thresholds, self._video = thresholds, video
        self._counts = Counts(present_time=dict.fromkeys(thresholds, 0.0))
        self._people: set[int] = set()
        self._last: Sequence[FaceResult] = ()
        self._step = 0.0

    def add(self, results: Sequence[FaceResult]) -> None:
        """Count one frame."""
        counts, first = self._counts, results[0]
        if self._last:
            self._step = min(max(first.timestamp - self._last[0].timestamp, 0.0), LONGEST_STAND)
            self._count_time(self._last, self._step)
        self._last = results
        counts.frames += 1
        if first.problem:
            counts.undecodable += 1
            self._add_unseen(first)
            return
        found = [result for result in results if result.success]
        counts.without_face += not found
        counts.faces += len(found)
        self._people.update(result.face_id for result in found)

    def counts(self) -> Counts:
        """Return the counts; nothing can be added after that."""
        if self._last:
            self._count_time(self._last, self._step or 1.0)
        self._last = ()
        self._counts.people = len(self._people) if self._video else 0
        return self._counts

    def _count_time(self, results: Sequence[FaceResult], seconds: float) -> None:
        time = seconds if self._video else 1.0
        for result in results:
            if result.success:
                self._counts.face_time += time
                for au, present in result.present(self._thresholds).items():
                    self._counts.present_time[au] += time * present

    def _add_unseen(self, result: FaceResult) -> None:
        unseen = self._counts.unseen
        if unseen and unseen[-1][1:] == (result.frame - 1, result.problem):
            unseen[-1] = (unseen[-1][0], result.frame, result.problem)
        elif len(unseen) < _KEPT:
            unseen.append((result.frame, result.frame, result.problem))
