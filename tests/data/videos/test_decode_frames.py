from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from metafacs.data.videos import VideoError, decode_frames

FRAMES = 24


def grey(number: int) -> np.ndarray:
    return np.full((48, 64, 3), 10 * number + 5, np.uint8)


def number_of(picture: np.ndarray) -> int:
    return round((float(picture.mean()) - 5) / 10)


@pytest.fixture(scope="module")
def videos(write_video: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("vidéos")
    pictures = [grey(number) for number in range(FRAMES)]
    return {
        "mpeg4": write_video(folder / "a.avi", pictures),
        "mjpeg": write_video(folder / "b.avi", pictures, codec="mjpeg"),
        "reordered": write_video(folder / "c.avi", pictures, b_frames=2),
        "mp4": write_video(folder / "d.mp4", pictures, b_frames=2),
    }


@pytest.mark.parametrize("kind", ["mpeg4", "mjpeg", "reordered", "mp4"])
@pytest.mark.parametrize("numbers", [[0], [3, 4, 7], [12, 12, 20], [23], list(range(FRAMES))])
def test_the_frames_asked_for_are_given(videos: dict[str, Path], kind: str, numbers: list[int]) -> None:
    pictures = list(decode_frames(videos[kind], numbers))
    assert [number_of(picture) for picture in pictures] == numbers
    assert all(picture.shape == (48, 64, 3) and picture.dtype == np.uint8 for picture in pictures)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(numbers=st.lists(st.integers(0, FRAMES - 1), max_size=6).map(sorted))
def test_any_choice_of_frames(videos: dict[str, Path], numbers: list[int]) -> None:
    for kind in ("mpeg4", "reordered"):
        assert [number_of(picture) for picture in decode_frames(videos[kind], numbers)] == numbers


def test_a_frame_behind_the_end_is_an_error_after_the_others(videos: dict[str, Path]) -> None:
    frames = decode_frames(videos["mpeg4"], [22, 99])
    assert number_of(next(frames)) == 22
    with pytest.raises(VideoError, match="ends after 24 frames; frame number 99"):
        next(frames)
    with pytest.raises(VideoError, match="ends after 24 frames"):
        next(decode_frames(videos["mpeg4"], [99]))


def test_a_truncated_video_gives_what_it_has(videos: dict[str, Path], tmp_path: Path) -> None:
    content = videos["mpeg4"].read_bytes()
    path = tmp_path / "short.avi"
    start = content.index(b"movi")
    path.write_bytes(content[: start + (content.index(b"idx1") - start) // 2])
    collected: list[int] = []
    with pytest.raises(VideoError, match=r"short\.avi"):
        collected.extend(number_of(picture) for picture in decode_frames(path, list(range(FRAMES))))
    assert collected == list(range(len(collected)))
    assert 3 <= len(collected) < FRAMES


@pytest.mark.parametrize("content", [b"", b"not a video", b"RIFF\x00\x00\x00\x00AVI "])
def test_no_video_is_an_error(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x.avi"
    path.write_bytes(content)
    with pytest.raises(VideoError, match=r"x\.avi"):
        next(decode_frames(path, [0]))


def test_missing_file_and_wrong_numbers(videos: dict[str, Path], tmp_path: Path) -> None:
    with pytest.raises(VideoError, match="does not exist"):
        next(decode_frames(tmp_path / "none.avi", [0]))
    for numbers in ([-1, 2], [3, 2]):
        with pytest.raises(ValueError, match="ascending"):
            next(decode_frames(videos["mpeg4"], numbers))
    assert list(decode_frames(tmp_path / "none.avi", [])) == []
