"""Networks without training logic: backbones, the base net, the meta net that weighs samples."""

from metafacs.models.backbones import BACKBONES, build_backbone
from metafacs.models.networks import BaseNet, Outputs
from metafacs.models.weight_net import WeightNet

__all__ = ["BACKBONES", "BaseNet", "Outputs", "WeightNet", "build_backbone"]
