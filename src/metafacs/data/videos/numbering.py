"""Which packets of a video are frames that a player shows, and when: the one frame numbering."""

from __future__ import annotations

from array import array
from dataclasses import dataclass
from fractions import Fraction

import av
import numpy as np
from av.container import InputContainer
from av.video.stream import VideoStream
from numpy.typing import NDArray

NO_STAMP = -(2**63)
"""Stands for a time stamp that a packet does not have."""

_KEY, _DISCARDED, _CUT = 1, 2, 4
_REORDERED_BY = 40
"""Packets; codecs move a picture by at most 16 places, so that stamps which jump farther are wrong."""

_NOT_CODED = 10
"""Bytes; a smaller packet of MPEG-4 may stand for no picture, or the packet before it holds two."""


@dataclass(frozen=True, eq=False)
class Packets:
    """What the container says of the packets of the pictures, in the order of the file.

    Attributes:
        presentation: Time stamps of showing, in units of ``time_base``.
        decoding: Time stamps of decoding.
        key: Which packets can be decoded without those before.
        shown: Which packets are to be shown: those cut away by an edit list are not.
        cut_off: Whether the last packet is not whole.
        sizes: Bytes.
        promised: Decoding stamps of the packets that the index lists and the file does not hold.
        time_base: Seconds.
        zero: Stamp in seconds at which a player's clock stands at 0.
        rate: Frames per second on average, as the container says; None if it does not.
    """

    presentation: NDArray[np.int64]
    decoding: NDArray[np.int64]
    key: NDArray[np.bool_]
    shown: NDArray[np.bool_]
    cut_off: bool
    sizes: NDArray[np.int64]
    promised: NDArray[np.int64]
    time_base: Fraction
    zero: Fraction | None
    rate: float | None


def read_packets(container: InputContainer, stream: VideoStream, zero: Fraction | None) -> Packets:
    """Read the stamps of all packets of a stream; nothing is decoded.

    Args:
        container: Just opened.
        stream: The pictures.
        zero: See :class:`Packets`.
    """
    stamps, flags, sizes = array("q"), array("b"), array("q")
    codec = stream.codec_context.name
    cut = False
    try:
        for packet in container.demux(stream):
            if not packet.size or _is_hidden(packet, codec):
                continue
            cut = packet.is_corrupt
            stamps.append(NO_STAMP if packet.pts is None else packet.pts)
            stamps.append(NO_STAMP if packet.dts is None else packet.dts)
            flags.append(_KEY * packet.is_keyframe | _DISCARDED * packet.is_discard)
            sizes.append(packet.size)
    except av.FFmpegError:
        # What the damaged end would have held is told by the index, or by nobody.
        cut = True
    presentation, decoding = np.array(stamps, np.int64).reshape(-1, 2).T.copy()
    marks = np.array(flags, np.int64)
    rate = stream.average_rate or stream.base_rate
    return Packets(
        presentation,
        decoding,
        key=(marks & _KEY) > 0,
        shown=(marks & _DISCARDED) == 0,
        cut_off=cut,
        sizes=np.array(sizes, np.int64),
        promised=_promised(container, stream, decoding),
        time_base=Fraction(stream.time_base or Fraction(1, 1000)),
        zero=zero,
        rate=float(rate) if rate else None,
    )


@dataclass(frozen=True, eq=False)
class Numbering:
    """The frames of a video in the order of showing.

    Attributes:
        stamps: Presentation stamp of every frame, ascending.
        times: Seconds on the player's clock.
        held: Which frames the file holds a packet of.
        numbers: Of every packet in the order of the file the number of its frame; -1 if it is not shown.
    """

    stamps: NDArray[np.int64]
    times: NDArray[np.float64]
    held: NDArray[np.bool_]
    numbers: NDArray[np.int64]

    def number_of(self, stamp: int | None) -> int | None:
        """Return the number of the frame with a presentation stamp, or None if no frame has it."""
        if stamp is None:
            return None
        place = int(np.searchsorted(self.stamps, stamp))
        return place if place < len(self.stamps) and self.stamps[place] == stamp else None


def number_frames(packets: Packets, first_shown: int | None) -> Numbering | None:
    """Number the frames by their stamps, or return None where the stamps do not tell them apart.

    Packets before the first key frame, or shown before it, lean on pictures that the file does not hold:
    those that the decoder gives nothing for are no frames.

    Args:
        packets: Of the whole file.
        first_shown: Presentation stamp of the first frame that the decoder gives.
    """
    shown = packets.shown & ~_leading(packets, first_shown)
    stamps = packets.presentation[shown]
    ordered = np.sort(stamps)
    if not len(stamps) or ordered[0] == NO_STAMP or not np.all(np.diff(ordered) > 0):
        return None
    ranks = np.searchsorted(ordered, stamps)
    if np.abs(ranks - np.arange(len(ranks))).max() > _REORDERED_BY:
        return None
    missing = _missing_stamps(packets, ordered)
    every = np.union1d(ordered, missing)
    numbers = np.full(len(packets.presentation), -1, np.int64)
    numbers[shown] = np.searchsorted(every, stamps)
    return Numbering(every, _seconds(every, packets), np.isin(every, ordered), numbers)


def tells_no_order(packets: Packets, format_name: str, reorders: bool, codec: str) -> bool:
    """Return whether stamps that look right cannot be trusted, as in AVI, which knows no showing times.

    Args:
        packets: Of the whole file.
        format_name: FFmpeg's name of the container.
        reorders: Whether the codec shows pictures in another order than it stores them.
        codec: FFmpeg's name of the codec.
    """
    if codec == "mpeg4" and bool((packets.sizes < _NOT_CODED).any()):
        return True
    return format_name == "avi" and reorders and bool(np.all(np.diff(packets.presentation) > 0))


def _is_hidden(packet: av.Packet, codec: str) -> bool:
    """Return whether a packet of VP8 is a picture for the decoder only, as its first byte says."""
    return codec in ("vp8", "libvpx") and not memoryview(packet)[0] & 0x10


def _leading(packets: Packets, first_shown: int | None) -> NDArray[np.bool_]:
    """Return which packets come before the first key frame in the file or in showing."""
    keys = np.flatnonzero(packets.key)
    if not len(keys) or first_shown is None:
        return np.zeros(len(packets.key), np.bool_)
    before = np.arange(len(packets.key)) < keys[0]
    before |= packets.presentation < packets.presentation[keys[0]]
    return before & (packets.presentation < first_shown)


def _promised(
    container: InputContainer, stream: VideoStream, decoding: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Return the decoding stamps of frames that an index lists behind the last packet of the file."""
    last = int(decoding.max()) if len(decoding) else NO_STAMP
    if last == NO_STAMP:
        return np.zeros(0, np.int64)
    if container.format.name == "avi":
        # A stamp of AVI is the number of a frame, and the head says how many there are.
        return np.arange(last + 1, max(last + 1, stream.frames), dtype=np.int64)
    if "mp4" not in container.format.name or not hasattr(stream, "index_entries"):
        return np.zeros(0, np.int64)
    entries = [e.timestamp for e in stream.index_entries if e.timestamp > last and not e.is_discard]
    return np.array(entries, np.int64)


def _missing_stamps(packets: Packets, held: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return presentation stamps for the frames that the file promises and does not hold.

    The stamps of showing of a whole file are its stamps of decoding, moved by a constant; those without a
    packet near them are missing.
    """
    if not len(packets.promised):
        return packets.promised
    known = packets.decoding != NO_STAMP
    first = int(np.flatnonzero(known & packets.shown)[0])
    delay = packets.presentation[first] - packets.decoding[first]
    expected = np.union1d(packets.decoding[known & packets.shown], packets.promised) + delay
    half = max(1, int(np.median(np.diff(expected))) // 2) if len(expected) > 1 else 1
    place = np.searchsorted(held, expected)
    nearest = np.minimum(
        np.abs(held[np.minimum(place, len(held) - 1)] - expected),
        np.abs(held[np.maximum(place - 1, 0)] - expected),
    )
    return expected[(nearest >= half) & (expected > held[0])][-len(packets.promised) :]


def _seconds(stamps: NDArray[np.int64], packets: Packets) -> NDArray[np.float64]:
    zero = int(stamps[0])
    if packets.zero is not None:
        zero = min(zero, round(packets.zero / packets.time_base))
    return np.asarray((stamps - zero) * float(packets.time_base), np.float64)
