"""A face mesh turned to the front, and how far it had to be turned."""

from __future__ import annotations

from functools import cache
from importlib.resources import as_file, files
from typing import NamedTuple

import torch
from torch import Tensor

from metafacs.precision import in_float32
from metafacs.tensor_files import REINSTALL, load_tensors

MEAN_MESH = "mean_mesh.safetensors"


class FrontalMesh(NamedTuple):
    """Meshes without place, size and turn of the head.

    Attributes:
        points: ``batch x 478 x 3``, turned to the front, around their centre, in units of the root mean
            square of their coordinates.
        turn: ``batch x 3``, the turn that was undone as a rotation vector in radians: its direction is the
            axis in picture coordinates (x right, y down, z away), its length the angle.
    """

    points: Tensor
    turn: Tensor


@cache
def mean_mesh() -> Tensor:
    """Return the mean mesh of faces at rest seen from the front, ``478 x 3``, as ``FrontalMesh.points``.

    Made by ``scripts/build_mean_mesh.py`` of rendered faces; it says what *to the front* is.
    """
    with as_file(files("metafacs.faces") / "assets" / MEAN_MESH) as path:
        return load_tensors(path, ValueError, REINSTALL)[1]["points"]


# A turn in bfloat16 is right to a degree only, and cannot be solved for at all.
@in_float32
def turn_to_front(points: Tensor, mean: Tensor) -> FrontalMesh:
    """Turn, centre and scale meshes so that they lie as near to a mean mesh as they can.

    The turn is the rotation of least squares between two sets of points (Kabsch 1976; no reflections).

    Args:
        points: ``batch x 478 x 3``, (x, y, z) in any unit.
        mean: ``478 x 3``, see :func:`mean_mesh`.

    Returns:
        The frontal meshes and their turns.

    >>> found = turn_to_front(mean_mesh()[None] * 3 + 5, mean_mesh())
    >>> bool(torch.allclose(found.points[0], mean_mesh(), atol=1e-4)), found.turn.abs().max().item() < 1e-3
    (True, True)
    """
    centred = points - points.mean(1, keepdim=True)
    left, _, right = torch.linalg.svd(centred.mT @ mean.to(centred))
    upright = torch.ones_like(left[:, 0])
    upright[:, 2] = torch.det(left @ right).sign()
    rotation = (left * upright[:, None]) @ right
    frontal = centred @ rotation
    size = frontal.square().mean((1, 2), keepdim=True).sqrt().clamp(min=1e-6)
    return FrontalMesh(frontal / size, _rotation_vector(rotation))


def _rotation_vector(rotation: Tensor) -> Tensor:
    """Return rotation vectors of ``batch x 3 x 3`` matrices that turn by less than half a circle."""
    cosine = (rotation.diagonal(dim1=1, dim2=2).sum(1) - 1) / 2
    angle = cosine.clamp(-1 + 1e-6, 1 - 1e-6).acos()
    skew = (rotation - rotation.mT) / 2
    axis = torch.stack([skew[:, 2, 1], skew[:, 0, 2], skew[:, 1, 0]], 1)
    return axis * (angle / angle.sin())[:, None]
