from __future__ import annotations

import pytest
import torch
from torch import nn

from metafacs.models.backbones import Backbone
from metafacs.models.networks import BaseNet, Outputs


def test_shapes_of_the_outputs() -> None:
    network = BaseNet(Backbone("small").build(), action_units=12, expressions=7)
    outputs = network(torch.randn(3, 3, 64, 64))
    assert isinstance(outputs, Outputs)
    assert outputs.features.shape == (3, network.backbone.feature_width)
    assert outputs.action_units.shape == (3, 12)
    assert outputs.expressions is not None
    assert outputs.expressions.shape == (3, 7)


def test_a_net_without_expression_classifier_says_none() -> None:
    assert BaseNet(Backbone("small").build(), action_units=5)(torch.randn(2, 3, 64, 64)).expressions is None


def test_a_backbone_must_tell_its_width() -> None:
    with pytest.raises(ValueError, match="feature_width"):
        BaseNet(nn.Flatten(), action_units=12)
