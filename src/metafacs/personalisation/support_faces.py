"""The faces of a person's labelled pictures: whose face is meant, and which pictures count once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from metafacs.checkpoints.description import Framing
from metafacs.data.transforms import crop_centre
from metafacs.data.videos import Video
from metafacs.faces.alignment import align
from metafacs.faces.face import Face
from metafacs.faces.identity import Appearance, describe, face_distance, log_odds
from metafacs.faces.pictures import read_picture
from metafacs.faces.pipeline import find_faces
from metafacs.faces.suppression import overlap
from metafacs.faces.tensors import to_tensor
from metafacs.faces.warping import Picture
from metafacs.personalisation.copies import Look, look_at
from metafacs.personalisation.support import Support, SupportError, SupportRow

_SHOWN = 10
_MOST_FACES = 8
"""Faces of one picture, the largest, of which one may be the person's."""

_SAME_PLACE = 0.3
"""Share of two boxes from which on they are of one face."""

_CLEARLY = 1.0
"""Log-odds by which one face of a picture must be likelier the person's than any other."""

_MUCH_LARGER = 2.0
_FEWEST_ALIKE = 3
_SOMEBODY_ELSE = 12.0
"""Distance of faces that two pictures of one person do not reach: over 24 people, neutral and smiling (Face
Research Lab London Set), it is 9.5 at most, and between two of them 14.5 in the median."""


@dataclass(frozen=True, eq=False)
class SupportFaces:
    """A person's faces as a model reads them; copies of a picture are left out.

    Attributes:
        images: ``picture x 3 x input_size x input_size``.
        labels: ``picture x au``, as of :class:`Support`.
        groups: ``picture``, number of the moment it shows: pictures that look alike are one moment.
        notes: Sentences: whose face was taken, what counts once, what is doubtful.
    """

    images: Tensor
    labels: NDArray[np.float32]
    groups: NDArray[np.int64]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class _Candidate:
    """One face of a picture: its width, whom it looks like, the crop for the model, the picture in little."""

    width: float
    view: Appearance
    crop: Picture = field(repr=False)
    look: Look = field(repr=False)


def cut_faces(support: Support, framing: Framing, *, device: str = "cpu") -> SupportFaces:
    """Return the person's face of every listed picture as the model reads it.

    Where a picture shows several faces, the person's is the one whose place is given, else the one most like
    those of the other pictures.
    Pictures that are the same count once, whatever their size and compression.

    Args:
        support: The listed pictures.
        framing: How the model's faces are cut out.
        device: Where the networks run.

    Raises:
        SupportError: Naming every picture that cannot be read, shows no face, or several of which none is
            clearly the person's; or two lines with the same picture and other labels.
    """
    found: dict[int, list[_Candidate]] = {}
    problems: dict[int, str] = {}
    for position, picture in _pictures(support.rows):
        if isinstance(picture, str):
            problems[position] = picture
            continue
        faces = _meant(find_faces(picture, device), support.rows[position].box)
        found[position] = [_candidate(picture, face, framing, device) for face in faces]
        if not faces:
            problems[position] = f"no face found in {support.rows[position].picture}"
    _refuse(support, problems)
    notes: list[str] = []
    chosen = _choose(support, [found[position] for position in range(len(support.rows))], notes)
    kept, labels = _counted_once(support, chosen, notes)
    groups = _moments(support, chosen)
    crops = np.stack([chosen[position].crop for position in kept])
    return SupportFaces(
        to_tensor(crop_centre(crops, framing.input_size)[0]), labels, groups[kept], tuple(notes)
    )


def _meant(faces: Sequence[Face], box: tuple[float, float, float, float] | None) -> Sequence[Face]:
    """Return the faces that may be the person's: the one at the place that was given, else the largest."""
    if box is None or not faces:
        return faces[:_MOST_FACES]
    shared = overlap(np.array(box), np.array([face.box for face in faces]))
    best = int(shared.argmax())
    return [faces[best]] if shared[best] >= _SAME_PLACE else []


def _candidate(picture: Picture, face: Face, framing: Framing, device: str) -> _Candidate:
    crop, _ = align(picture, face.landmarks, framing.crop_size, framing.alignment)
    return _Candidate(face.width, describe(picture, face, device), crop, look_at(picture, face))


def _refuse(support: Support, problems: Mapping[int, str]) -> None:
    if problems:
        lines = [f"line {support.rows[place].line}: {problems[place]}" for place in sorted(problems)[:_SHOWN]]
        raise SupportError(
            f"{len(problems)} pictures of {support.path} cannot be used; replace them or remove their lines:"
            + "".join(f"\n  {line}" for line in lines)
        )


def _choose(support: Support, found: Sequence[Sequence[_Candidate]], notes: list[str]) -> list[_Candidate]:
    """Return the person's face of every picture."""
    known = _reference(found)
    chosen: list[_Candidate] = []
    problems: dict[int, str] = {}
    rules: dict[str, list[int]] = {}
    for place, candidates in enumerate(found):
        others = [view for origin, view in known if origin != place]
        odds = [_likeness(candidate.view, others) for candidate in candidates]
        best = int(np.argmax(odds))
        chosen.append(candidates[best])
        if len(candidates) == 1:
            continue
        ranked = sorted(odds, reverse=True)
        if ranked[0] > 0 and ranked[0] - ranked[1] >= _CLEARLY:
            size = "" if best == 0 else ", which is not the largest"
            rule = f"the one most like those of the other pictures was taken{size}"
        elif candidates[0].width >= _MUCH_LARGER * candidates[1].width:
            chosen[-1] = candidates[0]
            rule = "the largest by far was taken"
        else:
            problems[place] = (
                f"{support.rows[place].picture.name} shows {len(candidates)} faces, and the other pictures "
                "do not tell which is the person's; cut it out"
            )
            continue
        rules.setdefault(rule, []).append(support.rows[place].line)
    _refuse(support, problems)
    for rule, lines in rules.items():
        listed = ", ".join(map(str, lines[:_SHOWN])) + (" ..." if len(lines) > _SHOWN else "")
        notes.append(f"{len(lines)} pictures show several faces; {rule}: line {listed}")
    notes += _strangers(support, chosen)
    return chosen


def _reference(found: Sequence[Sequence[_Candidate]]) -> list[tuple[int, Appearance]]:
    """Return (place of the picture, view) of the person's faces that are known without a choice.

    These are the pictures with one face. If there are none, the person is whoever is in most pictures.
    """
    alone = [(place, candidates[0].view) for place, candidates in enumerate(found) if len(candidates) == 1]
    if alone:
        return alone
    told = []
    for candidate in found[0]:
        views = [
            max((other.view for other in candidates), key=lambda view: log_odds(view, candidate.view))
            for candidates in found
        ]
        odds = [log_odds(view, candidate.view) for view in views]
        alike = [(place, view) for place, view in enumerate(views) if odds[place] > 0]
        told.append((sum(one for one in odds if one > 0), alike))
    told.sort(key=lambda each: -each[0])
    return told[0][1] if told[0][0] - told[1][0] >= _CLEARLY else []


def _likeness(view: Appearance, others: Sequence[Appearance]) -> float:
    """Return the log-odds that a face is the person's, from the two views most like it."""
    best = sorted((log_odds(view, other) for other in others), reverse=True)[:2]
    return float(np.mean(best)) if best else -np.inf


def _strangers(support: Support, chosen: Sequence[_Candidate]) -> list[str]:
    """Return a sentence on each picture whose face is like no other's, where the others are alike."""
    views = [candidate.view for candidate in chosen]
    apart = np.array([[face_distance(one, other) for other in views] for one in views])
    np.fill_diagonal(apart, np.inf)
    nearest = apart.min(axis=1)
    strange = np.flatnonzero(nearest > _SOMEBODY_ELSE)
    if len(views) - len(strange) < _FEWEST_ALIKE or 3 * len(strange) > len(views):
        return []
    return [
        f"line {row.line}: the face in {row.picture.name} is like none of the others; is it the person's?"
        for row in (support.rows[place] for place in strange)
    ]


def _counted_once(
    support: Support, chosen: Sequence[_Candidate], notes: list[str]
) -> tuple[list[int], NDArray[np.float32]]:
    """Return the places of the pictures without copies, and their labels, those of copies added."""
    kept: list[int] = []
    labels = support.labels.copy()
    copies = []
    for place, row in enumerate(support.rows):
        first = next((k for k in kept if _is_copy(support, chosen, place, k)), None)
        if first is None:
            kept.append(place)
            continue
        one, other = labels[first], labels[place]
        if bool((~np.isnan(one) & ~np.isnan(other) & (one != other)).any()):
            where = f"lines {support.rows[first].line} and {row.line}"
            if chosen[place].look.digest == chosen[first].look.digest:
                raise SupportError(
                    f"{support.path}, {where} are the same picture with other labels; remove one of them"
                )
            notes.append(f"{where} look like the same picture but have other labels; is that meant?")
            kept.append(place)
            continue
        labels[first] = np.where(np.isnan(one), other, one)
        copies.append(f"line {row.line} (as line {support.rows[first].line})")
    if copies:
        listed = ", ".join(copies[:_SHOWN]) + (" ..." if len(copies) > _SHOWN else "")
        notes.append(f"{len(copies)} pictures are copies of others and count once: {listed}")
    return kept, labels[kept]


def _is_copy(support: Support, chosen: Sequence[_Candidate], place: int, first: int) -> bool:
    one, other = support.rows[place], support.rows[first]
    if one.frame is not None and one.picture == other.picture:
        # A video in which little moves: its frames may differ where nobody looks.
        return chosen[place].look.digest == chosen[first].look.digest
    return chosen[place].look.is_copy_of(chosen[first].look)


def _moments(support: Support, chosen: Sequence[_Candidate]) -> NDArray[np.int64]:
    """Return the moments of the list, joined where pictures look alike."""
    moments = support.groups.copy()
    for place, candidate in enumerate(chosen):
        for before in range(place):
            if moments[place] != moments[before] and candidate.look.is_like(chosen[before].look):
                moments[moments == moments[place]] = moments[before]
    return moments


def _pictures(rows: Sequence[SupportRow]) -> Iterator[tuple[int, Picture | str]]:
    """Yield every row's position with its picture, or with what is wrong; a video is decoded once."""
    stills = [position for position, row in enumerate(rows) if row.frame is None]
    for position in stills:
        try:
            yield position, read_picture(rows[position].picture)
        except (ValueError, OSError) as error:
            yield position, str(error)
    frames = sorted((str(row.picture), row.frame, p) for p, row in enumerate(rows) if row.frame is not None)
    for video, group in groupby(frames, key=lambda entry: entry[0]):
        asked = [(frame, position) for _, frame, position in group]
        done = 0
        try:
            for frame in Video(video).at([number for number, _ in asked]):
                problem = f"frame {frame.number} of {video} cannot be decoded ({frame.problem}); take another"
                yield asked[done][1], problem if frame.image is None else frame.image
                done += 1
        except (ValueError, OSError) as error:
            for _, position in asked[done:]:
                yield position, str(error)
