from __future__ import annotations

import torch
from torch.nn import functional

from metafacs.models.cbam import CBAM


def test_attention_is_written_out_place_by_place() -> None:
    torch.manual_seed(0)
    block, maps = CBAM(32).double(), torch.randn(2, 32, 5, 6, dtype=torch.float64)
    first, _, second = block.channel

    def judge(vector: torch.Tensor) -> torch.Tensor:
        return second.weight @ (first.weight @ vector + first.bias).clamp(min=0) + second.bias

    for sample, found in zip(maps, block(maps), strict=True):
        flat = sample.flatten(1)
        scale = 1 / (1 + torch.exp(-(judge(flat.mean(1)) + judge(flat.max(1).values))))
        scaled = sample * scale[:, None, None]
        summary = functional.pad(torch.stack([scaled.mean(0), scaled.max(0).values]), (3, 3, 3, 3))
        for y in range(5):
            for x in range(6):
                window = summary[:, y : y + 7, x : x + 7]
                score = (block.place.weight[0] * window).sum() + block.place.bias[0]
                torch.testing.assert_close(found[:, y, x], scaled[:, y, x] * torch.sigmoid(score))


def test_hidden_layer_never_vanishes() -> None:
    assert CBAM(160).channel[0].out_features == 10
    assert CBAM(8).channel[0].out_features == 1
