"""torchvision's ResNets as backbones. Importing torchvision takes as long as torch itself: only here."""

from __future__ import annotations

from urllib.error import URLError

import torch
import torchvision  # type: ignore[import-untyped]
from torch import Tensor, nn

from metafacs.models.stages import Stage, StagedBackbone


class ResNetBackbone(StagedBackbone):
    """A torchvision ResNet without its classifier; 512 features, pictures of any size.

    Args:
        resnet: A torchvision ResNet; taken over and changed in place.
    """

    def __init__(self, resnet: torchvision.models.ResNet) -> None:
        super().__init__()
        self.feature_width: int = resnet.fc.in_features
        resnet.fc = nn.Identity()
        for module in resnet.modules():
            if isinstance(module, nn.ReLU):
                # Gradients through gradients read activations later, so none may be overwritten.
                module.inplace = False
        self.resnet = resnet

    @property
    def last_stage(self) -> nn.Module:
        """The module whose output is the last map of features."""
        return self.resnet.layer4

    def forward(self, images: Tensor) -> Tensor:
        """Return ``batch x features`` for ``batch x 3 x height x width`` pictures."""
        # CPU convolutions are up to 30 % faster channels last; layers keep the order of their input.
        return self.resnet(images.contiguous(memory_format=torch.channels_last))

    def stem(self, images: Tensor) -> Tensor:
        """Return the maps after the first convolution and max-pooling, a quarter of the picture's size."""
        net = self.resnet
        images = images.contiguous(memory_format=torch.channels_last)
        return net.maxpool(net.relu(net.bn1(net.conv1(images))))

    def split(self) -> tuple[Stage, ...]:
        """Return the four stages of residual blocks, 64, 128, 256 and 512 channels wide."""
        net = self.resnet
        layers = (net.layer1, net.layer2, net.layer3, net.layer4)
        widths = [layer[-1].bn2.num_features for layer in layers]
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
        return ResNetBackbone(build(weights="IMAGENET1K_V1"))
    except (URLError, OSError) as error:
        raise ConnectionError(
            f"the ImageNet weights of {name} could not be downloaded ({error}); put a safetensors copy of "
            "torchvision's state dict on this machine and give its path as weights, or set weights to none"
        ) from error
