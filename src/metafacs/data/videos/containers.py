"""Video files opened: which stream holds the pictures, and what is wrong where none can be read."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import av
from av.container import InputContainer
from av.video.stream import VideoStream

from metafacs.data.videos.frames import VideoError

VIDEO_SUFFIXES = (
    *(".avi", ".mp4", ".mov", ".mkv", ".m4v", ".wmv", ".mpg", ".webm"),
    *(".mpeg", ".mts", ".m2ts", ".3gp", ".flv", ".ogv", ".asf", ".mxf", ".vob", ".dv"),
)
"""File name endings of videos, lower case."""

_CONTAINERS = (
    *("mov", "avi", "matroska", "asf", "mpeg", "mpegts", "flv", "ogg", "mxf", "dv"),
    *("mpegvideo", "m4v", "h264", "hevc", "mjpeg", "ivf", "obu", "nut", "yuv4mpegpipe", "gif"),
)
"""FFmpeg's names of the containers and bare streams that are read. A playlist is none of them."""

_INSIDE_THE_FILE = {"format_whitelist": ",".join(_CONTAINERS), "protocol_whitelist": "file"}
"""Options without which a file named like a video could make FFmpeg open others, also of the net."""

MOST_PIXELS = 8192 * 8192
"""Pixels of the largest frame that is decoded; a decoder may hold two dozen of them."""

_MOVIE_BOXES = (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip")


@contextmanager
def open_video(path: Path) -> Iterator[tuple[InputContainer, VideoStream]]:
    """Open a video file and choose the stream whose pictures a player would show.

    Raises:
        VideoError: If the file is missing, empty, cut off before its index, of no kind that FFmpeg reads, or
            without pictures.
    """
    if not path.is_file():
        what = "is a folder, not a video" if path.is_dir() else "does not exist"
        raise VideoError(f"{path} {what}; give the path of a video file")
    if path.stat().st_size == 0:
        raise VideoError(f"{path} is empty (0 bytes); copy or download it again")
    try:
        container = open_container(path)
    except PermissionError as error:
        raise VideoError(f"{path} may not be read ({error.strerror}); change its permissions") from None
    except (av.FFmpegError, OSError) as error:
        raise VideoError(_what_is_wrong(path, error)) from error
    with container:
        stream = _stream_of(container, path)
        _limit_frames(stream, path)
        yield container, stream


def open_container(path: Path) -> InputContainer:
    """Open a file as one of the known containers, so that nothing but this file is read.

    Raises:
        av.FFmpegError, OSError: If it is none.
    """
    return av.open(address(path), metadata_errors="replace", options=_INSIDE_THE_FILE)


def address(path: Path) -> str:
    """Return a path as FFmpeg takes it: ``10:30.mp4`` would name a protocol of the net otherwise."""
    return f"file:{path}"


def picture_streams(container: InputContainer) -> list[VideoStream]:
    """Return the streams of moving pictures: cover art and thumbnails are none."""
    still = av.stream.Disposition.attached_pic | av.stream.Disposition.timed_thumbnails
    return [stream for stream in container.streams.video if not stream.disposition & still]


def _stream_of(container: InputContainer, path: Path) -> VideoStream:
    streams = picture_streams(container)
    if not streams:
        kinds = {stream.type for stream in container.streams}
        if container.streams.video:
            raise VideoError(f"{path} holds no moving pictures, only sound with a cover; give a video")
        what = "only sound" if kinds == {"audio"} else "only other streams"
        raise VideoError(f"{path} holds no pictures, {what}; give a video")
    best = container.streams.best("video")
    stream = next((each for each in streams if best is not None and each.index == best.index), streams[0])
    if stream.codec_context is None:
        raise VideoError(f"{path} is coded in a way that FFmpeg cannot decode; convert it to MP4 (H.264)")
    return stream


def _limit_frames(stream: VideoStream, path: Path) -> None:
    """Refuse frames that take too much memory, those that a decoder meets later included."""
    context = stream.codec_context
    if context.width * context.height > MOST_PIXELS:
        raise VideoError(
            f"{path} has frames of {context.width} x {context.height} pixels, and at most {MOST_PIXELS:,} "
            "are read; make it smaller first"
        )
    context.options = {**context.options, "max_pixels": str(MOST_PIXELS)}


def _what_is_wrong(path: Path, error: Exception) -> str:
    with path.open("rb") as file:
        boxes = set(_top_level_boxes(file))
    if b"mdat" in boxes and b"moov" not in boxes:
        return (
            f"{path} was cut off or its recording never finished: the index at its end (moov) is missing; "
            "copy it again, or let a repair tool rebuild the index"
        )
    reason = getattr(error, "strerror", None) or error
    if isinstance(error, av.ArgumentError):
        # So FFmpeg refuses what it knows and what is not among the known containers.
        reason = "it is a playlist, a picture or of a rare kind"
    return f"{path} is no video that can be read ({reason}); copy it again or convert it to MP4"


def _top_level_boxes(file: BinaryIO) -> Iterator[bytes]:
    """Yield the kinds of the boxes of an MP4 or QuickTime file; of another file nothing."""
    while True:
        start = file.tell()
        head = file.read(16)
        kind = head[4:8]
        if len(head) < 8 or (start == 0 and kind not in _MOVIE_BOXES):
            return
        yield kind
        size = int.from_bytes(head[:4], "big")
        if size == 1:
            size = int.from_bytes(head[8:16], "big")
        if size < 8:
            return
        file.seek(start + size)
