"""Matching of maps against loops over pairs, pictures, channels and pixels."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from metafacs.models.backbones import Backbone
from metafacs.models.matching import MatchedNet, TransferWeights, matching_loss
from metafacs.models.stages import stage_maps

WIDTHS = (32, 64, 128)


def test_distances_are_mean_squares_per_channel_in_the_order_of_pairs() -> None:
    torch.manual_seed(0)
    net = MatchedNet(Backbone("small").build(), 4, WIDTHS).eval()
    images = torch.randn(2, 3, 32, 32)
    teacher = [torch.randn(2, width, 8, 8) for width in WIDTHS]
    with torch.no_grad():
        matched = net(images, teacher)
        own = stage_maps(net.backbone, images)
    assert matched.action_units.shape == (2, 4)
    pairs = [(m, n) for m in range(3) for n in range(3)]
    assert len(matched.distances) == len(net.matching) == 9
    for (m, n), convolution, found in zip(pairs, net.matching, matched.distances, strict=True):
        assert found.shape == (2, WIDTHS[m])
        if own[n].shape[-1] == 8:  # the teacher's size: nothing is resized
            weight, bias = (p.detach().double().numpy() for p in (convolution.weight, convolution.bias))
            maps, other = own[n].double().numpy(), teacher[m].double().numpy()
            for picture in range(2):
                for channel in (0, WIDTHS[m] - 1):
                    total = 0.0
                    for y, x in np.ndindex(8, 8):
                        imitated = weight[channel, :, 0, 0] @ maps[picture, :, y, x] + bias[channel]
                        total += (imitated - other[picture, channel, y, x]) ** 2
                    assert float(found[picture, channel]) == pytest.approx(total / 64, rel=1e-4)


def test_constant_teacher_maps_stay_constant_at_any_size() -> None:
    torch.manual_seed(0)
    net = MatchedNet(Backbone("small").build(), 1, (4,)).eval()
    for convolution in net.matching:
        torch.nn.init.zeros_(convolution.weight)
        torch.nn.init.zeros_(convolution.bias)
    with torch.no_grad():
        distances = net(torch.randn(1, 3, 44, 44), [torch.full((1, 4, 7, 7), 3.0)]).distances
    assert all(torch.allclose(d, torch.full((1, 4), 9.0)) for d in distances)


def test_without_teacher_maps_there_are_no_distances() -> None:
    assert MatchedNet(Backbone("small").build(), 1, WIDTHS).eval()(torch.randn(1, 3, 32, 32)).distances == ()


def test_all_channels_start_alike_and_all_pairs_near_one() -> None:
    torch.manual_seed(0)
    nets = TransferWeights((8, 16), 3)
    maps = [torch.randn(5, 8, 4, 4), torch.randn(5, 16, 2, 2)]
    channels, pairs = nets(maps)
    assert [c.shape for c in channels] == [(5, 8)] * 3 + [(5, 16)] * 3
    assert all(torch.allclose(c, torch.full_like(c, 1 / c.shape[1])) for c in channels)
    assert pairs.shape == (5, 6)
    assert (pairs - 1).abs().max() < 1
    torch.testing.assert_close(nets([torch.zeros_like(m) for m in maps])[1], torch.ones(5, 6))


def test_pair_weights_are_cut_to_zero_to_six() -> None:
    nets = TransferWeights((1,), 2)
    for pair, bias in zip(nets.pairs, (-3.0, 50.0), strict=True):
        torch.nn.init.constant_(pair.bias, bias)
    assert nets([torch.zeros(1, 1, 2, 2)])[1].tolist() == [[0.0, 6.0]]


def test_the_matching_loss_by_hand() -> None:
    distances = [torch.tensor([[1.0, 3.0], [2.0, 2.0]]), torch.tensor([[4.0], [8.0]])]
    channels = [torch.tensor([[0.5, 0.5], [0.25, 0.75]]), torch.ones(2, 1)]
    pairs = torch.tensor([[1.0, 2.0], [3.0, 0.0]])
    # (1 * 2 + 2 * 4 + 3 * 2 + 0 * 8) / 2 pictures
    assert float(matching_loss(distances, channels, pairs)) == 8.0
