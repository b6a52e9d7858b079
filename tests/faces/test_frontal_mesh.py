from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from metafacs.faces.frontal_mesh import mean_mesh, turn_to_front


def rotation(axis: int, angle: float) -> Tensor:
    c, s = math.cos(angle), math.sin(angle)
    one, two = [k for k in range(3) if k != axis]
    matrix = torch.eye(3, dtype=torch.float64)
    matrix[one, one], matrix[one, two], matrix[two, one], matrix[two, two] = c, -s, s, c
    return matrix if axis != 1 else matrix.mT


@pytest.fixture(scope="module")
def mean() -> Tensor:
    return mean_mesh().double()


def test_the_mean_mesh_is_centred_scaled_and_symmetric(mean: Tensor) -> None:
    assert mean.shape == (478, 3)
    assert mean.mean(0).abs().max() < 1e-5
    assert mean.square().mean().sqrt() == pytest.approx(1.0, abs=1e-5)
    # Outer eye corners lie level and equally far from the middle; the nose lies nearer than both.
    left, right, nose = mean[33], mean[263], mean[1]
    assert left[1] == pytest.approx(float(right[1]), abs=0.02)
    assert left[0] == pytest.approx(-float(right[0]), abs=0.02)
    assert nose[2] < min(left[2], right[2])


@pytest.mark.parametrize("axis", range(3))
@pytest.mark.parametrize("angle", [-0.8, -0.1, 0.3, 1.2])
def test_a_turn_is_undone_and_told(mean: Tensor, axis: int, angle: float) -> None:
    turned = 7.5 * mean @ rotation(axis, angle).mT + torch.tensor([3.0, -8.0, 1.0])
    found = turn_to_front(turned[None], mean)
    torch.testing.assert_close(found.points[0], mean, rtol=0, atol=1e-5)
    expected = torch.zeros(3, dtype=torch.float64)
    expected[axis] = angle
    torch.testing.assert_close(found.turn[0], expected, rtol=0, atol=1e-5)


def test_what_a_face_does_survives(mean: Tensor) -> None:
    changed = mean.clone()
    changed[61] += torch.tensor([-0.2, -0.1, 0.0])
    plain = turn_to_front(changed[None], mean).points[0]
    turned = turn_to_front((changed @ rotation(1, 0.4).mT)[None], mean).points[0]
    torch.testing.assert_close(turned, plain, rtol=0, atol=1e-6)
    assert (plain - mean)[61].norm() > 0.15


def test_a_mirrored_face_is_not_turned_inside_out(mean: Tensor) -> None:
    mirrored = mean * torch.tensor([1.0, 1.0, -1.0])
    found = turn_to_front(mirrored[None], mean)
    assert np.isfinite(found.points.numpy()).all()
    assert not torch.allclose(found.points[0], mean, atol=0.05)


def test_the_rotation_is_that_of_kabsch(mean: Tensor) -> None:
    torch.manual_seed(0)
    # Faces, noise, and noise as flat as a picture, for which only one side is right.
    noise = torch.randn(40, 478, 3, dtype=torch.float64)
    meshes = torch.cat([mean + 0.3 * noise[:10], noise[10:30], noise[30:] * torch.tensor([1.0, 1.0, 1e-3])])
    centred = meshes - meshes.mean(1, keepdim=True)
    left, _, right = torch.linalg.svd(centred.mT @ mean)
    upright = torch.ones_like(left[:, 0])
    upright[:, 2] = torch.det(left @ right).sign()
    turned = centred @ ((left * upright[:, None]) @ right)
    expected = turned / turned.square().mean((1, 2), keepdim=True).sqrt()
    torch.testing.assert_close(turn_to_front(meshes, mean).points[:10], expected[:10], rtol=0, atol=1e-9)
    torch.testing.assert_close(turn_to_front(meshes, mean).points, expected, rtol=0, atol=1e-3)
    single = turn_to_front(meshes[:10].float(), mean.float()).points
    torch.testing.assert_close(single, expected[:10].float(), rtol=0, atol=2e-5)
