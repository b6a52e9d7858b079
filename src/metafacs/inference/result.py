"""What prediction says about one face of one picture or frame."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class FaceResult:
    """One face, or the note that a picture shows none.

    Attributes:
        input: Path of the picture or video.
        frame: Number of the picture in the run, or of the frame in the video, from 0.
        face_id: Number of the face, from 0; in a picture from left to right, in a video that of a person, the
            same in all frames.
        timestamp: Seconds from the start of the video; 0 for a picture.
        success: False if no face was found; then everything below is empty.
        score: Confidence of the face detector, 0-1.
        box: ``left, top, right, bottom`` in pixels of the picture.
        landmarks: ``68 x 2``, (x, y) in pixels of the picture.
        probabilities: AU -> probability 0-1 that it is present, rounded to 4 decimals.
        intensities: AU -> FACS intensity from 0 (absent) to 5 (level E), rounded to 2 decimals; empty if the
            model gives none.
        pose: Yaw (positive: toward the right of the picture), pitch (positive: nodding down) and roll
            (positive: the top of the head toward the left) of the head in radians, as in the picture, rounded
            to 4 decimals; None if the model does not tell it.
        problem: Why a frame could not be looked at, as a sentence; empty where it could.

    >>> FaceResult("me.jpg", success=True, probabilities={6: 0.2, 12: 0.7}).present({6: 0.5, 12: 0.5})
    {6: False, 12: True}
    """

    input: str
    frame: int = 0
    face_id: int = 0
    timestamp: float = 0.0
    success: bool = False
    score: float = 0.0
    box: tuple[float, float, float, float] | None = None
    landmarks: NDArray[np.float64] | None = None
    probabilities: Mapping[int, float] = field(default_factory=dict)
    intensities: Mapping[int, float] = field(default_factory=dict)
    pose: tuple[float, float, float] | None = None
    problem: str = ""

    def present(self, thresholds: Mapping[int, float]) -> dict[int, bool]:
        """Return AU -> whether its probability reaches the threshold; empty if no face was found."""
        return {au: probability >= thresholds[au] for au, probability in self.probabilities.items()}

    def rounded(self) -> FaceResult:
        """Return the result with probabilities of 4 decimals; the video engine holds them finer."""
        return replace(self, probabilities={au: round(p, 4) for au, p in self.probabilities.items()})
