"""Follows the faces of a video from frame to frame and tells which person each is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from metafacs.faces.detection import check_picture
from metafacs.faces.face import Face
from metafacs.faces.mesh import Region, region_of_mesh
from metafacs.faces.pipeline import face_detector
from metafacs.faces.suppression import overlap
from metafacs.faces.warping import Picture


@dataclass(frozen=True)
class TrackedFace:
    """One face of one frame.

    Attributes:
        person: Who it is: the people of a video are counted from 0 in the order in which they appear.
        face: Where it is.
    """

    person: int
    face: Face


@dataclass
class _Track:
    """Where a person was seen last."""

    person: int
    region: Region
    box: tuple[float, float, float, float]
    seen: float


class FaceTracker:
    """Finds and follows the faces of one video, frame by frame.

    Args:
        device: Where the networks run.
        detect_every: Seconds of the video after which the detector looks for newcomers.
    """

    def __init__(self, device: str | torch.device = "cpu", *, detect_every: float = 0.5) -> None:
        self._detector = face_detector(device)
        self._detect_every = detect_every
        self._tracks: list[_Track] = []
        self._people = 0
        self._detected = -np.inf

    def advance(self, image: Picture, timestamp: float) -> list[TrackedFace]:
        """Return the faces of the next frame, sorted by person.

        Args:
            image: ``height x width x 3``, uint8, RGB.
            timestamp: When the frame is shown, in seconds; later than the frame before.

        Raises:
            ValueError: If the array is not such a picture.
        """
        check_picture(image)
        now = float(timestamp)
        found = self._detector.follow(image, [track.region for track in self._tracks])
        pairs = [(track, face) for track, face in zip(self._tracks, found, strict=True) if face is not None]
        lost = [track for track, face in zip(self._tracks, found, strict=True) if face is None]
        tracked = [TrackedFace(track.person, face) for track, face in pairs]
        if lost or not pairs or now - self._detected >= self._detect_every:
            self._detected = now
            others = self._detector.find_others(image, [face for _, face in pairs])
            tracked += [TrackedFace(self._person_at(face, lost), face) for face in others]
        self._tracks = [
            _Track(each.person, region_of_mesh(each.face.mesh), each.face.box, now)
            for each in tracked
            if each.face.mesh is not None
        ]
        return sorted(tracked, key=lambda each: each.person)

    def _person_at(self, face: Face, lost: list[_Track]) -> int:
        if lost:
            shared = overlap(np.array(face.box), np.array([track.box for track in lost]))
            if shared.max() > 0.3:
                return lost.pop(int(shared.argmax())).person
        self._people += 1
        return self._people - 1

    def state(self) -> dict[str, object]:
        """Return all that the next frames depend on, as plain data for JSON."""
        return {
            "tracks": [
                [t.person, [*t.region.centre, t.region.side, t.region.angle], list(t.box), t.seen]
                for t in self._tracks
            ],
            "people": self._people,
            "detected": None if self._detected == -np.inf else self._detected,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from a state that :meth:`state` returned."""
        self._tracks = [
            _Track(person, Region((region[0], region[1]), region[2], region[3]), tuple(box), seen)
            for person, region, box, seen in state["tracks"]
        ]
        self._people = state["people"]
        self._detected = -np.inf if state["detected"] is None else state["detected"]
