"""Frames of a video by number, decoded one after the other; pictures encoded as a video."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

from metafacs.files import written_whole

_KEY_FRAME_EVERY = 12
_QUANTISER = 3
"""MPEG-4's scale of loss, 1 to 31: at 3 no blocks are seen on a face."""

_LAMBDA_PER_QUANTISER = 118


class VideoError(ValueError):
    """A video that cannot be decoded up to the frame asked for; the message names it and says why."""


def decode_frames(path: Path | str, numbers: Sequence[int]) -> Iterator[NDArray[np.uint8]]:
    """Decode some frames of a video in one pass; only one frame is in memory at a time.

    Frame k is the k-th picture the video shows, whatever its time stamps say. The pass starts at the last
    key frame before the first number where the stamps allow that, else at the beginning.

    Args:
        path: The video.
        numbers: 0-based numbers of the frames, ascending; a repeated number is given again.

    Yields:
        ``height x width x 3``, uint8, RGB, one per number.

    Raises:
        VideoError: If the video is missing, damaged or ends too early; frames before that were given.
        ValueError: If the numbers are negative or not ascending.
    """
    path = Path(path)
    if list(numbers) != sorted(numbers) or (len(numbers) and numbers[0] < 0):
        raise ValueError("frame numbers must be 0 or larger and ascending")
    if not len(numbers):
        return
    if not path.is_file():
        raise VideoError(f"{path} does not exist; give the path of a video file")
    done, seen = 0, 0
    try:
        for number, frame in _frames_from(path, numbers[0]):
            seen = number + 1
            if number != numbers[done]:
                continue
            picture = frame.to_ndarray(format="rgb24").astype(np.uint8, copy=False)
            while done < len(numbers) and numbers[done] == number:
                yield picture
                done += 1
            if done == len(numbers):
                return
    except av.FFmpegError as error:
        raise VideoError(f"{path} is damaged after frame {seen} ({error}); copy it again") from error
    raise VideoError(f"{path} ends after {seen} frames; frame number {numbers[done]} is not in it")


def count_frames(path: Path | str) -> int:
    """Return how many frames a video says it holds; nothing is decoded.

    Raises:
        VideoError: If it is missing, damaged or holds no pictures.
    """
    try:
        return len(_stamps(Path(path)))
    except (av.FFmpegError, FileNotFoundError) as error:
        raise VideoError(f"{path} is no video that can be read ({error}); copy it again") from error


def encode_video(path: Path | str, pictures: Iterable[NDArray[np.uint8]], frames_per_second: int) -> None:
    """Encode pictures as MPEG-4 of constant quality, whole or not at all; only one is in memory at a time.

    The same pictures give the same bytes with the same version of the codec.

    Args:
        path: The video; ``.avi`` or ``.mp4`` decides about the container.
        pictures: ``height x width x 3``, uint8, RGB, height and width even and the same for all.
        frames_per_second: Of the video.

    Raises:
        ValueError: If there is no picture, or its sides are odd.
    """
    path = Path(path)
    with (
        written_whole(path) as temporary,
        av.open(
            str(temporary), "w", format=path.suffix.lstrip(".").lower(), options={"fflags": "+bitexact"}
        ) as container,
    ):
        stream: av.VideoStream | None = None
        for picture in pictures:
            if stream is None:
                height, width = picture.shape[:2]
                if height % 2 or width % 2:
                    raise ValueError(f"a video has even sides, not {width} x {height} pixels")
                stream = container.add_stream("mpeg4", rate=frames_per_second)
                stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
                context = stream.codec_context
                context.gop_size, context.thread_count = _KEY_FRAME_EVERY, 1
                context.options = {
                    "flags": "+qscale+bitexact",
                    "global_quality": str(_QUANTISER * _LAMBDA_PER_QUANTISER),
                }
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")
            container.mux(stream.encode(frame))
        if stream is None:
            raise ValueError(f"{path} would be a video without a picture")
        container.mux(stream.encode(None))


def _frames_from(path: Path, first: int) -> Iterator[tuple[int, av.VideoFrame]]:
    """Yield (number, frame) from at most ``first`` on."""
    times = _times(path) if first else None
    if times is not None and first < len(times):
        numbers = {time: number for number, time in enumerate(times)}
        with _open(path) as container:
            frames, head = _seek(container, times[first])
            # A key frame that lies behind, or stamps that decoding changes, cannot be trusted.
            if head is not None and head.pts in numbers and numbers[head.pts] <= first:
                for frame in chain([head], frames):
                    if frame.pts in numbers:
                        yield numbers[frame.pts], frame
                return
    with _open(path) as container:
        yield from enumerate(container.decode(container.streams.video[0]))


def _open(path: Path) -> av.container.InputContainer:
    container = av.open(str(path))
    if not container.streams.video:
        container.close()
        raise VideoError(f"{path} holds no pictures, only other streams; give a video")
    # The set is prepared by one process per core: more threads per video would only wait for each other.
    container.streams.video[0].codec_context.thread_count = 1
    return container


def _times(path: Path) -> list[int] | None:
    """Return the time stamps in the order of showing, or None if they do not tell frames apart."""
    try:
        stamps = _stamps(path)
    except av.FFmpegError:
        return None
    times = [stamp for stamp in stamps if stamp is not None]
    return sorted(times) if len(times) == len(stamps) == len(set(times)) else None


def _stamps(path: Path) -> list[int | None]:
    """Return the time stamp of every frame in the order of the file."""
    with _open(path) as container:
        return [packet.pts for packet in container.demux(container.streams.video[0]) if packet.size]


def _seek(
    container: av.container.InputContainer, time: int
) -> tuple[Iterator[av.VideoFrame], av.VideoFrame | None]:
    """Return the frames from the last key frame before a time on, and the first of them."""
    stream = container.streams.video[0]
    frames = container.decode(stream)
    try:
        container.seek(time, stream=stream)
        return frames, next(frames, None)
    except av.FFmpegError:
        return frames, None
