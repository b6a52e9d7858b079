from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from metafacs.faces.graph_network import load_asset
from metafacs.faces.mesh import FaceMesh, Region, region_of_mesh

Picture = NDArray[np.uint8]
HEAD = Region((224.0, 122.0), 165.0, 0.05)


@pytest.fixture(scope="module")
def face_mesh() -> FaceMesh:
    return FaceMesh(load_asset("facemesh"), torch.device("cpu"))


def test_a_face_is_told_from_a_wall(face_mesh: FaceMesh, astronaut: Picture) -> None:
    meshes, presences = face_mesh(astronaut, [HEAD, Region((300.0, 60.0), 100.0)])
    assert meshes.shape == (2, 468, 3)
    assert presences[0] > 0.99
    assert presences[1] < 0.01
    assert meshes[0, 4, :2] == pytest.approx([222.8, 126.4], abs=4)


def test_the_points_hardly_depend_on_the_region(face_mesh: FaceMesh, astronaut: Picture) -> None:
    regions = [HEAD, Region((230.0, 118.0), 180.0, 0.3), Region((219.0, 124.0), 150.0, -0.2)]
    meshes, _ = face_mesh(astronaut, regions)
    eyes = np.linalg.norm(meshes[0, 263] - meshes[0, 33])
    for mesh in meshes[1:]:
        assert np.linalg.norm(mesh[:, :2] - meshes[0, :, :2], axis=1).mean() < 0.05 * eyes


def test_mirroring_the_picture_mirrors_the_points(face_mesh: FaceMesh, grace_hopper: Picture) -> None:
    width = grace_hopper.shape[1]
    region = Region((263.0, 231.0), 300.0)
    mirrored = Region((width - 1 - 263.0, 231.0), 300.0)
    mesh = face_mesh(grace_hopper, [region])[0][0]
    other = face_mesh(np.ascontiguousarray(grace_hopper[:, ::-1]), [mirrored])[0][0]
    # The corners of the eyes and of the mouth, each with its counterpart.
    for point, counterpart in ((33, 263), (133, 362), (61, 291), (4, 4)):
        assert other[point, 0] == pytest.approx(width - 1 - mesh[counterpart, 0], abs=4)


def test_no_region_gives_no_mesh(face_mesh: FaceMesh, astronaut: Picture) -> None:
    meshes, presences = face_mesh(astronaut, [])
    assert meshes.shape == (0, 468, 3)
    assert presences.shape == (0,)


def test_the_region_of_a_mesh_surrounds_it_upright() -> None:
    mesh = np.zeros((468, 3))
    mesh[:, :2] = np.random.default_rng(0).uniform(-10, 10, (468, 2))
    mesh[33, :2], mesh[263, :2] = (-8, 0), (8, 0)
    turn = np.array([[np.cos(0.7), np.sin(0.7)], [-np.sin(0.7), np.cos(0.7)]])
    upright, turned = region_of_mesh(mesh), region_of_mesh(np.pad(mesh[:, :2] @ turn, ((0, 0), (0, 1))))
    assert upright.angle == 0
    assert turned.angle == pytest.approx(0.7)
    assert turned.side == pytest.approx(upright.side)
    assert turned.centre == pytest.approx(np.array(upright.centre) @ turn)


def test_near_regions() -> None:
    region = Region((50.0, 50.0), 100.0, 3.1)
    assert region.near(Region((55.0, 50.0), 95.0, -3.1), 0.2, 0.1)
    assert not region.near(Region((65.0, 50.0), 100.0, 3.1), 0.2, 0.1)
    assert not region.near(Region((50.0, 50.0), 80.0, 3.1), 0.2, 0.1)
    assert not region.near(Region((50.0, 50.0), 100.0, 2.5), 0.2, 0.1)
