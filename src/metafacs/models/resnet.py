"""torchvision's ResNets as backbones. Importing torchvision takes as long as torch itself: only here."""

from __future__ import annotations

from urllib.error import URLError

import torch
import torchvision  # type: ignore[import-untyped]
from torch import Tensor, nn

from metafacs.models.stages import Stage, StagedBackbone

IMAGENET_MEAN, IMAGENET_DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""Of red, green and blue in [0, 1]: what torchvision's published weights were trained with."""


class ResNetBackbone(StagedBackbone):
    """A torchvision ResNet without its classifier, for pictures of any size.

    It has 512 features, from ResNet-50 on 2048. How pictures are normalised belongs to its weights and is
    saved with them: pictures come in [-1, 1], which are mean .5 and standard deviation .5, and are scaled and
    shifted to what the weights have learned from.

    Args:
        resnet: A torchvision ResNet; taken over and changed in place.
    """

    pixel_scale: Tensor
    pixel_shift: Tensor

    def __init__(self, resnet: torchvision.models.ResNet) -> None:
        super().__init__()
        self.feature_width: int = resnet.fc.in_features
        resnet.fc = nn.Identity()
        for module in resnet.modules():
            if isinstance(module, nn.ReLU):
                # Gradients through gradients read activations later, so none may be overwritten.
                module.inplace = False
        self.resnet = resnet
        self.register_buffer("pixel_scale", torch.ones(3, 1, 1))
        self.register_buffer("pixel_shift", torch.zeros(3, 1, 1))

    def expect_imagenet_pixels(self) -> None:
        """Normalise pictures by ImageNet's mean and standard deviation from now on."""
        mean, deviation = (torch.tensor(c)[:, None, None] for c in (IMAGENET_MEAN, IMAGENET_DEVIATION))
        self.pixel_scale.copy_(0.5 / deviation)
        self.pixel_shift.copy_((0.5 - mean) / deviation)

    @property
    def last_stage(self) -> nn.Module:
        """The module whose output is the last map of features."""
        return self.resnet.layer4

    def forward(self, images: Tensor) -> Tensor:
        """Return ``batch x features`` for ``batch x 3 x height x width`` pictures."""
        return self.resnet(self._normalised(images))

    def stem(self, images: Tensor) -> Tensor:
        """Return the maps after the first convolution and max-pooling, a quarter of the picture's size."""
        net = self.resnet
        return net.maxpool(net.relu(net.bn1(net.conv1(self._normalised(images)))))

    def _normalised(self, images: Tensor) -> Tensor:
        # CPU convolutions are up to 30 % faster channels last; layers keep the order of their input.
        return images.contiguous(memory_format=torch.channels_last) * self.pixel_scale + self.pixel_shift

    def split(self) -> tuple[Stage, ...]:
        """Return the four stages of residual blocks, 64 to 512 channels wide, or four times that."""
        net = self.resnet
        layers = (net.layer1, net.layer2, net.layer3, net.layer4)
        widths = [layer[-1].conv1.in_channels for layer in layers]
        return tuple(
            Stage(layer[:-1], layer[-1], width, width) for layer, width in zip(layers, widths, strict=True)
        )

    def pool(self, maps: Tensor) -> Tensor:
        """Return ``batch x features``: the maps averaged over the picture."""
        return torch.flatten(self.resnet.avgpool(maps), 1)


def build_resnet(name: str, *, imagenet: bool) -> ResNetBackbone:
    """Return a ResNet by torchvision's name, at random or with torchvision's published weights.

    Raises:
        ConnectionError: If the weights are asked for and cannot be downloaded.
    """
    build = getattr(torchvision.models, name)
    if not imagenet:
        return ResNetBackbone(build(weights=None))
    try:
        backbone = ResNetBackbone(build(weights="IMAGENET1K_V1"))
    except (URLError, OSError) as error:
        raise ConnectionError(
            f"the ImageNet weights of {name} could not be downloaded ({error}); put a safetensors copy of "
            "torchvision's state dict on this machine and give its path as weights, or set weights to none"
        ) from error
    backbone.expect_imagenet_pixels()
    return backbone
