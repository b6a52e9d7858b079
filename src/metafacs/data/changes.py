"""The random numbers of a batch's changes: drawn for all of its pictures, used by any share on any device."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from metafacs.data.styles import (
    BEST_QUALITY,
    DICE,
    add_noise,
    blur,
    cast_colour,
    change_light,
    compress,
    make_grey,
)
from metafacs.data.transforms import Augmentation
from metafacs.ranks import Rows

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Changes:
    """What is done to the pictures of a batch after their windows are cut, in this order.

    A kind of change that is off has None and draws no number. Numbers are drawn for all pictures, also for
    those that stay as they are.

    Attributes:
        light: Gains and shifts, ``batch`` each.
        colours: ``batch x 3``, factors of red, green and blue.
        grey: ``batch``, which pictures lose their colour.
        blurred: Which pictures are blurred and by what deviation in pixels, ``batch`` each.
        noise: Standard deviations, ``batch``, and ``DICE x batch x height x width x 3`` whole numbers.
        compressed: Which pictures are compressed and at what quality, ``batch`` each.
    """

    light: tuple[Floats, Floats] | None = None
    colours: Floats | None = None
    grey: NDArray[np.bool_] | None = None
    blurred: tuple[NDArray[np.bool_], NDArray[np.float64]] | None = None
    noise: tuple[Floats, NDArray[np.uint8]] | None = None
    compressed: tuple[NDArray[np.bool_], NDArray[np.int64]] | None = None

    def of(self, rows: Rows) -> Changes:
        """Return the changes of some pictures of the batch."""

        def some(pair: tuple[NDArray, NDArray] | None) -> tuple[NDArray, NDArray] | None:
            return None if pair is None else (pair[0][rows], pair[1][rows])

        return Changes(
            some(self.light),
            None if self.colours is None else self.colours[rows],
            None if self.grey is None else self.grey[rows],
            some(self.blurred),
            None if self.noise is None else (self.noise[0][rows], self.noise[1][:, rows]),
            some(self.compressed),
        )

    @property
    def portable(self) -> bool:
        """Whether every device gives the same: JPEG is the processor's, a GPU rounds sums of blur."""
        return self.blurred is None and self.compressed is None

    def applied(self, pictures: Tensor) -> Tensor:
        """Return changed pictures.

        Args:
            pictures: ``batch x height x width x 3`` uint8, the windows as they were cut; on the processor
                unless the changes are :attr:`portable`.
        """
        if self.light:
            pictures = change_light(pictures, *self.light)
        if self.colours is not None:
            pictures = cast_colour(pictures, self.colours)
        if self.grey is not None:
            pictures = make_grey(pictures, self.grey)
        if self.blurred:
            pictures = blur(pictures, *self.blurred)
        if self.noise:
            pictures = add_noise(pictures, *self.noise)
        if self.compressed:
            pictures = compress(pictures, *self.compressed)
        return pictures


def draw_changes(count: int, size: int, augmentation: Augmentation, rng: np.random.Generator) -> Changes:
    """Draw the changes of a batch, after :func:`metafacs.data.transforms.draw_windows`.

    Args:
        count: Number of pictures.
        size: Side of the windows in pixels.
        augmentation: What to change and how much.
        rng: Random generator; the same state gives the same changes.
    """

    def normal(*shape: int) -> Floats:
        return rng.standard_normal((count, *shape)).astype(np.float32)

    return Changes(
        light=(1 + augmentation.contrast * normal(), augmentation.brightness * normal())
        if augmentation.brightness or augmentation.contrast
        else None,
        colours=1 + augmentation.colour * normal(3) if augmentation.colour else None,
        grey=rng.random(count) < augmentation.grey if augmentation.grey else None,
        blurred=(rng.random(count) < augmentation.blur, augmentation.blur_width * size * rng.random(count))
        if augmentation.blur
        else None,
        noise=(
            augmentation.noise * rng.random(count).astype(np.float32),
            rng.integers(0, 256, (DICE, count, size, size, 3), dtype=np.uint8),
        )
        if augmentation.noise
        else None,
        compressed=(
            rng.random(count) < augmentation.compression,
            rng.integers(augmentation.quality, BEST_QUALITY + 1, count),
        )
        if augmentation.compression
        else None,
    )
