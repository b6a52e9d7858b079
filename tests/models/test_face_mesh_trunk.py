from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from metafacs.faces.alignment import AlignmentSpec, align
from metafacs.faces.detection import FaceDetector
from metafacs.faces.graph_network import GraphNetwork, read_converted
from metafacs.faces.mesh import Region, region_of_mesh
from metafacs.faces.tensors import to_tensor
from metafacs.models.backbones import Backbone
from metafacs.models.face_mesh_trunk import TRUNK_OUTPUT, FaceMeshTrunk
from metafacs.models.initial_weights import describe_weights, packaged_weights


@pytest.fixture(scope="module")
def trunk() -> FaceMeshTrunk:
    backbone = Backbone("facemesh").build().eval()
    assert isinstance(backbone, FaceMeshTrunk)
    return backbone


@pytest.fixture(scope="module")
def graph() -> GraphNetwork:
    """The converted graph as landmark detection runs it, ending with the map that its head reads."""
    path = packaged_weights("mesh", "facemesh")
    assert path is not None
    model, weights = read_converted(path)
    return GraphNetwork({**model, "outputs": [TRUNK_OUTPUT]}, weights)


def test_its_map_is_what_landmark_detection_computes(
    trunk: FaceMeshTrunk, graph: GraphNetwork, astronaut: np.ndarray
) -> None:
    detector = FaceDetector()
    seen: list[Tensor] = []
    detector._mesh._network.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    face = detector.find(astronaut)[0]
    assert len(seen) > 1
    for pictures in seen:
        crops = (pictures * 255).round().to(torch.uint8).permute(0, 2, 3, 1).numpy()
        with torch.inference_mode():
            (expected,) = graph(pictures)
            images = to_tensor(crops)
            maps = trunk.stages(trunk.stem(images))
            features = trunk(images)
        assert maps.shape[1:] == (128, 3, 3)
        torch.testing.assert_close(maps, expected, rtol=1e-4, atol=1e-4)
        torch.testing.assert_close(features, expected.flatten(1), rtol=1e-4, atol=1e-4)
    assert face.mesh.shape == (468, 3)


def test_a_crop_of_the_told_width_shows_what_landmark_detection_looks_at(
    trunk: FaceMeshTrunk, astronaut: np.ndarray
) -> None:
    face = FaceDetector().find(astronaut)[0]
    region = region_of_mesh(face.mesh)
    for enlarge, most in ((3.7, 0.09), (2.9, 0.3)):
        crop, matrix = align(astronaut, face.landmarks, 96, AlignmentSpec(enlarge))
        side = 96 / float(np.hypot(matrix[0, 0], matrix[0, 1]))
        centre = np.linalg.solve(matrix[:, :2], np.full(2, 47.5) - matrix[:, 2])
        own = Region(
            (float(centre[0]), float(centre[1])), side, float(np.arctan2(matrix[0, 1], matrix[0, 0]))
        )
        assert own.near(region, 0.01, most)
        assert crop.shape == (96, 96, 3)


def test_pictures_of_any_size_are_looked_at_alike(trunk: FaceMeshTrunk, astronaut: np.ndarray) -> None:
    face = FaceDetector().find(astronaut)[0]
    wide = AlignmentSpec(3.7)
    with torch.inference_mode():
        features = [
            trunk(to_tensor(align(astronaut, face.landmarks, size, wide)[0][None]))[0]
            for size in (64, 112, 192)
        ]
        # Not what any picture gives: the features of the picture upside down are others.
        other = trunk(to_tensor(align(astronaut, face.landmarks, 192, wide)[0][None, ::-1]))[0]
    for mine in features[:2]:
        assert torch.cosine_similarity(mine, features[2], dim=0) > 0.97
    assert torch.cosine_similarity(other, features[2], dim=0) < 0.9


def test_starts_from_the_packaged_weights_unless_others_are_named(tmp_path: Path) -> None:
    assert Backbone("facemesh") == Backbone.of("facemesh", Backbone("small", "faces"))
    assert Backbone("facemesh").weights == "mesh"
    assert Backbone.of({"name": "facemesh", "weights": "none"}).weights == "none"
    told = describe_weights("mesh", "facemesh")
    assert told["choice"] == "mesh"
    assert len(str(told["sha256"])) == 16
    packaged = Backbone("facemesh").build()
    random = Backbone("facemesh", "none").build()
    assert not torch.equal(packaged.entry[1].weight, random.entry[1].weight)
    save_file(packaged.state_dict(), tmp_path / "own.safetensors")
    again = Backbone("facemesh", str(tmp_path / "own.safetensors")).build()
    for mine, theirs in zip(again.state_dict().values(), packaged.state_dict().values(), strict=True):
        assert torch.equal(mine, theirs)
    with pytest.raises(ValueError, match="'mesh' are for the backbone facemesh, not for 'small'"):
        Backbone("small", "mesh").build()
    with pytest.raises(ValueError, match="'faces' are for the backbone small, not for 'facemesh'"):
        Backbone("facemesh", "faces").build()


def test_can_be_differentiated_twice_and_overwrites_nothing(trunk: FaceMeshTrunk) -> None:
    images = torch.randn(2, 3, 48, 48, generator=torch.Generator().manual_seed(0))
    before = images.clone()
    parameters = list(trunk.parameters())
    slopes = torch.autograd.grad(trunk(images).square().mean(), parameters, create_graph=True)
    curvature = torch.autograd.grad(sum(slope.square().sum() for slope in slopes), parameters)
    assert all(value.isfinite().all() for value in curvature)
    assert all(value.any() for value in curvature)
    assert torch.equal(images, before)
