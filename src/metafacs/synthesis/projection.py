"""From the head to the picture: rotation, perspective and framing."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

PIVOT: Floats = np.array([0.0, 6.9, 0.3], np.float32)
"""Point of the neutral head about which it turns and at which the camera looks."""


def rotation_matrix(yaw: float, pitch: float, roll: float) -> Floats:
    """Return the rotation of the head as a (3, 3) matrix for column vectors.

    Args:
        yaw: Radians; positive turns the face toward the right of the picture (the subject's left).
        pitch: Radians; positive nods down.
        roll: Radians; positive tilts the top of the head toward the left of the picture.
    """
    cy, sy, cp, sp, cr, sr = (f(angle) for angle in (yaw, pitch, roll) for f in (np.cos, np.sin))
    about_y = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    about_x = np.array([[1, 0, 0], [0, cp, -sp], [0, sp, cp]])
    about_z = np.array([[cr, -sr, 0], [sr, cr, 0], [0, 0, 1]])
    return (about_z @ about_y @ about_x).astype(np.float32)


@dataclass(frozen=True)
class View:
    """A pinhole camera in front of the head.

    Attributes:
        rotation: Shape (3, 3), from the head to camera space (+x right, +y up, +z to the viewer).
        distance: From the camera to the pivot in face units.
        centre: Picture plane coordinates (face units at the pivot's depth) of the picture's centre.
        span: Side of the picture in face units at the pivot's depth.
        size: Side of the picture in pixels.
    """

    rotation: Floats
    distance: float
    centre: tuple[float, float]
    span: float
    size: int

    @property
    def scale(self) -> float:
        """Pixels per face unit at the pivot's depth."""
        return self.size / self.span

    def to_camera_space(self, vertices: Floats) -> Floats:
        """Return points (n, 3) of the head in camera space, shape (n, 3), origin at the pivot."""
        return np.ascontiguousarray((vertices - PIVOT) @ self.rotation.T)

    def to_picture(self, points: Floats) -> Floats:
        """Return the pixel coordinates (x right, y down) of camera-space points (n, 3), shape (n, 2)."""
        enlarged = _perspective(points, self.distance)
        scale, half = np.float32(self.scale), np.float32(self.size / 2)
        x = half + (enlarged[:, 0] - np.float32(self.centre[0])) * scale
        y = half - (enlarged[:, 1] - np.float32(self.centre[1])) * scale
        return np.stack([x, y], 1)


def frame_face(
    face: Floats,
    pose: tuple[float, float, float],
    distance: float,
    framing: tuple[float, float, float],
    size: int,
) -> View:
    """Return the view that frames the projected face.

    Args:
        face: Shape (n, 3), points of the face on the head.
        pose: Yaw, pitch and roll in radians.
        distance: Camera distance in face units.
        framing: ``(shift_x, shift_y, enlargement)``: the picture spans ``enlargement`` times the larger side
            of the projected face; its centre is the face's, shifted by these fractions of that side
            (+x right, +y up).
        size: Side of the picture in pixels.

    Raises:
        ValueError: If the camera is inside the head or the enlargement is not positive.
    """
    shift_x, shift_y, enlargement = framing
    if distance < 3:
        raise ValueError(f"the camera distance is {distance}; the head needs at least 3 face units")
    if enlargement <= 0:
        raise ValueError(f"the framing enlargement is {enlargement}; it must be positive")
    rotation = rotation_matrix(*pose)
    plane = _perspective(((face - PIVOT) @ rotation.T).astype(np.float32), distance)
    low, high = plane.min(0), plane.max(0)
    extent = float((high - low).max())
    middle = (low + high) / 2
    centre = (float(middle[0]) + shift_x * extent, float(middle[1]) + shift_y * extent)
    return View(rotation, distance, centre, extent * enlargement, size)


def _perspective(points: Floats, distance: float) -> Floats:
    nearness = np.float32(distance) / (np.float32(distance) - points[:, 2:3])
    return points[:, :2] * nearness
