"""Landmark layouts: which of FaceMesh's 468 points are the 68 of iBUG, which of those the 49 of SDM.

Left and right are those of the picture: point 36 is the outer corner of the eye on the picture's left.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.floating]

# The brow ends commonly quoted (71, 107, 336, 301) lie 11 % of the inter-ocular distance beside the
# hand-placed points of 142 real faces; the indices here were refitted on those faces and lie 4.9 % beside
# them.
MESH_TO_68: tuple[int, ...] = (
    *(162, 234, 93, 58, 172, 136, 149, 148, 152, 377, 378, 365, 397, 288, 323, 454, 389),  # jaw
    *(70, 63, 105, 66, 55),  # left brow
    *(285, 296, 334, 293, 300),  # right brow
    *(168, 197, 5, 4, 75, 97, 2, 326, 305),  # nose
    *(33, 160, 158, 133, 153, 144),  # left eye
    *(362, 385, 387, 263, 373, 380),  # right eye
    *(61, 39, 37, 0, 267, 269, 291, 405, 314, 17, 84, 181),  # outer lip
    *(78, 82, 13, 312, 308, 317, 14, 87),  # inner lip
)
"""Index into FaceMesh's points for each of the 68."""

LANDMARKS_68_TO_49: tuple[int, ...] = (*range(17, 60), 61, 62, 63, 65, 66, 67)
"""Index into the 68 points for each of the 49: no jaw, no inner mouth corners."""

LANDMARKS_68_TO_66: tuple[int, ...] = (*range(60), 61, 62, 63, 65, 66, 67)
"""Index into the 68 points for each of DISFA's 66: no inner mouth corners."""

MIRROR_68: tuple[int, ...] = (
    *range(16, -1, -1),
    *range(26, 16, -1),
    *(27, 28, 29, 30, 35, 34, 33, 32, 31),
    *(45, 44, 43, 42, 47, 46),
    *(39, 38, 37, 36, 41, 40),
    *(54, 53, 52, 51, 50, 49, 48, 59, 58, 57, 56, 55),
    *(64, 63, 62, 61, 60, 67, 66, 65),
)
"""Which of the 68 points stands at each place after the picture was mirrored."""

MIRROR_49: tuple[int, ...] = (
    *range(9, -1, -1),
    *(10, 11, 12, 13),
    *(18, 17, 16, 15, 14),
    *(28, 27, 26, 25, 30, 29),
    *(22, 21, 20, 19, 24, 23),
    *(37, 36, 35, 34, 33, 32, 31, 42, 41, 40, 39, 38),
    *(45, 44, 43, 48, 47, 46),
)
"""The same for the 49 points; 0-based form of the list used with BP4D."""

LEFT_EYE_49 = slice(19, 25)
RIGHT_EYE_49 = slice(25, 31)
NOSE_TIP_49 = 13
MOUTH_CORNERS_49 = (31, 37)


def landmarks_68(mesh: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the 68 points of a face mesh.

    Args:
        mesh: ``468 x 3`` or ``468 x 2`` points of FaceMesh, (x, y[, z]) in pixels.

    Returns:
        ``68 x 2``, (x, y) in pixels.

    Raises:
        ValueError: If there are not 468 points.
    """
    if mesh.ndim != 2 or len(mesh) != 468:
        raise ValueError(f"a face mesh has 468 points, not an array of {mesh.shape}")
    return mesh[list(MESH_TO_68), :2]


def landmarks_49(landmarks: Points) -> NDArray[np.float64]:
    """Return the 49 inner points of a face given in any of the layouts of the data sets.

    Args:
        landmarks: ``68 x 2`` (iBUG), ``66 x 2`` (DISFA: the 68 without the inner mouth corners) or
            ``49 x 2`` (BP4D), (x, y) in pixels.

    Returns:
        ``49 x 2``, (x, y) in pixels.

    Raises:
        ValueError: If the number of points is none of these.
    """
    points = np.asarray(landmarks, dtype=np.float64)
    if points.shape == (49, 2):
        return points
    if points.shape == (66, 2):
        return points[17:]
    if points.shape == (68, 2):
        return points[list(LANDMARKS_68_TO_49)]
    raise ValueError(f"landmarks must be 49, 66 or 68 points (x, y), not an array of shape {points.shape}")


def spread_to_68(landmarks: Points) -> NDArray[np.float64]:
    """Return points in the layout of iBUG's 68; those that the given layout does not have are NaN.

    Args:
        landmarks: 49, 66 or 68 points, (x, y) in pixels.

    Returns:
        ``68 x 2``, (x, y) in pixels.

    Raises:
        ValueError: If the number of points is none of these.
    """
    points = np.asarray(landmarks, dtype=np.float64)
    spread = np.full((68, 2), np.nan)
    if points.shape in ((66, 2), (68, 2)):
        spread[list(LANDMARKS_68_TO_66) if len(points) == 66 else slice(None)] = points
    else:
        spread[list(LANDMARKS_68_TO_49)] = landmarks_49(points)
    return spread


def mirror_landmarks(landmarks: Points, width: int) -> NDArray[np.float64]:
    """Return the landmarks of the picture mirrored left to right.

    Args:
        landmarks: ``68 x 2`` or ``49 x 2``, (x, y) in pixels, the centre of the first pixel being (0, 0);
            any number of faces in front, ``... x 68 x 2``.
        width: Width of the picture in pixels.

    Returns:
        Points of the same shape, each again at its own anatomical place.

    Raises:
        ValueError: If there are neither 68 nor 49 points.
    """
    permutations = {68: MIRROR_68, 49: MIRROR_49}
    count = np.shape(landmarks)[-2]
    if count not in permutations:
        raise ValueError(f"only 68 or 49 landmarks can be mirrored, not {count}")
    mirrored = np.array(landmarks, dtype=np.float64)[..., list(permutations[count]), :]
    mirrored[..., 0] = width - 1 - mirrored[..., 0]
    return mirrored


def inter_ocular_distance(landmarks: Points) -> float:
    """Return the distance between the eye centres in pixels.

    Args:
        landmarks: 49, 66 or 68 points, (x, y) in pixels.
    """
    points = landmarks_49(landmarks)
    return float(np.linalg.norm(points[RIGHT_EYE_49].mean(0) - points[LEFT_EYE_49].mean(0)))
