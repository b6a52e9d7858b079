"""A small picture whose turn can be seen."""

from __future__ import annotations

import numpy as np
from PIL import Image


def coloured() -> Image.Image:
    """Return a picture whose four quarters differ, wider than high."""
    pixels = np.zeros((20, 30, 3), np.uint8)
    pixels[:10, :15], pixels[:10, 15:], pixels[10:, :15], pixels[10:, 15:] = (
        (250, 0, 0),
        (0, 250, 0),
        (0, 0, 250),
        (250, 250, 0),
    )
    return Image.fromarray(pixels)
