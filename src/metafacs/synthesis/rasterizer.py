"""Which triangle is seen at each pixel: a z-buffer rasteriser compiled with numba.

Pictures are indexed ``[row, column]``; the centre of pixel (row, column) is at (column + .5, row + .5).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from metafacs.compilation import compiled

Floats = NDArray[np.float32]


@compiled
def rasterize(
    xy: Floats,
    depth: Floats,
    triangles: NDArray[np.int32],
    subset: NDArray[np.int32],
    cull: bool,
    depth_buffer: Floats,
    triangle_buffer: NDArray[np.int32],
    weights: Floats,
) -> None:
    """Draw triangles into a depth buffer, nearest wins; ties keep the triangle drawn first.

    Args:
        xy: Shape (vertex, 2), picture coordinates in pixels, y down.
        depth: Shape (vertex,), smaller is nearer.
        triangles: Shape (triangle, 3), vertex numbers.
        subset: Numbers of the triangles to draw.
        cull: Whether triangles that face away are left out.
        depth_buffer: Shape (height, width); updated in place, start with infinity.
        triangle_buffer: Shape (height, width); receives triangle numbers, start with -1.
        weights: Shape (height, width, 2); receives the weights of the first two corners.
    """
    height, width = depth_buffer.shape
    for index in subset:
        a, b, c = triangles[index, 0], triangles[index, 1], triangles[index, 2]
        ax, ay, bx, by, cx, cy = xy[a, 0], xy[a, 1], xy[b, 0], xy[b, 1], xy[c, 0], xy[c, 1]
        area = (bx - ax) * (cy - ay) - (by - ay) * (cx - ax)
        if area > -1e-8 and (cull or area < 1e-8):
            continue
        left = max(int(np.ceil(min(ax, bx, cx) - 0.5)), 0)
        right = min(int(np.floor(max(ax, bx, cx) - 0.5)), width - 1)
        top = max(int(np.ceil(min(ay, by, cy) - 0.5)), 0)
        bottom = min(int(np.floor(max(ay, by, cy) - 0.5)), height - 1)
        if right < left or bottom < top:
            continue
        inverse = 1.0 / area
        wa_x, wb_x = (by - cy) * inverse, (cy - ay) * inverse
        wa_y, wb_y = (cx - bx) * inverse, (ax - cx) * inverse
        wa_0, wb_0 = (bx * cy - cx * by) * inverse, (cx * ay - ax * cy) * inverse
        za, zb, zc = depth[a], depth[b], depth[c]
        for row in range(top, bottom + 1):
            y = row + 0.5
            wa_row, wb_row = wa_0 + wa_y * y, wb_0 + wb_y * y
            for column in range(left, right + 1):
                x = column + 0.5
                wa, wb = wa_row + wa_x * x, wb_row + wb_x * x
                if wa < -1e-5 or wb < -1e-5 or wa + wb > 1.00001:
                    continue
                z = zc + wa * (za - zc) + wb * (zb - zc)
                if z < depth_buffer[row, column]:
                    depth_buffer[row, column] = z
                    triangle_buffer[row, column] = index
                    weights[row, column, 0] = wa
                    weights[row, column, 1] = wb


@compiled
def vertex_normals(vertices: Floats, triangles: NDArray[np.int32], subset: NDArray[np.int32]) -> Floats:
    """Return area-weighted unit normals of the vertices that the triangles of ``subset`` touch.

    Args:
        vertices: Shape (vertex, 3).
        triangles: Shape (triangle, 3).
        subset: Numbers of the triangles to use.

    Returns:
        Shape (vertex, 3); zero where no triangle of the subset touches.
    """
    normals = np.zeros(vertices.shape, np.float32)
    for index in subset:
        a, b, c = triangles[index, 0], triangles[index, 1], triangles[index, 2]
        ux, uy, uz = (
            vertices[b, 0] - vertices[a, 0],
            vertices[b, 1] - vertices[a, 1],
            vertices[b, 2] - vertices[a, 2],
        )
        vx, vy, vz = (
            vertices[c, 0] - vertices[a, 0],
            vertices[c, 1] - vertices[a, 1],
            vertices[c, 2] - vertices[a, 2],
        )
        nx, ny, nz = uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx
        for vertex in (a, b, c):
            normals[vertex, 0] += nx
            normals[vertex, 1] += ny
            normals[vertex, 2] += nz
    for vertex in range(len(normals)):
        nx, ny, nz = normals[vertex, 0], normals[vertex, 1], normals[vertex, 2]
        length = np.sqrt(nx * nx + ny * ny + nz * nz)
        if length > 1e-12:
            normals[vertex, 0] = nx / length
            normals[vertex, 1] = ny / length
            normals[vertex, 2] = nz / length
    return normals


class Buffers:
    """Depth, triangle and weight buffers of one layer of a picture.

    Attributes:
        depth: Shape (height, width), infinity where nothing was drawn.
        triangle: Shape (height, width), -1 where nothing was drawn.
        weights: Shape (height, width, 2), weights of the first two corners.
    """

    def __init__(self, height: int, width: int) -> None:
        self.depth = np.full((height, width), np.inf, np.float32)
        self.triangle = np.full((height, width), -1, np.int32)
        self.weights = np.zeros((height, width, 2), np.float32)

    def draw(
        self,
        xy: Floats,
        depth: Floats,
        triangles: NDArray[np.int32],
        subset: NDArray[np.int32],
        *,
        cull: bool = True,
    ) -> Buffers:
        """Draw triangles (see :func:`rasterize`) and return this object."""
        rasterize(xy, depth, triangles, subset, cull, self.depth, self.triangle, self.weights)
        return self
