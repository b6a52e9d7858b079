"""FaceMesh's trunk as a backbone: what a network that has seen real faces knows before it places points."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from metafacs.models.stages import SequentialBackbone, Stage
from metafacs.tensor_files import REINSTALL, load_tensors

TRUNK_OUTPUT = 179
"""Number of the trunk's last map in the converted graph: what the landmark head reads."""

WIDTHS = (16, 32, 64, 128, 128, 128)
"""Channels of the six stages, whose maps are 96, 48, 24, 12, 6 and 3 pixels wide."""


class FaceMeshTrunk(SequentialBackbone):
    """The convolutions of MediaPipe's FaceMesh up to the map that its landmark head reads, flattened.

    Three blocks per size, each a depthwise and a pointwise convolution beside a shortcut (BlazeBlocks of
    Bazarevsky et al. 2019). 0.17 million parameters, 0.7 MB. The last map, 128 x 3 x 3, is flattened: an
    average over it would forget whether a fold was at the brows or at the mouth. Its values lie around 4, so
    they are normalised over the batch, without scale or shift; linear classifiers learn slowly otherwise.

    Pictures of any size are resized to FaceMesh's 192 px, without smoothing: crops should not be much larger.
    The square in which landmark detection looks at a face is about 1.3 times as wide as the project's usual
    crop, around the same centre; a store prepared with ``--alignment.box_enlarge 3.7`` shows the same.

    Attributes:
        feature_width: 1152.
    """

    SIZE = 192
    """Side of the pictures that FaceMesh was trained on."""

    def __init__(self) -> None:
        super().__init__()
        self.feature_width = WIDTHS[-1] * 9
        self.entry = nn.Sequential(
            nn.ZeroPad2d(_AS_TENSORFLOW), nn.Conv2d(3, WIDTHS[0], 3, stride=2), nn.PReLU(WIDTHS[0])
        )
        stages = [nn.Sequential(*(Block(WIDTHS[0], WIDTHS[0]) for _ in range(2)))]
        for before, width in pairwise(WIDTHS):
            stages.append(
                nn.Sequential(Block(before, width, halve=True), *(Block(width, width) for _ in range(2)))
            )
        self.stages = nn.Sequential(*stages)
        self.flatten = nn.Flatten()
        self.norm = nn.BatchNorm1d(self.feature_width, affine=False)

    def stem(self, images: Tensor) -> Tensor:
        """Return ``batch x 16 x 96 x 96``; FaceMesh takes pictures in [0, 1], 192 px wide."""
        light = images.contiguous(memory_format=torch.channels_last) * 0.5 + 0.5
        sized = functional.interpolate(light, size=(self.SIZE, self.SIZE), mode="bilinear")
        return self.entry(sized)

    def split(self) -> tuple[Stage, ...]:
        """Return the six stages: all blocks of one size of the maps, the halving one first."""
        return tuple(
            Stage(stage[:-1], stage[-1], width, width)  # type: ignore[index]
            for stage, width in zip(self.stages, WIDTHS, strict=True)
        )

    def pool(self, maps: Tensor) -> Tensor:
        """Return ``batch x 1152``: the 3 x 3 maps flattened and normalised."""
        return self.norm(self.flatten(maps))


class Block(nn.Module):
    """A depthwise and a pointwise convolution beside a shortcut, added and rectified.

    Args:
        inputs: Channels of the maps that it reads.
        outputs: Channels of its own; those that the shortcut lacks are zero there.
        halve: Halve height and width, which must be even.
    """

    def __init__(self, inputs: int, outputs: int, *, halve: bool = False) -> None:
        super().__init__()
        more = outputs - inputs
        self.pad: nn.Module = nn.ZeroPad2d(_AS_TENSORFLOW) if halve else nn.Identity()
        self.depthwise = nn.Conv2d(
            inputs, inputs, 3, stride=2 if halve else 1, padding=0 if halve else 1, groups=inputs
        )
        self.pointwise = nn.Conv2d(inputs, outputs, 1)
        self.shortcut = nn.Sequential(
            nn.MaxPool2d(2) if halve else nn.Identity(),
            # Padding of three axes is padding of channels, height and width.
            nn.ZeroPad3d((0, 0, 0, 0, 0, more)) if more else nn.Identity(),
        )
        self.activation = nn.PReLU(outputs)

    def forward(self, maps: Tensor) -> Tensor:
        """Return ``batch x outputs x height x width``, halved or not."""
        return self.activation(self.shortcut(maps) + self.pointwise(self.depthwise(self.pad(maps))))


_AS_TENSORFLOW = (0, 1, 0, 1)
"""Left, right, top, bottom: where TensorFlow pads even maps before a convolution of stride 2."""


def read_trunk(path: Path) -> dict[str, Tensor]:
    """Return the parameters of a :class:`FaceMeshTrunk` from FaceMesh's converted graph.

    Args:
        path: The file that ``scripts/convert_face_models.py`` wrote.

    Returns:
        Name -> tensor, float32; the values are the file's.
    """
    header, stored = load_tensors(path, ValueError, REINSTALL)
    if header is None:
        raise ValueError(f"{path} holds no graph; {REINSTALL}")
    needed = {TRUNK_OUTPUT}
    for step in reversed(header["steps"]):
        needed.update(step["inputs"] if step["output"] in needed else ())
    # The graph lists its operators in the order in which the trunk runs them.
    tensors = [
        stored[step[role]].float()
        for step in header["steps"]
        if step["output"] in needed
        for role in ("weight", "bias", "slope")
        if role in step
    ]
    with torch.device("meta"):
        names = [name for name, _ in FaceMeshTrunk().named_parameters()]
    return dict(zip(names, tensors, strict=True))
