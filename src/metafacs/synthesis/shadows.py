"""Shadow maps: how deep each light sees into the scene, and what share of a light reaches a point."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from metafacs.compilation import compiled
from metafacs.synthesis.compilation import clamp, step

Floats = NDArray[np.float32]

SHADOW_SIZE = 192
_SHADOW_SPAN = 3.2
_SHADOW_CENTRE = np.array([0.0, 0.35, 0.5], np.float32)
_SHADOW_TAPS = np.array([[-0.75, -0.25], [0.25, -0.75], [0.75, 0.25], [-0.25, 0.75]], np.float32)


def shadow_axes(direction: Floats) -> Floats:
    """Return right, up and toward-the-light axes of a light's shadow map, shape (3, 3)."""
    up = np.array([0, 1, 0], np.float32) if abs(direction[1]) < 0.9 else np.array([1, 0, 0], np.float32)
    right = np.cross(up, direction)
    right /= np.linalg.norm(right)
    return np.stack([right, np.cross(direction, right), direction]).astype(np.float32)


def shadow_view(points: Floats, axes: Floats) -> tuple[Floats, Floats]:
    """Return shadow map coordinates (n, 2) and depths (n,) of camera-space points (n, 3)."""
    local = ((points - _SHADOW_CENTRE) @ axes.T).astype(np.float32)
    scale = np.float32(SHADOW_SIZE / _SHADOW_SPAN)
    half = np.float32(SHADOW_SIZE / 2)
    return np.stack([half + local[:, 0] * scale, half - local[:, 1] * scale], 1), -local[:, 2]


@compiled
def lit_share(maps: Floats, axes: Floats, which: int, x: float, y: float, z: float) -> float:
    """Return the share (0..1) of a light that reaches a camera-space point, averaged over four taps.

    Args:
        maps: Shape (shadow, 192, 192), depth seen from each light.
        axes: Shape (shadow, 3, 3), see :func:`shadow_axes`.
        which: Number of the shadow map.
        x: Camera-space position.
        y: Camera-space position.
        z: Camera-space position.
    """
    px, py, pz = x - _SHADOW_CENTRE[0], y - _SHADOW_CENTRE[1], z - _SHADOW_CENTRE[2]
    scale = SHADOW_SIZE / _SHADOW_SPAN
    u = SHADOW_SIZE / 2 + (px * axes[which, 0, 0] + py * axes[which, 0, 1] + pz * axes[which, 0, 2]) * scale
    v = SHADOW_SIZE / 2 - (px * axes[which, 1, 0] + py * axes[which, 1, 1] + pz * axes[which, 1, 2]) * scale
    depth = -(px * axes[which, 2, 0] + py * axes[which, 2, 1] + pz * axes[which, 2, 2])
    share = 0.0
    for tap in range(4):
        column = int(clamp(u + _SHADOW_TAPS[tap, 0], 0.0, SHADOW_SIZE - 1.0))
        row = int(clamp(v + _SHADOW_TAPS[tap, 1], 0.0, SHADOW_SIZE - 1.0))
        share += step(0.08, 0.05, depth - maps[which, row, column])
    return share * 0.25
