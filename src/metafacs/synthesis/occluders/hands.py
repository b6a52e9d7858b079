"""A hand laid on cheek, mouth, chin or temple."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from metafacs.synthesis.noise import value_noise
from metafacs.synthesis.occluders.geometry import FaceGeometry, Points, skin_colour
from metafacs.synthesis.occluders.layers import Layer, cast_shadow, paint, shade_capsules


def lay_hand(
    image: NDArray[np.uint8], face: FaceGeometry, rng: np.random.Generator, _hair: object
) -> NDArray[np.uint8]:
    """Lay a hand on cheek, mouth, chin or temple: four fingers and a thumb of rounded capsules."""
    place = ("cheek", "mouth", "chin", "temple")[int(rng.choice(4, p=[0.35, 0.25, 0.25, 0.15]))]
    left, right = face.eyes
    down = (face.mouth - (left + right) / 2) / max(face.unit, 1e-6)
    side = -1.0 if rng.random() < 0.5 else 1.0
    across = np.array([down[1], -down[0]], np.float32) * side
    anchor, reach = {
        "cheek": (face.mouth - 0.35 * down * face.unit + 0.65 * across * face.unit, (-0.25, -0.95)),
        "mouth": (face.mouth + 0.05 * across * face.unit, (-0.75, -0.65)),
        "chin": (face.mouth + 0.55 * down * face.unit + 0.1 * across * face.unit, (-0.7, -0.5)),
        "temple": ((left if side < 0 else right) + 0.3 * across * face.unit, (-0.35, -0.9)),
    }[place]
    towards = reach[0] * across + reach[1] * down
    angle = float(np.arctan2(towards[1], towards[0]) + rng.normal(0, 0.2))
    size = face.unit * rng.uniform(0.95, 1.15)
    capsules = _hand_capsules(rng, np.asarray(anchor, np.float32), angle, size, mirrored=side > 0)
    skin = skin_colour(image, face) * rng.uniform(0.85, 1.1)
    layer = shade_capsules(image.shape[:2], capsules, skin, face.toward_light, blend=size * 0.035)
    mottle = value_noise(rng, image.shape[:2], max(size * 0.12, 2.0))
    layer = Layer(layer.colour * (1 + 0.04 * mottle[..., None]), layer.opacity)
    shadowed = cast_shadow(image, layer.opacity, -face.toward_light * size * 0.08, size * 0.07, 0.55)
    return paint(shadowed, layer)


def _hand_capsules(
    rng: np.random.Generator, tip: Points, angle: float, size: float, mirrored: bool
) -> NDArray[np.float32]:
    """Return (n, 8) capsules of a hand whose middle finger ends near ``tip``; see ``shade_capsules``."""
    forward = np.array([np.cos(angle), np.sin(angle)], np.float32)
    sideways = np.array([-forward[1], forward[0]], np.float32) * (-1.0 if mirrored else 1.0)
    knuckle = tip - forward * size * 0.78
    spread = rng.uniform(0.02, 0.14)
    curl = rng.uniform(0.75, 1.0)
    lengths = (0.72, 0.80, 0.74, 0.58)
    capsules = []
    for finger, length in enumerate(lengths):
        offset = (finger - 1.5) * 0.185
        base = knuckle + sideways * size * offset - forward * size * 0.03 * abs(finger - 1.2)
        heading = forward + sideways * (finger - 1.5) * spread
        middle = base + heading * size * length * 0.48 * curl
        bend = heading + sideways * rng.normal(0, 0.05)
        end = middle + bend * size * length * 0.46 * curl
        radius = size * (0.092 if finger < 3 else 0.078)
        depth = size * 0.02 * finger
        capsules.append([*base, *middle, radius * 1.08, radius, depth, finger + 1])
        capsules.append([*middle, *end, radius, radius * 0.82, depth, finger + 1])
        palm = knuckle - forward * size * 0.75 + sideways * size * offset * 0.75
        capsules.append([*palm, *base, size * 0.17, size * 0.105, -size * 0.05, 0])
    wrist = knuckle - forward * size * 0.7
    thumb_base = wrist + forward * size * 0.15 - sideways * size * 0.3
    thumb_joint = thumb_base + (forward * 0.62 - sideways * 0.45) * size * 0.42
    thumb_tip = thumb_joint + (forward * 0.8 - sideways * 0.3) * size * 0.34
    capsules.append([*thumb_base, *thumb_joint, size * 0.15, size * 0.105, 0.0, 5])
    capsules.append([*thumb_joint, *thumb_tip, size * 0.105, size * 0.08, 0.0, 5])
    elbow = wrist - forward * size * 3.0
    capsules.append([*wrist, *elbow, size * 0.3, size * 0.36, -size * 0.12, 0])
    return np.array(capsules, np.float32)
