"""Where a face is photographed: head pose, framing, lights and background of one picture."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from metafacs.synthesis.backgrounds import lab_background, wild_background

Vector = NDArray[np.float32]


@dataclass(frozen=True)
class Light:
    """One directional light.

    Attributes:
        direction: Shape (3,), unit vector from the face toward the light in camera space
            (+x right in the picture, +y up, +z toward the viewer).
        colour: Shape (3,), linear RGB radiance, 1 = full scale.
        casts_shadow: Whether the renderer traces a shadow map for it.
    """

    direction: Vector
    colour: Vector
    casts_shadow: bool = False


@dataclass(frozen=True)
class Scene:
    """Everything about a picture that is neither the person nor the expression.

    Attributes:
        yaw: Head rotation about the vertical axis in radians, positive toward the right of the picture.
        pitch: Head rotation about the horizontal axis in radians, positive = nodding down.
        roll: Head rotation in the picture plane in radians.
        camera_distance: Distance of the camera in face units (5 = near, strong perspective; 14 = far).
        framing: ``(shift_x, shift_y, enlargement)``: the picture spans ``enlargement`` times the projected
            face extent; its centre is the face's, shifted by these fractions of the extent (+x right, +y up).
        lights: Directional lights, the key light first.
        sky: Shape (3,), linear RGB of the ambient light from above.
        ground: Shape (3,), linear RGB of the ambient light from below.
        exposure: Factor on the linear picture.
        background: Shape (2 * size, 2 * size, 3), float32 linear RGB, in [0, 1].
        size: Side of the square picture in pixels.
    """

    yaw: float
    pitch: float
    roll: float
    camera_distance: float
    framing: tuple[float, float, float]
    lights: tuple[Light, ...]
    sky: Vector
    ground: Vector
    exposure: float
    background: NDArray[np.float32]
    size: int


@dataclass(frozen=True)
class Studio:
    """A recording room of a laboratory set: what stays fixed over one session.

    Attributes:
        lights: Key light first.
        sky: Ambient light from above, linear RGB.
        ground: Ambient light from below, linear RGB.
        exposure: Base exposure.
        camera_distance: In face units.
        enlargement: How many face extents the picture spans.
        backdrop: Linear RGB colour of the wall.
        backdrop_seed: Seed of the wall's folds and unevenness.
        pose_jitter: Standard deviations of yaw, pitch and roll in radians.
    """

    lights: tuple[Light, ...]
    sky: Vector
    ground: Vector
    exposure: float
    camera_distance: float
    enlargement: float
    backdrop: Vector
    backdrop_seed: int
    pose_jitter: tuple[float, float, float] = (0.07, 0.05, 0.03)


def unit(x: float, y: float, z: float) -> Vector:
    """Return the vector scaled to length one."""
    vector = np.array([x, y, z], np.float32)
    return vector / np.linalg.norm(vector)
