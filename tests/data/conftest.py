"""Videos written by PyAV."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import av
import numpy as np
import pytest


@pytest.fixture(scope="session")
def write_video() -> Callable[..., Path]:
    """Return a function that writes pictures as a video with a key frame every ``gop`` frames."""

    def write(
        path: Path, pictures: Sequence[np.ndarray], *, codec: str = "mpeg4", gop: int = 5, b_frames: int = 0
    ) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        with av.open(str(path), "w") as container:
            stream = container.add_stream(codec, rate=20)
            stream.height, stream.width = pictures[0].shape[:2]
            stream.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
            stream.bit_rate = 8_000_000
            stream.codec_context.gop_size = gop
            stream.codec_context.max_b_frames = b_frames
            for picture in pictures:
                frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")
                container.mux(stream.encode(frame))
            container.mux(stream.encode(None))
        return path

    return write
