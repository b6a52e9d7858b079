from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest

import clips
from metafacs.data.videos import Selection, Video, VideoError, VideoRecorder, recording

STAMPS = [40 * number + 11 * (number % 3) for number in range(30)]


@pytest.fixture(scope="module")
def heard(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("heard") / "ton.mp4"
    return clips.write_clip(path, clips.pictures_of(range(30)), stamps=STAMPS, b_frames=2, sound=True)


def samples(path: Path) -> int:
    with av.open(str(path)) as container:
        return sum(frame.samples for frame in container.decode(audio=0))


def record(path: Path, times: list[float], error: Exception | None = None, width: int = 64) -> None:
    with VideoRecorder(path, width, 48) as recorder:
        for time in times:
            recorder.write(clips.picture_of(1), time)
        if error is not None:
            raise error


def streams(path: Path) -> list[str]:
    with av.open(str(path)) as container:
        return [stream.codec_context.name for stream in container.streams]


@pytest.mark.parametrize("ending", ["mp4", "mkv", "mov"])
def test_times_and_sound_are_kept(heard: Path, tmp_path: Path, ending: str) -> None:
    path, source = tmp_path / f"a.{ending}", Video(heard)
    with VideoRecorder(path, 64, 48, rate=source.rate, audio_from=heard) as recorder:
        for frame in source.frames():
            assert frame.image is not None
            recorder.write(frame.image, frame.timestamp)
        assert not path.exists()
    frames = list(Video(path).frames())
    assert [clips.number_in(frame.image) for frame in frames if frame.image is not None] == list(range(30))
    assert [frame.timestamp for frame in frames] == pytest.approx(
        [stamp / 1000 for stamp in STAMPS], abs=0.0006
    )
    assert streams(path) == ["h264", "aac"]
    assert samples(path) == pytest.approx(16 * (STAMPS[-1] + 40), abs=2100)
    assert recorder.notes == []


def test_a_part_begins_at_once_with_its_own_sound(heard: Path, tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    with VideoRecorder(path, 64, 48, audio_from=heard) as recorder:
        for frame in Video(heard).frames(Selection(start=0.5, end=0.9)):
            assert frame.image is not None
            recorder.write(frame.image, frame.timestamp)
    frames = list(Video(path).frames())
    assert [round(frame.timestamp, 3) for frame in frames[:3]] == [0, 0.051, 0.069]
    assert samples(path) == pytest.approx(0.4 * 16000, abs=2100)


def test_colours_and_odd_sides(tmp_path: Path) -> None:
    picture = clips.corners(67, 45)
    with VideoRecorder(tmp_path / "a.mp4", 67, 45) as recorder:
        for number in range(3):
            recorder.write(picture, number / 25)
    video = Video(tmp_path / "a.mp4")
    assert (video.width, video.height) == (68, 46)
    image = next(iter(video.frames())).image
    assert image is not None
    assert np.abs(image[:45, :67].astype(int) - picture).mean() < 6
    for place in ((5, 5), (5, 60), (40, 5), (40, 60), (45, 67)):
        y, x = min(place[0], 44), min(place[1], 66)
        assert np.allclose(image[place].astype(int), picture[y, x], atol=6)


def test_a_video_without_sound_gives_none(tmp_path: Path) -> None:
    silent = clips.write_clip(tmp_path / "silent.mp4", clips.pictures_of(range(3)))
    with VideoRecorder(tmp_path / "a.mp4", 64, 48, audio_from=silent) as recorder:
        recorder.write(clips.picture_of(1), 0.0)
    assert streams(tmp_path / "a.mp4") == ["h264"]
    assert recorder.notes == []


def test_sound_that_the_container_does_not_take_is_left_out_and_told(
    heard: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise ValueError("'mp4' format does not support 'wma' codec")

    recorder = VideoRecorder(tmp_path / "a.mp4", 64, 48, audio_from=heard)
    monkeypatch.setattr(recording, "add_copy", refuse)
    with recorder:
        recorder.write(clips.picture_of(1), 0.0)
    assert streams(tmp_path / "a.mp4") == ["h264"]
    assert recorder.notes == ["The sound of ton.mp4 is left out: 'mp4' format does not support 'wma' codec."]


def write_pcm(path: Path, layout: str) -> Path:
    """Write ten frames in a second with ten steps of sound, whose channels the container only counts."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=10)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        sound = container.add_stream("pcm_s16le", rate=8000)
        sound.codec_context.layout = av.AudioLayout(layout)
        for number in range(10):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(clips.picture_of(number), format="rgb24")))
            step = np.full((1, 800 * sound.codec_context.layout.nb_channels), number, np.int16)
            tone = av.AudioFrame.from_ndarray(step, format="s16", layout=layout)
            tone.sample_rate = 8000
            container.mux(sound.encode(tone))
        container.mux(stream.encode(None))
    return path


def record_with(path: Path, copy: Path, frames: int = 10) -> list[str]:
    with VideoRecorder(copy, 64, 48, audio_from=path) as recorder:
        for number in range(frames):
            recorder.write(clips.picture_of(number), number / 10)
    return recorder.notes


@pytest.mark.parametrize("ending", [".avi", ".mkv"])
@pytest.mark.parametrize(("layout", "channels"), [("mono", 1), ("stereo", 2), ("5.1", 6)])
def test_sound_whose_channels_are_only_counted_is_kept(
    layout: str, channels: int, ending: str, tmp_path: Path
) -> None:
    path = write_pcm(tmp_path / f"camera{ending}", layout)
    assert record_with(path, tmp_path / "a.mp4") == []
    with av.open(str(tmp_path / "a.mp4")) as copy:
        heard = np.concatenate([frame.to_ndarray() for frame in copy.decode(audio=0)], axis=1)
    assert heard.shape[1] == 8000 * channels
    assert [int(part[0]) for part in heard.reshape(10, -1)] == list(range(10))


def test_sound_of_more_channels_than_have_names_is_left_out(tmp_path: Path) -> None:
    path = write_pcm(tmp_path / "camera.mkv", "9C")
    assert record_with(path, tmp_path / "a.mp4") == [
        "The sound of camera.mkv is left out: Invalid layout: 9c."
    ]
    assert streams(tmp_path / "a.mp4") == ["h264"]


def test_sound_whose_clock_goes_back_costs_itself_alone(tmp_path: Path) -> None:
    path = clips.write_clip(tmp_path / "ton.ts", clips.pictures_of(range(40)), sound=True)
    path.write_bytes(2 * path.read_bytes())
    assert record_with(path, tmp_path / "a.mp4", 40) == ["Damaged parts of the sound of ton.ts are left out."]
    assert streams(tmp_path / "a.mp4") == ["h264", "aac"]
    assert len(list(Video(tmp_path / "a.mp4").frames())) == 40


def test_without_libx264_the_video_is_mpeg4_and_a_note_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(av, "codecs_available", av.codecs_available - {"libx264"})
    with VideoRecorder(tmp_path / "a.mp4", 64, 48) as recorder:
        for number in range(5):
            recorder.write(clips.picture_of(number), number / 25)
    assert streams(tmp_path / "a.mp4") == ["mpeg4"]
    frames = Video(tmp_path / "a.mp4").frames()
    assert [clips.number_in(frame.image) for frame in frames if frame.image is not None] == list(range(5))
    assert recorder.notes == ["PyAV comes without libx264: the video is coded as MPEG-4 instead of H.264."]
    monkeypatch.setattr(av, "codecs_available", set())
    with pytest.raises(VideoError, match=r"without H\.264 and MPEG-4 encoders; install PyAV"):
        VideoRecorder(tmp_path / "b.mp4", 64, 48).__enter__()
    assert [path.name for path in tmp_path.iterdir()] == ["a.mp4"]


def test_a_video_is_whole_or_absent(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    path.write_bytes(b"old")
    with pytest.raises(OSError, match="disk full"):
        record(path, [0.0], OSError("disk full"))
    with pytest.raises(ValueError, match="without a picture"):
        record(path, [])
    with pytest.raises(ValueError, match=r"a frame at 0\.1 s follows one at 0\.1 s"):
        record(path, [0.1, 0.1])
    with pytest.raises(ValueError, match="a picture of 64 x 48 in a video of 63 x 48"):
        record(path, [0.1], width=63)
    assert path.read_bytes() == b"old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.mp4"]


def test_what_cannot_be_recorded_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"ends in \.mp4, \.m4v, \.mov, \.mkv"):
        VideoRecorder(tmp_path / "a.gif", 64, 48)
    with pytest.raises(ValueError, match="0 x 48 pixels cannot be written"):
        VideoRecorder(tmp_path / "a.mp4", 0, 48)
    with pytest.raises(VideoError, match="does not exist"):
        VideoRecorder(tmp_path / "a.mp4", 64, 48, audio_from=tmp_path / "none.mp4").__enter__()
    assert list(tmp_path.iterdir()) == []
