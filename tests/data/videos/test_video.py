from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import clips
from metafacs.data.videos import Frame, Selection, Video, VideoError, count_frames

NUMBERS = range(24)


def shown(frames: list[Frame]) -> list[int | None]:
    return [None if frame.image is None else clips.number_in(frame.image) for frame in frames]


def seconds(frames: list[Frame]) -> list[float]:
    return [round(frame.timestamp, 4) for frame in frames]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("vidéos")


@pytest.fixture(scope="module")
def plain(folder: Path) -> Path:
    return clips.write_clip(folder / "plain.mp4", clips.pictures_of(NUMBERS), b_frames=2)


@pytest.mark.parametrize(
    ("ending", "codec", "b_frames"),
    [
        ("mp4", "libx264", 0),
        ("mp4", "libx264", 2),
        ("mp4", "mpeg4", 2),
        ("mov", "libx264", 2),
        ("mov", "mjpeg", 0),
        ("mkv", "libx264", 2),
        ("mkv", "ffv1", 0),
        ("webm", "libvpx", 0),
        ("webm", "libvpx-vp9", 0),
        ("avi", "mpeg4", 0),
        ("avi", "mpeg4", 2),
        ("ts", "libx264", 2),
        ("mpg", "mpeg2video", 2),
        ("wmv", "wmv2", 0),
        ("flv", "flv1", 0),
        ("3gp", "libx264", 2),
    ],
)
def test_every_kind_is_numbered_in_the_order_of_showing(
    tmp_path: Path, ending: str, codec: str, b_frames: int
) -> None:
    pixels = "yuvj420p" if codec == "mjpeg" else "yuv420p"
    path = clips.write_clip(
        tmp_path / f"a.{ending}", clips.pictures_of(NUMBERS), codec=codec, b_frames=b_frames, pixels=pixels
    )
    video = Video(path)
    frames = list(video.frames())
    assert video.frame_count == count_frames(path) == 24
    assert [frame.number for frame in frames] == shown(frames) == list(NUMBERS)
    assert seconds(frames) == pytest.approx([number / 20 for number in NUMBERS], abs=0.002)
    assert (video.name, video.width, video.height) == (str(path), 64, 48)
    assert video.rate == pytest.approx(20, rel=0.01)
    assert video.notes == []
    assert all(frame.image is not None and frame.image.dtype == np.uint8 for frame in frames)


@pytest.mark.parametrize(("ending", "rate"), [("avi", 20), ("h264", 25)])
def test_where_stamps_tell_no_order_frames_are_counted(tmp_path: Path, ending: str, rate: int) -> None:
    path = clips.write_clip(tmp_path / f"a.{ending}", clips.pictures_of(NUMBERS), b_frames=2)
    video = Video(path)
    assert video.frame_count is None
    assert count_frames(path) == 24
    assert "are counted as they are decoded" in video.notes[0]
    frames = list(video.frames())
    assert [frame.number for frame in frames] == shown(frames) == list(NUMBERS)
    assert seconds(frames) == [round(number / rate, 4) for number in NUMBERS]
    assert shown(list(video.frames(Selection(every=5), start_at=8))) == [10, 15, 20]
    assert shown(list(video.at([2, 2, 19]))) == [2, 2, 19]
    with pytest.raises(VideoError, match="ends after 24 frames; frame number 30"):
        list(video.at([3, 30]))


@pytest.mark.parametrize("ending", ["mp4", "mkv"])
def test_times_are_the_containers_where_the_rate_varies(tmp_path: Path, ending: str) -> None:
    stamps = [40 * number + 11 * (number % 3) for number in NUMBERS]
    path = clips.write_clip(tmp_path / f"a.{ending}", clips.pictures_of(NUMBERS), stamps=stamps, b_frames=2)
    video = Video(path)
    frames = list(video.frames())
    assert shown(frames) == list(NUMBERS)
    assert seconds(frames) == [stamp / 1000 for stamp in stamps]
    assert video.rate == pytest.approx(23 / (stamps[-1] / 1000), rel=0.01)
    assert video.notes == ["Its frame rate varies: 18 to 51 ms lie between frames."]
    assert shown(list(video.frames(Selection(fps=5)))) == [0, 4, 9, 15, 19]


@pytest.mark.parametrize(("codec", "pixels"), [("mjpeg", "yuvj420p"), ("libx264", "yuv420p")])
def test_frames_that_an_avi_only_repeats_leave_a_gap(tmp_path: Path, codec: str, pixels: str) -> None:
    stamps = [0, 50, 100, 250, 300, 1000, 1050]
    pictures = clips.pictures_of(range(7))
    path = clips.write_clip(tmp_path / "a.avi", pictures, codec=codec, pixels=pixels, stamps=stamps)
    frames = list(Video(path).frames())
    assert shown(frames) == list(range(7))
    assert seconds(frames) == [stamp / 1000 for stamp in stamps]


@pytest.mark.parametrize("b_frames", [0, 2])
def test_what_an_edit_list_cuts_away_does_not_count(tmp_path: Path, b_frames: int) -> None:
    whole = clips.write_clip(tmp_path / "a.mp4", clips.pictures_of(NUMBERS), b_frames=b_frames)
    video = Video(clips.drop_beginning(whole, tmp_path / "b.mp4", 0.15))
    frames = list(video.frames())
    assert video.frame_count == 21
    assert [frame.number for frame in frames] == list(range(21))
    assert shown(frames) == list(range(3, 24))
    assert seconds(frames) == [round(number / 20, 4) for number in range(21)]
    assert video.notes == ["An edit list keeps 3 of its frames from being shown; they are not counted."]
    assert shown(list(video.frames(start_at=18))) == [21, 22, 23]


def test_the_clock_starts_with_the_sound_where_that_starts_first(tmp_path: Path) -> None:
    stamps = [500 + 50 * number for number in NUMBERS]
    pictures = clips.pictures_of(NUMBERS)
    heard = Video(clips.write_clip(tmp_path / "a.mkv", pictures, stamps=stamps, sound=True))
    assert next(iter(heard.frames())).timestamp == pytest.approx(0.5, abs=0.03)
    assert "after the beginning of the sound" in heard.notes[0]
    silent = Video(clips.write_clip(tmp_path / "b.mkv", pictures, stamps=stamps))
    assert seconds(list(silent.frames()))[:2] == [0, 0.05]
    assert silent.notes == []


def test_a_recording_that_begins_between_key_frames_counts_what_can_be_shown(tmp_path: Path) -> None:
    whole = clips.write_clip(tmp_path / "a.ts", clips.pictures_of(range(48)), gop=12)
    content = whole.read_bytes()
    path = tmp_path / "b.ts"
    path.write_bytes(content[len(content) // 188 // 3 * 188 :])
    video = Video(path)
    frames = list(video.frames())
    first = shown(frames)[0]
    assert first in (12, 24)
    assert shown(frames) == list(range(first, 48))
    assert seconds(frames)[:2] == [0, 0.05]
    assert "lean on earlier ones that it does not hold; they are not counted" in video.notes[0]


def test_hidden_pictures_of_vp8_are_no_frames(tmp_path: Path) -> None:
    path = clips.write_clip(
        tmp_path / "a.webm",
        clips.pictures_of(range(40)),
        codec="libvpx",
        options={"auto-alt-ref": "1", "lag-in-frames": "16"},
    )
    assert shown(list(Video(path).frames())) == list(range(40))


def test_of_two_videos_the_one_that_players_show_is_read(tmp_path: Path) -> None:
    both = [clips.pictures_of(NUMBERS), clips.pictures_of(range(100, 110), 32, 32)]
    for default in (0, 1):
        video = Video(clips.write_two_streams(tmp_path / f"{default}.mkv", both, default))
        assert shown(list(video.frames())) == ([*NUMBERS], [*range(100, 110)])[default]
        assert video.notes == ["It holds 2 videos; the one that players show by default is read."]


def test_one_frame_one_pixel_and_odd_sides(tmp_path: Path) -> None:
    one = list(Video(clips.write_clip(tmp_path / "a.mp4", clips.pictures_of([7]))).frames())
    assert (shown(one), seconds(one)) == ([7], [0])
    odd = Video(clips.write_clip(tmp_path / "b.mp4", clips.pictures_of([7, 8], 67, 45), pixels="yuv444p"))
    assert (odd.width, odd.height, shown(list(odd.frames()))) == (67, 45, [7, 8])
    dots = [np.full((1, 1, 3), value, np.uint8) for value in (10, 90, 240)]
    for ending, codec, pixels in (("avi", "ffv1", "bgr0"), ("mkv", "mpeg4", "yuv420p")):
        path = clips.write_clip(tmp_path / f"c.{ending}", dots, codec=codec, pixels=pixels)
        images = [frame.image for frame in Video(path).frames()]
        assert np.allclose([image[0, 0, 0] for image in images if image is not None], [10, 90, 240], atol=9)


def test_frames_that_change_their_size_come_as_they_are(tmp_path: Path) -> None:
    sizes = [(64, 48)] * 5 + [(96, 80)] * 5
    video = Video(clips.write_growing(tmp_path / "a.avi", sizes))
    frames = list(video.frames())
    assert [f.image.shape[1::-1] for f in frames if f.image is not None] == sizes
    assert shown(frames) == list(range(10))
    assert video.notes == ["Frame number 5 and maybe later ones have another size than the first."]


def test_ten_seconds_without_anything_are_a_hundred_frames(tmp_path: Path) -> None:
    path = clips.write_clip(tmp_path / "a.mp4", [np.zeros((48, 64, 3), np.uint8)] * 100, rate=10)
    assert [frame.number for frame in Video(path).frames()] == list(range(100))


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    start_at=st.integers(0, 26),
    every=st.integers(1, 6),
    start=st.none() | st.integers(0, 20).map(lambda step: step / 20),
    fps=st.none() | st.sampled_from([3, 7.5, 20, 50]),
)
def test_where_one_starts_changes_nothing(
    plain: Path, start_at: int, every: int, start: float | None, fps: float | None
) -> None:
    selection = Selection(every=1 if fps else every, fps=fps, start=start)
    video = Video(plain)
    whole = [frame for frame in video.frames(selection) if frame.number >= start_at]
    part = list(video.frames(selection, start_at))
    assert [frame.number for frame in part] == [frame.number for frame in whole]
    assert all(np.array_equal(a.image, b.image) for a, b in zip(part, whole, strict=True))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "does not exist; give the path"),
        (b"", "is empty"),
        (b"not a video", "is no video that can be read"),
        (b"RIFF\x00\x00\x00\x00AVI ", "is no video that can be read"),
    ],
)
def test_what_is_no_video_is_an_error(tmp_path: Path, content: bytes | None, message: str) -> None:
    path = tmp_path / "ä.avi"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(VideoError, match=rf"ä\.avi.*{message}"):
        Video(path)


def test_any_name_is_a_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    plain = clips.write_clip(tmp_path / "a.mp4", clips.pictures_of([1, 2]))
    for name in ("10:30 ä%d#?.mp4", "http:x.mp4", "- b.mp4", "c.txt"):
        shutil.copy(plain, name)
        assert shown(list(Video(name).frames())) == [1, 2]


def test_files_without_moving_pictures_are_an_error(tmp_path: Path) -> None:
    with pytest.raises(VideoError, match="holds no pictures, only sound; give a video"):
        Video(clips.write_sound(tmp_path / "a.m4a"))
    with pytest.raises(VideoError, match="only sound with a cover"):
        Video(clips.write_cover(tmp_path / "b.mp4"))
    with pytest.raises(VideoError, match="is a folder, not a video"):
        Video(tmp_path)
