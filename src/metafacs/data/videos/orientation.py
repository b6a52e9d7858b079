"""How a picture is turned or mirrored before it is shown, as phones store it beside the video."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from av.sidedata.sidedata import Type
from av.video.frame import VideoFrame
from numpy.typing import NDArray


@dataclass(frozen=True)
class Orientation:
    """What is done to the stored picture: first mirrored, then turned.

    Attributes:
        degrees: Clockwise: 0, 90, 180 or 270.
        mirrored: Whether left and right are exchanged before.
        left_out: Clockwise degrees that are no multiple of 90 and are not applied.
    """

    degrees: int = 0
    mirrored: bool = False
    left_out: float = 0.0

    def __bool__(self) -> bool:
        return bool(self.degrees or self.mirrored)

    def size(self, width: int, height: int) -> tuple[int, int]:
        """Return the width and height at which a stored picture is shown."""
        return (height, width) if self.degrees in (90, 270) else (width, height)

    def describe(self) -> list[str]:
        """Return the sentences that results tell of it; none where nothing is done."""
        sentences: list[str] = []
        if self:
            done = (["mirrored"] if self.mirrored else []) + (
                [f"rotated by {self.degrees} degrees clockwise"] if self.degrees else []
            )
            sentences.append(f"The pictures are {' and '.join(done)}, as the file says.")
        if self.left_out:
            sentences.append(
                f"The file says that players turn it by {self.left_out:.0f} degrees more; only quarter turns "
                "are applied."
            )
        return sentences


def orientation_of(frame: VideoFrame, metadata: dict[str, str]) -> Orientation:
    """Return the orientation from a frame's display matrix, else from the stream's ``rotate`` entry.

    Args:
        frame: A decoded frame; FFmpeg's decoders hand the matrix of the container on with every frame.
        metadata: Of the stream; old files say clockwise degrees there.
    """
    side_data: Any = frame.side_data
    for position in range(len(side_data)):
        if side_data[position].type == Type.DISPLAYMATRIX:
            return _from_matrix(np.frombuffer(bytes(side_data[position]), np.int32))
    said = {key.lower(): value for key, value in metadata.items()}
    try:
        return _from_degrees(float(said.get("rotate", "0")), mirrored=False)
    except ValueError:
        return Orientation()


def _from_matrix(matrix: NDArray[np.int32]) -> Orientation:
    # A stored point (x, y) is shown at (a x + c y, b x + d y), y pointing down.
    a, b, c, d = (float(matrix[place]) for place in (0, 1, 3, 4))
    if not all(map(math.isfinite, (a, b, c, d))) or a * d - b * c == 0:
        return Orientation()
    mirrored = a * d - b * c < 0
    if mirrored:
        a, b = -a, -b
    return _from_degrees(math.degrees(math.atan2(b, a)), mirrored)


def _from_degrees(degrees: float, mirrored: bool) -> Orientation:
    if not math.isfinite(degrees):
        return Orientation()
    quarter = round(degrees / 90)
    left_out = degrees - 90 * quarter
    return Orientation(90 * (quarter % 4), mirrored, left_out if abs(left_out) >= 1 else 0.0)
