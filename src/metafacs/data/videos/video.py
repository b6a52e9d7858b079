"""A video file as frames by number: the one decoder."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain, pairwise
from pathlib import Path

import av
import numpy as np
from av.container import InputContainer
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from numpy.typing import NDArray

from metafacs.data.videos.containers import open_video, picture_streams
from metafacs.data.videos.decoding import Probe, decode_packets, probe
from metafacs.data.videos.frames import Frame, VideoError
from metafacs.data.videos.images import ImageReader
from metafacs.data.videos.numbering import Numbering, clock_zero, number_frames
from metafacs.data.videos.packets import NO_STAMP, Packets, is_picture, read_on, read_packets
from metafacs.data.videos.remarks import losses, remarks_on
from metafacs.data.videos.selection import EVERY_FRAME, Selection

_LATE = 4
"""Frames; decoders that guess the order of showing give a frame by one or two places too late."""

_LEANING = (2, 3)
"""FFmpeg's numbers of the kinds of picture, P and B, that lean on others."""

_WORTH_A_JUMP = 16
"""Packets; fewer are decoded in less time than it takes to jump over them."""

_Place = tuple[int, float, VideoFrame | None, str]
"""Number, seconds, the decoded picture or None, and what is wrong."""


class Video:
    """The frames of a video file: any that FFmpeg decodes.

    A frame's number is its place in the order in which a player shows them: what an edit list cuts away does
    not count. A frame whose packet is damaged, or that the file promises and does not hold, keeps its number
    and comes without an image. Times are the container's, not multiples of a rate.

    Where the stamps do not tell frames apart or do not tell their order (raw H.264, H.264 with B-frames in
    AVI, two packets per interlaced frame), frames are counted as they are decoded; then ``frame_count`` is
    None.

    Args:
        path: The file.
        threads: Of the decoder; more than one only helps where no other process needs the cores.

    Attributes:
        path: The file.
        name: The path as given.
        frame_count: How many frames it has.
        rate: Frames per second on average.
        width: Of the first frame in pixels, after turning.
        height: Of the first frame in pixels, after turning.
        notes: Sentences on what was done and lost.
        clock_zero: Seconds on the file's own clock at which the times of frames are 0.

    Raises:
        VideoError: If the file cannot be read, or none of its frames can be decoded.
    """

    def __init__(self, path: Path | str, *, threads: int = 1) -> None:
        self.path, self.name = Path(path), str(path)
        self._threads = threads
        with open_video(self.path) as (container, stream):
            packets = read_packets(container, stream)
            streams = len(picture_streams(container))
        with open_video(self.path) as (container, stream):
            first = probe(container, stream)
        if first is None:
            what = f"none of its {len(packets)} frames can be decoded" if len(packets) else "holds no frame"
            raise VideoError(f"{path}: {what}; copy it again or convert it to MP4")
        self._packets, self._probe = packets, first
        self._numbering = _trusted_numbering(packets, first)
        self.width, self.height = first.width, first.height
        self.frame_count: int | None = None if self._numbering is None else len(self._numbering.stamps)
        self.rate: float | None = _rate(packets, self._numbering)
        self.clock_zero = self._stamp_of_zero() * float(packets.time_base)
        self._opening_notes = remarks_on(packets, first, self._numbering, streams)
        self.notes: list[str] = list(self._opening_notes)
        self._lost: set[int] = set()
        self._damaged: set[int] = set()
        self._flagged: set[int] = set()
        self._resized: int | None = None

    def frames(self, numbers: Selection = EVERY_FRAME, start_at: int = 0) -> Iterator[Frame]:
        """Yield the selected frames in order.

        Args:
            numbers: Which frames are taken.
            start_at: Frames with a smaller number are passed over; the others are exactly those, pixels
                included, that a run from the beginning would have given.
        """
        if self._numbering is None:
            chosen = numbers.choose(self._counted(), lambda place: place[1])
            yield from self._images(place for place in chosen if place[0] >= start_at)
            return
        times = self._numbering.times
        taken = np.fromiter(numbers.choose(range(len(times)), times.__getitem__), np.int64)
        yield from self._images(self._numbered(taken[taken >= start_at]))

    def at(self, numbers: Sequence[int]) -> Iterator[Frame]:
        """Yield the frames with some numbers.

        Args:
            numbers: Ascending; a repeated number is given again.

        Raises:
            VideoError: If the video ends before one of them; the frames before were given.
            ValueError: If the numbers are negative or not ascending.
        """
        wanted = list(numbers)
        if wanted != sorted(wanted) or (wanted and wanted[0] < 0):
            raise ValueError("frame numbers must be 0 or larger and ascending")
        count, done = self.frame_count, 0
        inside = np.unique([number for number in wanted if count is None or number < count])
        places = self._counted() if self._numbering is None else self._numbered(inside)
        for frame in self._images(_repeated(places, wanted)):
            yield frame
            done += 1
        if done < len(wanted):
            count = self._last_counted + 1 if count is None else count
            raise VideoError(
                f"{self.path} ends after {count} frames; frame number {wanted[done]} is not in it"
            )

    def _images(self, places: Iterator[_Place]) -> Iterator[Frame]:
        reader = ImageReader(self._probe.orientation)
        given: Frame | None = None
        try:
            for number, seconds, picture, problem in places:
                if given is None or given.number != number:
                    image = None if picture is None else reader.read(picture)
                    given = Frame(number, seconds, image, problem)
                    self._remember(given, picture)
                yield given
        finally:
            self.notes[:] = self._opening_notes + losses(
                self._packets, self._numbering, self._lost, self._damaged, self._flagged, self._resized
            )

    def _remember(self, frame: Frame, picture: VideoFrame | None) -> None:
        if frame.image is None:
            self._lost.add(frame.number)
        elif picture is not None and picture.is_corrupt:
            self._flagged.add(frame.number)
        if frame.image is not None and frame.image.shape[:2] != (self.height, self.width):
            self._resized = frame.number if self._resized is None else min(self._resized, frame.number)

    def _numbered(self, wanted: NDArray[np.int64]) -> Iterator[_Place]:
        """Yield some frames; passes over what lies between them where that is quicker."""
        done, threads, jumps = 0, self._threads, True
        while done < len(wanted):
            with open_video(self.path) as (container, stream):
                _use_threads(stream, threads)
                try:
                    for place in self._pass(container, stream, wanted[done:], jumps):
                        yield place
                        done += 1
                except _NotFromHereError:
                    threads, jumps = 1, False

    def _pass(
        self, container: InputContainer, stream: VideoStream, wanted: NDArray[np.int64], jumps: bool
    ) -> Iterator[_Place]:
        """Decode from the last possible place on; ends early where the next frame is far ahead."""
        numbering = self._numbering
        assert numbering is not None
        start = numbering.start_for(wanted[0]) if jumps else 0
        packets = read_on(container, stream)
        if start >= _WORTH_A_JUMP:
            packets, start = self._jump(container, stream, start)
        else:
            start = 0
        waiting: dict[int, VideoFrame] = {}
        errors: dict[int, str] = {}
        done, newest, place = 0, -1, start - 1
        head = int(numbering.numbers[start]) if start else len(numbering.stamps)
        for decoded in decode_packets(packets, stream):
            if decoded.packet is not None and is_picture(decoded.packet, self._packets.codec):
                place += 1
                if decoded.error:
                    errors.update(self._consequences(stream, place, decoded.error))
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
                yield self._place(number, waiting.pop(number, None), errors, start)
                done += 1
                if done == len(wanted):
                    return
            if jumps and done and numbering.start_for(wanted[done]) > place + _WORTH_A_JUMP:
                return
        for number in wanted[done:].tolist():
            yield self._place(number, waiting.pop(number, None), errors, start)

    def _place(self, number: int, picture: VideoFrame | None, errors: dict[int, str], start: int) -> _Place:
        numbering = self._numbering
        assert numbering is not None
        if start and (picture is None or picture.is_corrupt) and numbering.held[number]:
            # It may be the jump that took from the decoder what this frame leans on.
            raise _NotFromHereError
        problem = ""
        if picture is None:
            problem = errors.get(number, "its packet is damaged or leans on a frame that is lost")
            if not numbering.held[number]:
                problem = "the file ends before or within it"
        return number, float(numbering.times[number]), picture, problem

    def _consequences(self, stream: VideoStream, place: int, error: str) -> dict[int, str]:
        """Return the numbers of the frames that a damaged packet takes away, and why.

        They are its own frame and, if it is a key frame, all those up to the next one: they would be
        patched together from pictures of another scene.
        """
        if stream.codec_context.thread_count > 1:
            # Several threads tell of an error late, so that it is not known which packet is damaged.
            raise _NotFromHereError
        numbering, key = self._numbering, self._packets.key
        assert numbering is not None
        own = int(numbering.numbers[place])
        problems = {own: error}
        self._damaged.add(own)
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
        assert numbering is not None
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

    def _stamp_of_zero(self) -> int:
        first = self._probe.stamps[0] if self._numbering is None else int(self._numbering.stamps[0])
        return 0 if first is None else clock_zero(self._packets, first)

    def _counted(self) -> Iterator[_Place]:
        """Yield all frames as the decoder gives them, where stamps do not tell their numbers."""
        packets, first = self._packets, self._probe
        stamped, zero = _ascending(first.stamps), self._stamp_of_zero()
        tick, step = float(packets.time_base), 1 / (packets.rate or 25)
        seconds = -step
        self._last_counted = -1
        with open_video(self.path) as (container, stream):
            _use_threads(stream, 1)
            for decoded in decode_packets(read_on(container, stream), stream):
                shown: list[VideoFrame | None] = list(decoded.frames)
                if decoded.error and decoded.packet is not None and not decoded.packet.is_discard:
                    shown.append(None)
                for picture in shown:
                    self._last_counted += 1
                    seconds += step
                    if stamped and picture is not None and picture.pts is not None:
                        stamp = (picture.pts - zero) * tick
                        seconds = stamp if stamp > seconds - step else seconds
                    yield self._last_counted, seconds, picture, "" if picture is not None else decoded.error


class _NotFromHereError(Exception):
    """The frames must be decoded from the beginning of the file, by one thread."""


def decode_frames(path: Path | str, numbers: Sequence[int]) -> Iterator[NDArray[np.uint8]]:
    """Decode some frames of a video in one pass; only a few frames are in memory at a time.

    Args:
        path: The video.
        numbers: 0-based numbers of the frames, ascending; a repeated number is given again.

    Yields:
        ``height x width x 3``, uint8, RGB, one per number.

    Raises:
        VideoError: If the video is missing or ends too early, or one of the frames is damaged; frames before
            that were given.
        ValueError: If the numbers are negative or not ascending.
    """
    if not len(numbers):
        return
    if list(numbers) != sorted(numbers) or numbers[0] < 0:
        raise ValueError("frame numbers must be 0 or larger and ascending")
    for frame in Video(path).at(numbers):
        if frame.image is None:
            raise VideoError(f"{path} is damaged at frame {frame.number} ({frame.problem}); copy it again")
        yield frame.image


def count_frames(path: Path | str) -> int:
    """Return how many frames a video has; they are only decoded where its stamps do not tell.

    Raises:
        VideoError: If it is missing, damaged or holds no pictures.
    """
    video = Video(path)
    return sum(1 for _ in video._counted()) if video.frame_count is None else video.frame_count


def _trusted_numbering(packets: Packets, first: Probe) -> Numbering | None:
    if not first.one_each or not _ascending(first.stamps):
        return None
    # Packets that are damaged lean on nothing: they count.
    numbering = number_frames(packets, None if first.errors else first.stamps[0])
    if numbering is None or any(numbering.number_of(stamp) is None for stamp in first.stamps):
        return None
    return numbering


def _ascending(stamps: Sequence[int | None]) -> bool:
    known = [stamp for stamp in stamps if stamp is not None]
    return len(known) == len(stamps) and all(a < b for a, b in pairwise(known))


def _rate(packets: Packets, numbering: Numbering | None) -> float | None:
    """Return the average rate: the container's where the frames bear it out, else that of the frames."""
    if numbering is None or len(numbering.times) < 2:
        return packets.rate
    measured = (len(numbering.times) - 1) / float(numbering.times[-1] - numbering.times[0])
    if packets.rate is not None and abs(packets.rate / measured - 1) < 0.01:
        return packets.rate
    return measured


def _use_threads(stream: VideoStream, threads: int) -> None:
    stream.codec_context.thread_count = threads
    stream.codec_context.thread_type = "AUTO" if threads > 1 else "SLICE"


def _is_in(ascending: NDArray[np.int64], number: int) -> bool:
    place = int(np.searchsorted(ascending, number))
    return place < len(ascending) and ascending[place] == number


def _repeated(places: Iterator[_Place], wanted: Sequence[int]) -> Iterator[_Place]:
    """Yield a place for every wanted number that comes, as often as it is wanted."""
    done = 0
    for place in places:
        while done < len(wanted) and wanted[done] == place[0]:
            yield place
            done += 1
        if done == len(wanted):
            return
