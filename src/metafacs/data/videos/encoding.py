"""Pictures encoded as a video of constant quality, the same bytes every time."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

from metafacs.data.videos.containers import address
from metafacs.files import written_whole

_KEY_FRAME_EVERY = 12
_QUANTISER = 3
"""MPEG-4's scale of loss, 1 to 31: at 3 no blocks are seen on a face."""

_LAMBDA_PER_QUANTISER = 118


def encode_video(path: Path | str, pictures: Iterable[NDArray[np.uint8]], frames_per_second: int) -> None:
    """Encode pictures as MPEG-4 of constant quality, whole or not at all; only one is in memory at a time.

    The same pictures give the same bytes with the same version of the codec.

    Args:
        path: The video; ``.avi`` or ``.mp4`` decides about the container.
        pictures: ``height x width x 3``, uint8, RGB, height and width even and the same for all.
        frames_per_second: Of the video.

    Raises:
        ValueError: If there is no picture, or its sides are odd.
    """
    path = Path(path)
    with (
        written_whole(path) as temporary,
        av.open(
            address(temporary), "w", format=path.suffix.lstrip(".").lower(), options={"fflags": "+bitexact"}
        ) as container,
    ):
        stream: av.VideoStream | None = None
        for picture in pictures:
            if stream is None:
                height, width = picture.shape[:2]
                if height % 2 or width % 2:
                    raise ValueError(f"a video has even sides, not {width} x {height} pixels")
                stream = container.add_stream("mpeg4", rate=frames_per_second)
                stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
                context = stream.codec_context
                context.gop_size, context.thread_count = _KEY_FRAME_EVERY, 1
                context.options = {
                    "flags": "+qscale+bitexact",
                    "global_quality": str(_QUANTISER * _LAMBDA_PER_QUANTISER),
                }
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")
            container.mux(stream.encode(frame))
        if stream is None:
            raise ValueError(f"{path} would be a video without a picture")
        container.mux(stream.encode(None))
