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

    The turn is the rotation of least squares between two sets of points, never a reflection (Horn 1987).

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
    rotation = _rotation_onto(centred, mean.to(centred))
    frontal = centred @ rotation
    size = frontal.square().mean((1, 2), keepdim=True).sqrt().clamp(min=1e-6)
    return FrontalMesh(frontal / size, _rotation_vector(rotation))


def _rotation_onto(points: Tensor, mean: Tensor) -> Tensor:
    """Return the ``batch x 3 x 3`` rotations that turn points, as rows, onto a mean mesh.

    Horn 1987: the unit quaternion is the eigenvector of a symmetric 4 x 4 matrix that belongs to its largest
    eigenvalue. Squared again and again the matrix keeps only that one. Products alone, because exported
    networks have no decomposition.
    """
    covariance = (points.transpose(1, 2) @ mean).flatten(1)
    matrix = (covariance @ points.new_tensor(_HORN)).reshape(-1, 4, 4)
    # The eigenvalues sum to zero: moved by the matrix's length none is below it, and the largest stays so.
    length = matrix.square().sum((1, 2), keepdim=True).sqrt().clamp(min=1e-12)
    power = matrix / length + torch.eye(4, dtype=matrix.dtype, device=matrix.device)
    for _ in range(_SQUARINGS):
        power = power @ power
        power = power / power.diagonal(dim1=1, dim2=2).sum(1)[:, None, None]
    # Each column is the quaternion times one of its numbers: the longest is the surest.
    longest = power.diagonal(dim1=1, dim2=2).argmax(1)
    column = power.gather(2, longest[:, None, None].expand(-1, 4, 1))[:, :, 0]
    w, x, y, z = (column / column.square().sum(1, keepdim=True).sqrt()).unbind(1)
    entries = (
        *(1 - 2 * (y * y + z * z), 2 * (x * y + w * z), 2 * (x * z - w * y)),
        *(2 * (x * y - w * z), 1 - 2 * (x * x + z * z), 2 * (y * z + w * x)),
        *(2 * (x * z + w * y), 2 * (y * z - w * x), 1 - 2 * (x * x + y * y)),
    )
    return torch.stack(entries, 1).reshape(-1, 3, 3)


_SQUARINGS = 9
"""So many make an eigenvalue that is 3 % smaller vanish in float32; of faces it is about half as large."""


def _horn() -> list[list[float]]:
    """Return the ``9 x 16`` numbers that make Horn's matrix of a covariance, both row by row."""
    # Of the covariance's entries xx, xy, xz, yx, ... with sign, in the upper triangle.
    upper = {
        (0, 0): {0: 1, 4: 1, 8: 1},
        (0, 1): {5: 1, 7: -1},
        (0, 2): {6: 1, 2: -1},
        (0, 3): {1: 1, 3: -1},
        (1, 1): {0: 1, 4: -1, 8: -1},
        (1, 2): {1: 1, 3: 1},
        (1, 3): {6: 1, 2: 1},
        (2, 2): {0: -1, 4: 1, 8: -1},
        (2, 3): {5: 1, 7: 1},
        (3, 3): {0: -1, 4: -1, 8: 1},
    }
    table = [[0.0] * 16 for _ in range(9)]
    for (row, column), entries in upper.items():
        for entry, sign in entries.items():
            table[entry][4 * row + column] = table[entry][4 * column + row] = sign
    return table


_HORN = _horn()


def _rotation_vector(rotation: Tensor) -> Tensor:
    """Return rotation vectors of ``batch x 3 x 3`` matrices that turn by less than half a circle."""
    cosine = (rotation.diagonal(dim1=1, dim2=2).sum(1) - 1) / 2
    angle = cosine.clamp(-1 + 1e-6, 1 - 1e-6).acos()
    skew = (rotation - rotation.transpose(1, 2)) / 2
    axis = torch.stack([skew[:, 2, 1], skew[:, 0, 2], skew[:, 1, 0]], 1)
    return axis * (angle / angle.sin())[:, None]
