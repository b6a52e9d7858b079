"""Faces: detect, landmark, align. The only crop in the project."""

from __future__ import annotations

from metafacs.faces.alignment import AlignmentSpec, align
from metafacs.faces.face import Face
from metafacs.faces.pictures import PictureError, read_picture
from metafacs.faces.pipeline import crop_faces, find_faces, landmarks_of_aligned
from metafacs.faces.tensors import to_tensor

__all__ = [
    "AlignmentSpec",
    "Face",
    "PictureError",
    "align",
    "crop_faces",
    "find_faces",
    "landmarks_of_aligned",
    "read_picture",
    "to_tensor",
]
