"""Frames of a video file by number, decoded one after the other: the one decoder."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from av.video.frame import VideoFrame
from av.video.reformatter import VideoReformatter
from numpy.typing import NDArray

from metafacs.data.videos.containers import clock_zero, open_video
from metafacs.data.videos.frames import Frame, VideoError
from metafacs.data.videos.numbering import number_frames, read_packets
from metafacs.data.videos.orientation import orientation_of
from metafacs.data.videos.selection import EVERY_FRAME, Selection


class Video:
    """The frames of a video file.

    Args:
        path: Any file that FFmpeg decodes.
        threads: Of the decoder; more than one only helps where no other process needs the cores.

    Raises:
        VideoError: If the file cannot be read, or none of its frames can be decoded.
    """

    def __init__(self, path: Path | str, *, threads: int = 1) -> None:
        self.path, self.name, self.notes = Path(path), str(path), list[str]()
        self._threads = threads
        with open_video(self.path) as (container, stream):
            packets = read_packets(container, stream, clock_zero(container))
        with open_video(self.path) as (container, stream):
            first = next(container.decode(stream))
            self._orientation = orientation_of(first, stream.metadata)
            self.notes += self._orientation.describe()
            self.height, self.width = self._orientation.apply(
                np.zeros((first.height, first.width, 1), np.uint8)
            ).shape[:2]
        numbering = number_frames(packets, first.pts)
        if numbering is None:
            raise VideoError(f"{path} has no usable stamps")
        self._numbering = numbering
        self.frame_count: int | None = len(numbering.stamps)
        self.rate: float | None = packets.rate

    def frames(self, numbers: Selection = EVERY_FRAME, start_at: int = 0) -> Iterator[Frame]:
        """Yield the selected frames in order; see :class:`FrameSource`."""
        times = self._numbering.times
        chosen = numbers.choose(range(len(times)), times.__getitem__)
        yield from self.at([number for number in chosen if number >= start_at])

    def at(self, numbers: Sequence[int]) -> Iterator[Frame]:
        """Yield the frames with some ascending numbers."""
        wanted = list(numbers)
        reformatter = VideoReformatter()
        with open_video(self.path) as (container, stream):
            stream.codec_context.thread_count = self._threads
            for frame in container.decode(stream):
                number = self._numbering.number_of(frame.pts)
                while wanted and number is not None and wanted[0] <= number:
                    taken = wanted.pop(0)
                    time = float(self._numbering.times[taken])
                    if taken < number:
                        yield Frame(taken, time, None, "it could not be decoded")
                    else:
                        yield Frame(taken, time, self._rgb(frame, reformatter))
                if not wanted:
                    return
        for taken in wanted:
            yield Frame(taken, float(self._numbering.times[taken]), None, "it could not be decoded")

    def _rgb(self, frame: VideoFrame, reformatter: VideoReformatter) -> NDArray[np.uint8]:
        image = reformatter.reformat(frame, format="rgb24", threads=1).to_ndarray()
        return self._orientation.apply(image.astype(np.uint8, copy=False))


def decode_frames(path: Path | str, numbers: Sequence[int]) -> Iterator[NDArray[np.uint8]]:
    """Decode some frames of a video in one pass; only one frame is in memory at a time.

    Args:
        path: The video.
        numbers: 0-based numbers of the frames, ascending; a repeated number is given again.

    Yields:
        ``height x width x 3``, uint8, RGB, one per number.

    Raises:
        VideoError: If the video is missing, damaged or ends too early; frames before that were given.
        ValueError: If the numbers are negative or not ascending.
    """
    if list(numbers) != sorted(numbers) or (len(numbers) and numbers[0] < 0):
        raise ValueError("frame numbers must be 0 or larger and ascending")
    if not len(numbers):
        return
    video = Video(path)
    count = video.frame_count or 0
    for frame in video.at([number for number in numbers if number < count]):
        if frame.image is None:
            raise VideoError(f"{path}: frame {frame.number} is damaged ({frame.problem}); copy it again")
        yield frame.image
    for number in numbers:
        if number >= count:
            raise VideoError(f"{path} ends after {count} frames; frame number {number} is not in it")


def count_frames(path: Path | str) -> int:
    """Return how many frames a video holds.

    Raises:
        VideoError: If it is missing, damaged or holds no pictures.
    """
    return Video(path).frame_count or 0
