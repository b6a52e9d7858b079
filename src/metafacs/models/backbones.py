"""Backbones: picture in, feature vector out, with an explicit choice of initial weights."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from metafacs.models.face_mesh_trunk import FaceMeshTrunk, read_trunk
from metafacs.models.few_shot import FewShotBackbone
from metafacs.models.initial_weights import packaged_weights, usual_weights
from metafacs.models.small import SmallBackbone
from metafacs.models.timm_backbone import TimmModel, is_timm
from metafacs.plugins import PluginError, Registry
from metafacs.tensor_files import load_tensors

_RESNET_PREFIX, _TIMM_PREFIX = "resnet.", "network."
"""How names begin here whose weights torchvision and timm publish without."""

_IMAGENET_CLASSES = 1000
_NOT_IN_EVERY_FILE = ("num_batches_tracked", "pixel_scale", "pixel_shift")


def _resnet(name: str, *, imagenet: bool = False) -> nn.Module:
    # torchvision takes as long to import as torch, and most detectors do without.
    from metafacs.models.resnet import build_resnet

    return build_resnet(name, imagenet=imagenet)


BACKBONES: dict[str, Callable[[], nn.Module]] = {
    "small": SmallBackbone,
    "facemesh": FaceMeshTrunk,
    "few_shot": FewShotBackbone,
    "resnet18": partial(_resnet, "resnet18"),
    "resnet34": partial(_resnet, "resnet34"),
    "resnet50": partial(_resnet, "resnet50"),
}
"""Name -> function that builds it with random weights."""

_NEEDED = "give a class or a function that needs no arguments and returns a module"


def _needs_no_arguments(found: object) -> bool:
    if not callable(found):
        return False
    try:
        inspect.signature(found).bind()
    except TypeError:
        return False
    except ValueError:
        pass  # Some built in C do not tell.
    return True


_REGISTRY: Registry[Callable[[], nn.Module]] = Registry(
    "backbone",
    "metafacs.backbones",
    BACKBONES,
    lambda found: None if _needs_no_arguments(found) else _NEEDED,
    "--backbone",
)


def find_backbone(name: str, *, named: bool = True) -> Callable[[], nn.Module]:
    """Return what builds a backbone, see :meth:`metafacs.plugins.Registry.find`.

    Raises:
        PluginError: As there, or if the name is none of timm's. That it is one shows when it is built.
    """
    return TimmModel(name) if is_timm(name) else _REGISTRY.find(name, named=named)


@dataclass(frozen=True)
class Backbone:
    """Which backbone a method reads pictures with, and with which weights it starts.

    A backbone maps ``batch x 3 x height x width`` pictures to ``batch x features`` and tells its width in
    ``feature_width``.

    Args:
        name: ``small`` (for CPUs, made for 64 px aligned faces), ``facemesh`` (FaceMesh's trunk, which has
            seen real faces; any size), ``few_shot`` (the network of MAML-AU), ``resnet18``, ``resnet34``,
            ``resnet50``, ``timm:NAME`` for any network of timm, or ``module:Name`` of one of your own, built
            without arguments.
        weights: ``none`` for a random start, ``imagenet`` for torchvision's published weights (ResNets only;
            downloaded once where a network exists), ``pretrained`` for those that timm publishes (downloaded
            once, too), ``faces`` for the packaged weights of ``small``, pre-trained on rendered faces,
            ``mesh`` for the packaged weights of ``facemesh``, MediaPipe's, or the path of a safetensors file
            that holds the backbone's state, torchvision's and timm's names included (the classifier is not
            taken over). Not named: ``mesh`` for ``facemesh``, ``none`` for all others.
            Networks of timm normalise pictures as timm says of them. ResNets normalise pictures by
            ImageNet's mean and standard deviation if their weights come from there, as ``imagenet`` or as a
            file with a classifier ``fc`` of its 1,000 classes, else by .5 and .5; a trained model keeps what
            it has learned with.

    Raises:
        PluginError: If the name cannot be one.
    """

    name: str = "resnet34"
    weights: str = ""

    def __post_init__(self) -> None:
        if is_timm(self.name) or not _REGISTRY.knows(self.name):
            find_backbone(self.name)
        if not self.weights:
            object.__setattr__(self, "weights", usual_weights(self.name))

    @classmethod
    def of(cls, value: Backbone | str | Mapping[str, Any], usual: Backbone | None = None) -> Backbone:
        """Return the backbone that a configuration names; what it leaves out is as ``usual``.

        Another backbone than the usual one starts with its own usual weights.

        >>> Backbone.of({"weights": "faces"}, Backbone("small"))
        Backbone(name='small', weights='faces')
        >>> Backbone.of("facemesh", Backbone("small", "faces"))
        Backbone(name='facemesh', weights='mesh')
        """
        if isinstance(value, Backbone):
            return value
        given = {"name": value} if isinstance(value, str) else dict(value)
        named = usual or cls()
        if given.get("name", named.name) != named.name:
            return cls(**given)
        return cls(**{**asdict(named), **given})

    def build(self) -> nn.Module:
        """Build the network and fill it with the initial weights.

        Raises:
            ValueError: If the weights do not exist for it or do not fit, or what was built is no backbone.
            FileNotFoundError: If ``weights`` is a path that does not exist.
            ConnectionError: If ``imagenet`` or ``pretrained`` is asked for and cannot be downloaded.
            PluginError: If the package of the backbone is not installed.
        """
        if self.weights == "pretrained":
            if not is_timm(self.name):
                raise ValueError(
                    f"pretrained means what timm publishes, and {self.name!r} is not of timm; use none, "
                    "imagenet or a file as weights"
                )
            return TimmModel(self.name).pretrained()
        if self.weights == "imagenet":
            if not self.name.startswith("resnet"):
                raise ValueError(
                    f"there are no ImageNet weights for backbone {self.name!r}; use "
                    f"{'pretrained' if is_timm(self.name) else 'none'} or a file as weights"
                )
            return _resnet(self.name, imagenet=True)
        backbone = find_backbone(self.name)()
        if not isinstance(backbone, nn.Module) or not isinstance(
            getattr(backbone, "feature_width", None), int
        ):
            raise PluginError(
                f"{self.name} is no backbone: it must give a torch module that tells the width of its output "
                "in the attribute feature_width"
            )
        if self.weights != "none":
            path = packaged_weights(self.weights, self.name) or Path(self.weights)
            if self.weights == "mesh":
                # The file holds all of FaceMesh, under the names of the converted graph.
                backbone.load_state_dict({**backbone.state_dict(), **read_trunk(path)})
            else:
                _load_weights(backbone, self.name, path)
        return backbone


RESNET34 = Backbone("resnet34")
"""What MAL, MML and their baselines are published with."""

FEW_SHOT_BACKBONE = Backbone("few_shot")
"""The network of MAML-AU."""

SMALL = Backbone("small")


def _load_weights(backbone: nn.Module, name: str, path: Path) -> None:
    if not path.is_file():
        raise FileNotFoundError(
            f"no weights file at {path}; weights is 'none', 'imagenet', 'pretrained', 'faces', 'mesh' or the "
            "path of a safetensors file"
        )
    _, state = load_tensors(
        path,
        ValueError,
        "copy it again, or convert it once with "
        "safetensors.torch.save_file(torch.load(..., weights_only=True), ...)",
    )
    expected = backbone.state_dict()
    prefix = _RESNET_PREFIX if any(key.startswith(_RESNET_PREFIX) for key in expected) else ""
    prefix = _TIMM_PREFIX if is_timm(name) else prefix
    found: dict[str, Tensor] = {}
    rest = []
    for key, value in state.items():
        full = key if key in expected else prefix + key
        if full in expected:
            found[full] = value
        elif not key.startswith("fc."):
            rest.append(key)
    if rest and is_timm(name):
        classifier = TimmModel(name).classifier_names()
        rest = [key for key in rest if key not in classifier]
    if rest:
        raise ValueError(
            f"{path} holds {rest[0]!r}, which backbone {name!r} does not have: wrong architecture?"
        )
    missing = [key for key in expected if key not in found and not key.endswith(_NOT_IN_EVERY_FILE)]
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
    # Of timm's networks timm says how pictures are normalised.
    if prefix == _RESNET_PREFIX and len(state.get("fc.weight", ())) == _IMAGENET_CLASSES:
        backbone.expect_imagenet_pixels()  # type: ignore[operator]
