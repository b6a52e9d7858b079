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
from metafacs.faces.graph_network import load_asset
from metafacs.faces.landmarks import landmarks_68
from metafacs.faces.mesh import FaceMesh, Region, region_of_mesh
from metafacs.faces.suppression import overlap
from metafacs.faces.warping import Picture

SMALLEST_FACE = 25.0
"""Faces whose box is narrower or lower than this many pixels show no action units and are left out."""

PRESENCE = 0.5
"""A detection counts only if FaceMesh gives a face at this place more than this probability."""

# FaceMesh gives an upright face 1.0000. Between these bounds the direction may be wrong.
DOUBT = (0.02, 0.9999)
# While the region moves by more than these (radians; share of its side) the points still improve.
SETTLED_TURN, SETTLED_SHIFT = 0.2, 0.15
MOST_LOOKS = 4
# Faces smaller than this share of the picture's longer side seldom come alone.
CROWD = 0.1

Array = NDArray[np.float64]


class FaceDetector:
    """Finds the faces in a picture with their landmarks. Safe to share between threads.

    The surer detector looks first. Only where it finds nothing, the more sensitive one looks, once more with
    a margin (for faces that fill the picture). Where nothing or only small faces were found, the surer one
    looks at overlapping parts of the picture, which finds faces down to 3 % of the picture's longer side.

    Args:
        device: Where the networks run.
    """

    def __init__(self, device: str | torch.device = "cpu") -> None:
        self.device = torch.device(device)
        self._full = BlazeFace(load_asset("blaze_full"), self.device)
        self._back = BlazeFace(load_asset("blaze_back"), self.device)
        self._mesh = FaceMesh(load_asset("facemesh"), self.device)

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

    def _confirm(self, image: Picture, detections: Sequence[Detection], known: Array) -> list[Face]:
        """Return the faces that FaceMesh sees where the detector saw one, but for those on known boxes."""
        meshes, presences = self._settle(image, [detection.region() for detection in detections])
        faces = _faces(meshes, presences, [detection.score for detection in detections])
        return _without_repeats([face for face in faces if not _same(np.array(face.box), known).any()])

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


def _elsewhere(detections: Sequence[Detection], known: Array) -> list[Detection]:
    """Return the detections that lie on no known box."""
    return [found for found in detections if not _same(np.asarray(found.box), known).any()]


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
    """Return overlapping squares ``left, top, side``, half as long as the picture, that cover it."""
    height, width = image.shape[:2]
    side = max(height, width) // 2
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
