"""The network of MTAN: one backbone for all tasks, and per task a mask on the maps of every stage."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

from metafacs.models.stages import staged


def attention(inputs: int, hidden: int, outputs: int) -> nn.Sequential:
    """Return the module that masks the maps of one stage for one task, with values between 0 and 1."""
    return nn.Sequential(
        nn.Conv2d(inputs, hidden, 1, bias=False),
        nn.BatchNorm2d(hidden),
        nn.ReLU(),
        nn.Conv2d(hidden, outputs, 1, bias=False),
        nn.BatchNorm2d(outputs),
        nn.Sigmoid(),
    )


class AttentionNet(nn.Module):
    """A shared backbone from which each task picks its features by attention, many to many.

    Implements the network of section 3 of Liu et al. 2019, "End-to-End Multi-Task Learning with Attention"
    (MTAN), in the form its code has for ResNets: in a stage, the mask of a task is computed from the maps
    before the last block (from the second stage on together with the encoded attended maps of the stage
    before) and multiplied with the maps after it. A residual bottleneck that the tasks share encodes the
    attended maps for the next stage. As in the paper's many-to-many setting, a picture is seen by the
    attention of its own task only; all pictures share one pass, and the statistics of BatchNorm, through the
    shared parts.

    Differs from the code: the encoded maps are max-pooled to whatever size the next stage has, which is half
    where it is strided. On the backbone ``small``, whose later stages are a single convolution, the mask is
    computed from what this convolution reads, and the projection, shared by the tasks, stands for the average
    over the picture.

    Args:
        backbone: A backbone with stages.
        outputs: Task -> number of logits.
    """

    def __init__(self, backbone: nn.Module, outputs: Mapping[str, int]) -> None:
        super().__init__()
        self.backbone = staged(backbone)
        stages = self.backbone.split()
        encoded = (0, *(stage.width for stage in stages[1:]))
        self.attention = nn.ModuleDict(
            {
                task: nn.ModuleList(
                    attention(stage.body_width + more, stage.width // 4, stage.width)
                    for stage, more in zip(stages, encoded, strict=True)
                )
                for task in outputs
            }
        )
        self.encoders = nn.ModuleList(
            _encoder(before.width, after.width) for before, after in pairwise(stages)
        )
        self.heads = nn.ModuleDict(
            {task: nn.Linear(self.backbone.feature_width, count) for task, count in outputs.items()}
        )

    def forward(self, images: Tensor, rows: Mapping[str, slice]) -> dict[str, Tensor]:
        """Return the logits of every task for its pictures, ``picture x output``.

        Args:
            images: ``batch x 3 x height x width``, of all tasks.
            rows: Task -> the pictures that go through its attention.
        """
        maps = self.backbone.stem(images)
        attended: list[Tensor] = []
        for number, stage in enumerate(self.backbone.split()):
            before = stage.body(maps)
            maps = stage.last(before)
            seen = [before[own] for own in rows.values()]
            if attended:
                encoded = self.encoders[number - 1](torch.cat(attended))
                # Numbers for the size, none for the batch: an exported network pools to one size, and takes
                # any batch.
                height, width = int(before.shape[-2]), int(before.shape[-1])
                fitted = functional.adaptive_max_pool2d(encoded, (height, width)).split(
                    [x.shape[0] for x in seen]
                )
                seen = [torch.cat(both, dim=1) for both in zip(seen, fitted, strict=True)]
            attended = [
                self.attention[task][number](x) * maps[own]  # type: ignore[index]
                for (task, own), x in zip(rows.items(), seen, strict=True)
            ]
        features = self.backbone.pool(torch.cat(attended)).split([x.shape[0] for x in attended])
        return {task: self.heads[task](x) for task, x in zip(rows, features, strict=True)}


def _encoder(inputs: int, outputs: int) -> nn.Module:
    # torchvision takes as long to import as torch.
    from torchvision.models.resnet import Bottleneck  # type: ignore[import-untyped]

    shortcut = nn.Sequential(nn.Conv2d(inputs, outputs, 1, bias=False), nn.BatchNorm2d(outputs))
    return Bottleneck(inputs, outputs // Bottleneck.expansion, downsample=shortcut)
