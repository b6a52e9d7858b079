from __future__ import annotations

import torch

from metafacs.models.weight_net import WeightNet


def test_every_weight_starts_at_one_half() -> None:
    for outputs in (1, 2):
        weights = WeightNet(16, outputs)(torch.randn(5, 16))
        torch.testing.assert_close(weights, torch.full((5, outputs), 0.5))


def test_weights_stay_within_zero_and_one_and_move() -> None:
    net = WeightNet(4)
    with torch.no_grad():
        net.linear.weight.fill_(3.0)
    weights = net(torch.randn(50, 4))
    assert ((weights > 0) & (weights < 1)).all()
    assert weights.std() > 0.1
