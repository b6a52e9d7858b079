"""Follows the faces of a video from frame to frame and tells which person each is."""

from __future__ import annotations

from collections.abc import Container, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from metafacs.faces.cuts import CutFinder
from metafacs.faces.detection import FaceDetector, check_picture
from metafacs.faces.face import Face
from metafacs.faces.identity import Appearance, People, assign, describe
from metafacs.faces.mesh import Region, region_of_mesh
from metafacs.faces.pipeline import face_detector
from metafacs.faces.suppression import overlap
from metafacs.faces.warping import Picture
from metafacs.models.backends import TORCH

SURE_WITHIN = 0.35
"""Frames that lie farther apart than this, in seconds, say nothing of who is where."""

# Two tracks with more in common than this follow one face; with anything in common they may mix people up.
_ONE_FACE, _TOUCHING = 0.6, 0.05
# A region that moves by more than this in one frame (radians; share of its side) may have changed its face.
_JUMP_TURN, _JUMP_SHIFT = 0.5, 0.25
# After a loss the detector looks this often for this long; the thorough look comes this often (seconds).
_SEARCH_EVERY, _SEARCH_FOR, _THOROUGH_EVERY = 0.1, 2.0, 2.0
# What the place adds to the log-odds that a face is the person who was there just now, or not long ago.
_SAME_PLACE, _NEAR = 4.0, 2.0
_SAME_BOX = 0.4
_NEAR_FOR, _NEAR_SHIFT = 3.0, 1.0
# Of somebody who comes out from behind another person place says more than the half of a face that is seen.
_BEHIND, _BEHIND_SHIFT = 8.0, 2.0
# A followed face whose log-odds of being its own person are below this is another's. Of faces that are badly
# followed through long steps some are below 0, hardly any below this.
_ANOTHER = -4.0
# How clear it must be that a new person is somebody known, and for how long that is asked (seconds).
_CLEAR = 2.0
_NEW_FOR, _NEW_EVERY = 3.0, 0.3
_REMEMBER_EVERY = 1.0
# Letters and clouds that pass for faces for some frames have scores up to .58 and flags up to .96, people's
# faces mostly above .7 and .9998: a newcomer needs one of the two.
_SURE_SCORE, _SURE_FLAG = 0.65, 0.99


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
    """A face that is followed.

    Attributes:
        person: Who it is.
        region: Where to look for it next.
        box: Where it was seen last, in pixels.
        since: When it was first called this person, in seconds.
        described: When its appearance was last looked at.
        new: Whether the person was unknown before this track.
        doubtful: Whether it may have changed to another person's face.
    """

    person: int
    region: Region
    box: tuple[float, float, float, float]
    since: float
    described: float
    new: bool
    doubtful: bool = False


@dataclass
class _Sighting:
    """A face of the current frame; the track is None for one that was not followed to it."""

    face: Face
    track: _Track | None = None
    appearance: Appearance | None = field(default=None, repr=False)


class FaceTracker:
    """Finds and follows the faces of one video, frame by frame.

    FaceMesh looks where the last mesh was, once per face and frame. The detector runs at the first frame,
    after a cut, when a face is lost and every so often for newcomers. While a face is followed, its place
    tells who it is; after a gap, a cut, or when two faces touched, its appearance does.

    The answer for a frame depends on it and the frames before, never on later ones. One tracker is for one
    video; its memory does not grow with the video's length.

    Args:
        device: Where the networks run.
        backend: What runs them, one of :data:`metafacs.models.backends.BACKENDS`.
        detect_every: Seconds of the video after which the detector looks for newcomers.
    """

    def __init__(
        self, device: str | torch.device = "cpu", backend: str = TORCH, *, detect_every: float = 0.3
    ) -> None:
        self._detector: FaceDetector = face_detector(device, backend)
        self._device = self._detector.device
        self._detect_every = detect_every
        self._cuts = CutFinder()
        self._people = People()
        self._tracks: list[_Track] = []
        self._before: float | None = None
        self._detected: float | None = None
        self._thorough: float | None = None
        self._lost: float | None = None

    def advance(self, image: Picture, timestamp: float) -> list[TrackedFace]:
        """Return the faces of the next frame, sorted by person.

        Args:
            image: ``height x width x 3``, uint8, RGB.
            timestamp: When the frame is shown, in seconds; not earlier than the frame before.

        Raises:
            ValueError: If the array is not such a picture, or the frame is earlier than the one before.
        """
        check_picture(image)
        now = float(timestamp)
        if self._before is not None and now < self._before:
            raise ValueError(
                f"a frame at {now} s came after one at {self._before} s; give the frames in their order, "
                "and a tracker of its own to each video"
            )
        gap = self._before is not None and now - self._before > SURE_WITHIN
        self._before = now
        if self._cuts.is_cut(image):
            self._people.forget_places()
            followed: list[_Sighting] = []
            self._detected = None
        else:
            followed = self._follow(image, now)
        found = self._newcomers(image, now, [each.face for each in followed])
        sightings = followed + [_Sighting(face) for face in found]
        self._doubt(sightings, gap)
        self._name(image, sightings, now)
        self._remember(image, sightings, now)
        self._tracks = [each.track for each in sightings if each.track is not None]
        tracked = [TrackedFace(each.track.person, each.face) for each in sightings if each.track is not None]
        return sorted(tracked, key=lambda each: each.person)

    def _follow(self, image: Picture, now: float) -> list[_Sighting]:
        """Return the faces that are still where they were; who is not is lost."""
        faces = self._detector.follow(image, [track.region for track in self._tracks])
        sightings = []
        for track, face in zip(self._tracks, faces, strict=True):
            if face is None:
                self._lost = now
                continue
            region = _region(face)
            if not region.near(track.region, _JUMP_TURN, _JUMP_SHIFT):
                track.doubtful = True
            sightings.append(_Sighting(face, track))
        kept: list[_Sighting] = []
        for each in sightings:
            rivals = [
                other for other in kept if _shared(each.face.box, other.face.box, of_smaller=True) > _ONE_FACE
            ]
            if rivals:
                self._lost = now
                if not self._fits_better(image, each, rivals[0]):
                    continue
                kept = [other for other in kept if other not in rivals]
            kept.append(each)
        for each in kept:
            assert each.track is not None
            each.track.region, each.track.box = _region(each.face), each.face.box
        return kept

    def _fits_better(self, image: Picture, one: _Sighting, other: _Sighting) -> bool:
        """Return whether a face that two tracks follow is rather the first one's person."""
        assert one.track is not None
        assert other.track is not None
        seen = self._describe(image, other)
        gain = self._people.likeness(one.track.person, seen) - self._people.likeness(other.track.person, seen)
        # Where looks do not tell, the face is that of the track that had to move less to be on it.
        gain += 4 * (_shared(one.track.box, one.face.box) - _shared(other.track.box, other.face.box))
        one.track.doubtful = other.track.doubtful = True
        return gain > 0

    def _newcomers(self, image: Picture, now: float, known: Sequence[Face]) -> list[Face]:
        """Return the faces that nobody follows yet, if it is time to look for them."""
        searching = self._lost is not None and now - self._lost <= _SEARCH_FOR
        patience = _SEARCH_EVERY if searching else self._detect_every
        due = self._detected is None or now - self._detected >= patience or self._lost == now
        if not (due or not known):
            return []
        thorough = (
            self._thorough is None
            or self._detected is None
            or now - self._thorough >= (_THOROUGH_EVERY if known else self._detect_every)
        )
        self._detected = now
        if thorough:
            self._thorough = now
        found = self._detector.find_others(image, known, thorough=thorough)
        return [face for face in found if face.score >= _SURE_SCORE or self._is_sure(image, face)]

    def _is_sure(self, image: Picture, face: Face) -> bool:
        """Return whether FaceMesh has no doubt about a face of which the detector is not sure."""
        (again,) = self._detector.follow(image, [_region(face)])
        return again is not None and again.score >= _SURE_FLAG

    def _doubt(self, sightings: Sequence[_Sighting], gap: bool) -> None:
        """Mark the tracks of which place alone does not tell who they are."""
        for each in sightings:
            if each.track is not None and (gap or self._touches(each, sightings)):
                each.track.doubtful = True

    @staticmethod
    def _touches(one: _Sighting, sightings: Sequence[_Sighting]) -> bool:
        return any(
            _shared(one.face.box, other.face.box, of_smaller=True) > _TOUCHING
            for other in sightings
            if other is not one
        )

    def _name(self, image: Picture, sightings: Sequence[_Sighting], now: float) -> None:
        """Give every face its person, by appearance where its place does not tell."""
        asked = [each for each in sightings if self._is_asked(each, sightings, now)]
        if not asked:
            return
        taken = {each.track.person for each in sightings if each.track is not None and each not in asked}
        free = [person for person in self._people.known() if person not in taken]
        absent = self._absent(sightings)
        sure = {each.track.person for each in asked if each.track is not None and not each.track.doubtful}
        touching = [self._touches(each, sightings) for each in asked]
        scores = np.array(
            [
                [self._score(image, each, person, absent, sure, hidden, now) for person in free]
                for each, hidden in zip(asked, touching, strict=True)
            ]
        )
        places = assign(scores.reshape(len(asked), len(free)))
        found = [None if place is None else free[place] for place in places]
        for each, hidden, person, row in zip(asked, touching, found, scores, strict=True):
            track = each.track
            if track is None:
                number = self._people.add() if person is None else person
                track = _Track(number, _region(each.face), each.face.box, now, now, person is None)
                each.track = track
            elif person != track.person:
                own = dict(zip(free, row, strict=True)).get(track.person, 0.0)
                # Half a face looks like nobody: its track keeps its person while it touches another.
                changed = track.person in found or (own < _ANOTHER and not hidden)
                if person is not None:
                    if track.new and not changed:
                        self._people.forget(track.person)
                    track.person, track.since, track.new = person, now, False
                elif changed:
                    track.person, track.since, track.new = self._people.add(), now, True
            track.described = now
            # Half a face may be anybody's: who is named beside another is asked again when alone.
            track.doubtful = hidden

    def _is_asked(self, each: _Sighting, sightings: Sequence[_Sighting], now: float) -> bool:
        """Return whether a face's appearance is to tell who it is."""
        track = each.track
        if track is None or (track.doubtful and not self._touches(each, sightings)):
            return True
        if not track.new or now - track.since > _NEW_FOR or now - track.described < _NEW_EVERY:
            return False
        return any(self._people.last_seen(person) < track.since for person in self._absent(sightings))

    def _absent(self, sightings: Sequence[_Sighting]) -> list[int]:
        """Return the known people whom no track follows."""
        followed = {each.track.person for each in sightings if each.track is not None}
        return [person for person in self._people.known() if person not in followed]

    def _score(
        self,
        image: Picture,
        each: _Sighting,
        person: int,
        absent: Sequence[int],
        sure: Container[int],
        hidden: bool,
        now: float,
    ) -> float:
        """Return the log-odds that a face is a person; above 0 it is rather that one than anybody new."""
        track = each.track
        own = track is not None and track.person == person
        if person in sure and not own:
            return -np.inf
        if track is not None and track.new and not track.doubtful:
            if own:
                return _CLEAR
            # A new person can be found to be an earlier one, not one who was there at the same time.
            if person not in absent or self._people.last_seen(person) >= track.since:
                return -np.inf
        likeness = self._people.likeness(person, self._describe(image, each))
        if own:
            return likeness + _SAME_PLACE
        place = self._people.place(person)
        if place is not None and now - place.seen <= _NEAR_FOR:
            if hidden and _near(each.face.box, place.box, _BEHIND_SHIFT):
                return likeness + _BEHIND
            if _shared(each.face.box, place.box) > _SAME_BOX:
                return likeness + _SAME_PLACE + _NEAR
            if _near(each.face.box, place.box, _NEAR_SHIFT):
                return likeness + _NEAR
        return likeness

    def _remember(self, image: Picture, sightings: Sequence[_Sighting], now: float) -> None:
        """Keep where everybody is, and from time to time what they look like."""
        height, width = image.shape[:2]
        for each in sightings:
            track = each.track
            assert track is not None
            self._people.see(track.person, each.face.box, now)
            if track.doubtful or self._touches(each, sightings):
                continue
            left, top, right, bottom = each.face.box
            whole = left >= 0 and top >= 0 and right <= width and bottom <= height
            fresh = not self._people.views(track.person)
            if fresh or each.appearance is not None or now - track.described >= _REMEMBER_EVERY:
                if whole or fresh:
                    self._people.remember(track.person, self._describe(image, each))
                track.described = now

    def _describe(self, image: Picture, each: _Sighting) -> Appearance:
        if each.appearance is None:
            each.appearance = describe(image, each.face, self._device)
        return each.appearance

    def state(self) -> dict[str, object]:
        """Return all that the next frames depend on, as plain data for JSON."""
        return {
            "tracks": [
                {
                    **vars(track),
                    "region": [*track.region.centre, track.region.side, track.region.angle],
                    "box": list(track.box),
                }
                for track in self._tracks
            ],
            "people": self._people.state(),
            "cuts": self._cuts.state(),
            "times": [self._before, self._detected, self._thorough, self._lost],
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from a state that :meth:`state` returned, as if this tracker had seen the frames before.

        Args:
            state: The state, also after a round trip through JSON.
        """
        self._tracks = [
            _Track(
                **{
                    **track,
                    "region": Region((track["region"][0], track["region"][1]), *track["region"][2:]),
                    "box": tuple(track["box"]),
                }
            )
            for track in state["tracks"]
        ]
        self._people.restore(state["people"])
        self._cuts.restore(state["cuts"])
        self._before, self._detected, self._thorough, self._lost = state["times"]


def _region(face: Face) -> Region:
    assert face.mesh is not None
    return region_of_mesh(face.mesh)


def _shared(one: Sequence[float], other: Sequence[float], *, of_smaller: bool = False) -> float:
    boxes: NDArray[np.float64] = np.array([other], dtype=np.float64)
    return float(overlap(np.array(one, dtype=np.float64), boxes, of_smaller=of_smaller)[0])


def _near(one: Sequence[float], other: Sequence[float], shift: float) -> bool:
    """Return whether two boxes are at most some faces apart, and about as large."""
    first, second = np.array(one), np.array(other)
    sides = max(first[2:] - first[:2]), max(second[2:] - second[:2])
    apart = np.abs((first[:2] + first[2:]) - (second[:2] + second[2:])).max() / 2
    return bool(apart <= shift * max(sides) and max(sides) < 1.5 * min(sides))
