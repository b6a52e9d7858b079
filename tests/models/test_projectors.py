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
