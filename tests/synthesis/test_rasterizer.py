from __future__ import annotations

import numpy as np

from metafacs.synthesis.rasterizer import Buffers, vertex_normals

SQUARE = np.array([[0, 0], [4, 0], [4, 4], [0, 4]], np.float32)
FACES = np.array([[0, 2, 1], [0, 3, 2]], np.int32)  # y points down: front faces have negative area
ALL = np.arange(2, dtype=np.int32)


def test_square_covers_exactly_its_pixels() -> None:
    layer = Buffers(6, 6).draw(SQUARE, np.zeros(4, np.float32), FACES, ALL)
    covered = np.zeros((6, 6), bool)
    covered[:4, :4] = True
    np.testing.assert_array_equal(layer.triangle >= 0, covered)
    assert np.isinf(layer.depth[~covered]).all()


def test_back_faces_are_culled_on_request() -> None:
    turned = FACES[:, ::-1].copy()
    depth = np.zeros(4, np.float32)
    assert (Buffers(6, 6).draw(SQUARE, depth, turned, ALL).triangle < 0).all()
    assert (Buffers(6, 6).draw(SQUARE, depth, turned, ALL, cull=False).triangle >= 0).sum() == 16


def test_agrees_with_a_brute_force_ray_test() -> None:
    rng = np.random.default_rng(3)
    size = 24
    xy = rng.uniform(-4, size + 4, (30, 2)).astype(np.float32)
    depth = rng.uniform(0, 1, 30).astype(np.float32)
    faces = rng.integers(0, 30, (40, 3)).astype(np.int32)
    layer = Buffers(size, size).draw(xy, depth, faces, np.arange(40, dtype=np.int32), cull=False)
    expected = np.full((size, size), np.inf)
    for a, b, c in faces:
        matrix = np.array([[*xy[a], 1], [*xy[b], 1], [*xy[c], 1]], float).T
        if abs(np.linalg.det(matrix)) < 1e-3:
            continue
        for row in range(size):
            for column in range(size):
                weights = np.linalg.solve(matrix, [column + 0.5, row + 0.5, 1])
                if weights.min() >= 0:
                    expected[row, column] = min(expected[row, column], weights @ depth[[a, b, c]])
    hit = np.isfinite(expected)
    agreeing = np.isclose(
        np.where(hit, expected, -1), np.where(np.isfinite(layer.depth), layer.depth, -1), atol=1e-4
    )
    assert agreeing.mean() > 0.995


def test_weights_interpolate_positions() -> None:
    layer = Buffers(6, 6).draw(SQUARE, np.zeros(4, np.float32), FACES, ALL)
    drawn = layer.triangle >= 0
    corners = SQUARE[FACES[layer.triangle[drawn]]]
    wa, wb = layer.weights[drawn].T
    place = corners[:, 0] * wa[:, None] + corners[:, 1] * wb[:, None] + corners[:, 2] * (1 - wa - wb)[:, None]
    rows, columns = np.nonzero(drawn)
    np.testing.assert_allclose(place, np.stack([columns + 0.5, rows + 0.5], 1), atol=1e-5)


def test_vertex_normals_of_a_plane_and_of_untouched_vertices() -> None:
    points = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [5, 5, 5]], np.float32)
    normals = vertex_normals(points, np.array([[0, 1, 2]], np.int32), np.zeros(1, np.int32))
    np.testing.assert_allclose(normals, [[0, 0, 1]] * 3 + [[0, 0, 0]])
