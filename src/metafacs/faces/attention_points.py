"""Numbering of the attention mesh: which points of a face its branches find, and where they look.

The branches give points of the same numbering as FaceMesh's 468; the irises are numbers 468 to 477, as in
MediaPipe. Left and right are those of the picture, as everywhere in ``faces``. Of the 68 landmarks the brows
(17 to 26), lids (36 to 47) and lips (48 to 67) are among the points of the branches; jaw and nose are not, so
``landmarks_68`` of a refined mesh takes those from the trunk.
"""

from __future__ import annotations

from dataclasses import dataclass

MARGIN = 1.5
"""Side of a window over that of the box around its points."""


@dataclass(frozen=True)
class Window:
    """A turned rectangle around some points of the mesh.

    Attributes:
        points: Points of the mesh that lie in it; the branch that looks at it gives them again, in this
            order.
        corners: Two points of the mesh, left and right; the line between them is the window's horizontal.
    """

    points: tuple[int, ...]
    corners: tuple[int, int]


WINDOWS: dict[str, Window] = {
    "lips": Window(
        (
            *(61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291),  # lower outer edge
            *(185, 40, 39, 37, 0, 267, 269, 270, 409),  # upper outer edge
            *(78, 95, 88, 178, 87, 14, 317, 402, 318, 324, 308),  # lower inner edge
            *(191, 80, 81, 82, 13, 312, 311, 310, 415),  # upper inner edge
            *(76, 77, 90, 180, 85, 16, 315, 404, 320, 307, 306),  # lower lip, near the outer edge
            *(184, 74, 73, 72, 11, 302, 303, 304, 408),  # upper lip, near the outer edge
            *(62, 96, 89, 179, 86, 15, 316, 403, 319, 325, 292),  # lower lip, near the inner edge
            *(183, 42, 41, 38, 12, 268, 271, 272, 407),  # upper lip, near the inner edge
        ),
        (61, 291),
    ),
    "left_eye": Window(
        (
            *(33, 7, 163, 144, 145, 153, 154, 155, 133),  # lower lid
            *(246, 161, 160, 159, 158, 157, 173),  # upper lid
            *(130, 25, 110, 24, 23, 22, 26, 112, 243, 247, 30, 29, 27, 28, 56, 190),  # first ring around it
            *(226, 31, 228, 229, 230, 231, 232, 233, 244, 113, 225, 224, 223, 222, 221, 189),  # second ring
            *(35, 124, 46, 53, 52, 65),  # beside the eye, then the lower edge of the brow
            *(143, 111, 117, 118, 119, 120, 121, 128, 245),  # third ring, below the eye
            *(156, 70, 63, 105, 66, 107, 55, 193),  # upper edge of the brow and beyond, from outside
        ),
        (33, 133),
    ),
    "right_eye": Window(
        (
            *(263, 249, 390, 373, 374, 380, 381, 382, 362),
            *(466, 388, 387, 386, 385, 384, 398),
            *(359, 255, 339, 254, 253, 252, 256, 341, 463, 467, 260, 259, 257, 258, 286, 414),
            *(446, 261, 448, 449, 450, 451, 452, 453, 464, 342, 445, 444, 443, 442, 441, 413),
            *(265, 353, 276, 283, 282, 295),
            *(372, 340, 346, 347, 348, 349, 350, 357, 465),
            *(383, 300, 293, 334, 296, 336, 285, 417),
        ),
        (362, 263),
    ),
}
"""Where the branches look, in the order in which the original lists them. Row by row the points of the right
eye are the counterparts of those of the left."""

IRISES: dict[str, tuple[int, ...]] = {
    "left_iris": (468, 469, 470, 471, 472),
    "right_iris": (473, 474, 475, 476, 477),
}
"""Numbers of the irises: centre, then the edge on the picture's right, above, on its left, below."""

MIRROR_ROWS: dict[str, tuple[int, ...]] = {
    "lips": tuple(
        start + place for start in range(0, 80, 20) for place in (*range(10, -1, -1), *range(19, 10, -1))
    ),
    "eye": tuple(range(71)),
    "iris": (0, 3, 2, 1, 4),
}
"""Which row of a branch stands at each row after the picture was mirrored and left and right were swapped."""
