"""Networks of the package timm as backbones. The package is imported only when one is built."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _NormBase

from metafacs.hub import WEIGHTS, fetch
from metafacs.models.hard_sigmoid import with_second_derivatives
from metafacs.plugins import PluginError
from metafacs.tensor_files import load_tensors

PREFIX = "timm:"
"""How the name of a backbone of timm begins."""

# No source, no path: timm would go to the network, or into a folder, for 'hf-hub:' and 'local-dir:'.
_NAME = re.compile(rf"{PREFIX}([A-Za-z0-9_]+(?:\.[A-Za-z0-9_-]+)?)", re.ASCII)


def is_timm(name: object) -> bool:
    """Return whether a backbone's name is one of timm's, without importing it."""
    return isinstance(name, str) and name.startswith(PREFIX)


class TimmBackbone(nn.Module):
    """A network of timm without its classifier: pictures in, its pooled features out.

    How pictures are normalised belongs to the network and is saved with it: pictures come in [-1, 1] and are
    scaled and shifted to what timm says that its published weights have learned from.

    Args:
        network: Built by timm without a classifier; taken over and changed in place.
        mean: Of red, green and blue in [0, 1], as timm says.
        deviation: Of the same.

    Attributes:
        feature_width: Width of the feature vector.

    Raises:
        ValueError: If virtual passes would move statistics that the network keeps.
    """

    pixel_scale: Tensor
    pixel_shift: Tensor

    def __init__(self, network: nn.Module, mean: tuple[float, ...], deviation: tuple[float, ...]) -> None:
        super().__init__()
        _refuse_own_statistics(network)
        self.network = with_second_derivatives(network)
        width = getattr(network, "head_hidden_size", None) or network.num_features
        assert isinstance(width, int)
        self.feature_width: int = width
        centre, spread = (torch.tensor(values)[:, None, None] for values in (mean, deviation))
        self.register_buffer("pixel_scale", 0.5 / spread)
        self.register_buffer("pixel_shift", (0.5 - centre) / spread)

    @property
    def last_stage(self) -> nn.Module:
        """The module whose output is the last map of features."""
        stages: Any = self.network.feature_info
        module: str = stages[-1]["module"]
        return self.network.get_submodule(module)

    def forward(self, images: Tensor) -> Tensor:
        """Return ``batch x features`` for ``batch x 3 x height x width`` pictures in [-1, 1]."""
        features: Tensor = self.network(images * self.pixel_scale + self.pixel_shift)
        return features


@dataclass(frozen=True)
class TimmModel:
    """Which network of timm, and how to build it.

    Attributes:
        name: ``timm:`` and timm's name, e.g. ``timm:resnet18d``; behind a dot the tag of published weights.

    Raises:
        PluginError: If the name cannot be one.
    """

    name: str

    def __post_init__(self) -> None:
        if _NAME.fullmatch(self.name) is None:
            raise PluginError(
                f"the backbone {self.name!r} names no network of timm; write timm: and a name of its list, "
                "e.g. timm:resnet18d"
            )

    def __call__(self) -> TimmBackbone:
        """Return the network with random weights."""
        return self._built()

    def pretrained(self) -> TimmBackbone:
        """Return the network with the weights that timm publishes, downloaded unless they are here already.

        Raises:
            ValueError: If it publishes none that can be read.
            ConnectionError: If they cannot be downloaded.
        """
        path = self.pretrained_file()
        _, state = load_tensors(path, ValueError, f"delete {path} to download it again")
        # timm fits the state to the network: older names, another classifier.
        return self._built(state)

    def pretrained_file(self) -> Path:
        """Return the file of the published weights; raises as :meth:`pretrained`."""
        source = self.source()
        if not source["repository"]:
            raise ValueError(
                f"timm publishes no weights for {self.name} as {WEIGHTS}; name another tag behind "
                "a dot, or use none or a safetensors file as weights"
            )
        try:
            return fetch(str(source["repository"]), WEIGHTS).path
        except ConnectionError as error:
            raise ConnectionError(
                f"the weights of {self.name} are not on this machine: {error}; a safetensors copy of them is "
                "named by its path as weights, and weights=none starts at random"
            ) from error

    def source(self) -> dict[str, object]:
        """Return where weights and architecture come from, as plain data.

        Returns:
            ``timm``, the version; ``repository`` on the Hub with the published weights, None without any;
            ``licence`` of these weights as timm states it, ``unknown`` if it does not.
        """
        timm, config = self._known()
        published = config.hf_hub_id if config.has_weights and not config.hf_hub_filename else None
        return {
            "timm": timm.__version__,
            "repository": published,
            "licence": config.license or "unknown",
        }

    def classifier_names(self) -> set[str]:
        """Return the names of the tensors that the network has with its classifier only."""
        timm, _ = self._known()
        bare = self._created(timm, num_classes=0)
        return timm.create_model(self._own_name).state_dict().keys() - bare.state_dict().keys()

    @property
    def _own_name(self) -> str:
        return self.name.removeprefix(PREFIX)

    def _built(self, state: Mapping[str, Tensor] | None = None) -> TimmBackbone:
        timm, config = self._known()
        options: dict[str, Any] = {"num_classes": 0}
        if state is not None:
            options |= {"pretrained": True, "pretrained_cfg_overlay": {"state_dict": dict(state)}}
        network = self._created(timm, **options)
        for module in network.modules():
            # The fused kernel of attention has no second derivative; and gradients through gradients read
            # activations later, so that none may be overwritten.
            for switch in ("fused_attn", "inplace"):
                if getattr(module, switch, False) is True:
                    setattr(module, switch, False)
        try:
            return TimmBackbone(network, config.mean, config.std)
        except ValueError as error:
            raise PluginError(f"the backbone {self.name} {error}") from error

    def _created(self, timm: ModuleType, **options: Any) -> nn.Module:
        try:
            if self._known()[1].fixed_input_size:
                # The size is that of the store, not of the pictures of ImageNet.
                options["dynamic_img_size"] = True
            network: nn.Module = timm.create_model(self._own_name, **options)
        except TypeError as error:
            raise PluginError(
                f"the backbone {self.name} reads pictures of one size only, and not that of aligned faces "
                f"({error}); choose another one"
            ) from error
        return network

    def _known(self) -> tuple[ModuleType, Any]:
        """Return timm and what it says of the network.

        Raises:
            PluginError: If timm is not installed or does not know the network.
        """
        try:
            import timm
        except ModuleNotFoundError as error:
            raise PluginError(
                f"the backbone {self.name} needs a package that is not installed: pip install "
                "'metafacs[timm]'"
            ) from error
        own, _, tag = self._own_name.partition(".")
        if not timm.is_model(own):
            near = difflib.get_close_matches(own, timm.list_models(), 3)
            hint = f"; near are {', '.join(near)}" if near else ""
            raise PluginError(f"timm {timm.__version__} has no network {own}{hint}")
        try:
            config = timm.get_pretrained_cfg(self._own_name, allow_unregistered=False)
        except RuntimeError as error:
            tags = [name.partition(".")[2] for name in timm.list_pretrained(f"{own}.*")]
            raise PluginError(
                f"timm {timm.__version__} says nothing of {own} with the tag {tag or 'of its own'}; it has "
                f"{', '.join(tags) or 'none'}"
            ) from error
        return timm, config


def _refuse_own_statistics(network: nn.Module) -> None:
    for module in network.modules():
        kept = [name for name, _ in module.named_buffers(recurse=False) if name.startswith("running_")]
        if kept and not isinstance(module, _NormBase):
            raise ValueError(
                f"keeps statistics in {type(module).__name__} that meta-learning would move; choose one with "
                "ordinary batch normalisation"
            )
