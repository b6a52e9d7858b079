"""Head poses in the angles that other tools write."""

from __future__ import annotations

from math import asin, atan2, cos, degrees, sin

from metafacs.faces.alignment import Angles


def openface_angles(pose: Angles) -> Angles:
    """Return ``pose_Rx``, ``pose_Ry`` and ``pose_Rz`` of OpenFace.

    OpenFace turns the head by ``Rx Ry Rz`` in a frame with x to the right of the picture, y down and z away
    from the camera (its wiki, "Output format", and the function Euler2RotationMatrix). So ``pose_Rx`` is
    positive with the head down, ``pose_Ry`` toward the left of the picture, ``pose_Rz`` with the top of the
    head toward the right. Here roll is applied last, there first: the angles of a head turned about several
    axes differ by more than signs.

    OpenFace's head is turned against the camera's axis, ours against the line of sight to the face, as a crop
    shows it; in the middle of the picture that is the same.

    Args:
        pose: Yaw, pitch and roll in radians, signs as in :class:`metafacs.inference.result.FaceResult`.

    Returns:
        Radians; the middle one in [-pi / 2, pi / 2].

    >>> openface_angles((0.25, 0.0, 0.0)), openface_angles((0.0, 0.5, 0.0))
    ((0.0, -0.25, 0.0), (0.5, 0.0, 0.0))
    """
    yaw, pitch, roll = pose
    # Elements of the rotation in OpenFace's frame, where yaw and roll turn the other way.
    sy, cy, sp, cp, sr, cr = sin(-yaw), cos(yaw), sin(pitch), cos(pitch), sin(-roll), cos(roll)
    right_by_down = cr * sy * sp - sr * cp
    right_by_away = cr * sy * cp + sr * sp
    down_by_away = sr * sy * cp - cr * sp
    # Adding 0 turns the -0 of a straight head, which would be printed, into 0.
    return (
        atan2(-down_by_away, cy * cp) + 0.0,
        asin(max(-1.0, min(1.0, right_by_away))) + 0.0,
        atan2(-right_by_down, cr * cy) + 0.0,
    )


def fex_angles(pose: Angles) -> Angles:
    """Return ``Pitch``, ``Roll`` and ``Yaw`` of py-feat's Fex in degrees.

    Signs are ours: py-feat documents none, and those of its pose models differ between versions.

    Args:
        pose: Yaw, pitch and roll in radians, signs as in :class:`metafacs.inference.result.FaceResult`.

    >>> [round(angle, 1) for angle in fex_angles((0.5, 0.25, -0.1))]
    [14.3, -5.7, 28.6]
    """
    yaw, pitch, roll = pose
    return degrees(pitch), degrees(roll), degrees(yaw)
