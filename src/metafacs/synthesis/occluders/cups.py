"""A cup raised to the mouth."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from metafacs.synthesis.backgrounds import surface_colour
from metafacs.synthesis.occluders.geometry import FaceGeometry, Points, skin_colour
from metafacs.synthesis.occluders.layers import Layer, cast_shadow, paint


def raise_cup(
    image: NDArray[np.uint8], face: FaceGeometry, rng: np.random.Generator, _hair: object
) -> NDArray[np.uint8]:
    """Raise a cup to the mouth and tip it, as one who drinks: its side and its bottom are seen."""
    colour = surface_colour(rng, 0.08, 0.7, 0.5)
    unit, side = face.unit, -1.0 if rng.random() < 0.5 else 1.0
    rim = face.mouth + np.array([side * unit * rng.uniform(0.0, 0.12), unit * rng.uniform(-0.05, 0.12)])
    foot = rim + np.array([side * unit * rng.uniform(0.0, 0.35), unit * rng.uniform(0.55, 0.8)])
    width = unit * rng.uniform(0.5, 0.62)
    brightness = float(np.clip(skin_colour(image, face).mean() / 0.35, 0.3, 1.6))
    layer = _tumbler(image.shape[:2], rim, foot, width, colour * np.float32(brightness), face.toward_light)
    shadowed = cast_shadow(image, layer.opacity, -face.toward_light * unit * 0.1, unit * 0.09, 0.5)
    return paint(shadowed, layer)


def _tumbler(
    shape: tuple[int, int],
    rim: Points,
    foot: Points,
    width: float,
    colour: NDArray[np.float32],
    toward_light: Points,
) -> Layer:
    """Return a tapering cup whose bottom faces the viewer.

    Args:
        shape: (height, width) of the picture.
        rim: Middle of the rim in pixels.
        foot: Middle of the bottom in pixels.
        width: Radius of the rim in pixels; the bottom's is three quarters of it.
        colour: Shape (3,), linear RGB in full light.
        toward_light: Shape (2,), direction of the light in the picture plane.
    """
    x = np.arange(shape[1], dtype=np.float32)[None] + 0.5 - rim[0]
    y = np.arange(shape[0], dtype=np.float32)[:, None] + 0.5 - rim[1]
    length = float(np.hypot(*(foot - rim)))
    down = (foot - rim) / length
    along, across = x * down[0] + y * down[1], x * down[1] - y * down[0]
    radius = width * (1 - 0.25 * np.clip(along / length, 0, 1))
    turned = np.clip(across / radius, -1, 1)
    facing = np.sqrt(1 - turned**2)
    # Both ends are circles seen at an angle, half as deep as they are wide.
    top, bottom = -0.2 * width * facing, length + 0.5 * 0.75 * width * facing
    inside = np.minimum(radius - np.abs(across), np.minimum(along - top, bottom - along))
    light = np.array([*toward_light, 0.8])
    light /= np.linalg.norm(light)
    sideways = light[0] * down[1] - light[1] * down[0]
    shading = 0.3 + 0.8 * np.clip(turned * sideways + facing * light[2], 0, 1)
    from_foot = np.hypot(across, 2 * (along - length)) / (0.75 * width)
    shading = np.where(from_foot < 1, 0.72 + 0.12 * (from_foot > 0.85), shading)
    return Layer(
        (colour * shading[..., None]).astype(np.float32), np.clip(inside + 0.5, 0, 1).astype(np.float32)
    )
