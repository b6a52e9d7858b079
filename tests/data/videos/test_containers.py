from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from clips import write_clip
from metafacs.data.videos import Video, VideoError, containers

pictures = [np.full((48, 64, 3), shade, np.uint8) for shade in (40, 90, 140)]


@pytest.mark.parametrize(
    "content",
    [
        "ffconcat version 1.0\nfile secret.mp4\n",
        "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nsecret.mp4\n#EXT-X-ENDLIST\n",
        "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 5004 RTP/AVP 96\n",
    ],
    ids=["concat", "hls", "sdp"],
)
@pytest.mark.parametrize("ending", [".mp4", ".m3u8", ".txt"])
def test_a_playlist_opens_no_other_file(tmp_path: Path, content: str, ending: str) -> None:
    write_clip(tmp_path / "secret.mp4", pictures)
    playlist = tmp_path / f"clip{ending}"
    playlist.write_text(content)
    with pytest.raises(VideoError, match=rf"clip\{ending} is no video that can be read"):
        Video(playlist)


def test_a_picture_named_like_a_video_is_none(tmp_path: Path) -> None:
    Image.fromarray(pictures[0]).save(tmp_path / "a.jpg")
    (tmp_path / "a.jpg").rename(tmp_path / "a.mp4")
    with pytest.raises(VideoError, match=r"a\.mp4 is no video .*playlist, a picture"):
        Video(tmp_path / "a.mp4")


def test_frames_that_take_too_much_memory_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clip = write_clip(tmp_path / "a.mp4", pictures)
    monkeypatch.setattr(containers, "MOST_PIXELS", 64 * 48 - 1)
    with pytest.raises(VideoError, match=r"a\.mp4 has frames of 64 x 48 pixels, and at most 3,071 are read"):
        Video(clip)
    monkeypatch.setattr(containers, "MOST_PIXELS", 64 * 48)
    assert Video(clip).frame_count == 3
