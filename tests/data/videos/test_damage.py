"""Every frame is accounted for, whatever was done to the file."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest

import clips
from metafacs.data.videos import Frame, Selection, Video, VideoError, decode_frames

FRAMES = 24


def shown(frames: list[Frame]) -> list[int | None]:
    assert all((frame.image is None) == bool(frame.problem) for frame in frames)
    return [None if frame.image is None else clips.number_in(frame.image) for frame in frames]


def with_holes(*lost: int, count: int = FRAMES) -> list[int | None]:
    return [None if number in lost else number for number in range(count)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("damaged")


@pytest.fixture(scope="module")
def intra(folder: Path) -> Path:
    """Every frame can be decoded by itself."""
    return clips.write_clip(folder / "intra.mp4", clips.pictures_of(range(FRAMES)), gop=1)


@pytest.fixture(scope="module")
def leaning(folder: Path) -> Path:
    """Key frames are 0, 8 and 16; the others lean on earlier and later ones."""
    return clips.write_clip(folder / "leaning.mp4", clips.pictures_of(range(FRAMES)), b_frames=2)


def test_a_damaged_packet_in_the_middle_takes_its_frame_only(intra: Path, tmp_path: Path) -> None:
    video = Video(clips.damage(intra, tmp_path / "a.mp4", [0, 11, 12]))
    frames = list(video.frames())
    assert video.frame_count == FRAMES
    assert [frame.number for frame in frames] == list(range(FRAMES))
    assert shown(frames) == with_holes(0, 11, 12)
    assert [frame.timestamp for frame in frames] == pytest.approx(np.arange(FRAMES) / 20)
    assert "invalid data" in frames[11].problem
    assert video.notes == ["Frames that could not be decoded, 3 in all: number 0, 11 to 12."]


def test_frames_after_a_damaged_one_are_named_until_the_next_key_frame(leaning: Path, tmp_path: Path) -> None:
    # Places in the file 8, 9, 10, 11 hold frames 8, 11, 9, 10.
    video = Video(clips.damage(leaning, tmp_path / "a.mp4", [10]))
    frames = list(video.frames())
    assert [frame.number for frame in frames if frame.image is None] == [9]
    assert shown(frames)[:9] + shown(frames)[16:] == [*range(9), *range(16, FRAMES)]
    lost, traces = video.notes
    assert lost == "Frames that could not be decoded, 1 in all: number 9."
    assert traces.startswith(
        "Frames that lean on one of these and may show traces of it, 5 in all: number 10, 12"
    )


@pytest.mark.parametrize("key", [0, 8])
def test_a_damaged_key_frame_takes_those_that_lean_on_it(leaning: Path, tmp_path: Path, key: int) -> None:
    video = Video(clips.damage(leaning, tmp_path / "a.mp4", [key]))
    frames = list(video.frames())
    assert shown(frames) == with_holes(*range(key, key + 8))
    assert frames[key + 3].problem == f"it leans on key frame {key}, which is damaged"
    assert video.notes == [f"Frames that could not be decoded, 8 in all: number {key} to {key + 7}."]


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("packets", [[10], [0], [8, 21]])
def test_damage_looks_the_same_from_wherever_one_starts(
    leaning: Path, tmp_path: Path, packets: list[int], threads: int
) -> None:
    path = clips.damage(leaning, tmp_path / "a.mp4", packets)
    whole = list(Video(path).frames())
    for start_at in range(0, FRAMES, 5):
        part = list(Video(path, threads=threads).frames(start_at=start_at))
        for frame, same in zip(part, whole[start_at:], strict=True):
            assert (frame.number, frame.problem) == (same.number, same.problem)
            assert np.array_equal(frame.image, same.image)


def test_faults_that_the_decoder_covers_up_are_named(tmp_path: Path) -> None:
    pictures = [clips.corners(160, 120)] * 30
    for codec, pixels in (("mjpeg", "yuvj420p"), ("mpeg4", "yuv420p")):
        whole = clips.write_clip(tmp_path / f"{codec}.mp4", pictures, codec=codec, pixels=pixels, gop=10)
        video = Video(clips.damage(whole, tmp_path / "a.mp4", [22, 25], share=0.3))
        frames = list(video.frames())
        assert all(frame.image is not None for frame in frames)
        assert video.notes[0] == "Frames in which the decoder covered faults up, 2 in all: number 22, 25."
        assert (len(video.notes) == 2) == (codec == "mpeg4")
        for frame, same in zip(video.frames(start_at=20), frames[20:], strict=True):
            assert np.array_equal(frame.image, same.image)
    assert av.logging.get_level() is None


def test_sparse_frames_of_a_long_damaged_clip(tmp_path: Path) -> None:
    pictures = clips.pictures_of(number % 256 for number in range(200))
    path = clips.write_clip(tmp_path / "a.mp4", pictures, b_frames=2, gop=20)
    damaged = Video(clips.damage(path, tmp_path / "b.mp4", [101, 140]))
    assert shown(list(Video(path).frames(Selection(every=60)))) == [0, 60, 120, 180]
    assert shown(list(damaged.at([5, 99, 150, 161]))) == [5, 99, None, 161]


def test_an_index_tells_what_a_file_that_was_cut_off_should_hold(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    pictures = [
        np.clip(clips.picture_of(number).astype(int) + rng.integers(-30, 30, (48, 64, 3)), 0, 255).astype(
            np.uint8
        )
        for number in range(FRAMES)
    ]
    for b_frames in (0, 2):
        path = clips.write_clip(
            tmp_path / f"{b_frames}.mp4",
            pictures,
            b_frames=b_frames,
            container_options={"movflags": "faststart"},
        )
        video = Video(clips.cut_off(path, tmp_path / f"cut{b_frames}.mp4", 0.7))
        frames = list(video.frames())
        assert video.frame_count == FRAMES
        assert [frame.timestamp for frame in frames] == pytest.approx(np.arange(FRAMES) / 20)
        given = [number for number in shown(frames) if number is not None]
        assert 8 < len(given) < 20
        assert shown(frames) == with_holes(*sorted({*range(FRAMES)} - {*given}))
        assert frames[-1].problem == "the file ends before or within it"
        assert video.notes[0].startswith(f"The file is cut off: {FRAMES - len(given)} of its 24 frames")


def test_the_head_of_an_avi_tells_how_many_frames_it_should_hold(tmp_path: Path) -> None:
    path = clips.write_clip(
        tmp_path / "a.avi", clips.pictures_of(range(FRAMES)), codec="mjpeg", pixels="yuvj420p"
    )
    frames = list(Video(clips.cut_off(path, tmp_path / "b.avi", 0.8)).frames())
    held = sum(frame.image is not None for frame in frames)
    assert 8 < held < 22
    assert shown(frames) == with_holes(*range(held, FRAMES))


def test_where_nothing_tells_what_is_missing_a_note_says_so(tmp_path: Path) -> None:
    path = clips.write_clip(tmp_path / "a.mkv", clips.pictures_of(range(60)), gop=4)
    video = Video(clips.cut_off(path, tmp_path / "b.mkv", 0.5))
    frames = list(video.frames())
    assert 5 < len(frames) < 50
    assert shown(frames) == list(range(len(frames)))
    assert video.notes[-1].endswith("s before it says; if it was cut off, copy it again.")


def test_a_file_without_its_index_cannot_be_read(intra: Path, tmp_path: Path) -> None:
    with pytest.raises(VideoError, match=r"b\.mp4 was cut off or its recording never finished.*\(moov\)"):
        Video(clips.cut_off(intra, tmp_path / "b.mp4", 0.3))


def test_a_file_of_nothing_but_damage_is_an_error(intra: Path, tmp_path: Path) -> None:
    with pytest.raises(VideoError, match="none of its 24 frames can be decoded; copy it again"):
        Video(clips.damage(intra, tmp_path / "b.mp4", range(FRAMES)))


def test_decode_frames_stops_at_a_damaged_one(intra: Path, tmp_path: Path) -> None:
    path = clips.damage(intra, tmp_path / "a.mp4", [11])
    assert [clips.number_in(image) for image in decode_frames(path, [3, 10, 12])] == [3, 10, 12]
    images = decode_frames(path, [10, 11])
    next(images)
    with pytest.raises(VideoError, match=r"a\.mp4 is damaged at frame 11 \(invalid data"):
        next(images)
