"""Decoded pictures as RGB arrays, turned as the file says."""

from __future__ import annotations

from fractions import Fraction

import av
import numpy as np
from av.video.format import VideoFormat
from av.video.frame import VideoFrame
from av.video.reformatter import VideoReformatter
from numpy.typing import NDArray

from metafacs.data.videos.orientation import Orientation
from metafacs.faces.pixels import depth_of

_TURNED_AS_STORED = ("yuv420p", "yuvj420p", "yuv444p", "yuvj444p")
"""Pixel formats that give the same colours whether they are turned before or after the conversion."""

_DEEP_GREY = ("gray16le", "gray16be")
"""Pixel formats with room for 16 bits, into which cameras write values of 10 to 14 as they are."""


class ImageReader:
    """Converts the pictures of one video; one converter is kept, since each holds megabytes.

    Args:
        orientation: How pictures are turned.
        depth: Bits per pixel of grey of 16 bits; 0 for as many as the brightest pixel so far needs.
    """

    def __init__(self, orientation: Orientation, depth: int = 0) -> None:
        self._orientation = orientation
        self._depth, self._is_told = depth, bool(depth)
        self._reformatter = VideoReformatter()
        self._turning: tuple[str, int, int] | None = None
        self._graph: av.filter.Graph | None = None

    def read(self, frame: VideoFrame) -> NDArray[np.uint8]:
        """Return the picture, ``height x width x 3``, uint8, RGB.

        The colour matrix and the range are those that the video names; a video that names none is taken as
        FFmpeg takes it, as BT.601 of limited range. Grey of 16 bits is scaled by its depth, as that of
        pictures is: see :func:`metafacs.faces.pixels.rgb_pixels`.
        """
        if is_deep_grey(frame):
            if not self._is_told:
                self._depth = max(self._depth, depth_of(brightest(frame)))
            frame = _scaled_by_depth(frame, self._depth)
        if not self._orientation:
            return self._rgb(frame)
        # FFmpeg turns a picture ten times faster than numpy, and half as many bytes before the conversion.
        if frame.format.name in _TURNED_AS_STORED:
            return self._rgb(self._turned(frame))
        return self._rgb(self._turned(self._reformatter.reformat(frame, format="rgb24", threads=1)))

    def _rgb(self, frame: VideoFrame) -> NDArray[np.uint8]:
        image = self._reformatter.reformat(frame, format="rgb24", threads=1).to_ndarray()
        return np.ascontiguousarray(image, np.uint8)

    def _turned(self, frame: VideoFrame) -> VideoFrame:
        kind = (frame.format.name, frame.width, frame.height)
        if self._graph is None or kind != self._turning:
            self._graph, self._turning = _turning_graph(*kind, self._orientation), kind
        self._graph.vpush(frame)
        return self._graph.vpull()


def is_deep_grey(frame: VideoFrame) -> bool:
    """Return whether the values of a frame may have fewer bits than there is room for."""
    return frame.format.name in _DEEP_GREY


def brightest(frame: VideoFrame) -> int:
    """Return the largest value of a frame of grey of 16 bits."""
    return int(frame.to_ndarray().max())


def _scaled_by_depth(frame: VideoFrame, depth: int) -> VideoFrame:
    scale = 255 / ((1 << depth) - 1)
    grey = (frame.to_ndarray() * np.float32(scale)).round().clip(max=255).astype(np.uint8)
    return VideoFrame.from_ndarray(np.repeat(grey[:, :, None], 3, axis=2), format="rgb24")


def _turning_graph(pixels: str, width: int, height: int, orientation: Orientation) -> av.filter.Graph:
    graph = av.filter.Graph()
    last = graph.add_buffer(
        width=width, height=height, format=VideoFormat(pixels), time_base=Fraction(1, 1000)
    )
    filters = [("hflip", "")] if orientation.mirrored else []
    filters += {
        0: [],
        90: [("transpose", "clock")],
        180: [("hflip", ""), ("vflip", "")],
        270: [("transpose", "cclock")],
    }[orientation.degrees]
    for name, argument in [*filters, ("buffersink", "")]:
        following = graph.add(name, argument)
        last.link_to(following)
        last = following
    graph.configure()
    return graph
