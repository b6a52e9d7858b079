"""Whose face a label belongs to where a picture shows several: the person whom the recording is of."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from metafacs.data.datasets.reading import Sample
from metafacs.faces.face import Face
from metafacs.faces.identity import Appearance, People, assign, describe, log_odds
from metafacs.faces.warping import Picture

WITNESSES = 9
"""Pictures of a recording, evenly spread, that tell whom it is of."""

_MOST_FACES = 5
# Log-odds below which a face is not the participant's: of 51 people who smile in one photo and do not in
# another, none came below -1.8, and of two people three in four.
_SOMEBODY_ELSE = -3.0

ANOTHER = "another face than in the picture before"
_LARGEST = "several faces, the largest was taken"
_PARTICIPANT = "several faces, the participant's was taken"
_LARGER = "several faces in the whole recording, the larger person's was taken"

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


@dataclass(frozen=True)
class View:
    """How the chosen face of a picture looks: the key of the picture, and the looks."""

    key: str
    looks: Appearance


@dataclass(frozen=True)
class Person:
    """Somebody among the people of a recording: their number there, and whether nobody is seen as often."""

    people: People
    number: int
    clear: bool


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
    equally many show. They are looked at where a picture shows several faces, or one that does not look like
    the one before. In a picture of no recording it is the largest face. One who is alone in the picture from
    the beginning is believed to be the participant; where the participant comes in, it is noted.

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
        self._known: dict[Recording, Person | None] = {}
        self.seen: dict[Recording, list[View]] = {}
        """How the face that was chosen first in a recording looks, and that chosen last."""
        self.consulted: list[Sample] = []
        """Witnesses that were looked at."""

    def choose(self, sample: Sample, picture: Picture) -> Choice:
        """Return which face in the picture of a sample is the labelled one."""
        faces = self._find(picture)
        if not faces:
            return Choice(None, "no face found")
        recording = recording_of(sample)
        alone = len(faces) == 1
        if recording is None:
            return Choice(faces[0], "" if alone else _LARGEST)
        # Of a few photos of somebody, each may be taken in another light.
        if alone and sample.frame is None and len(self._witnesses[recording]) < WITNESSES:
            return Choice(faces[0])
        looks = [describe(picture, face) for face in faces[:_MOST_FACES]]
        before = self.seen.get(recording)
        best: int | None = 0
        note = ""
        if not alone or (before is not None and are_others(before[-1].looks, looks[0])):
            best, note = self._recognise(recording, looks)
        if best is None:
            return Choice(None, note)
        view = View(sample.key, looks[best])
        self.seen[recording] = [view, view] if before is None else [before[0], view]
        return Choice(faces[best], note)

    def _recognise(self, recording: Recording, looks: list[Appearance]) -> tuple[int | None, str]:
        """Return which of the faces is the participant's, None if none is, and what to note."""
        alone, known = len(looks) == 1, self._participant(recording)
        if known is None:
            return 0, "" if alone else _LARGEST
        likeness = [known.people.likeness(known.number, view) for view in looks]
        best = int(np.argmax(likeness))
        if likeness[best] < _SOMEBODY_ELSE:
            return None, f"{'one face, not' if alone else 'several faces, none of them'} the participant's"
        if alone:
            return best, ANOTHER
        return best, _PARTICIPANT if known.clear else _LARGER

    def _participant(self, recording: Recording) -> Person | None:
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


def are_others(one: Appearance, other: Appearance) -> bool:
    """Tell whether two faces of a recording are certainly not of one person."""
    return log_odds(one, other) < _SOMEBODY_ELSE


def most_seen(seen: Sequence[Sequence[tuple[Appearance, float]]]) -> Person | None:
    """Return the person whom the most of some pictures show; None if they show nobody.

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
    first = max(pictures, key=lambda person: (pictures[person], sizes[person]))
    return Person(people, first, sorted(pictures.values())[-2:].count(pictures[first]) == 1)
