"""Where a backbone starts: the packaged weights, their file, and what a run says of them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import nn

from metafacs.files import digest_of_file
from metafacs.models.timm_backbone import TimmModel, is_timm
from metafacs.tensor_files import save_tensors

FORMAT = "metafacs-backbone-1"
PACKAGED: dict[tuple[str, str], str] = {
    ("faces", "small"): "small_faces.safetensors",
    ("mesh", "facemesh"): "facemesh.safetensors",
}
"""Choice and backbone -> file in the package; see docs/pretraining.md for what it learned."""

USUAL: dict[str, str] = {"facemesh": "mesh"}
"""Backbone -> the weights it starts with if none are named, where that is not ``none``."""


def usual_weights(backbone: str) -> str:
    """Return the weights that a backbone starts with if nobody names others.

    >>> usual_weights("facemesh"), usual_weights("small")
    ('mesh', 'none')
    """
    return USUAL.get(backbone, "none")


def packaged_weights(choice: str, backbone: str) -> Path | None:
    """Return the packaged file that a choice of initial weights stands for, None if it stands for none.

    Raises:
        ValueError: If there are such weights, but for other backbones.
    """
    fitting = [name for kind, name in PACKAGED if kind == choice]
    if not fitting:
        return None
    if backbone not in fitting:
        raise ValueError(
            f"the packaged weights {choice!r} are for the backbone {' or '.join(fitting)}, not for "
            f"{backbone!r}; choose that backbone, or weights=none, imagenet, pretrained or a file"
        )
    return Path(__file__).with_name("assets") / PACKAGED[choice, backbone]


def describe_weights(choice: str, backbone: str) -> dict[str, object]:
    """Return what a run says of its initial weights: the choice, without folders, and the file's hash.

    Args:
        choice: As for :class:`metafacs.models.backbones.Backbone`.
        backbone: Name of the backbone.

    Returns:
        ``choice``, of a path only the file's name, and ``sha256``, the first 16 hexadecimal digits; None for
        ``none`` and for torchvision's weights. Of a network of timm the version, and of its published
        weights where they come from and their licence, see
        :meth:`metafacs.models.timm_backbone.TimmModel.source`.

    Raises:
        ValueError: If there are such packaged weights, but for other backbones.
    """
    network = TimmModel(backbone) if is_timm(backbone) else None
    source = {} if network is None else network.source()
    if choice == "pretrained" and network is not None:
        return {"choice": choice, "sha256": digest_of_file(network.pretrained_file())[:16], **source}
    known = {name: value for name, value in source.items() if name == "timm"}
    if choice in ("none", "imagenet"):
        return {"choice": choice, "sha256": None, **known}
    packaged = packaged_weights(choice, backbone)
    return {
        "choice": choice if packaged else Path(choice).name,
        "sha256": digest_of_file(packaged or Path(choice))[:16],
        **known,
    }


def save_weights(path: Path | str, backbone: nn.Module, description: Mapping[str, object]) -> None:
    """Write a backbone's state in half precision, with a description of what it learned.

    Args:
        path: The safetensors file.
        backbone: The trained backbone.
        description: Plain data for JSON.

    Raises:
        ValueError: If a weight is not finite, in half precision.
        OSError: If the file cannot be written.
    """
    state = {
        name: value.detach().to(torch.float16)
        for name, value in backbone.state_dict().items()
        if value.is_floating_point()
    }
    save_tensors(path, state, {"format": FORMAT, **description})
