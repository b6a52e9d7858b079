"""The base net: one backbone, one classifier per task."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor, nn


class Outputs(NamedTuple):
    """What a base net says about a batch of pictures.

    Attributes:
        features: ``batch x features``, the backbone's output.
        action_units: ``batch x au``, logits.
        expressions: ``batch x expression``, logits; None for a net without that classifier.
    """

    features: Tensor
    action_units: Tensor
    expressions: Tensor | None = None


class BaseNet(nn.Module):
    """A backbone followed by parallel linear classifiers for action units and expressions.

    The base net of section 3.2 of Li & Shan 2023 (MAL); both classifiers read the same features.

    Args:
        backbone: Maps pictures to ``batch x features`` and has ``feature_width``.
        action_units: Number of action units.
        expressions: Number of expression classes; None for a net that only detects action units.

    Attributes:
        features: Width of the feature vector.
    """

    def __init__(self, backbone: nn.Module, action_units: int, expressions: int | None = None) -> None:
        super().__init__()
        width = getattr(backbone, "feature_width", None)
        if not isinstance(width, int):
            raise ValueError("a backbone must tell the width of its output in the attribute feature_width")
        self.backbone = backbone
        self.features = width
        self.action_units = nn.Linear(width, action_units)
        self.expressions = None if expressions is None else nn.Linear(width, expressions)

    def backbone_and_heads(self) -> dict[str, list[nn.Parameter]]:
        """Return the parameters as ``backbone`` and ``heads``; together in the order of ``parameters()``."""
        heads = [self.action_units] if self.expressions is None else [self.action_units, self.expressions]
        return {
            "backbone": list(self.backbone.parameters()),
            "heads": [parameter for head in heads for parameter in head.parameters()],
        }

    def forward(self, images: Tensor) -> Outputs:
        """Return features and logits for ``batch x 3 x height x width`` pictures."""
        features = self.backbone(images)
        expressions = None if self.expressions is None else self.expressions(features)
        return Outputs(features, self.action_units(features), expressions)
