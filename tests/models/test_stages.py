from __future__ import annotations

import pytest
import torch
from torch import nn

from metafacs.models.backbones import Backbone
from metafacs.models.stages import stage_maps, staged


@pytest.mark.parametrize("name", ["small", "facemesh", "resnet18", "resnet34", "resnet50"])
@pytest.mark.parametrize("size", [64, 36])
def test_stem_stages_and_pooling_are_the_forward_pass(name: str, size: int) -> None:
    torch.manual_seed(0)
    backbone = staged(Backbone(name).build()).eval()
    images = torch.randn(2, 3, size, size)
    maps = stage_maps(backbone, images)
    torch.testing.assert_close(backbone.pool(maps[-1]), backbone(images))
    assert [m.shape[1] for m in maps] == [stage.width for stage in backbone.split()]
    before = backbone.split()[1].body(maps[0])
    assert before.shape[1:] == (backbone.split()[1].body_width, *maps[1].shape[2:])


def test_widths_of_the_stages() -> None:
    assert [s.width for s in staged(Backbone("resnet34").build()).split()] == [64, 128, 256, 512]
    assert [len(s.body) for s in staged(Backbone("resnet34").build()).split()] == [2, 3, 5, 2]
    assert [s.width for s in staged(Backbone("resnet50").build()).split()] == [256, 512, 1024, 2048]
    assert [(s.body_width, s.width) for s in staged(Backbone("small").build()).split()] == [
        (16, 32),
        (32, 64),
        (64, 128),
    ]


def test_a_backbone_without_stages_is_refused() -> None:
    with pytest.raises(ValueError, match="choose the backbone small"):
        staged(nn.Flatten())
