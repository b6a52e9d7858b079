"""The small network of MAML-AU: four 5 x 5 convolutions, made to be adapted from a few pictures."""

from __future__ import annotations

from torch import Tensor, nn


class FewShotBackbone(nn.Module):
    """Four modules of convolution, batch normalisation, ReLU and max-pooling; the last map is flattened.

    The encoder of section 3.1 and Fig. 4 of Lee et al. (MAML-AU). 0.13 million parameters, 0.5 MB.
    Differs from the paper: "5 convolutions" is read as a 5 x 5 kernel, one convolution per module; the
    picture's size, which is not told, is 64 px by default. The last pooling reaches a 4 x 4 map from any
    size: at 64 px it is the 2 x 2 max-pooling of the other modules, at 32 px it changes nothing.

    Args:
        filters: Channels of the four convolutions.
    """

    GRID = 4
    """Height and width of the map that is flattened."""

    def __init__(self, filters: tuple[int, int, int, int] = (64, 48, 32, 16)) -> None:
        super().__init__()
        self.feature_width = filters[-1] * self.GRID**2
        first, second, third, fourth = filters
        self.stages = nn.Sequential(
            *_module(3, first, nn.MaxPool2d(2)),
            *_module(first, second, nn.MaxPool2d(2)),
            *_module(second, third, nn.MaxPool2d(2)),
            *_module(third, fourth, nn.AdaptiveMaxPool2d(self.GRID)),
        )
        self.flatten = nn.Flatten()

    def forward(self, images: Tensor) -> Tensor:
        """Return ``batch x features`` for ``batch x 3 x height x width`` pictures of 32 px or more.

        The memory order of the pictures is kept: channels last is faster, except under double backward.
        """
        return self.flatten(self.stages(images))


def _module(inputs: int, outputs: int, pooling: nn.Module) -> tuple[nn.Module, ...]:
    # ReLU and max-pooling may change places: so ReLU has a quarter of the numbers to go through.
    return nn.Conv2d(inputs, outputs, 5, padding=2), nn.BatchNorm2d(outputs), pooling, nn.ReLU()
