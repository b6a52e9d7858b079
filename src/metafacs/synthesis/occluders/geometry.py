"""Where a face is in a picture and what colour its skin has there."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float32]


@dataclass(frozen=True)
class FaceGeometry:
    """Where the parts of the face are in the picture, in pixels, y downward.

    Attributes:
        landmarks: Shape (68, 2), iBUG order.
        toward_light: Shape (2,), direction of the key light in the picture plane, y downward.
    """

    landmarks: Points
    toward_light: Points

    @property
    def eyes(self) -> tuple[Points, Points]:
        """Centres of the eyes, the one on the left of the picture first."""
        first = self.landmarks[36:42].mean(0)
        second = self.landmarks[42:48].mean(0)
        return (first, second) if first[0] <= second[0] else (second, first)

    @property
    def mouth(self) -> Points:
        """Centre of the mouth."""
        centre: Points = self.landmarks[48:68].mean(0)
        return centre

    @property
    def unit(self) -> float:
        """A length that foreshortening changes little: about the distance between the eyes seen frontally."""
        left, right = self.eyes
        between = float(np.linalg.norm(left - right))
        down = float(np.linalg.norm(self.mouth - (left + right) / 2))
        return max(between, 0.95 * down)


def skin_colour(image: NDArray[np.uint8], face: FaceGeometry) -> NDArray[np.float32]:
    """Return the linear colour of this face's skin in this light: the brighter of its cheeks."""
    height, width = image.shape[:2]
    radius = max(1, int(face.unit * 0.08))
    patches = []
    for cheek in (face.landmarks[[2, 31, 48]].mean(0), face.landmarks[[14, 35, 54]].mean(0)):
        x = int(np.clip(cheek[0], radius, width - radius - 1))
        y = int(np.clip(cheek[1], radius, height - radius - 1))
        patch = image[y - radius : y + radius + 1, x - radius : x + radius + 1].astype(np.float32) / 255
        patches.append(np.median(patch.reshape(-1, 3), 0) ** 2.2)
    brighter = max(patches, key=lambda colour: float(colour.sum()))
    return np.asarray(brighter, np.float32)
