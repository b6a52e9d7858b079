"""Backbones seen as stages: what attention inside a network and matching between networks work on."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import NamedTuple

from torch import Tensor, nn


class Stage(NamedTuple):
    """The blocks of a backbone that work at one size of the maps.

    Attributes:
        body: All blocks but the last one.
        last: The last block.
        body_width: Channels of the maps after the body.
        width: Channels of the maps after the last block.
    """

    body: nn.Module
    last: nn.Module
    body_width: int
    width: int


class StagedBackbone(ABC, nn.Module):
    """A backbone whose forward pass is stem, stages and pooling one after the other.

    Attributes:
        feature_width: Width of the feature vector.
    """

    feature_width: int

    @abstractmethod
    def stem(self, images: Tensor) -> Tensor:
        """Return the maps the first stage reads, for ``batch x 3 x height x width`` pictures."""

    @abstractmethod
    def split(self) -> tuple[Stage, ...]:
        """Return the stages: views of the backbone's own modules, nothing is copied."""

    @abstractmethod
    def pool(self, maps: Tensor) -> Tensor:
        """Return ``batch x features`` for the maps of the last stage."""


class SequentialBackbone(StagedBackbone):
    """A backbone whose stages lie in one module, one after the other.

    Attributes:
        stages: All of them, between stem and pooling.
    """

    stages: nn.Sequential

    @property
    def last_stage(self) -> nn.Module:
        """The module whose output is the last map of features."""
        return self.stages

    def forward(self, images: Tensor) -> Tensor:
        """Return ``batch x features`` for ``batch x 3 x height x width`` pictures in [-1, 1]."""
        return self.pool(self.stages(self.stem(images)))


def staged(backbone: nn.Module) -> StagedBackbone:
    """Return the backbone after checking that it has stages.

    Raises:
        ValueError: If it has none.
    """
    if not isinstance(backbone, StagedBackbone):
        raise ValueError(
            f"{type(backbone).__name__} does not tell its stages; choose the backbone small, facemesh, "
            "resnet18, resnet34 or resnet50"
        )
    return backbone


def stage_maps(backbone: StagedBackbone, images: Tensor) -> tuple[Tensor, ...]:
    """Return the maps after each stage, ``batch x channel x height x width``."""
    maps = [backbone.stem(images)]
    for stage in backbone.split():
        maps.append(stage.last(stage.body(maps[-1])))
    return tuple(maps[1:])
