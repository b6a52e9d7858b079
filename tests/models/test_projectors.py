from __future__ import annotations

import torch

from metafacs.models.projectors import Projectors


def test_projectors_keep_shape_and_see_three_cells() -> None:
    projectors = Projectors(64)
    assert [layer.kernel_size[0] for layer in projectors.features.layers] == [1, 3, 1]
    assert projectors.landmarks.layers[0].out_channels == 16
    maps = torch.zeros(1, 64, 9, 9)
    moved = maps.clone()
    moved[0, :, 4, 4] = 1
    difference = (projectors.features(moved) - projectors.features(maps)).abs().sum(dim=(0, 1)) > 0
    assert difference.sum() == 9
    assert difference[3:6, 3:6].all()


def test_projectors_begin_near_the_identity_and_learn_everywhere() -> None:
    torch.manual_seed(0)
    projectors = Projectors(16)
    for projector, maps in (
        (projectors.features, torch.randn(2, 16, 9, 9)),
        (projectors.landmarks, torch.randn(2, 1, 9, 9)),
    ):
        projected = projector(maps)
        assert (projected - maps).norm() < 0.2 * maps.norm()
        projected.square().sum().backward()
        assert all((parameter.grad != 0).all() for parameter in projector.parameters())
