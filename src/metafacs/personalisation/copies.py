"""Pictures that are one and the same, or look alike: they are no independent observations of a person."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from metafacs.faces.alignment import align
from metafacs.faces.face import Face
from metafacs.faces.warping import Picture

# Differences of grey levels, mean and largest, between cells: below these, pictures are the same, faces may
# be, and faces look alike. Pictures made smaller (to 25 %) or compressed again (JPEG quality 30) stay below;
# those of 20 people, neutral and smiling (Face Research Lab London Set), differ by 5.5 and 44 at least, and
# their faces by 4.2 and 34; rendered people on video by 1.8 and 18, and their faces, in 95 % of the pairs, by
# 2.1 and 14.
_SAME_PICTURE, _SAME_FACE, _LIKE_FACE = (1.5, 10.0), (4.0, 30.0), (2.0, 12.0)
_CELLS, _FACE_CELLS, _FACE_SIDE = 32, 16, 64

Cells = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Look:
    """What a picture and a face in it look like, in little.

    Attributes:
        digest: Of the pixels of the picture.
        picture: ``32 x 32 x 3``, mean colours of the cells of the picture.
        face: ``16 x 16 x 3``, those of the aligned face.
    """

    digest: str
    picture: Cells = field(repr=False)
    face: Cells = field(repr=False)

    def is_copy_of(self, other: Look) -> bool:
        """Return whether both are the same picture, whatever its size and compression."""
        if self.digest == other.digest:
            return True
        return _within(self.picture, other.picture, _SAME_PICTURE) and _within(
            self.face, other.face, _SAME_FACE
        )

    def is_like(self, other: Look) -> bool:
        """Return whether both may show one moment: the same picture, another cut or the mirror of it."""
        return (
            self.is_copy_of(other)
            or _within(self.face, other.face, _LIKE_FACE)
            or _within(self.picture[:, ::-1], other.picture, _SAME_PICTURE)
        )


def look_at(picture: Picture, face: Face) -> Look:
    """Return what a picture and a face in it look like.

    Args:
        picture: ``height x width x 3``, uint8, RGB.
        face: A face in it.
    """
    shape = repr(picture.shape).encode()
    digest = hashlib.sha256(shape + np.ascontiguousarray(picture).tobytes()).hexdigest()
    small = Image.fromarray(picture).resize((_CELLS, _CELLS), Image.Resampling.BILINEAR)
    crop, _ = align(picture, face.landmarks, _FACE_SIDE)
    side = _FACE_SIDE // _FACE_CELLS
    cells = crop.reshape(_FACE_CELLS, side, _FACE_CELLS, side, 3).mean((1, 3), dtype=np.float32)
    return Look(digest, np.asarray(small, np.float32), cells)


def _within(one: Cells, other: Cells, limits: tuple[float, float]) -> bool:
    differences = np.abs(one - other).mean(axis=2)
    return bool(differences.mean() < limits[0] and differences.max() < limits[1])
