"""Things held in front of the face."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from metafacs.synthesis.backgrounds import surface_colour
from metafacs.synthesis.occluders.geometry import FaceGeometry, skin_colour
from metafacs.synthesis.occluders.layers import cast_shadow, paint, shade_capsules


def hold_object(
    image: NDArray[np.uint8], face: FaceGeometry, rng: np.random.Generator, _hair: object
) -> NDArray[np.uint8]:
    """Hold a microphone, a cup or a telephone in front of the lower face or beside it."""
    colour = (
        surface_colour(rng, 0.01, 0.1, 0.2) if rng.random() < 0.5 else surface_colour(rng, 0.05, 0.7, 0.5)
    )
    unit = face.unit
    side = -1.0 if rng.random() < 0.5 else 1.0
    form = ("microphone", "cup", "telephone")[int(rng.integers(3))]
    if form == "microphone":
        head = face.mouth + np.array([side * unit * rng.uniform(0.0, 0.5), unit * rng.uniform(0.15, 0.6)])
        grip = head + np.array([side * unit * rng.uniform(0.2, 1.2), unit * 2.0])
        radius = unit * rng.uniform(0.17, 0.26)
        parts = [
            [*head, *head, radius, radius, radius, 0],
            [*head, *grip, radius * 0.6, radius * 0.5, 0.0, 0],
        ]
    elif form == "cup":
        rim = face.mouth + np.array([side * unit * rng.uniform(0.0, 0.4), unit * rng.uniform(0.1, 0.5)])
        foot = rim + np.array([side * unit * rng.uniform(-0.1, 0.3), unit * 1.1])
        radius = unit * rng.uniform(0.3, 0.45)
        parts = [[*rim, *foot, radius, radius * 0.85, 0.0, 0]]
    else:
        centre = face.landmarks[0 if side < 0 else 16] + np.array([-side * unit * 0.12, unit * 0.25])
        along = np.array([-side * rng.uniform(0.1, 0.35), 1.0]) * unit * 0.75
        radius = unit * rng.uniform(0.16, 0.24)
        parts = [[*(centre - along), *(centre + along), radius, radius, 0.0, 0]]
    capsules = np.array(parts, np.float32)
    brightness = float(skin_colour(image, face).mean()) / 0.35
    shaded = shade_capsules(
        image.shape[:2],
        capsules,
        colour * np.float32(np.clip(brightness, 0.3, 1.6)),
        face.toward_light,
        blend=0.01 * unit,
    )
    shadowed = cast_shadow(image, shaded.opacity, -face.toward_light * unit * 0.1, unit * 0.09, 0.5)
    return paint(shadowed, shaded)
