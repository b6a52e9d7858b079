"""Who is who within one video: what faces, hair and clothes look like, and the people seen so far.

Nobody is recognised outside the video: nothing is compared with anything that is not in it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.resources import as_file, files
from math import atan2, cos, pi, sin
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from metafacs.faces.alignment import align
from metafacs.faces.face import Face
from metafacs.faces.tensors import to_tensor
from metafacs.faces.warping import Picture
from metafacs.models.backbones import Backbone
from metafacs.tensor_files import REINSTALL, load_tensors

ASSET = "identity.safetensors"
MOST_VIEWS = 12
"""Views of a person that are kept; the more alike of two gives way to a new one."""

MOST_PEOPLE = 100
"""People who are remembered at once."""

_CROP, _MARGIN = 72, 4
# Hair and clothes: how far above and below the middle of the face, and how wide, in faces; cells per side.
_PATCHES = ((0.62, 0.9), (-1.05, 1.2))
_CELLS, _POINTS = 3, 8
_EYE_CORNERS = (36, 45)
_STEPS = 3.0

# Log-odds that two views are of one person, from the distance of the faces and the mean difference of the
# colours (0-1): fitted on rendered and real pairs of pictures, see docs/tracking.md.
_LEVEL, _BY_FACE, _BY_COLOUR = 12.9, 1.0, 45.0
# Colours that differ so much, or are not seen, speak neither for nor against; a person can take off a coat.
_NEUTRAL_COLOUR, _OTHER_CLOTHES = 0.075, 0.2
_BEST_VIEWS = 2
# Of two people of whom a face may be either, the likelier one must be so by this much.
_MARGIN_OF_DOUBT = 1.0
_NEW_VIEW = 3.0

Codes = NDArray[np.int8]


@dataclass(frozen=True)
class Appearance:
    """How somebody looks in one frame, in whole numbers so that it can be stored exactly.

    Attributes:
        face: ``24``, place of the face among faces: the coordinates in which people differ most from each
            other against what light, pose and expression do to one of them, whose deviation is 3.
        colours: ``54``, red, green and blue of hair and clothes minus 128; -128 where outside the picture.
    """

    face: Codes
    colours: Codes


@dataclass(frozen=True)
class Place:
    """Where a person was seen last: the face's box in pixels, and when in seconds."""

    box: tuple[float, float, float, float]
    seen: float


@dataclass
class _Person:
    """What is known of somebody: views, and the place while it tells something."""

    views: list[Appearance]
    place: Place | None
    seen: float


class People:
    """The people of one video, as far as they are remembered.

    Those who were not seen for longest are forgotten when there are too many; their numbers never come back.
    """

    def __init__(self) -> None:
        self._count = 0
        self._known: dict[int, _Person] = {}

    def add(self) -> int:
        """Return the number of a new person."""
        self._count += 1
        self._known[self._count - 1] = _Person([], None, 0.0)
        if len(self._known) > MOST_PEOPLE:
            del self._known[min(list(self._known)[:-1], key=lambda person: self._known[person].seen)]
        return self._count - 1

    def known(self) -> list[int]:
        """Return the people who can be recognised, in order."""
        return sorted(person for person, kept in self._known.items() if kept.views)

    def views(self, person: int) -> int:
        """Return how many views of a person are kept."""
        return len(self._known[person].views) if person in self._known else 0

    def place(self, person: int) -> Place | None:
        """Return where a person was last, None if that tells nothing any more."""
        return self._known[person].place

    def last_seen(self, person: int) -> float:
        """Return when a person was seen last, in seconds."""
        return self._known[person].seen

    def forget(self, person: int) -> None:
        """Forget somebody who was somebody else after all."""
        del self._known[person]

    def forget_places(self) -> None:
        """Forget where everybody was, as at a cut."""
        for kept in self._known.values():
            kept.place = None

    def see(self, person: int, box: tuple[float, float, float, float], now: float) -> None:
        """Keep where a person is."""
        kept = self._known.setdefault(person, _Person([], None, now))
        kept.place, kept.seen = Place(box, now), now

    def remember(self, person: int, view: Appearance) -> None:
        """Keep a view of a person; where there are many, instead of one of the two most alike."""
        views = self._known[person].views
        if views and min(face_distance(view, other) for other in views) < _NEW_VIEW:
            return
        views.append(view)
        if len(views) > MOST_VIEWS:
            apart = np.array([[face_distance(a, b) for b in views] for a in views])
            apart[np.diag_indices(len(views))] = np.inf
            # Of the pair the older one: people take off their coats.
            views.pop(int(min(divmod(int(apart.argmin()), len(views)))))

    def likeness(self, person: int, view: Appearance) -> float:
        """Return the log-odds that a view is of a person; 0 if the person has not been looked at."""
        kept = self._known.get(person)
        if kept is None or not kept.views:
            return 0.0
        best = sorted((log_odds(view, other) for other in kept.views), reverse=True)[:_BEST_VIEWS]
        return float(np.mean(best))

    def state(self) -> dict[str, object]:
        """Return everything as plain data for JSON."""
        people = [
            {
                "person": person,
                "views": [[view.face.tolist(), view.colours.tolist()] for view in kept.views],
                "place": kept.place and [list(kept.place.box), kept.place.seen],
                "seen": kept.seen,
            }
            for person, kept in self._known.items()
        ]
        return {"count": self._count, "people": people}

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from a state that :meth:`state` returned."""
        self._count = state["count"]
        self._known = {
            kept["person"]: _Person(
                [Appearance(np.array(face, np.int8), np.array(c, np.int8)) for face, c in kept["views"]],
                kept["place"] and Place(tuple(kept["place"][0]), kept["place"][1]),
                kept["seen"],
            )
            for kept in state["people"]
        }


def face_distance(one: Appearance, other: Appearance) -> float:
    """Return how far two faces are apart, in deviations of one person's pictures along a coordinate."""
    return float(np.linalg.norm(one.face.astype(np.float64) - other.face)) / _STEPS


def log_odds(one: Appearance, other: Appearance) -> float:
    """Return the log-odds that two views show one person, if as many pairs of views do as do not."""
    seen = (one.colours > -128) & (other.colours > -128)
    difference = _NEUTRAL_COLOUR
    if 2 * np.count_nonzero(seen) >= len(seen):
        apart = np.abs(one.colours[seen].astype(np.float64) - other.colours[seen])
        difference = min(float(apart.mean()) / 255, _OTHER_CLOTHES)
    return _LEVEL - _BY_FACE * face_distance(one, other) - _BY_COLOUR * difference


def assign(scores: NDArray[np.float64]) -> list[int | None]:
    """Return which person each face is, so that the sum of the scores is greatest.

    Args:
        scores: ``face x person``, log-odds that the face is the person and nobody new.

    Returns:
        A column for each row, no column twice; None where the face is nobody of them, or could as well be
        another one whom no other face is.

    >>> assign(np.array([[5.0, 4.0], [4.0, -2.0]]))
    [1, 0]
    >>> assign(np.array([[5.0, 4.8]]))
    [None]
    """
    if not scores.size:
        return [None] * len(scores)
    # Only where somebody has to be told from others: prediction starts faster without it.
    from scipy.optimize import linear_sum_assignment

    gains = scores.clip(min=0)
    chosen: list[int | None] = [None] * len(scores)
    for row, column in zip(*linear_sum_assignment(-gains), strict=True):
        if scores[row, column] > 0:
            chosen[row] = int(column)
    used = {column for column in chosen if column is not None}
    for row, column in enumerate(chosen):
        if column is not None:
            rivals = [scores[row, other] for other in range(scores.shape[1]) if other not in used]
            if rivals and max(rivals) > scores[row, column] - _MARGIN_OF_DOUBT:
                chosen[row] = None
    return chosen


@cache
def _network(device: str) -> tuple[torch.nn.Module, Tensor, Tensor]:
    """Return the packaged backbone, the mean of its features and the projection on who the face is."""
    with as_file(files("metafacs.faces") / "assets" / ASSET) as path:
        _, asset = load_tensors(path, ValueError, REINSTALL)
    backbone = Backbone("small", "faces").build().eval().requires_grad_(False).to(device)
    return backbone, asset["mean"].float().to(device), asset["projection"].float().to(device)


def describe(image: Picture, face: Face, device: torch.device | str = "cpu") -> Appearance:
    """Return how a face, its hair and the clothes below it look.

    Args:
        image: ``height x width x 3``, uint8, RGB.
        face: A face in it.
        device: Where the network runs.
    """
    backbone, mean, projection = _network(str(device))
    with torch.inference_mode():
        coordinates = (backbone(to_tensor(inner_crop(image, face)[None]).to(device)) - mean) @ projection
        codes = (coordinates[0] * _STEPS).round().clamp(-127, 127).to(torch.int8).cpu().numpy()
    return Appearance(codes, _colours(image, face))


def inner_crop(image: Picture, face: Face) -> Picture:
    """Return a face as the packaged backbone saw faces when it learned them, 64 x 64."""
    crop, _ = align(image, face.landmarks, _CROP)
    return crop[_MARGIN:-_MARGIN, _MARGIN:-_MARGIN]


def _colours(image: Picture, face: Face) -> Codes:
    """Return the mean colours of cells above and below the face; the body stands upright with the picture."""
    left, right = face.landmarks[_EYE_CORNERS[0]], face.landmarks[_EYE_CORNERS[1]]
    tilt = atan2(right[1] - left[1], right[0] - left[0])
    across, down = (face.box[0] + face.box[2]) / 2, (face.box[1] + face.box[3]) / 2
    extent = max(face.width, face.height)
    height, width = image.shape[:2]
    side = _CELLS * _POINTS
    steps = (np.arange(side) + 0.5) / side - 0.5
    patches = []
    # Hair tilts with the head, clothes do not, unless the whole picture lies on its side.
    for (up, span), angle in zip(_PATCHES, (tilt, round(tilt / (pi / 2)) * (pi / 2)), strict=True):
        x = across + extent * (span * steps[None] * cos(angle) - (span * steps[:, None] - up) * sin(angle))
        y = down + extent * (span * steps[None] * sin(angle) + (span * steps[:, None] - up) * cos(angle))
        columns, rows = np.rint(x).astype(int), np.rint(y).astype(int)
        inside = (columns >= 0) & (columns < width) & (rows >= 0) & (rows < height)
        points = image[rows.clip(0, height - 1), columns.clip(0, width - 1)].astype(np.float64)
        cells = (_CELLS, _POINTS, _CELLS, _POINTS)
        seen = inside.reshape(cells).sum((1, 3))
        sums = (points * inside[..., None]).reshape(*cells, 3).sum((1, 3))
        colours = np.rint(sums / np.maximum(seen, 1)[..., None]) - 128
        # Black is stored as almost black: the lowest number says that nothing was seen.
        patches.append(np.where((2 * seen >= _POINTS**2)[..., None], np.maximum(colours, -127), -128))
    return np.concatenate([patch.ravel() for patch in patches]).astype(np.int8)
