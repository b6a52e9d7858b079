"""Cuts a face out of a picture: the same crop for training and prediction."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from math import atan2, remainder, tau
from typing import overload

import numpy as np
from numpy.typing import NDArray

from metafacs.faces.landmarks import LEFT_EYE_49, MOUTH_CORNERS_49, NOSE_TIP_49, RIGHT_EYE_49, landmarks_49
from metafacs.faces.warping import Matrix, Picture, move_points, similarity, warp
from metafacs.parsing import convert

SMALLEST_CROP, LARGEST_CROP = 16, 1024
"""Sides of crops in pixels that can be asked for, by a user or by a model file."""

Angles = tuple[float, float, float]
"""Yaw, pitch and roll of a head in radians."""


@dataclass(frozen=True)
class AlignmentSpec:
    """How a face is cut out; stored in every checkpoint, so that prediction cuts as training did.

    The crop is the convention of JAA-Net and ADLD: the line between the eye centres is level, and the square
    is centred on the extent of eye centres, nose tip and mouth corners.

    Attributes:
        box_enlarge: Side of the crop over that extent's longer side. At JAA-Net's 2.9 (ADLD: 2.8) the crop
            reaches from the hairline to below an opened jaw, so forehead and chin wrinkles are inside.
        border: Grey value 0-255 where the crop reaches over the edge of the picture.
    """

    box_enlarge: float = 2.9
    border: int = 128

    def __post_init__(self) -> None:
        if not 1.0 <= self.box_enlarge <= 10.0:
            raise ValueError(
                f"box_enlarge must be between 1 and 10, not {self.box_enlarge}; JAA-Net uses 2.9"
            )
        if not 0 <= self.border <= 255:
            raise ValueError(f"border is a grey value between 0 and 255, not {self.border}")

    @classmethod
    def from_mapping(cls, values: Mapping[str, object]) -> AlignmentSpec:
        """Return the specification stored as a mapping by ``dataclasses.asdict``.

        Raises:
            ValueError: If a name is unknown, as in a file of a newer version, or a value is of the wrong kind
                or outside its range.
        """
        unknown = sorted(set(values) - {known.name for known in fields(cls)})
        if unknown:
            raise ValueError(
                f"alignment has unknown settings {unknown}; update metafacs to the version that wrote it"
            )
        return convert(values, cls, "alignment", remedy="make the file again")


def alignment_matrix(landmarks: NDArray[np.floating], size: int, spec: AlignmentSpec | None = None) -> Matrix:
    """Return the similarity transform from picture to crop.

    Implements the face alignment of JAA-Net (Shao et al. 2018, section 4.1) and ADLD.

    Args:
        landmarks: 49, 66 or 68 points, (x, y) in pixels of the picture.
        size: Side of the crop in pixels.
        spec: How to cut; None for the default.

    Returns:
        ``2 x 3``.

    Raises:
        ValueError: If the landmarks are unknown (NaN) or all in one place.
    """
    spec = spec or AlignmentSpec()
    points = landmarks_49(landmarks)
    if not np.isfinite(points).all():
        raise ValueError(
            "some landmarks are not finite numbers; leave the picture out or detect its landmarks"
        )
    left, right = points[LEFT_EYE_49].mean(0), points[RIGHT_EYE_49].mean(0)
    angle = atan2(right[1] - left[1], right[0] - left[0])
    level = similarity((0.0, 0.0), 1.0, angle, 1)
    inner = np.stack([left, right, points[NOSE_TIP_49], *points[list(MOUTH_CORNERS_49)]])
    upright = move_points(level, inner)
    low, high = upright.min(0), upright.max(0)
    extent = float((high - low).max())
    if extent <= 0:
        raise ValueError("all landmarks lie in one place; a face cannot be cut out there")
    x, y = np.linalg.solve(level[:, :2], (low + high) / 2 - level[:, 2])
    return similarity((float(x), float(y)), spec.box_enlarge * extent, angle, size)


def align(
    image: Picture, landmarks: NDArray[np.floating], size: int, spec: AlignmentSpec | None = None
) -> tuple[Picture, Matrix]:
    """Cut one face out of a picture, upright and scaled.

    Args:
        image: ``height x width x 3``, uint8, RGB.
        landmarks: 49, 66 or 68 points, (x, y) in pixels of the picture, the centre of the first pixel at (0,
            0).
        size: Side of the crop in pixels.
        spec: How to cut; None for the default.

    Returns:
        The crop, ``size x size x 3`` uint8, and the ``2 x 3`` matrix that maps points of the picture to
        points of the crop.

    Raises:
        ValueError: If the landmarks do not describe a face.
    """
    spec = spec or AlignmentSpec()
    matrix = alignment_matrix(landmarks, size, spec)
    return warp(image, matrix, size, spec.border), matrix


@overload
def turned_pose(pose: Angles, matrix: Matrix) -> Angles: ...


@overload
def turned_pose(pose: None, matrix: Matrix) -> None: ...


def turned_pose(pose: Angles | None, matrix: Matrix) -> Angles | None:
    """Return the head pose as the crop shows it: the crop turns about the line of sight, so roll changes.

    With the inverse matrix it goes back, from the pose in the crop to the pose in the picture.

    Args:
        pose: Yaw, pitch and roll in the picture, in radians, roll positive with the top of the head toward
            the left and applied last; None where unknown.
        matrix: ``2 x 3``, picture to crop, as :func:`align` returns it; or crop to picture, see
            :func:`metafacs.faces.warping.invert`, for a pose in the crop.

    Returns:
        Yaw, pitch and roll in the crop (or the picture), roll in [-pi, pi]; None where unknown.

    >>> along_rising_eyes = similarity((0.0, 0.0), 1.0, -0.5, 1)
    >>> turned_pose((0.2, 0.1, 0.5), along_rising_eyes)
    (0.2, 0.1, 0.0)
    """
    if pose is None:
        return None
    yaw, pitch, roll = pose
    return yaw, pitch, remainder(roll + atan2(matrix[0, 1], matrix[0, 0]), tau)
