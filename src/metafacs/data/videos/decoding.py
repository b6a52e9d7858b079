"""Packets decoded one after the other, damaged ones included; what the first of them tell of a video."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import av
from av.container import InputContainer
from av.packet import Packet
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from metafacs.data.videos.images import is_deep_grey
from metafacs.data.videos.orientation import Orientation, orientation_of
from metafacs.data.videos.packets import is_picture, read_on

_HELD_BACK = 64
"""Frames at most that a decoder gives only once the file has ended."""

_PROBED = 16
_ONE_EACH = 0.7
"""Two packets of one interlaced frame give half a frame each; a decoder that waits gives nearly one."""

_WIDE_RANGE = {16: "PQ", 18: "HLG"}
"""FFmpeg's numbers of the tone curves of high dynamic range."""


@dataclass(frozen=True)
class Decoded:
    """What the decoder made of one packet.

    Attributes:
        packet: The packet; None once the file has ended and the decoder gives what it still holds.
        frames: What it gave in return, in the order of showing.
        error: Why nothing came of the packet; empty where something did.
        patched: Whether the decoder found faults in the packet and covered them up.
    """

    packet: Packet | None
    frames: list[VideoFrame]
    error: str = ""
    patched: bool = False


def decode_packets(packets: Iterable[Packet], stream: VideoStream) -> Iterator[Decoded]:
    """Decode packets of pictures; a damaged one is told and passed over."""
    context = stream.codec_context
    for packet in packets:
        if packet.size:
            yield _decode(context, packet)
    for _ in range(_HELD_BACK):
        try:
            yield Decoded(None, context.decode(None))
            return
        except av.error.EOFError:
            return
        except av.FFmpegError as error:
            yield Decoded(None, [], reason(error))


def reason(error: Exception) -> str:
    """Return what FFmpeg says of an error, without the names of its functions."""
    return str(getattr(error, "strerror", None) or error).lower()


@dataclass(frozen=True)
class Probe:
    """What the first frames of a video tell.

    Attributes:
        width: In pixels, after turning.
        height: In pixels, after turning.
        orientation: How pictures are turned before they are shown.
        stamps: Presentation stamps of the frames in the order in which the decoder gave them, as far as the
            packets are undamaged.
        errors: Packets before the first frame that could not be decoded.
        one_each: Whether every packet gives one frame.
        deep_grey: Whether the pictures are grey of 16 bits.
        remarks: Sentences on the pictures.
    """

    width: int
    height: int
    orientation: Orientation
    stamps: tuple[int | None, ...]
    errors: int
    one_each: bool
    deep_grey: bool
    remarks: tuple[str, ...]


def probe(container: InputContainer, stream: VideoStream) -> Probe | None:
    """Decode the first frames, or return None if no packet of the file can be decoded."""
    first: VideoFrame | None = None
    stamps: list[int | None] = []
    sent = given = errors = 0
    stream.codec_context.thread_count = 1
    codec = stream.codec_context.name
    for decoded in decode_packets(read_on(container, stream), stream):
        if first is None:
            errors += bool(decoded.error)
            first = decoded.frames[0] if decoded.frames else None
        elif decoded.error or sent == _PROBED:
            break
        elif decoded.packet is not None:
            sent += is_picture(decoded.packet, codec) and not decoded.packet.is_discard
            given += len(decoded.frames)
        stamps += [frame.pts for frame in decoded.frames]
    if first is None:
        return None
    orientation = orientation_of(first, stream.metadata)
    width, height = orientation.size(first.width, first.height)
    one_each = sent < _PROBED or _ONE_EACH * sent <= given <= sent / _ONE_EACH
    remarks = (*orientation.describe(), *_remarks(first, stream))
    return Probe(width, height, orientation, tuple(stamps), errors, one_each, is_deep_grey(first), remarks)


@contextmanager
def _counted_faults(context: VideoCodecContext) -> Iterator[Callable[[], int]]:
    """Yield a function that returns how many errors FFmpeg has logged since.

    Nothing else tells of faults that a decoder covers up. The log is silent by default, and only watched for
    the one call: threads of a decoder that log while Python waits for them would wait for each other.
    """
    if context.thread_count > 1:
        yield lambda: 0
        return
    level = av.logging.get_level()
    if level is None:
        av.logging.set_level(av.logging.PANIC)
    before = av.logging.get_last_error()[0]
    try:
        yield lambda: int(av.logging.get_last_error()[0]) - before
    finally:
        if level is None:
            av.logging.set_level(None)


def _decode(context: VideoCodecContext, packet: Packet) -> Decoded:
    try:
        with _counted_faults(context) as faults:
            frames = context.decode(packet)
        return Decoded(packet, frames, patched=faults() > 0)
    except av.error.BlockingIOError as error:
        # After an error the decoder may hold on to what PyAV does not ask it for.
        context.flush_buffers()
        return Decoded(packet, [], reason(error))
    except av.FFmpegError as error:
        return Decoded(packet, [], reason(error))


def _remarks(frame: VideoFrame, stream: VideoStream) -> Iterator[str]:
    shape = stream.sample_aspect_ratio
    if shape and shape != 1:
        yield f"Its pixels are not square ({shape.numerator}:{shape.denominator}); they are left as stored."
    if frame.interlaced_frame:
        yield "It is interlaced: every other line of a frame is from another moment; that is left as stored."
    curve = _WIDE_RANGE.get(int(getattr(frame, "color_trc", 0)))
    if curve:
        yield f"It is of high dynamic range ({curve}), whose tone curve is not applied: colours look pale."
