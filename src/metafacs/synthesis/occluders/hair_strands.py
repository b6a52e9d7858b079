"""A lock of hair over forehead and eye."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from metafacs.synthesis.occluders.geometry import FaceGeometry
from metafacs.synthesis.occluders.layers import Layer, cast_shadow, paint

_OVERSAMPLING = 4


def drop_hair_strands(
    image: NDArray[np.uint8],
    face: FaceGeometry,
    rng: np.random.Generator,
    hair_colour: NDArray[np.uint8] | None,
) -> NDArray[np.uint8]:
    """Let a lock of hair fall over forehead and one eye: curved strands that taper and differ in shade."""
    palette = ((20, 16, 14), (48, 32, 22), (92, 64, 38), (150, 118, 76), (110, 106, 102))
    base = np.asarray(palette[int(rng.integers(len(palette)))] if hair_colour is None else hair_colour)
    unit, scale = face.unit, _OVERSAMPLING
    left, right = face.eyes
    eye = left if rng.random() < 0.5 else right
    down = (face.mouth - (left + right) / 2) / unit
    across = np.array([down[1], -down[0]], np.float32)
    side = 1.0 if eye is right else -1.0
    parting = (left + right) / 2 - down * unit * rng.uniform(1.3, 1.7) + across * unit * rng.normal(0, 0.15)
    length = rng.uniform(0.75, 1.6)
    end = eye + down * unit * length * 0.55 + side * across * unit * rng.uniform(0.15, 0.7)
    bulge = side * across * unit * rng.uniform(0.1, 0.45)
    height, width = image.shape[:2]
    overlay = Image.new("RGBA", (width * scale, height * scale), (*(int(v) for v in base), 0))
    draw = ImageDraw.Draw(overlay)
    t = np.linspace(0, 1, 14)[:, None]
    spread = rng.uniform(0.12, 0.4)
    for _ in range(int(rng.integers(18, 60))):
        start_shift, end_shift = rng.normal(0, 0.1, 2), rng.normal(0, 0.6, 2)
        start = parting + start_shift[0] * across * unit * spread * 2
        finish = end + end_shift[0] * across * unit * spread + end_shift[1] * down * unit * 0.25
        middle = (start + finish) / 2 + bulge * (1 + rng.normal(0, 0.15))
        curve = ((1 - t) ** 2 * start + 2 * t * (1 - t) * middle + t**2 * finish) * scale
        shade = np.clip(base * rng.uniform(0.6, 1.45), 0, 255).astype(int)
        ink = (int(shade[0]), int(shade[1]), int(shade[2]), int(rng.integers(150, 240)))
        thickness = max(1.0, unit * scale * rng.uniform(0.008, 0.028))
        for step in range(len(curve) - 1):
            taper = 1 - 0.75 * step / (len(curve) - 1)
            draw.line(
                [tuple(curve[step]), tuple(curve[step + 1])], fill=ink, width=max(1, round(thickness * taper))
            )
    small = np.asarray(overlay.resize((width, height), Image.Resampling.BOX), np.float32) / 255
    layer = Layer((small[..., :3] ** 2.2).astype(np.float32), small[..., 3].astype(np.float32))
    shadowed = cast_shadow(image, layer.opacity, -face.toward_light * unit * 0.03, unit * 0.03, 0.35)
    return paint(shadowed, layer)
