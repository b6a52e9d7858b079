"""The face: what detection hands to alignment, prediction and drawing."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Face:
    """One face found in a picture; points are (x, y) in pixels, the centre of the first pixel being (0, 0).

    Attributes:
        box: ``left, top, right, bottom`` in pixels, the extent of the face mesh: hairline to chin, ear to
            ear.
        score: Confidence 0-1 of the detector, or of FaceMesh where no detector ran.
        landmarks: ``68 x 2``.
        mesh: ``468 x 3`` points of FaceMesh (z in pixels, towards the viewer negative), or None if unknown.
    """

    box: tuple[float, float, float, float]
    score: float
    landmarks: NDArray[np.float64]
    mesh: NDArray[np.float64] | None = None

    @property
    def width(self) -> float:
        """Width of the box in pixels."""
        return self.box[2] - self.box[0]

    @property
    def height(self) -> float:
        """Height of the box in pixels."""
        return self.box[3] - self.box[1]
