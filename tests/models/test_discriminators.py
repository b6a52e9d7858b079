from __future__ import annotations

import pytest
import torch

from metafacs.models.discriminators import Discriminators, DomainDiscriminator


def test_at_176_px_the_map_shrinks_as_in_adld() -> None:
    network = DomainDiscriminator(64)
    sides, features = [], torch.randn(2, 64, 44, 44)
    for stage in network.stages:
        features = stage(features)
        sides.append(features.shape[-1])
    assert sides == [22, 11, 5]
    assert features.shape[1] == 128
    assert network.whole(features).shape == (2,)
    # At this size nothing is resampled.
    assert torch.equal(network.whole[0](features), features)


@pytest.mark.parametrize("side", [5, 8, 16, 30])
def test_smaller_maps_get_a_score_too(side: int) -> None:
    scores = DomainDiscriminator(4)(torch.randn(3, 4, side, side))
    assert scores.shape == (3,)
    assert torch.isfinite(scores).all()
    assert scores.std() > 0


def test_each_half_is_judged_by_its_own_discriminator() -> None:
    torch.manual_seed(0)
    both, features = Discriminators(4, 5), torch.randn(6, 4, 8, 8)
    scores = both.domains(features)
    torch.testing.assert_close(scores[:3], both.source(features[:3]))
    torch.testing.assert_close(scores[3:], both.target(features[3:]))
    assert both.landmarks(features).shape == (6, 5, 8, 8)
