"""There is no camera where tests run: FFmpeg's test picture stands in for one."""

from __future__ import annotations

import platform
import threading
from itertools import islice

import pytest

from metafacs.data.videos import Camera, Selection, VideoError

PICTURE = "testsrc=size=64x48:rate=50"


def stand_in(source: str = f"{PICTURE},realtime") -> Camera:
    return Camera(source, driver="lavfi")


def test_pictures_come_one_after_the_other() -> None:
    with stand_in() as camera:
        frames = list(islice(camera, 5))
    assert (camera.width, camera.height, camera.rate, camera.frame_count) == (64, 48, 50, None)
    numbers = [frame.number for frame in frames]
    assert numbers == sorted(set(numbers))
    assert [frame.timestamp for frame in frames] == pytest.approx([number / 50 for number in numbers])
    assert all(frame.image is not None and frame.image.shape == (48, 64, 3) for frame in frames)


def test_what_nobody_has_time_for_is_dropped_and_counted() -> None:
    with stand_in() as camera:
        frames = iter(camera)
        first = next(frames)
        # The camera goes on while the first picture is looked at.
        while not camera.notes:
            threading.Event().wait(0.01)
        later = list(islice(frames, 2))
    gaps = later[1].number - first.number - 2
    assert gaps >= 1
    assert camera.notes[0].startswith("Pictures that came too fast and were dropped: ")
    assert int(camera.notes[0].rstrip(".").rsplit(" ", 1)[1]) >= gaps


def test_a_selection_is_as_in_a_video() -> None:
    with stand_in() as camera:
        frames = list(islice(camera.frames(Selection(start=0.1), start_at=8), 2))
    assert frames[0].number >= 8
    with stand_in() as camera:
        times = [frame.timestamp for frame in camera.frames(Selection(fps=10, end=0.5))]
    assert len(times) <= 5
    assert max(times) < 0.5


def test_closing_ends_whoever_waits() -> None:
    camera = stand_in()
    frames = iter(camera)
    next(frames)
    camera.close()
    assert len(list(frames)) <= 1
    with pytest.raises(VideoError, match="is closed; open it again"):
        next(iter(camera))
    camera.close()


def test_a_camera_that_is_pulled_out_is_an_error() -> None:
    message = r"gives no more pictures \(it has ended\); connect it again"
    with stand_in(f"{PICTURE}:duration=0.1,realtime") as camera, pytest.raises(VideoError, match=message):
        list(camera)


@pytest.mark.skipif(platform.system() != "Linux", reason="cameras are files on Linux only")
def test_there_is_no_such_camera() -> None:
    with pytest.raises(VideoError, match=r"no camera 93 \(/dev/video93 does not exist\); connect it"):
        Camera(93)
    with pytest.raises(VideoError, match="camera /dev/none cannot be opened"):
        Camera("/dev/none")


def test_a_build_without_cameras_says_so() -> None:
    with pytest.raises(VideoError, match="this build of PyAV reads no cameras"):
        Camera(0, driver="no such driver")
