from __future__ import annotations

import pytest
import torch
from torch import nn

from metafacs.hypergradient.statistics import frozen_running_statistics


def test_training_mode_uses_the_batch_and_leaves_no_trace() -> None:
    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4))
    images = 5 + torch.randn(4, 3, 8, 8)
    before = {key: value.clone() for key, value in network.state_dict().items()}
    with frozen_running_statistics(network):
        quiet = network(images)
    for key, value in network.state_dict().items():
        torch.testing.assert_close(value, before[key], msg=key)
    torch.testing.assert_close(quiet, network(images))
    assert network[1].num_batches_tracked.item() == 1


def test_evaluation_mode_uses_the_running_statistics() -> None:
    norm = nn.BatchNorm1d(3).eval()
    inputs = 5 + torch.randn(4, 3)
    with frozen_running_statistics(norm):
        torch.testing.assert_close(norm(inputs), inputs / (1 + norm.eps) ** 0.5)


def test_tracking_comes_back_after_an_error() -> None:
    norm = nn.BatchNorm1d(3)
    with pytest.raises(RuntimeError), frozen_running_statistics(norm):
        raise RuntimeError
    assert norm.track_running_stats
