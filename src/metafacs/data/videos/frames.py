"""What a video, a folder of numbered pictures and a camera have in common: frames with number and time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from metafacs.data.videos.selection import EVERY_FRAME, Selection


class VideoError(ValueError):
    """Frames that cannot be had; the message names the file, where it helps the frame, and what to do."""


@dataclass(frozen=True, eq=False)
class Frame:
    """One frame as a player shows it.

    Attributes:
        number: 0-based, in the order of showing; what an edit list cuts away does not count.
        timestamp: Seconds on the player's clock; the first frame is shown at 0.0 unless the sound starts
            before it.
        image: ``height x width x 3``, uint8, RGB, turned as the file says; None where it could not be
            decoded.
        problem: Why there is no image; empty where there is one.
    """

    number: int
    timestamp: float
    image: NDArray[np.uint8] | None
    problem: str = ""


class FrameSource(Protocol):
    """Frames one after the other: a :class:`Video`, a :class:`FrameFolder` or a :class:`Camera`.

    Attributes:
        name: What results call it: the path as given.
        frame_count: Frames from the first to the last; None where only decoding would tell.
        rate: Frames per second on average; None if unknown.
        width: Of the first frame in pixels, after turning.
        height: Of the first frame in pixels, after turning.
        notes: Sentences on what was done and what was lost; complete once the frames have been read.
    """

    name: str
    frame_count: int | None
    rate: float | None
    width: int
    height: int
    notes: list[str]

    def frames(self, numbers: Selection = EVERY_FRAME, start_at: int = 0) -> Iterator[Frame]:
        """Yield the selected frames in order.

        Args:
            numbers: Which frames are taken.
            start_at: Frames with a smaller number are passed over; the others are exactly those, pixels
                included, that a run from the beginning would have given.
        """
        ...
