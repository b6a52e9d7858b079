from __future__ import annotations

import torch
from torch import nn

from metafacs.models.few_shot import FewShotBackbone


def test_has_the_layers_of_the_paper_and_its_256_features_at_64_pixels() -> None:
    backbone = FewShotBackbone()
    convolutions = [module for module in backbone.modules() if isinstance(module, nn.Conv2d)]
    assert [c.out_channels for c in convolutions] == [64, 48, 32, 16]
    assert {c.kernel_size for c in convolutions} == {(5, 5)}
    assert sum(p.numel() for p in backbone.parameters()) == 132_960 + 2 * 160
    assert backbone.feature_width == 4 * 4 * 16


def test_the_last_pooling_is_two_by_two_at_64_pixels_and_none_at_32() -> None:
    torch.manual_seed(0)
    backbone = FewShotBackbone().eval()
    before, last = backbone.stages[:-2], backbone.stages[-2]
    large, small = before(torch.randn(2, 3, 64, 64)), before(torch.randn(2, 3, 32, 32))
    torch.testing.assert_close(last(large), nn.functional.max_pool2d(large, 2), rtol=0, atol=0)
    torch.testing.assert_close(last(small), small, rtol=0, atol=0)
