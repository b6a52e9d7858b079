from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from metafacs.data.videos import decode_frames, encode_video

FRAMES = 24


def grey(number: int) -> np.ndarray:
    return np.full((48, 64, 3), 10 * number + 5, np.uint8)


@pytest.mark.parametrize("ending", ["avi", "mp4"])
def test_encoded_pictures_are_decoded_and_repeat_their_bytes(tmp_path: Path, ending: str) -> None:
    rng = np.random.default_rng(0)
    smooth = rng.uniform(0, 255, (FRAMES, 6, 8, 3)).astype(np.uint8)
    pictures = smooth.repeat(16, 1).repeat(16, 2)
    path = tmp_path / f"a.{ending}"
    encode_video(path, pictures, 20)
    first = path.read_bytes()
    decoded = list(decode_frames(path, range(FRAMES)))
    for picture, back in zip(pictures, decoded, strict=True):
        assert np.abs(picture.astype(int) - back).mean() < 12
    order = [np.abs(pictures.astype(int) - back).mean((1, 2, 3)).argmin() for back in decoded]
    assert order == list(range(FRAMES))
    encode_video(path, iter(pictures), 20)
    assert path.read_bytes() == first


def test_a_video_that_cannot_be_written_leaves_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "a.avi"
    path.write_bytes(b"old")

    def failing():
        yield grey(1)
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        encode_video(path, failing(), 20)
    with pytest.raises(ValueError, match="without a picture"):
        encode_video(path, [], 20)
    with pytest.raises(ValueError, match="even sides, not 63 x 48"):
        encode_video(path, [grey(1)[:, :63]], 20)
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.avi"]
    assert path.read_bytes() == b"old"
