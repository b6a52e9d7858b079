"""Finds faces: BlazeFace proposes, FaceMesh decides."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import ceil, pi

import numpy as np
import torch
from numpy.typing import NDArray

from metafacs.faces.blazeface import BlazeFace, Detection
from metafacs.faces.face import Face
from metafacs.faces.face_networks import load_face_network
from metafacs.faces.landmarks import landmarks_68
from metafacs.faces.mesh import FaceMesh, Region, region_of_mesh
from metafacs.faces.suppression import overlap
from metafacs.faces.warping import Picture
from metafacs.models.backends import TORCH

SMALLEST_FACE = 25.0
"""Faces whose box is narrower or lower than this many pixels show no action units and are left out."""

PRESENCE = 0.5
"""A detection counts only if FaceMesh gives a face at this place more than this probability."""

# FaceMesh's probability of a face whose direction is right differs from 1 by less than 1e-8, and that of one
# seen upside down by more than 1e-5. Between these bounds the direction may be wrong.
DOUBT = (0.02, 1 - 3e-7)
# A face that seems to be turned by more than this (radians), or of which FaceMesh or the detector are less
# sure than this, is looked for from all sides.
UPRIGHT = pi / 4
SURE_PRESENCE, SURE_SCORE = 0.9999, 0.55
# Side of the square that is then looked at, over the side of FaceMesh's region.
SURROUNDINGS = 2.0
# What is found there is the same face if it lies and is as large as before but for this share of its side.
SAME_PLACE = 0.5
# While the region moves by more than these (radians; share of its side) the points still improve.
SETTLED_TURN, SETTLED_SHIFT = 0.2, 0.15
MOST_LOOKS = 4
# Of pictures that are longer than so many times their breadth, parts are longer than they are broad.
LONGEST_STRIP = 32
# Faces smaller than this share of the picture's longer side seldom come alone.
CROWD = 0.1

Array = NDArray[np.float64]


class FaceDetector:
    """Finds the faces in a picture with their landmarks. Safe to share between threads.

    The surer detector looks first. Only where it finds nothing, the more sensitive one looks, once more with
    a margin (for faces that fill the picture), and the surer one at the picture with each side up. Where
    nothing or only small faces were found, it looks at overlapping parts of the picture, which finds faces
    down to 3 % of the picture's longer side, of strips about 10 % of their breadth. Faces that lie or stand
    upside down are looked at again with their surroundings turned, so that they come out as if upright.

    Args:
        device: Where the networks run.
        backend: What runs them, one of :data:`metafacs.models.backends.BACKENDS`.

    Raises:
        ValueError: If the backend cannot be used here.
    """

    def __init__(self, device: str | torch.device = "cpu", backend: str = TORCH) -> None:
        self.device = torch.device(device)
        full, back, mesh = (
            load_face_network(name, self.device, backend) for name in ("blaze_full", "blaze_back", "facemesh")
        )
        self._full, self._back = BlazeFace(full, self.device), BlazeFace(back, self.device)
        self._mesh = FaceMesh(mesh, self.device)

    def find(self, image: Picture) -> list[Face]:
        """Return the faces in a picture, largest first.

        Args:
            image: ``height x width x 3``, uint8, RGB.

        Returns:
            The faces; an empty list if there is none.

        Raises:
            ValueError: If the array is not such a picture.
        """
        return self.find_others(image, [])

    def find_others(self, image: Picture, known: Sequence[Face], *, thorough: bool = True) -> list[Face]:
        """Return the faces in a picture that are not among those already known, largest first.

        Args:
            image: ``height x width x 3``, uint8, RGB.
            known: Faces of the same picture, e.g. those that were followed from the frame before.
            thorough: Look as :meth:`find` does; otherwise the surer detector looks once, at all of it.

        Returns:
            The other faces; an empty list if there is none.

        Raises:
            ValueError: If the array is not such a picture.
        """
        check_picture(image)
        boxes = np.array([face.box for face in known]).reshape(-1, 4)
        looks = ((self._full, 0.0), (self._back, 0.0), (self._back, 0.4))
        faces: list[Face] = []
        for blaze, padding in looks if thorough else looks[:1]:
            faces = self._confirm(image, _elsewhere(blaze(image, padding), boxes), boxes)
            if faces or known:
                break
        if thorough and not faces and not known:
            faces = self._confirm(image, self._turned(image, _whole(image)), boxes)
        longer = max(image.shape[:2])
        smallest = min((max(face.width, face.height) for face in (*known, *faces)), default=0.0)
        if thorough and smallest < CROWD * longer and longer >= 2 * self._full.input_size:
            parts = [found for part in _parts(image) for found in self._full.within(image, part)]
            boxes_so_far = np.concatenate([boxes, np.array([face.box for face in faces]).reshape(-1, 4)])
            fresh = _elsewhere(parts, boxes_so_far)
            faces = _without_repeats(faces + self._confirm(image, fresh, boxes))
        return sorted(faces, key=lambda face: -face.width * face.height)

    def follow(self, image: Picture, regions: Sequence[Region]) -> list[Face | None]:
        """Return the faces of a video's frame from where they were in the frame before.

        One look at all of them; only those that moved much are looked at again.

        Args:
            image: ``height x width x 3``, uint8, RGB.
            regions: See :func:`metafacs.faces.mesh.region_of_mesh`.

        Returns:
            The face in each region, its score FaceMesh's; None where it sees none.

        Raises:
            ValueError: If the array is not such a picture.
        """
        check_picture(image)
        meshes, presences = self._mesh(image, regions)
        moved = [
            place
            for place, region in enumerate(regions)
            if presences[place] > PRESENCE
            and not region_of_mesh(meshes[place]).near(region, SETTLED_TURN, SETTLED_SHIFT)
        ]
        self._look_again(image, meshes, presences, regions, moved)
        return [
            next(iter(_faces(meshes[[place]], presences[[place]], [float(presences[place])])), None)
            for place in range(len(regions))
        ]

    def find_in_aligned(self, image: Picture) -> Face | None:
        """Return the one face of a picture that was already cropped to it, without looking for it.

        Args:
            image: ``height x width x 3``, uint8, RGB; the face fills most of it, as in RAF-DB's aligned
                pictures.

        Returns:
            The face, or None if FaceMesh sees none in the picture.

        Raises:
            ValueError: If the array is not such a picture.
        """
        check_picture(image)
        height, width = image.shape[:2]
        centre = (width - 1) / 2, (height - 1) / 2
        for margin in (1.25, 1.0, 1.5):
            meshes, presences = self._settle(image, [Region(centre, max(height, width) * margin)])
            faces = _faces(meshes, presences, [float(presence) for presence in presences])
            if faces:
                return faces[0]
        return None

    def _confirm(self, image: Picture, found: Sequence[tuple[Region, float]], known: Array) -> list[Face]:
        """Return the faces that FaceMesh sees where the detector saw one, but for those on known boxes."""
        regions, scores = [region for region, _ in found], [score for _, score in found]
        meshes, presences = self._settle(image, regions)
        for place, region in enumerate(regions):
            seen = region_of_mesh(meshes[place]) if presences[place] > PRESENCE else region
            sure = presences[place] >= SURE_PRESENCE and scores[place] >= SURE_SCORE
            if presences[place] > DOUBT[0] and not (sure and abs(seen.angle) <= UPRIGHT):
                better = self._look_from_all_sides(image, seen)
                if better is None or better[1] < min(presences[place], DOUBT[1]):
                    continue
                # What was upright and is so still has been seen as well before.
                if max(abs(seen.angle), abs(region_of_mesh(better[0]).angle)) > UPRIGHT:
                    meshes[place], presences[place], scores[place] = better
        faces = _faces(meshes, presences, scores)
        return _without_repeats([face for face in faces if not _same(np.array(face.box), known).any()])

    def _look_from_all_sides(self, image: Picture, seen: Region) -> tuple[Array, float, float] | None:
        """Return a face's mesh, probability and score, seen after turning the picture until it is upright.

        Of faces that lie or stand upside down the detector gives rough boxes and wrong directions, from
        which FaceMesh may settle on a face that is turned wrongly, and be sure of it.
        """
        around = Region(seen.centre, SURROUNDINGS * seen.side)
        found = [each for each in self._turned(image, around) if each[0].near(seen, pi, SAME_PLACE)]
        if not found:
            return None
        region, score = max(found, key=lambda each: each[1])
        meshes, presences = self._settle(image, [region])
        return meshes[0], float(presences[0]), score

    def _turned(self, image: Picture, square: Region) -> list[tuple[Region, float]]:
        """Return what the surer detector finds in a square with any of its sides up."""
        turned = [replace(square, angle=turn) for turn in (0.0, pi / 2, pi, -pi / 2)]
        return [found for each in turned for found in self._full.within_turned(image, each)]

    def _settle(self, image: Picture, regions: Sequence[Region]) -> tuple[Array, Array]:
        """Return the meshes and face probabilities after looking again from the points of the first look.

        A region given by a detector is too rough for good landmarks, and of a head that lies or stands upside
        down it often has the wrong direction.
        """
        meshes, presences = self._mesh(image, regions)
        for place in np.flatnonzero((presences > DOUBT[0]) & (presences < DOUBT[1])).tolist():
            turned = [
                replace(regions[place], angle=regions[place].angle + turn) for turn in (pi / 2, pi, -pi / 2)
            ]
            others, sure = self._mesh(image, turned)
            if sure.max() > presences[place]:
                meshes[place], presences[place] = others[sure.argmax()], sure.max()
        present = [place for place in range(len(regions)) if presences[place] > PRESENCE]
        self._look_again(image, meshes, presences, regions, present)
        return meshes, presences

    def _look_again(
        self,
        image: Picture,
        meshes: Array,
        presences: Array,
        regions: Sequence[Region],
        waiting: Sequence[int],
    ) -> None:
        """Look once more at some faces, and on at those that still move, and put what is seen in place."""
        current = list(regions)
        for _ in range(MOST_LOOKS - 1):
            again = {place: region_of_mesh(meshes[place]) for place in waiting}
            meshes[waiting], presences[waiting] = self._mesh(image, list(again.values()))
            waiting = [
                place
                for place, region in again.items()
                if presences[place] > PRESENCE
                and not region.near(current[place], SETTLED_TURN, SETTLED_SHIFT)
            ]
            for place in again:
                current[place] = again[place]


def _faces(meshes: Array, presences: Array, scores: Sequence[float]) -> list[Face]:
    """Return those meshes that are faces and large enough."""
    faces = []
    for mesh, presence, score in zip(meshes, presences, scores, strict=True):
        left, top = (float(edge) for edge in mesh[:, :2].min(0))
        right, bottom = (float(edge) for edge in mesh[:, :2].max(0))
        if presence > PRESENCE and min(right - left, bottom - top) >= SMALLEST_FACE:
            faces.append(Face((left, top, right, bottom), score, landmarks_68(mesh), mesh))
    return faces


def _elsewhere(detections: Sequence[Detection], known: Array) -> list[tuple[Region, float]]:
    """Return where FaceMesh is to look for the detections that lie on no known box, and their scores."""
    return [
        (found.region(), found.score) for found in detections if not _same(np.asarray(found.box), known).any()
    ]


def _whole(image: Picture) -> Region:
    """Return the square around a picture."""
    height, width = image.shape[:2]
    return Region(((width - 1) / 2, (height - 1) / 2), max(height, width))


def _same(box: Array, others: Array) -> NDArray[np.bool_]:
    """Return which boxes share more than half of the smaller one's area with a box."""
    return overlap(box, others, of_smaller=True) > 0.5


def _without_repeats(faces: Sequence[Face]) -> list[Face]:
    """Return the faces without those that lie on a face of higher score."""
    kept: list[Face] = []
    for face in sorted(faces, key=lambda face: -face.score):
        known = np.array([other.box for other in kept]).reshape(-1, 4)
        if not _same(np.array(face.box), known).any():
            kept.append(face)
    return kept


def _parts(image: Picture) -> list[tuple[int, int, int]]:
    """Return overlapping squares ``left, top, side`` that cover a picture.

    They are half as long as the picture, of strips as long as the strip is broad.
    """
    height, width = image.shape[:2]
    longer, shorter = max(height, width), min(height, width)
    side = min(longer // 2, max(shorter, longer // LONGEST_STRIP))
    corners = [
        np.linspace(0, max(0, n - side), ceil(2 * max(0, n - side) / side) + 1) for n in (height, width)
    ]
    return [(int(left), int(top), side) for top in corners[0] for left in corners[1]]


def check_picture(image: Picture) -> None:
    """Raise a ``ValueError`` unless the array is ``height x width x 3``, uint8, and not empty."""
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or 0 in image.shape:
        raise ValueError(
            f"a picture is height x width x 3 of uint8, not {image.shape} of {image.dtype}; "
            "read it with metafacs.faces.pictures.read_picture"
        )
