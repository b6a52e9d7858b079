"""Backbones: picture in, feature vector out, with an explicit choice of initial weights."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Literal, get_args
from urllib.error import URLError

import torch
import torchvision  # type: ignore[import-untyped]
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from metafacs.models.small import SmallBackbone

BackboneName = Literal["small", "resnet18", "resnet34"]
"""Names accepted by `build_backbone`."""

BACKBONES: tuple[str, ...] = get_args(BackboneName)


class ResNetBackbone(nn.Module):
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


_RESNETS: dict[str, Callable[..., torchvision.models.ResNet]] = {
    "resnet18": torchvision.models.resnet18,
    "resnet34": torchvision.models.resnet34,
}


def build_backbone(name: BackboneName, weights: str | Path | None = "none") -> nn.Module:
    """Build a backbone and fill it with the initial weights asked for.

    Every backbone maps ``batch x 3 x height x width`` pictures to ``batch x features`` and tells its
    width in ``feature_width``.

    Args:
        name: ``small`` (for CPUs, made for 64 px aligned faces), ``resnet18`` or ``resnet34``.
        weights: ``none`` for a random start, ``imagenet`` for torchvision's published weights (ResNets
            only; downloaded once where a network exists), or the path of a safetensors file that holds
            the backbone's state, torchvision's names included (``fc.*`` is ignored).

    Raises:
        ValueError: If the name is unknown, the weights do not exist for it or do not fit.
        FileNotFoundError: If ``weights`` is a path that does not exist.
        ConnectionError: If ``imagenet`` is asked for and cannot be downloaded.
    """
    if name not in BACKBONES:
        raise ValueError(f"unknown backbone {name!r}; choose one of {', '.join(BACKBONES)}")
    choice = "none" if weights is None else str(weights)
    if choice == "imagenet":
        return ResNetBackbone(_download_imagenet(name))
    backbone = SmallBackbone() if name == "small" else ResNetBackbone(_RESNETS[name](weights=None))
    if choice != "none":
        _load_weights(backbone, name, Path(choice))
    return backbone


def _download_imagenet(name: str) -> torchvision.models.ResNet:
    if name not in _RESNETS:
        raise ValueError(f"there are no ImageNet weights for backbone {name!r}; use weights=none or a file")
    try:
        return _RESNETS[name](weights="IMAGENET1K_V1")
    except (URLError, OSError) as error:
        raise ConnectionError(
            f"the ImageNet weights of {name} could not be downloaded ({error}); put a safetensors copy of "
            "torchvision's state dict on this machine and give its path as weights, or set weights=none"
        ) from error


def _load_weights(backbone: nn.Module, name: str, path: Path) -> None:
    if not path.is_file():
        raise FileNotFoundError(
            f"no weights file at {path}; weights is 'none', 'imagenet' or the path of a safetensors file"
        )
    try:
        state = load_file(path)
    except SafetensorError as error:
        raise ValueError(
            f"{path} is not a safetensors file ({error}); convert it once with "
            "safetensors.torch.save_file(torch.load(..., weights_only=True), ...)"
        ) from error
    expected = backbone.state_dict()
    prefix = "resnet." if isinstance(backbone, ResNetBackbone) else ""
    found: dict[str, Tensor] = {}
    for key, value in state.items():
        full = key if key in expected else prefix + key
        if full in expected:
            found[full] = value
        elif not key.startswith("fc."):
            raise ValueError(
                f"{path} holds {key!r}, which backbone {name!r} does not have: wrong architecture?"
            )
    missing = [key for key in expected if key not in found and not key.endswith("num_batches_tracked")]
    if missing:
        raise ValueError(
            f"{path} lacks {len(missing)} of the {len(expected)} tensors of backbone {name!r}, "
            f"first {missing[0]!r}: wrong architecture?"
        )
    for key, value in found.items():
        if value.shape != expected[key].shape:
            raise ValueError(
                f"{path}: {key!r} has shape {tuple(value.shape)}, backbone {name!r} needs "
                f"{tuple(expected[key].shape)}"
            )
    with torch.no_grad():
        backbone.load_state_dict(found, strict=False)
