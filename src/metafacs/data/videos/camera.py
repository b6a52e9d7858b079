"""Pictures of a camera as they come; what nobody has time for is dropped."""

from __future__ import annotations

import platform
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType

import av
from av.container import InputContainer
from av.video.frame import VideoFrame

from metafacs.data.videos.frames import Frame, VideoError
from metafacs.data.videos.images import ImageReader
from metafacs.data.videos.orientation import Orientation
from metafacs.data.videos.reading import use_threads
from metafacs.data.videos.selection import EVERY_FRAME, Selection

_DRIVERS = {"Linux": "v4l2", "Darwin": "avfoundation", "Windows": "dshow"}
_PATIENCE = 5.0
"""Seconds; a camera that gives no picture for so long is taken as gone."""


class Camera:
    """The pictures of a camera; a context manager that gives the camera back.

    A thread of its own keeps the newest picture; those that come while the last one is still being worked on
    are dropped. They keep their numbers, so that a gap in the numbers is a dropped picture.

    Args:
        device: Number of the camera, 0 for the first, or its name as the system calls it: a path such as
            ``/dev/video2`` on Linux, ``FaceTime HD Camera`` on macOS, ``Integrated Webcam`` on Windows.
        size: Width and height that the camera is asked for; None leaves it the choice.
        rate: Pictures per second that the camera is asked for.
        driver: FFmpeg's name of the input device; None for the one of this system.

    Attributes:
        name: ``camera`` and the device.
        frame_count: None: nobody knows.
        rate: Pictures per second as the camera says; None if it does not.
        width: In pixels.
        height: In pixels.
        notes: Sentences on what was dropped.

    Raises:
        VideoError: If there is no such camera, or this system's cameras cannot be read.
    """

    def __init__(
        self,
        device: int | str = 0,
        *,
        size: tuple[int, int] | None = None,
        rate: float | None = None,
        driver: str | None = None,
    ) -> None:
        self.name = f"camera {device}"
        self.notes: list[str] = []
        self.frame_count: int | None = None
        options = {} if size is None else {"video_size": f"{size[0]}x{size[1]}"}
        if rate is not None:
            options["framerate"] = f"{rate:g}"
        self._container = _open(device, driver or _driver_of(device), options)
        stream = self._container.streams.video[0]
        use_threads(stream, 1)
        self.width, self.height = stream.codec_context.width, stream.codec_context.height
        self.rate: float | None = float(stream.average_rate) if stream.average_rate else rate
        self._news = threading.Condition()
        self._newest: tuple[int, float, VideoFrame] | None = None
        self._closed = False
        self._gone = ""
        self._dropped = 0
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Camera:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def __iter__(self) -> Iterator[Frame]:
        return self.frames()

    def close(self) -> None:
        """Give the camera back; frames that are waited for come no more."""
        with self._news:
            self._closed = True
            self._news.notify_all()
        if self._thread is not None:
            self._thread.join(_PATIENCE)
        if self._thread is None or not self._thread.is_alive():
            self._container.close()

    def frames(self, numbers: Selection = EVERY_FRAME, start_at: int = 0) -> Iterator[Frame]:
        """Yield the newest picture whenever one is asked for, without an end.

        Args:
            numbers: Which pictures are taken; times count from the first picture.
            start_at: Pictures with a smaller number are passed over.

        Raises:
            VideoError: If the camera is closed or gives no more pictures.
        """
        if self._closed:
            raise VideoError(f"{self.name} is closed; open it again")
        if self._thread is None:
            self._thread = threading.Thread(target=self._watch, name=self.name, daemon=True)
            self._thread.start()
        reader = ImageReader(Orientation())
        for number, seconds, picture in numbers.choose(self._pictures(), lambda taken: taken[1]):
            if number >= start_at:
                yield Frame(number, seconds, reader.read(picture))

    def _pictures(self) -> Iterator[tuple[int, float, VideoFrame]]:
        while True:
            with self._news:
                waited = self._news.wait_for(
                    lambda: self._newest is not None or self._closed or self._gone, _PATIENCE
                )
                taken, self._newest = self._newest, None
            if taken is not None:
                yield taken
            elif self._closed:
                return
            elif self._gone or not waited:
                reason = self._gone or f"nothing came for {_PATIENCE:g} s"
                raise VideoError(f"{self.name} gives no more pictures ({reason}); connect it again")

    def _watch(self) -> None:
        """Keep the newest picture until the camera is closed or gone."""
        first: float | None = None
        gone = "it has ended"
        try:
            for number, picture in enumerate(self._container.decode(video=0)):
                seconds = time.monotonic() if picture.time is None else float(picture.time)
                first = seconds if first is None else first
                with self._news:
                    if self._closed:
                        return
                    if self._newest is not None:
                        self._dropped += 1
                        self.notes[:] = [f"Pictures that came too fast and were dropped: {self._dropped}."]
                    self._newest = number, seconds - first, picture
                    self._news.notify_all()
        except (av.FFmpegError, OSError) as error:
            gone = str(error)
        with self._news:
            self._gone = gone
            self._news.notify_all()


def _driver_of(device: int | str) -> str:
    system = platform.system()
    if system == "Windows" and str(device).isdecimal():
        # DirectShow knows names only.
        return "vfwcap"
    return _DRIVERS.get(system, "")


def _open(device: int | str, driver: str, options: dict[str, str]) -> InputContainer:
    try:
        form = av.ContainerFormat(driver, "r")
    except ValueError:
        raise VideoError(
            f"this build of PyAV reads no cameras on {platform.system()}; install PyAV from PyPI"
        ) from None
    address = str(device)
    if driver == "v4l2" and address.isdecimal():
        address = f"/dev/video{address}"
        if not Path(address).exists():
            raise VideoError(
                f"there is no camera {device} ({address} does not exist); connect it or give another number"
            )
    if driver == "dshow":
        address = f"video={address}"
    try:
        container = av.open(address, format=form.name.split(",")[0], options=options)
    except PermissionError:
        raise VideoError(
            f"camera {device} may not be used; allow it in the system's settings, or join the group 'video'"
        ) from None
    except (av.FFmpegError, OSError) as error:
        raise VideoError(
            f"camera {device} cannot be opened ({error}); is another program using it?"
        ) from error
    if not container.streams.video:
        container.close()
        raise VideoError(f"camera {device} gives no pictures; give another")
    return container
