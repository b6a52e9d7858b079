"""The 68 iBUG landmarks of a rendered face, exact by construction.

Points 0 to 16 follow the visible outline of the face, as human annotators place them: under yaw the far
cheek's outline is another line on the skin than at the front.
"""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from metafacs.synthesis.face_model import SKIN, load_face_model
from metafacs.synthesis.rasterizer import Buffers

Floats = NDArray[np.float32]

CONTOUR = slice(0, 17)
"""Landmarks of the jaw line, from the subject's right ear over the chin to the left."""

_CENTRE = np.array([0.0, 6.95], np.float32)
_SAMPLES = 28


class ContourCandidates(NamedTuple):
    """Places on the skin where each outline point can lie, from the middle of the face outward.

    Attributes:
        corners: Shape (17, candidate, 3), vertex numbers.
        weights: Shape (17, candidate, 3), barycentric weights.
        outward: Shape (17, 2), unit vectors in the picture plane of the upright frontal head, y up.
    """

    corners: NDArray[np.int32]
    weights: Floats
    outward: Floats


def locate_landmarks(picture: Floats, rotation: Floats) -> Floats:
    """Return the 68 landmarks of a posed and projected head.

    Args:
        picture: Shape (vertex, 2), pixel coordinates of all vertices.
        rotation: Shape (3, 3), the head's rotation; only its roll is used.

    Returns:
        Shape (68, 2), pixel coordinates (x right, y down), in the order of iBUG 300-W.
    """
    points = picture[load_face_model().landmarks].astype(np.float32)
    candidates = contour_candidates()
    places = (picture[candidates.corners] * candidates.weights[..., None]).sum(2)
    up = rotation[:2, 1] / max(float(np.linalg.norm(rotation[:2, 1])), 1e-6)
    right = np.array([up[1], -up[0]])
    outward = candidates.outward[:, :1] * right + candidates.outward[:, 1:] * up
    distance = places[..., 0] * outward[:, None, 0] - places[..., 1] * outward[:, None, 1]
    points[CONTOUR] = places[np.arange(17), distance.argmax(1)]
    return points


@cache
def contour_candidates() -> ContourCandidates:
    """Return where on the skin the outline points can lie, found on the neutral head seen from the front."""
    model = load_face_model()
    size, span = 1024, 2.6
    scale = size / span
    neutral = model.neutral
    skin = model.triangles_of(SKIN)
    skin = skin[~model.ear_vertices[model.triangles[skin]].any(1)]
    xy = np.stack([size / 2 + neutral[:, 0] * scale, size / 2 - (neutral[:, 1] - 7.2) * scale], 1)
    layer = Buffers(size, size).draw(xy.astype(np.float32), -neutral[:, 2], model.triangles, skin)
    ends = model.landmarks[CONTOUR]
    corners = np.zeros((17, _SAMPLES + 1, 3), np.int32)
    weights = np.zeros((17, _SAMPLES + 1, 3), np.float32)
    outward = neutral[ends, :2] - _CENTRE
    for point, (end, way) in enumerate(zip(ends, outward, strict=True)):
        places = _CENTRE + np.linspace(0.40, 0.985, _SAMPLES)[:, None] * way
        columns = np.clip((size / 2 + places[:, 0] * scale).astype(int), 0, size - 1)
        rows = np.clip((size / 2 - (places[:, 1] - 7.2) * scale).astype(int), 0, size - 1)
        triangle = layer.triangle[rows, columns]
        seen = triangle >= 0
        corners[point] = end
        weights[point] = (1, 0, 0)
        corners[point, :-1][seen] = model.triangles[triangle[seen]]
        two = layer.weights[rows, columns][seen]
        weights[point, :-1][seen] = np.concatenate([two, 1 - two.sum(1, keepdims=True)], 1)
    outward = outward / np.linalg.norm(outward, axis=1, keepdims=True)
    return ContourCandidates(corners, weights, outward.astype(np.float32))
