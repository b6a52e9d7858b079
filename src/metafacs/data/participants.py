"""Whose face a label belongs to where a picture shows several: the person whom the recording is of."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from metafacs.data.datasets.reading import Sample
from metafacs.faces.face import Face
from metafacs.faces.identity import Appearance, People, assign, describe
from metafacs.faces.warping import Picture

WITNESSES = 9
"""Pictures of a recording, evenly spread, that tell whom it is of."""

_MOST_FACES = 5
# Of the smaller of two boxes, how much must lie in the other for the head to have moved and nothing else.
_STAYED = 0.2

# Log-odds below which a face is not the participant's: of 51 people who smile in one photo and do not in
# another, none came below -1.8, and of two people three in four.
_SOMEBODY_ELSE = -3.0

Recording = tuple[str, ...]

Look = Callable[[Sample], "Picture | None"]


@dataclass(frozen=True)
class Choice:
    """Which face of a picture is the labelled one.

    Attributes:
        face: The face; None if there is none.
        note: What to tell about a picture whose face was not the only one or not the expected one, or why
            there is none; empty where there is nothing to tell.
    """

    face: Face | None
    note: str = ""


def recording_of(sample: Sample) -> Recording | None:
    """Return what the pictures that were taken of one person in one go have in common.

    Returns:
        The video, or the person and the folder; None for a photo, and for a frame of a video without labels
        and people, which may show one after the other.
    """
    if sample.frame is None:
        folder = str(Path(sample.picture).parent)
        return None if sample.subject is None else (sample.subject, folder)
    labelled = sample.action_units or sample.intensities or sample.expression is not None
    return (str(sample.picture),) if labelled or sample.subject is not None else None


def witnesses(samples: Sequence[Sample]) -> dict[Recording, tuple[Sample, ...]]:
    """Return the pictures of every recording that tell whom it is of; see :class:`Participants`.

    The same ones whichever part of a recording is looked at.
    """
    recordings: dict[Recording, list[Sample]] = {}
    for sample in samples:
        recording = recording_of(sample)
        if recording is not None:
            recordings.setdefault(recording, []).append(sample)
    chosen = {}
    for recording, pictures in recordings.items():
        count = min(WITNESSES, len(pictures))
        chosen[recording] = tuple(pictures[position * len(pictures) // count] for position in range(count))
    return chosen


class Participants:
    """Tells the participant of a recording from others who come into the picture.

    The participant is the person whom most of the recording's witnesses show, and the larger one of two whom
    equally many show. Nobody looks at the identity of a face that is alone in its picture and stays where the
    last one was, or is the first of a shard. In a picture of no recording it is the largest face.

    Args:
        witnesses: Recording -> pictures that tell whom it is of.
        look: Reads a picture; None if it cannot be read.
        find: Finds the faces in a picture, the largest first.
    """

    def __init__(
        self,
        witnesses: dict[Recording, tuple[Sample, ...]],
        look: Look,
        find: Callable[[Picture], list[Face]],
    ) -> None:
        self._witnesses, self._look, self._find = witnesses, look, find
        self._known: dict[Recording, tuple[People, int] | None] = {}
        self._last: dict[Recording, Face] = {}
        self.consulted: list[Sample] = []
        """Witnesses that were looked at."""

    def choose(self, sample: Sample, picture: Picture) -> Choice:
        """Return which face in the picture of a sample is the labelled one."""
        faces = self._find(picture)
        if not faces:
            return Choice(None, "no face found")
        recording = recording_of(sample)
        if recording is None:
            several = len(faces) > 1
            return Choice(faces[0], "several faces, the largest was taken" if several else "")
        last = self._last.get(recording)
        # Of a few photos of somebody, each may be taken from anywhere.
        photos = sample.frame is None and len(self._witnesses[recording]) < WITNESSES
        if len(faces) == 1 and (photos or last is None or _stayed(last, faces[0])):
            self._last[recording] = faces[0]
            return Choice(faces[0])
        choice = self._recognise(recording, picture, faces)
        if choice.face is not None:
            self._last[recording] = choice.face
        return choice

    def _recognise(self, recording: Recording, picture: Picture, faces: list[Face]) -> Choice:
        known = self._participant(recording)
        if known is None:
            several = len(faces) > 1
            return Choice(faces[0], "several faces, the largest was taken" if several else "")
        people, participant = known
        likeness = [people.likeness(participant, describe(picture, face)) for face in faces[:_MOST_FACES]]
        best = int(np.argmax(likeness))
        if likeness[best] < _SOMEBODY_ELSE:
            what = "one face, not" if len(faces) == 1 else "several faces, none of them"
            return Choice(None, f"{what} the participant's")
        return Choice(faces[best], "several faces, the participant's was taken" if len(faces) > 1 else "")

    def _participant(self, recording: Recording) -> tuple[People, int] | None:
        if recording not in self._known:
            seen: list[list[tuple[Appearance, float]]] = []
            for sample in self._witnesses[recording]:
                self.consulted.append(sample)
                picture = self._look(sample)
                if picture is not None:
                    faces = self._find(picture)[:_MOST_FACES]
                    seen.append([(describe(picture, face), face.width * face.height) for face in faces])
            self._known[recording] = most_seen(seen)
        return self._known[recording]


def most_seen(seen: Sequence[Sequence[tuple[Appearance, float]]]) -> tuple[People, int] | None:
    """Return the people in some pictures, and which of them the most pictures show; None if there is nobody.

    Args:
        seen: Per picture, how each face in it looks and how large it is.
    """
    people = People()
    pictures: dict[int, int] = {}
    sizes: dict[int, float] = {}
    for faces in seen:
        known = people.known()
        scores = np.array([[people.likeness(person, view) for person in known] for view, _ in faces])
        for (view, size), column in zip(faces, assign(scores.reshape(len(faces), len(known))), strict=True):
            person = people.add() if column is None else known[column]
            people.see(person, (0.0, 0.0, 0.0, 0.0), 0.0)
            people.remember(person, view)
            pictures[person] = pictures.get(person, 0) + 1
            sizes[person] = sizes.get(person, 0.0) + size
    if not pictures:
        return None
    return people, max(pictures, key=lambda person: (pictures[person], sizes[person]))


def _stayed(last: Face, face: Face) -> bool:
    """Tell whether a face is where the last one was."""
    left, top = max(last.box[0], face.box[0]), max(last.box[1], face.box[1])
    right, bottom = min(last.box[2], face.box[2]), min(last.box[3], face.box[3])
    common = max(0.0, right - left) * max(0.0, bottom - top)
    return common > _STAYED * min(last.width * last.height, face.width * face.height)
