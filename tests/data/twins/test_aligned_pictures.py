from __future__ import annotations

import numpy as np
import pytest

from metafacs.data.twins.aligned_pictures import align_picture
from metafacs.synthesis.renderer import Rendering


def test_alignment_levels_the_eyes_at_their_place():
    image = np.zeros((200, 200, 3), np.uint8)
    # Red and blue eyes on a slope, as in a tilted head; the mouth straight below their middle.
    left, right = np.array([70.0, 80.0]), np.array([118.0, 100.0])
    axis = (right - left) / np.linalg.norm(right - left)
    mouth = (left + right) / 2 + 50 * np.array([-axis[1], axis[0]])
    for centre, colour in ((left, (255, 0, 0)), (right, (0, 0, 255))):
        y, x = np.mgrid[:200, :200]
        image[np.hypot(x + 0.5 - centre[0], y + 0.5 - centre[1]) < 5] = colour
    rendering = Rendering(
        image,
        np.zeros((68, 2), np.float32),
        (0.0, 0.0, 0.0),
        {},
        (0, 0, 200, 200),
        np.array([right, left], np.float32),
        mouth.astype(np.float32),
    )
    aligned = align_picture(image, rendering)
    assert aligned.shape == (100, 100, 3)
    centres = []
    for band in (0, 2):
        y, x = np.nonzero(aligned[..., band] > 128)
        centres.append((x.mean() + 0.5, y.mean() + 0.5))
    assert centres[0][1] == pytest.approx(centres[1][1], abs=1.0)
    assert centres[0][1] == pytest.approx(36, abs=1.5)
    assert (centres[0][0] + centres[1][0]) / 2 == pytest.approx(50, abs=1.0)
    assert centres[1][0] - centres[0][0] == pytest.approx(38, abs=1.5)
