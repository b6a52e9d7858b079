from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from metafacs.batch import Batch
from metafacs.faces.attention_mesh import load_attention_mesh
from metafacs.faces.mesh import region_of_mesh
from metafacs.faces.pipeline import find_faces
from metafacs.faces.warping import similarity, warp
from metafacs.methods.mesh_reader import MeshReader
from metafacs.training.stepper import OptimizerStepper

AUS = (1, 4, 12)


@pytest.fixture(scope="module")
def images(astronaut: np.ndarray) -> Tensor:
    """Crops of one face, a little turned and shifted, in [-1, 1]."""
    region = region_of_mesh(find_faces(astronaut)[0].mesh)
    crops = [
        warp(astronaut, similarity((region.centre[0] + dx, region.centre[1]), region.side, turn, 192), 192, 0)
        for dx, turn in ((0, 0.0), (4, 0.1), (-6, -0.15), (2, 0.2))
    ]
    return torch.from_numpy(np.stack(crops)).permute(0, 3, 1, 2).float() / 127.5 - 1


def build(**options: object) -> MeshReader:
    torch.manual_seed(0)
    return MeshReader(AUS, width=16, **options).eval()  # type: ignore[arg-type]


def logits(method: MeshReader, images: Tensor) -> Tensor:
    with torch.inference_mode():
        return method.predict(images).probabilities.logit()


def test_the_answer_is_the_weighted_mean_of_both_branches(images: Tensor) -> None:
    mixed, geometry, appearance = (
        logits(build(mirrored=False, geometry=share), images) for share in (0.7, 1.0, 0.0)
    )
    torch.testing.assert_close(mixed, 0.7 * geometry + 0.3 * appearance, rtol=0, atol=1e-5)
    assert not torch.allclose(geometry, appearance, atol=1e-2)


def test_the_answer_is_the_mean_over_the_picture_and_its_mirror_image(images: Tensor) -> None:
    plain, mirrored = build(mirrored=False), build()
    expected = (logits(plain, images) + logits(plain, images.flip(3))) / 2
    torch.testing.assert_close(logits(mirrored, images), expected, rtol=0, atol=1e-5)
    torch.testing.assert_close(logits(mirrored, images), logits(mirrored, images.flip(3)), rtol=0, atol=1e-5)


def test_pictures_of_another_size_are_resized(images: Tensor) -> None:
    smaller = F.interpolate(images, size=(160, 160), mode="bilinear", antialias=True)
    one, other = (logits(build(geometry=1.0), pictures) for pictures in (smaller, images))
    torch.testing.assert_close(one, other, rtol=0, atol=0.02)


def test_the_mesh_is_not_trained_and_noise_is_for_training_only(images: Tensor) -> None:
    method = build(feature_noise=0.0)
    own = {id(p) for p in method.parameters()}
    assert not own & {id(b) for b in load_attention_mesh().buffers()}
    assert torch.equal(logits(method, images), logits(method, images))
    method.train()
    assert not method.mesh.training
    for part in (method.geometry, method.appearance):
        part.eval()
    one, other = method.read(images), method.read(images)
    width = one.hidden.shape[1] // 2
    assert not torch.equal(one.hidden[:, :width], other.hidden[:, :width])
    assert torch.equal(one.hidden[:, width:], other.hidden[:, width:])
    assert torch.equal(one.turn, other.turn)


def test_both_branches_learn_presence_and_intensity_and_the_turn_the_pose(images: Tensor) -> None:
    method = build(point_noise=0.0, feature_noise=0.0).train()
    targets = torch.tensor([[1.0, 0.0, 1.0], [0.0, torch.nan, 1.0], [1.0, 1.0, 0.0], [0.0, 0.0, 0.0]])
    levels = torch.where(targets.isnan(), targets, 3 * targets)
    pose = torch.tensor([[0.1, 0.2, 0.0]]).repeat(4, 1)
    batches = {"au": Batch(images, action_units=targets, intensities=levels, pose=pose)}
    step = OptimizerStepper(method.parameter_groups(), method.optimizers(), 150)
    curves = []
    for k in range(150):
        step.start(k)
        curves.append(method.update(batches, step))
    branches = ("geometry", "appearance")
    assert set(curves[0]) == {
        "loss_pose",
        *(f"loss_{part}{branch}" for part in ("", "intensity_") for branch in branches),
    }
    for name in curves[0]:
        assert curves[-1][name] < 0.7 * curves[0][name], name


def test_it_reads_and_learns_in_bfloat16(images: Tensor) -> None:
    method = build(point_noise=0.0, feature_noise=0.0)
    exact = method.predict(images)
    with torch.autocast("cpu", torch.bfloat16):
        rough = method.predict(images)
        losses = method.train().losses({"au": Batch(images, action_units=torch.zeros(4, 3))})
    torch.testing.assert_close(rough.probabilities.float(), exact.probabilities, rtol=0, atol=0.03)
    torch.testing.assert_close(rough.pose, exact.pose, rtol=0, atol=0.03, check_dtype=False)
    assert all(bool(loss.isfinite()) for loss in losses.values())


def test_stores_without_intensities_teach_presence_alone(images: Tensor) -> None:
    method = build().train()
    losses = method.losses({"au": Batch(images, action_units=torch.zeros(4, 3))})
    assert set(losses) == {"loss_geometry", "loss_appearance"}


def test_shares_outside_0_to_1_are_refused() -> None:
    with pytest.raises(ValueError, match=r"share of a branch, 0 to 1, not 1\.5"):
        build(geometry=1.5)
