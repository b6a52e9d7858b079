"""The attention variant of FaceMesh: the mesh, and lips, eyes, brows and irises found on a finer map.

MediaPipe's network (Apache-2.0), cut at MediaPipe's own operators; the parts between them are run by
``graph_network``, the three operators are written here. The trunk finds the mesh. Around its lips and its
eyes turned windows are cut out of a 48 x 48 map of the picture, and a branch looks at each.

Measured by ``benchmarks/attention_mesh.py``, 300 rendered faces (*synthetic*): lips and lids of the branches
vary a fifth to a quarter less around the exact places than the base mesh's, brows hardly, and the trunk's own
points more than the base mesh's. One face takes two to three times as long, a face in a batch of 8 1.7 times.
"""

from __future__ import annotations

from importlib.resources import as_file, files
from pathlib import Path
from typing import Any, NamedTuple, cast

import torch
import torch.nn.functional as F  # noqa: N812 (the name everyone reads)
from torch import Tensor, nn

from metafacs.faces.attention_points import IRISES, MARGIN, WINDOWS, Window
from metafacs.faces.graph_network import GraphNetwork, read_converted
from metafacs.precision import widen

# Pixels of the picture per pixel of the map that the windows are cut from.
FINE = 4


class AttentionFeatures(NamedTuple):
    """Maps that the landmark heads read; each ``batch x channel x height x width``, after its activation.

    Attributes:
        trunk: ``batch x 128 x 3 x 3``, of the whole face; the same place in the graph as the base mesh's.
        lips: ``batch x 128 x 2 x 2``.
        left_eye: ``batch x 128 x 2 x 2``, of the eye on the picture's left with its brow.
        right_eye: ``batch x 128 x 2 x 2``.
        left_iris: ``batch x 128 x 2 x 2``, of the same window as ``left_eye``.
        right_iris: ``batch x 128 x 2 x 2``.
    """

    trunk: Tensor
    lips: Tensor
    left_eye: Tensor
    right_eye: Tensor
    left_iris: Tensor
    right_iris: Tensor


class AttentionFaces(NamedTuple):
    """What the network sees in a batch of face regions.

    Points are pixels of the ``192 x 192`` input counted from the corner of its first pixel; subtract 0.5 for
    points that count from the pixel's centre, as elsewhere in ``faces``. Left and right are the picture's.

    Attributes:
        mesh: ``batch x 468 x 3``, (x, y, z) as the base mesh; z in the same scale.
        lips: ``batch x 80 x 2``; which points these are: ``attention_points.WINDOWS``.
        left_eye: ``batch x 71 x 2``, lids, surroundings and brow.
        right_eye: ``batch x 71 x 2``.
        left_iris: ``batch x 5 x 2``, the centre and four points on the edge.
        right_iris: ``batch x 5 x 2``.
        flag: ``batch``, a logit: whether the region shows a face.
        features: The maps before the points.
    """

    mesh: Tensor
    lips: Tensor
    left_eye: Tensor
    right_eye: Tensor
    left_iris: Tensor
    right_iris: Tensor
    flag: Tensor
    features: AttentionFeatures

    def refined(self) -> Tensor:
        """Return ``batch x 478 x 3``: the mesh with the points of the branches in place, then the irises.

        The depth of a point stays that of the mesh; an iris has the mean depth of its eye's lids.
        """
        mesh = self.mesh.clone()
        irises = []
        for name in WINDOWS:
            mesh[:, list(WINDOWS[name].points), :2] = getattr(self, name)
        for name in IRISES:
            lids = list(WINDOWS[name.replace("iris", "eye")].points[:16])
            depth = self.mesh[:, lids, 2].mean(1)[:, None, None].expand(-1, 5, 1)
            irises.append(torch.cat([getattr(self, name), depth], 2))
        return torch.cat([mesh, *irises], 1)


class AttentionMesh(nn.Module):
    """Finds the points of faces, one face per region, and the features that the points are read from.

    Frozen: the weights are buffers, as in ``GraphNetwork``. Gradients flow to the pictures, through the maps
    and through the place of the windows.

    Args:
        parts: The networks ``trunk``, ``lips``, ``left_eye`` and ``right_eye``.
    """

    def __init__(self, parts: dict[str, GraphNetwork]) -> None:
        super().__init__()
        self.parts = nn.ModuleDict(parts)

    @property
    def input_size(self) -> int:
        """Side of the input in pixels."""
        return self._part("trunk").input_size

    def _part(self, name: str) -> GraphNetwork:
        return cast(GraphNetwork, self.parts[name])

    def forward(self, images: Tensor) -> AttentionFaces:
        """Return the faces in a batch of regions.

        Args:
            images: ``batch x 3 x 192 x 192``, RGB in [0, 1]: squares that hold one face each, upright and
                with a quarter of the side left free around it, as ``mesh.region_of_mesh`` says.

        Returns:
            Points, flag and features.

        Raises:
            ValueError: If the images have another size.
        """
        mesh, flag, fine, trunk = self._part("trunk")(images)
        mesh = widen(mesh).reshape(images.shape[0], -1, 3)
        seen: dict[str, list[Tensor]] = {}
        for name, window in WINDOWS.items():
            part = self._part(name)
            # Without autocast: a place in bfloat16 is right to half a pixel of the picture only.
            with torch.autocast(images.device.type, enabled=False):
                matrix = window_matrices(mesh[..., :2] / FINE, window, part.input_size)
                windows = cut_windows(widen(fine), matrix, part.input_size)
            outputs = part(windows)
            half = len(outputs) // 2
            with torch.autocast(images.device.type, enabled=False):
                # Branches give points of their window in pixels FINE times smaller than the window's.
                rows = [widen(one).reshape(images.shape[0], -1, 2) / FINE for one in outputs[:half]]
                points = [FINE * move(matrix, one) for one in rows]
            seen[name] = [*points, *outputs[half:]]
        lips, left, right = seen["lips"], seen["left_eye"], seen["right_eye"]
        features = AttentionFeatures(trunk, lips[1], left[2], right[2], left[3], right[3])
        found = (lips[0], left[0], right[0], left[1], right[1])
        return AttentionFaces(mesh, *found, flag.reshape(-1), features)


def window_matrices(points: Tensor, window: Window, size: int) -> Tensor:
    """Return the matrices that map points of a window to points of the map it is cut from.

    MediaPipe's ``Landmarks2TransformMatrix``: the window lies along the line between the two corners, around
    the box of all its points along that line, with a margin.

    Args:
        points: ``batch x 468 x 2``, (x, y) in pixels of the map, from the corner of the first pixel.
        window: Which points.
        size: Side of the window in pixels of its own.

    Returns:
        ``batch x 2 x 3``.
    """
    left, right = (points[:, corner] for corner in window.corners)
    along = F.normalize(right - left, dim=1)
    across = torch.stack([-along[:, 1], along[:, 0]], 1)
    turn = torch.stack([along, across], 2)
    upright = points[:, list(window.points)] @ turn
    low, high = upright.amin(1), upright.amax(1)
    centre = turn @ ((low + high) / 2)[:, :, None]
    linear = turn * ((high - low) * (MARGIN / size))[:, None]
    shift = centre - linear.sum(2, keepdim=True) * (size / 2)
    return torch.cat([linear, shift], 2)


def cut_windows(maps: Tensor, matrices: Tensor, size: int) -> Tensor:
    """Return windows cut out of maps.

    MediaPipe's ``TransformTensorBilinear``: pixels are points at their centres; a place beyond the outermost
    centres is zero.

    Args:
        maps: ``batch x channel x height x width``.
        matrices: ``batch x 2 x 3``, window to map.
        size: Side of the windows in pixels.

    Returns:
        ``batch x channel x size x size``.
    """
    extent = maps.new_tensor([maps.shape[3], maps.shape[2]])
    steps = torch.arange(size, device=maps.device, dtype=maps.dtype) + 0.5
    rows, columns = torch.meshgrid(steps, steps, indexing="ij")
    places = move(matrices, torch.stack([columns, rows], 2).reshape(1, -1, 2))
    inside = ((places >= 0.5) & (places <= extent - 0.5)).all(2)
    grid = (places * (2 / extent) - 1).reshape(-1, size, size, 2)
    windows = F.grid_sample(maps, grid, mode="bilinear", padding_mode="border", align_corners=False)
    return windows * inside.reshape(-1, 1, size, size)


def move(matrices: Tensor, points: Tensor) -> Tensor:
    """Return points of a window as points of the map; ``batch x points x 2``."""
    return points @ matrices[:, :, :2].transpose(1, 2) + matrices[:, None, :, 2]


def load_attention_mesh(path: Path | None = None) -> AttentionMesh:
    """Return the network.

    Args:
        path: A file written by ``scripts/convert_attention_mesh.py``; None for the one in the package.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file is damaged or holds another model.
    """
    if path is None:
        with as_file(files("metafacs.faces") / "assets" / "attention_mesh.safetensors") as asset:
            return load_attention_mesh(asset)
    model, weights = read_converted(path)
    if "parts" not in model:
        raise ValueError(f"{path} holds no attention mesh; scripts/convert_attention_mesh.py writes one")
    return AttentionMesh({name: _part(name, part, weights) for name, part in model["parts"].items()}).eval()


def _part(name: str, model: dict[str, Any], weights: dict[str, Tensor]) -> GraphNetwork:
    prefix = f"{name}."
    own = {key.removeprefix(prefix): value for key, value in weights.items() if key.startswith(prefix)}
    return GraphNetwork(model, own)
