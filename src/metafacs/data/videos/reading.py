"""Frames of a video by number, decoded from the last key frame before them where that gives the same."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import av
import numpy as np
from av.container import InputContainer
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from numpy.typing import NDArray

from metafacs.data.videos.containers import open_video
from metafacs.data.videos.decoding import decode_packets
from metafacs.data.videos.numbering import Numbering
from metafacs.data.videos.packets import NO_STAMP, Packets, is_picture, read_on
from metafacs.data.videos.remarks import Findings

_LATE = 4
"""Frames; decoders that guess the order of showing give a frame by one or two places too late."""

_LEANING = (2, 3)
"""FFmpeg's numbers of the kinds of picture, P and B, that lean on others."""

_WORTH_A_JUMP = 16
"""Packets; fewer are decoded in less time than it takes to jump over them."""


@dataclass(frozen=True, eq=False)
class Place:
    """One frame before its pixels are converted.

    Attributes:
        number: Of the frame.
        seconds: When it is shown.
        picture: As decoded; None where that failed.
        problem: Why it failed.
    """

    number: int
    seconds: float
    picture: VideoFrame | None
    problem: str


class NumberedReader:
    """Reads frames of a video whose stamps tell their numbers.

    Args:
        path: The video.
        packets: Of its pictures.
        numbering: Of its frames.
        threads: Of the decoder, as long as nothing is damaged.
        findings: Collects what is damaged.
    """

    def __init__(
        self, path: Path, packets: Packets, numbering: Numbering, threads: int, findings: Findings
    ) -> None:
        self._path, self._packets, self._numbering = path, packets, numbering
        self._threads, self._findings = threads, findings

    def read(self, wanted: NDArray[np.int64]) -> Iterator[Place]:
        """Yield some frames; what lies between them is passed over where that is quicker.

        Args:
            wanted: Their numbers, ascending, each once.
        """
        done, threads, jumps = 0, self._threads, True
        while done < len(wanted):
            with open_video(self._path) as (container, stream):
                use_threads(stream, threads)
                try:
                    while done < len(wanted):
                        for place in self._pass(container, stream, wanted[done:], jumps):
                            yield place
                            done += 1
                except _NotFromHereError:
                    threads, jumps = 1, False

    def _pass(
        self, container: InputContainer, stream: VideoStream, wanted: NDArray[np.int64], jumps: bool
    ) -> Iterator[Place]:
        """Decode from the last possible place on; ends early where the next frame is far ahead."""
        numbering = self._numbering
        # What hides damage copies from the frames before, which a run from the beginning would have: one key
        # frame more gives nearly always the same. For single frames far apart that would take too long.
        dense = len(wanted) > 1 and wanted[1] - wanted[0] < _WORTH_A_JUMP
        start = numbering.start_for(wanted[0], spare=int(dense)) if jumps else 0
        packets = read_on(container, stream)
        if start >= _WORTH_A_JUMP:
            packets, start = self._jump(container, stream, start)
        else:
            start = 0
        waiting: dict[int, VideoFrame] = {}
        errors: dict[int, str] = {}
        done, newest, place = 0, -1, start - 1
        doubtful = start > 0 or stream.codec_context.thread_count > 1
        first = int(numbering.numbers[start]) if start else 0
        head = first if start else len(numbering.stamps)
        for decoded in decode_packets(self._whole(packets, start), stream):
            if decoded.packet is not None and is_picture(decoded.packet, self._packets.codec):
                place += 1
                if doubtful and decoded.packet.size != self._packets.sizes[place]:
                    raise _NotFromHereError
                if decoded.error:
                    errors.update(self._consequences(stream, place, decoded.error))
                if decoded.patched and numbering.numbers[place] >= first:
                    if doubtful:
                        raise _NotFromHereError
                    self._findings.patched.add(int(numbering.numbers[place]))
            for picture in decoded.frames:
                shown = numbering.number_of(picture.pts)
                if shown is None or shown in errors or not numbering.held[shown]:
                    continue
                if shown >= head:
                    # Where a picture is renewed bit by bit, what is marked as key frame leans on others.
                    if shown != head or int(picture.pict_type) in _LEANING:
                        raise _NotFromHereError
                    head = len(numbering.stamps)
                newest = max(newest, shown)
                if shown >= wanted[done] and _is_in(wanted, shown):
                    waiting[shown] = picture
            while wanted[done] in waiting or wanted[done] + _LATE <= newest:
                number = int(wanted[done])
                yield self._place(number, waiting.pop(number, None), errors, doubtful)
                done += 1
                if done == len(wanted):
                    return
            if jumps and done and numbering.start_for(wanted[done]) > place + _WORTH_A_JUMP:
                return
        for number in wanted[done:].tolist():
            yield self._place(number, waiting.pop(number, None), errors, doubtful)

    def _whole(self, packets: Iterator[Packet], start: int) -> Iterator[Packet]:
        """Yield the packets that were there when the video was opened; one that was cut off spoils others."""
        left = len(self._packets) - self._packets.cut_off - start
        for packet in packets:
            left -= is_picture(packet, self._packets.codec)
            if left < 0:
                return
            yield packet

    def _place(
        self, number: int, picture: VideoFrame | None, errors: dict[int, str], doubtful: bool
    ) -> Place:
        numbering = self._numbering
        if doubtful and (picture is None or picture.is_corrupt) and numbering.held[number]:
            # A jump may have taken from the decoder what this frame leans on, and threads hide damage.
            raise _NotFromHereError
        problem = ""
        if picture is None:
            problem = errors.get(number, "its packet is damaged or leans on a frame that is lost")
            if not numbering.held[number]:
                problem = "the file ends before or within it"
        return Place(number, float(numbering.times[number]), picture, problem)

    def _consequences(self, stream: VideoStream, place: int, error: str) -> dict[int, str]:
        """Return the numbers of the frames that a damaged packet takes away, and why.

        They are its own frame and, if it is a key frame, all those up to the next one: they would be
        patched together from pictures of another scene.
        """
        if stream.codec_context.thread_count > 1:
            # Several threads tell of an error late, so that it is not known which packet is damaged.
            raise _NotFromHereError
        numbering, key = self._numbering, self._packets.key
        own = int(numbering.numbers[place])
        problems = {own: error}
        self._findings.damaged.add(own)
        if key[place]:
            following = np.flatnonzero(key[place + 1 :])
            end = place + 1 + int(following[0]) if len(following) else len(key)
            for number in numbering.numbers[place + 1 : end].tolist():
                problems[number] = f"it leans on key frame {own}, which is damaged"
        return problems

    def _jump(
        self, container: InputContainer, stream: VideoStream, start: int
    ) -> tuple[Iterator[Packet], int]:
        """Return the packets from a key frame on that is not behind ``start``, and its place."""
        numbering, stamps = self._numbering, self._packets.presentation
        for target in (stamps[start], self._packets.decoding[start]):
            if target == NO_STAMP:
                continue
            try:
                container.seek(int(target), stream=stream)
            except (av.FFmpegError, OSError):
                continue
            packets = read_on(container, stream)
            head = next((p for p in packets if p.is_keyframe and is_picture(p, self._packets.codec)), None)
            if head is None or head.pts is None:
                continue
            reached = numbering.starts[stamps[numbering.starts] == head.pts]
            if len(reached) == 1 and reached[0] <= start:
                return chain([head], packets), int(reached[0])
        raise _NotFromHereError


class _NotFromHereError(Exception):
    """The frames must be decoded from the beginning of the file, by one thread."""


def use_threads(stream: VideoStream, threads: int) -> None:
    """Let a decoder that was not used yet work with some threads."""
    stream.codec_context.thread_count = threads
    stream.codec_context.thread_type = "AUTO" if threads > 1 else "SLICE"


def _is_in(ascending: NDArray[np.int64], number: int) -> bool:
    place = int(np.searchsorted(ascending, number))
    return place < len(ascending) and bool(ascending[place] == number)
