"""Finds faces: BlazeFace proposes, FaceMesh decides."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import torch

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


class FaceDetector:
    """Finds the faces in a picture with their landmarks. Safe to share between threads.

    The surer detector looks first. Only where it finds nothing, the more sensitive one looks, then both again
    at the picture with a margin (for faces that fill it).

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
        check_picture(image)
        for look in self._looks(image):
            detections = look()
            scores = [detection.score for detection in detections]
            faces = self._confirm(image, [detection.region() for detection in detections], scores)
            if faces:
                return faces
        return []

    def _looks(self, image: Picture) -> Iterator[Callable[[], list[Detection]]]:
        for padding in (0.0, 0.4):
            for blaze in (self._full, self._back):
                yield lambda blaze=blaze, padding=padding: blaze(image, padding)  # type: ignore[misc]

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
        regions = [Region(centre, max(height, width) * factor) for factor in (1.0, 1.25, 1.5)]
        meshes, presences = self._mesh(image, regions)
        best = int(presences.argmax())
        if presences[best] <= PRESENCE:
            return None
        faces = self._confirm(image, [region_of_mesh(meshes[best])], [None])
        return faces[0] if faces else None

    def _confirm(
        self, image: Picture, regions: Sequence[Region], scores: Sequence[float | None]
    ) -> list[Face]:
        """Return the faces that FaceMesh sees in the regions; a score of None means its own."""
        meshes, presences = self._mesh(image, regions)
        seen = np.flatnonzero(presences > PRESENCE)
        # A second look from the points just found: the box of a detector is too rough for good landmarks.
        meshes, presences = self._mesh(image, [region_of_mesh(meshes[place]) for place in seen])
        faces: list[Face] = []
        kept = [scores[place] for place in seen.tolist()]
        sure = [float(own) if given is None else given for given, own in zip(kept, presences, strict=True)]
        for place in sorted(range(len(seen)), key=lambda place: -sure[place]):
            low, high = meshes[place, :, :2].min(0), meshes[place, :, :2].max(0)
            box = (float(low[0]), float(low[1]), float(high[0]), float(high[1]))
            known = np.array([face.box for face in faces]).reshape(-1, 4)
            twice = bool((overlap(np.array(box), known) > 0.5).any())
            if presences[place] <= PRESENCE or min(high - low) < SMALLEST_FACE or twice:
                continue
            faces.append(Face(box, sure[place], landmarks_68(meshes[place]), meshes[place]))
        return sorted(faces, key=lambda face: -face.width * face.height)


def check_picture(image: Picture) -> None:
    """Raise a ``ValueError`` unless the array is ``height x width x 3``, uint8, and not empty."""
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or 0 in image.shape:
        raise ValueError(
            f"a picture is height x width x 3 of uint8, not {image.shape} of {image.dtype}; "
            "read it with metafacs.faces.pictures.read_picture"
        )
