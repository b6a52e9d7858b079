"""FaceMesh: 468 points of a face and how sure it is that there is one.

MediaPipe's network (Apache-2.0), run by ``graph_network``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import atan2, cos, remainder, sin, tau

import numpy as np
import torch
from numpy.typing import NDArray

from metafacs.faces.face_networks import FaceNetwork
from metafacs.faces.warping import Picture, invert, move_points, similarity, warp

EYE_CORNERS = (33, 263)
MARGIN = 1.5


@dataclass(frozen=True)
class Region:
    """A turned square of a picture, in pixels; ``angle`` in radians, clockwise as seen."""

    centre: tuple[float, float]
    side: float
    angle: float = 0.0

    def near(self, other: Region, turn: float, shift: float) -> bool:
        """Return whether the other region differs by at most ``turn`` radians and ``shift`` sides."""
        turned = abs(remainder(self.angle - other.angle, tau))
        moved = max(
            abs(self.side - other.side), *(abs(a - b) for a, b in zip(self.centre, other.centre, strict=True))
        )
        return turned <= turn and moved <= shift * self.side


class FaceMesh:
    """Finds the points of faces whose whereabouts are roughly known.

    Args:
        network: The ``facemesh`` asset.
        device: Where it runs.
    """

    def __init__(self, network: FaceNetwork, device: torch.device) -> None:
        self._network = network
        self._device = device

    def __call__(
        self, image: Picture, regions: Sequence[Region]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the points of every region, in one pass through the network.

        Args:
            image: ``height x width x 3``, uint8, RGB.
            regions: Squares that hold one face each, a quarter of the side left free around it.

        Returns:
            ``face x 468 x 3`` points (x, y in pixels of the picture; z in the same scale) and ``face``
            probabilities 0-1 that the region shows a face.
        """
        if not regions:
            return np.zeros((0, 468, 3)), np.zeros(0)
        size = self._network.input_size
        matrices = [similarity(region.centre, region.side, region.angle, size) for region in regions]
        crops = np.stack([warp(image, matrix, size, border=0) for matrix in matrices])
        inputs = torch.from_numpy(crops).to(self._device).permute(0, 3, 1, 2).float() / 255
        with torch.inference_mode():
            points, flags = self._network(inputs)
        meshes = points.reshape(len(regions), 468, 3).cpu().numpy().astype(np.float64)
        for mesh, matrix, region in zip(meshes, matrices, regions, strict=True):
            # The network counts from the corner of the first pixel.
            mesh[:, :2] = move_points(invert(matrix), mesh[:, :2] - 0.5)
            mesh[:, 2] *= region.side / size
        # In double precision: how near to 1 they are tells whether a face has the direction of its region.
        return meshes, flags.reshape(-1).cpu().double().sigmoid().numpy()


def region_of_mesh(mesh: NDArray[np.floating]) -> Region:
    """Return the square around a face mesh, upright with the face: where to look for a better one."""
    left, right = mesh[EYE_CORNERS[0], :2], mesh[EYE_CORNERS[1], :2]
    angle = atan2(right[1] - left[1], right[0] - left[0])
    turn = np.array([[cos(angle), sin(angle)], [-sin(angle), cos(angle)]])
    upright = mesh[:, :2] @ turn.T
    low, high = upright.min(0), upright.max(0)
    x, y = turn.T @ ((low + high) / 2)
    return Region((float(x), float(y)), MARGIN * float((high - low).max()), angle)
