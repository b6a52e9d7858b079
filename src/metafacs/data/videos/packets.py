"""What a container tells of the pictures of a video before any of them is decoded."""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.container import InputContainer
from av.packet import Packet
from av.stream import Stream
from av.video.stream import VideoStream
from numpy.typing import NDArray

NO_STAMP = -(2**63)
"""Stands for a time stamp that a packet does not have."""

_KEY, _DISCARDED, _FLAGGED = 1, 2, 4
_DAMAGED_PLACES = 100


@dataclass(frozen=True, eq=False)
class Packets:
    """The packets of the pictures in the order of the file, and what the container says of them.

    Attributes:
        presentation: Time stamps of showing, in units of ``time_base``.
        decoding: Time stamps of decoding.
        key: Which packets can be decoded without those before; a damaged one as the index says.
        shown: Which packets are to be shown: those cut away by an edit list are not.
        sizes: Bytes.
        cut_off: Whether the last packet is not whole.
        promised: Decoding stamps of the packets that the index lists and the file does not hold.
        time_base: Seconds.
        sound_start: Seconds at which the first sound starts on the same clock; None without sound.
        rate: Frames per second on average, as the container says; None if it does not.
        container: FFmpeg's name of the container, e.g. ``mov,mp4,m4a,3gp,3g2,mj2``.
        codec: FFmpeg's name of the decoder.
        reorders: Whether pictures are shown in another order than they are stored in.
        seconds_short: By how much the streams end before the container says.
    """

    presentation: NDArray[np.int64]
    decoding: NDArray[np.int64]
    key: NDArray[np.bool_]
    shown: NDArray[np.bool_]
    sizes: NDArray[np.int64]
    cut_off: bool
    promised: NDArray[np.int64]
    time_base: Fraction
    sound_start: Fraction | None
    rate: float | None
    container: str
    codec: str
    reorders: bool
    seconds_short: float

    def __len__(self) -> int:
        return len(self.presentation)


def read_packets(container: InputContainer, stream: VideoStream) -> Packets:
    """Read the stamps of all packets of a stream; nothing is decoded.

    Args:
        container: Just opened.
        stream: The pictures.
    """
    stamps, flags, sizes = array("q"), array("b"), array("q")
    codec, mine = stream.codec_context.name, stream.index
    timed = [*container.streams.video, *container.streams.audio]
    ends = {each.index: 0 for each in timed}
    for packet in read_on(container, *timed):
        shown, decoded, index = packet.pts, packet.dts, packet.stream_index
        if shown is not None:
            ends[index] = max(ends[index], shown + (packet.duration or 0))
        if index != mine or not is_picture(packet, codec):
            continue
        stamps.append(NO_STAMP if shown is None else shown)
        stamps.append(NO_STAMP if decoded is None else decoded)
        flags.append(
            _KEY * packet.is_keyframe | _DISCARDED * packet.is_discard | _FLAGGED * packet.is_corrupt
        )
        sizes.append(packet.size)
    presentation, decoding = np.array(stamps, np.int64).reshape(-1, 2).T.copy()
    marks = np.array(flags, np.int64)
    cut = bool(len(marks)) and bool(marks[-1] & _FLAGGED)
    rate = stream.average_rate or stream.base_rate
    name = container.format.name
    return Packets(
        presentation,
        decoding,
        key=((marks & _KEY) > 0) | _listed_as_key(container, stream, presentation, decoding),
        shown=(marks & _DISCARDED) == 0,
        sizes=np.array(sizes, np.int64),
        cut_off=cut,
        promised=_promised(container, stream, decoding, cut),
        time_base=Fraction(stream.time_base or Fraction(1, 1000)),
        sound_start=_sound_start(container),
        rate=float(rate) if rate else None,
        container=name,
        codec=codec,
        reorders=bool(stream.codec_context.has_b_frames),
        seconds_short=max(
            0.0,
            (container.duration or 0) / av.time_base
            - max(float(container.streams[index].time_base or 0) * end for index, end in ends.items()),
        ),
    )


def read_on(container: InputContainer, *streams: Stream) -> Iterator[Packet]:
    """Read the packets of some streams, beyond places where the container itself is damaged."""
    for _ in range(_DAMAGED_PLACES):
        try:
            yield from container.demux(*streams)
            return
        except av.FFmpegError:
            continue


def is_picture(packet: Packet, codec: str) -> bool:
    """Return whether a packet may give a picture that is shown.

    An empty one stands for the picture before it, and VP8 says in the first byte of a packet that it is a
    picture for the decoder only.
    """
    if not packet.size:
        return False
    return codec not in ("vp8", "libvpx") or bool(memoryview(packet)[0] & 0x10)


def _ends_early(container: InputContainer) -> bool:
    """Return whether an AVI file is shorter than its first bytes say."""
    with Path(container.name.removeprefix("file:")).open("rb") as file:
        said = 8 + int.from_bytes(file.read(8)[4:], "little")
    return int(container.size) < said


def _sound_start(container: InputContainer) -> Fraction | None:
    starts = [
        stream.start_time * Fraction(stream.time_base)
        for stream in container.streams.audio
        if stream.start_time is not None and stream.time_base
    ]
    return min(starts) if starts else None


def _listed_as_key(
    container: InputContainer,
    stream: VideoStream,
    presentation: NDArray[np.int64],
    decoding: NDArray[np.int64],
) -> NDArray[np.bool_]:
    """Return which packets the index lists as key frames: FFmpeg unmarks those whose content is damaged."""
    name = container.format.name
    if not hasattr(stream, "index_entries") or not any(kind in name for kind in ("mp4", "avi", "matroska")):
        return np.zeros(len(decoding), np.bool_)
    listed = [entry.timestamp for entry in stream.index_entries if entry.is_keyframe]
    return np.isin(presentation if "matroska" in name else decoding, listed)


def _promised(
    container: InputContainer, stream: VideoStream, decoding: NDArray[np.int64], cut: bool
) -> NDArray[np.int64]:
    """Return the decoding stamps of frames that an index lists behind the last packet of the file."""
    last = int(decoding.max()) if len(decoding) else NO_STAMP
    if last == NO_STAMP:
        return np.zeros(0, np.int64)
    if container.format.name == "avi":
        # A stamp of AVI is the number of a frame, and the head says how many there are, with those at the end
        # that only repeat the last one.
        total = stream.frames if cut or _ends_early(container) else 0
        return np.arange(last + 1, max(last + 1, total), dtype=np.int64)
    if "mp4" not in container.format.name or not hasattr(stream, "index_entries"):
        return np.zeros(0, np.int64)
    entries = [e.timestamp for e in stream.index_entries if e.timestamp > last and not e.is_discard]
    return np.array(entries, np.int64)
