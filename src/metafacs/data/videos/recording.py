"""Pictures written one after the other as a video that every player shows, with the sound of another file."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from fractions import Fraction
from itertools import chain
from pathlib import Path
from types import TracebackType
from typing import cast

import av
import numpy as np
from av.audio.stream import AudioStream
from av.container import InputContainer, OutputContainer
from av.packet import Packet
from av.video.reformatter import ColorRange, Colorspace, VideoReformatter
from av.video.stream import VideoStream
from numpy.typing import NDArray

from metafacs.data.videos.containers import address, open_container
from metafacs.data.videos.frames import VideoError
from metafacs.data.videos.packets import read_on
from metafacs.data.videos.video import Video
from metafacs.files import written_whole

_CLOCK = Fraction(1, 60000)
"""Seconds; milliseconds and frames of all usual rates are whole numbers of it. MPEG-4 knows no finer one."""

_BT709 = 1
_FORMATS = {".mp4": "mp4", ".m4v": "mp4", ".mov": "mov", ".mkv": "matroska"}
_ENCODERS = {
    "libx264": {"preset": "veryfast", "crf": "20"},
    "mpeg4": {"flags": "+qscale", "global_quality": str(4 * 118)},
}


class VideoRecorder:
    """Writes pictures as an H.264 video, whole or not at all; a context manager.

    Times between frames are kept, even or not; the first frame is shown at once. Sound is copied as it is,
    from the time of the first frame to that of the last.

    Args:
        path: The video; ``.mp4``, ``.m4v``, ``.mov`` or ``.mkv``.
        width: Of the pictures in pixels; an odd side is filled up by repeating its last pixels.
        height: Of the pictures in pixels.
        rate: Frames per second to be named in the file; it changes no time.
        audio_from: The video whose sound is copied; its clock is that of :class:`Video`.
        threads: Of the encoder.

    Attributes:
        notes: Sentences on what could not be done as wanted.

    Raises:
        ValueError: If a side is less than 1 or the ending is another.
        VideoError: If ``audio_from`` cannot be read, or PyAV comes without an encoder.
    """

    def __init__(
        self,
        path: Path | str,
        width: int,
        height: int,
        *,
        rate: float | None = None,
        audio_from: Path | str | None = None,
        threads: int = 1,
    ) -> None:
        self.path = Path(path)
        if self.path.suffix.lower() not in _FORMATS:
            raise ValueError(f"{path} cannot be written; a video's name ends in {', '.join(_FORMATS)}")
        if width < 1 or height < 1:
            raise ValueError(f"a video of {width} x {height} pixels cannot be written")
        self.width, self.height, self.notes = width, height, list[str]()
        self._rate, self._threads = rate, threads
        self._audio_from = None if audio_from is None else Path(audio_from)
        self._stack = ExitStack()
        self._reformatter = VideoReformatter()
        self._first: float | None = None
        self._last = self._step = 0.0

    def __enter__(self) -> VideoRecorder:
        with ExitStack() as stack:
            sound = None if self._audio_from is None else stack.enter_context(_Sound(self._audio_from))
            temporary = stack.enter_context(written_whole(self.path))
            container = av.open(address(temporary), "w", format=_FORMATS[self.path.suffix.lower()])
            self._container: OutputContainer = stack.enter_context(container)
            self._stream = self._video_stream()
            self._sound = None if sound is None else sound.copy_to(self._container, self.notes)
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                self._finish()
        except BaseException as failure:
            # The temporary file must not take the place of the old one.
            self._stack.__exit__(type(failure), failure, failure.__traceback__)
            raise
        self._stack.__exit__(kind, error, traceback)

    def write(self, image: NDArray[np.uint8], timestamp: float) -> None:
        """Append a picture.

        Args:
            image: ``height x width x 3``, uint8, RGB.
            timestamp: Seconds on the clock of the video that ``audio_from`` names, else on any.

        Raises:
            ValueError: If the picture has another size or is not later than the one before.
        """
        if image.shape != (self.height, self.width, 3):
            height, width = image.shape[:2]
            raise ValueError(
                f"a picture of {width} x {height} in a video of {self.width} x {self.height} pixels"
            )
        if self._first is None:
            self._first = timestamp
        elif not timestamp > self._last:
            raise ValueError(f"{self.path}: a frame at {timestamp:g} s follows one at {self._last:g} s")
        else:
            self._step = timestamp - self._last
        self._last = timestamp
        odd = self.height % 2, self.width % 2
        if any(odd):
            image = np.pad(image, ((0, odd[0]), (0, odd[1]), (0, 0)), mode="edge")
        frame = self._reformatter.reformat(
            av.VideoFrame.from_ndarray(np.ascontiguousarray(image), format="rgb24"),
            format="yuv420p",
            dst_colorspace=Colorspace.ITU709,
            dst_color_range=ColorRange.MPEG,
            threads=1,
        )
        frame.pts, frame.time_base = round((timestamp - self._first) / _CLOCK), _CLOCK
        self._mux(self._stream.encode(frame))

    def _video_stream(self) -> VideoStream:
        encoder = next((name for name in _ENCODERS if name in av.codecs_available), None)
        if encoder is None:
            raise VideoError(
                "this build of PyAV comes without H.264 and MPEG-4 encoders; install PyAV from PyPI"
            )
        if encoder != "libx264":
            self.notes.append("PyAV comes without libx264: the video is coded as MPEG-4 instead of H.264.")
        rate = Fraction(self._rate or 30).limit_denominator(1001)
        stream = cast(VideoStream, self._container.add_stream(encoder, rate=rate, options=_ENCODERS[encoder]))
        stream.width, stream.height = self.width + self.width % 2, self.height + self.height % 2
        stream.pix_fmt = "yuv420p"
        context = stream.codec_context
        context.time_base, context.thread_count = _CLOCK, self._threads
        context.color_range = ColorRange.MPEG
        context.colorspace = context.color_primaries = context.color_trc = _BT709
        return stream

    def _mux(self, packets: list[Packet]) -> None:
        for packet in packets:
            if self._sound is not None and packet.dts is not None and self._first is not None:
                self._sound.write_until(self._first, self._first + float(packet.dts * packet.time_base))
            self._container.mux(packet)

    def _finish(self) -> None:
        if self._first is None:
            raise ValueError(f"{self.path} would be a video without a picture")
        self._mux(self._stream.encode(None))
        if self._sound is not None:
            self._sound.write_until(self._first, self._last + self._step)


def add_copy(container: OutputContainer, stream: AudioStream) -> AudioStream:
    """Return a new stream of a container for the packets of another as they are.

    Raises:
        ValueError: If the container cannot hold them.
    """
    layout, count = stream.codec_context.layout, stream.codec_context.layout.nb_channels
    if layout.name == f"{count} channels":
        # AVI and others only count the channels of PCM, and MP4 is to name them: as so many usually are.
        layout = av.AudioLayout(f"{count}c")
    copy = container.add_stream_from_template(stream)
    copy.codec_context.layout = layout
    return copy


class _Sound:
    """The first sound of a video, copied packet by packet; a context manager."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._zero = Video(path).clock_zero
        self._waiting: Packet | None = None

    def __enter__(self) -> _Sound:
        self._source: InputContainer = open_container(self._path)
        return self

    def __exit__(self, *_: object) -> None:
        self._source.close()

    def copy_to(self, container: OutputContainer, notes: list[str]) -> _Sound | None:
        """Make a stream for the sound, or return None where there is none or the container takes none."""
        stream = cast("AudioStream | None", self._source.streams.best("audio"))
        if stream is None:
            return None
        try:
            self._copy = add_copy(container, stream)
        except (ValueError, av.FFmpegError) as error:
            notes.append(f"The sound of {self._path.name} is left out: {error}.")
            return None
        self._container, self._packets = container, read_on(self._source, stream)
        self._notes = notes
        return self

    def write_until(self, first: float, end: float) -> None:
        """Write what sounds between two times, both in seconds on the clock of the source's frames.

        Args:
            first: Time of the first frame of the copy; sound before it is left out.
            end: Sound from here on waits for the next call.
        """
        for packet, stamp in self._following():
            seconds = float(stamp * packet.time_base) - self._zero
            if seconds >= end:
                self._waiting = packet
                return
            if seconds >= first:
                shift = round(Fraction(self._zero + first) / packet.time_base)
                packet.pts = stamp - shift
                if packet.dts is not None:
                    packet.dts -= shift
                packet.stream = self._copy
                self._write(packet)

    def _write(self, packet: Packet) -> None:
        try:
            self._container.mux(packet)
        except (av.InvalidDataError, av.ArgumentError):
            # Its content or its time is damaged.
            note = f"Damaged parts of the sound of {self._path.name} are left out."
            if note not in self._notes:
                self._notes.append(note)

    def _following(self) -> Iterator[tuple[Packet, int]]:
        waiting = [] if self._waiting is None else [self._waiting]
        self._waiting = None
        for packet in chain(waiting, self._packets):
            if packet.size and packet.pts is not None:
                yield packet, packet.pts
