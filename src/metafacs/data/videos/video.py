"""A video file as frames by number: the one decoder."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from itertools import islice, pairwise
from pathlib import Path
from typing import Any

import numpy as np
from av.video.frame import VideoFrame
from numpy.typing import NDArray

from metafacs.data.videos.containers import open_video, picture_streams
from metafacs.data.videos.decoding import Probe, decode_packets, probe
from metafacs.data.videos.frames import Frame, VideoError
from metafacs.data.videos.images import ImageReader, brightest, is_deep_grey
from metafacs.data.videos.numbering import CountedTimes, Numbering, clock_zero, number_frames
from metafacs.data.videos.packets import Packets, read_on, read_packets
from metafacs.data.videos.reading import NumberedReader, Place, use_threads
from metafacs.data.videos.remarks import Findings, losses, remarks_on
from metafacs.data.videos.selection import EVERY_FRAME, Selection, without_rounding
from metafacs.faces.pixels import depth_of

_SAMPLED = 64
"""Frames that tell the depth of grey of 16 bits, spread over the video."""


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
        self._findings = Findings()
        self._last_counted = -1

    def frames(self, numbers: Selection = EVERY_FRAME, start_at: int = 0) -> Iterator[Frame]:
        """Yield the selected frames in order.

        Args:
            numbers: Which frames are taken.
            start_at: Frames with a smaller number are passed over; the others are exactly those, pixels
                included, that a run from the beginning would have given.
        """
        if self._numbering is None:
            chosen = numbers.choose(self._counted(), lambda place: place.seconds)
            yield from self._images(place for place in chosen if place.number >= start_at)
            return
        times = without_rounding(self._numbering.times)
        taken = np.fromiter(numbers.choose(range(len(times)), times.__getitem__), np.int64)
        yield from self._images(self._read(self._numbering, taken[taken >= start_at]))

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
        places = self._counted() if self._numbering is None else self._read(self._numbering, inside)
        for frame in self._images(_repeated(places, wanted)):
            yield frame
            done += 1
        if done < len(wanted):
            count = self._last_counted + 1 if count is None else count
            raise VideoError(
                f"{self.path} ends after {count} frames; frame number {wanted[done]} is not in it"
            )

    def state(self, before: int) -> dict[str, object]:
        """Return what reading frames told of losses before one of them, as plain data for JSON."""
        return self._findings.state(before)

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from a state that :meth:`state` returned: notes then tell of the frames before, too."""
        self._findings.restore(state)

    def _images(self, places: Iterator[Place]) -> Iterator[Frame]:
        reader = ImageReader(self._probe.orientation, self._depth if self._probe.deep_grey else 0)
        given: Frame | None = None
        try:
            for place in places:
                if given is None or given.number != place.number:
                    image = None if place.picture is None else reader.read(place.picture)
                    given = Frame(place.number, place.seconds, image, place.problem)
                    self._remember(given, place.picture)
                yield given
        finally:
            self.notes[:] = self._opening_notes + losses(self._packets, self._numbering, self._findings)

    @cached_property
    def _depth(self) -> int:
        """Bits of grey of 16: one number for all frames, else brightness would jump between them."""
        if self._numbering is None:
            places: Iterator[Place] = islice(self._counted(), _SAMPLED)
        else:
            sampled = np.unique(np.linspace(0, len(self._numbering.stamps) - 1, _SAMPLED).astype(np.int64))
            places = self._reader(self._numbering, Findings()).read(sampled)
        pictures = (place.picture for place in places)
        values = (brightest(each) for each in pictures if each is not None and is_deep_grey(each))
        return depth_of(max(values, default=0))

    def _remember(self, frame: Frame, picture: VideoFrame | None) -> None:
        findings = self._findings
        if frame.image is None or picture is None:
            findings.lost.add(frame.number)
            return
        if picture.is_corrupt:
            findings.patched.add(frame.number)
        if frame.image.shape[:2] != (self.height, self.width):
            findings.resized = min(frame.number, findings.resized or frame.number)

    def _read(self, numbering: Numbering, wanted: NDArray[np.int64]) -> Iterator[Place]:
        return self._reader(numbering, self._findings).read(wanted)

    def _reader(self, numbering: Numbering, findings: Findings) -> NumberedReader:
        return NumberedReader(self.path, self._packets, numbering, self._threads, findings)

    def _stamp_of_zero(self) -> int:
        if self._numbering is not None:
            return self._numbering.zero
        first = self._probe.stamps[0]
        return 0 if first is None or self._packets.container == "avi" else clock_zero(self._packets, first)

    def _counted(self) -> Iterator[Place]:
        """Yield all frames as the decoder gives them, where stamps do not tell their numbers."""
        stamped = _ascending(self._probe.stamps)
        times = CountedTimes(self._packets, self._stamp_of_zero() if stamped else None)
        self._last_counted = -1
        with open_video(self.path) as (container, stream):
            use_threads(stream, 1)
            for decoded in decode_packets(read_on(container, stream), stream):
                shown: list[VideoFrame | None] = list(decoded.frames)
                if decoded.error and decoded.packet is not None and not decoded.packet.is_discard:
                    shown.append(None)
                for picture in shown:
                    self._last_counted += 1
                    seconds = times.following(None if picture is None else picture.pts)
                    problem = decoded.error if picture is None else ""
                    yield Place(self._last_counted, seconds, picture, problem)


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


def _repeated(places: Iterator[Place], wanted: Sequence[int]) -> Iterator[Place]:
    """Yield a place for every wanted number that comes, as often as it is wanted."""
    done = 0
    for place in places:
        while done < len(wanted) and wanted[done] == place.number:
            yield place
            done += 1
        if done == len(wanted):
            return
