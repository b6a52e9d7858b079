"""BlazeFace: boxes and six key points of the faces in a picture.

MediaPipe's networks (Apache-2.0), run by ``graph_network``. ``blaze_full`` is the faster and surer one,
``blaze_back`` also finds faces that are small, upside down or fill the picture, but sees some that are none.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import atan2, remainder, tau

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from metafacs.faces.face_networks import FaceNetwork
from metafacs.faces.mesh import MARGIN, Region
from metafacs.faces.suppression import merge_detections
from metafacs.faces.warping import Picture, invert, move_points, similarity, warp

# Cells per side and boxes per cell of each output map; a network is recognised by how many rows that gives.
GRIDS: dict[int, tuple[tuple[int, int], ...]] = {192: ((48, 1),), 256: ((16, 2), (8, 6))}


@dataclass(frozen=True)
class Detection:
    """A box ``left, top, right, bottom`` in pixels, its eyes' key points (``2 x 2``) and a score 0-1."""

    box: NDArray[np.float64]
    eyes: NDArray[np.float64]
    score: float

    def region(self) -> Region:
        """Return the square in which FaceMesh looks for this face."""
        left, top, right, bottom = (float(edge) for edge in self.box)
        angle = atan2(*(self.eyes[1] - self.eyes[0])[::-1])
        side = MARGIN * max(right - left, bottom - top)
        return Region(((left + right - 1) / 2, (top + bottom - 1) / 2), side, angle)


def anchors(input_size: int) -> NDArray[np.float32]:
    """Return the centre of every anchor as ``anchor x 2``, 0-1 of the input picture."""
    rows = []
    for cells, boxes in GRIDS[input_size]:
        y, x = np.meshgrid(*2 * [(np.arange(cells) + 0.5) / cells], indexing="ij")
        rows.append(np.repeat(np.stack([x.ravel(), y.ravel()], 1), boxes, axis=0))
    return np.concatenate(rows).astype(np.float32)


class BlazeFace:
    """Finds face-like places in a picture.

    Args:
        network: The ``blaze_full`` or ``blaze_back`` asset.
        device: Where it runs.
        threshold: Lowest score 0-1 of a detection.
    """

    def __init__(self, network: FaceNetwork, device: torch.device, threshold: float = 0.5) -> None:
        self._network = network
        self._device = device
        self._threshold = threshold
        self._anchors = anchors(network.input_size)

    @property
    def input_size(self) -> int:
        """Side of the picture the network looks at, in pixels; larger pictures are reduced to it."""
        return self._network.input_size

    def within(self, image: Picture, part: tuple[int, int, int]) -> list[Detection]:
        """Return the detections in a square part of a picture, in pixels of the whole.

        Args:
            image: ``height x width x 3``, uint8, RGB.
            part: ``left, top, side`` of the square in pixels.
        """
        left, top, side = part
        offset = np.array([left, top])
        found = self(image[top : top + side, left : left + side])
        return [Detection(each.box + np.tile(offset, 2), each.eyes + offset, each.score) for each in found]

    def within_turned(self, image: Picture, square: Region) -> list[tuple[Region, float]]:
        """Return where FaceMesh looks for the faces in a turned square of a picture, with their scores.

        Args:
            image: ``height x width x 3``, uint8, RGB.
            square: What is looked at; beyond the edge of the picture it is black.
        """
        size = self._network.input_size
        matrix = similarity(square.centre, square.side, square.angle, size)
        found = []
        for each in self(warp(image, matrix, size, border=0)):
            region = each.region()
            x, y = move_points(invert(matrix), np.array([region.centre]))[0].tolist()
            angle = remainder(region.angle + square.angle, tau)
            found.append((Region((x, y), region.side * square.side / size, angle), each.score))
        return found

    def __call__(self, image: Picture, padding: float = 0.0) -> list[Detection]:
        """Return the detections in a picture, best first.

        Args:
            image: ``height x width x 3``, uint8, RGB.
            padding: Black margin added on every side, as a share of the longer side; a face that fills the
                whole picture is only found with one.
        """
        size = self._network.input_size
        canvas, scale, left, top = _letterbox(image, size, padding)
        inputs = torch.from_numpy(canvas).to(self._device).permute(2, 0, 1)[None].float() / 127.5 - 1
        with torch.inference_mode():
            raw_boxes, raw_scores = self._network(inputs)
            scores = raw_scores.reshape(-1).clamp(-100, 100).sigmoid().cpu().numpy()
            likely = np.flatnonzero(scores > self._threshold)
            rows = raw_boxes[0].cpu().numpy()[likely].astype(np.float64) / size
        centres = self._anchors[likely]
        middle, half = rows[:, :2] + centres, rows[:, 2:4] / 2
        eyes = rows[:, 4:8] + np.tile(centres, 2)
        values = np.concatenate([middle - half, middle + half, eyes], axis=1) * size
        values = (values - np.tile([left, top], 4)) / scale
        merged, best = merge_detections(values, scores[likely])
        return [
            Detection(row[:4], row[4:].reshape(2, 2), float(s)) for row, s in zip(merged, best, strict=True)
        ]


def _letterbox(image: Picture, size: int, padding: float) -> tuple[Picture, float, int, int]:
    """Return the picture in the middle of a black square, with its scale and the place of its corner."""
    height, width = image.shape[:2]
    scale = size / (max(height, width) * (1 + 2 * padding))
    small = max(1, round(width * scale)), max(1, round(height * scale))
    picture = Image.fromarray(np.ascontiguousarray(image))
    left, top = (size - small[0]) // 2, (size - small[1]) // 2
    canvas = np.zeros((size, size, 3), np.uint8)
    resized = picture.resize(small, Image.Resampling.BILINEAR, reducing_gap=2.0)
    canvas[top : top + small[1], left : left + small[0]] = np.asarray(resized)
    return canvas, scale, left, top
