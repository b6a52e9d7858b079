"""Face crops with level eyes, as the RAF sets deliver them beside or instead of their pictures."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from metafacs.synthesis.renderer import Rendering

ALIGNED_SIDE = 100

_EYE_HEIGHT = 0.36
_EYE_DISTANCE = 0.38
_EYES_TO_MOUTH = 0.41


def align_picture(image: NDArray[np.uint8], rendering: Rendering) -> NDArray[np.uint8]:
    """Return the face cut out by a similarity: eyes level, face as large as in RAF-DB's aligned pictures.

    Args:
        image: Shape (height, width, 3).
        rendering: Where eyes and mouth are.

    Returns:
        Square, of side :data:`ALIGNED_SIDE`; beyond the picture its border is repeated.
    """
    left, right = sorted(np.asarray(rendering.eye_centres, float), key=lambda point: float(point[0]))
    across = right - left
    distance = max(float(np.hypot(*across)), 1e-3)
    axis = across / distance
    down = np.array([-axis[1], axis[0]])
    middle = (left + right) / 2
    to_mouth = float((np.asarray(rendering.mouth_centre, float) - middle) @ down)
    # The eyes of a turned head are closer; then the way to the mouth tells how large the face is.
    scale = max(distance / _EYE_DISTANCE, to_mouth / _EYES_TO_MOUTH) / ALIGNED_SIDE
    corner = middle - ALIGNED_SIDE * scale * (0.5 * axis + _EYE_HEIGHT * down)
    margin = int(np.ceil(ALIGNED_SIDE * scale))
    padded = Image.fromarray(np.pad(image, ((margin, margin), (margin, margin), (0, 0)), mode="edge"))
    finer = 2 if scale > 1.2 else 1
    step = scale / finer
    matrix = (
        *(axis[0] * step, down[0] * step, corner[0] + margin),
        *(axis[1] * step, down[1] * step, corner[1] + margin),
    )
    crop = padded.transform(
        (ALIGNED_SIDE * finer, ALIGNED_SIDE * finer), Image.Transform.AFFINE, matrix, Image.Resampling.BICUBIC
    )
    return np.asarray(crop.resize((ALIGNED_SIDE, ALIGNED_SIDE), Image.Resampling.BOX) if finer > 1 else crop)
