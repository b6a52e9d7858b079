"""Small videos of every kind that people have, made with PyAV; each frame shows its own number.

``import clips`` works in every test. A picture holds its number as eight upright bars, so that it can be
read back after compression: ``number_in(picture_of(37)) == 37``.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

BITS = 8
_TICKS = 1000
_MATRICES = {0: (1, 0, 0, 1), 90: (0, 1, -1, 0), 180: (-1, 0, 0, -1), 270: (0, -1, 1, 0)}


def picture_of(number: int, width: int = 64, height: int = 48) -> np.ndarray:
    """Return a picture with the bits of a number 0..255 as bars, the highest on the left."""
    bits = [number >> (BITS - 1 - place) & 1 for place in range(BITS)]
    columns = np.array(bits)[np.arange(width) * BITS // width]
    return np.ascontiguousarray(
        np.broadcast_to((40 + 170 * columns)[None, :, None], (height, width, 3)), np.uint8
    )


def number_in(image: np.ndarray) -> int:
    """Return the number that a picture shows."""
    width = image.shape[1]
    bars = [image[:, width * bit // BITS : width * (bit + 1) // BITS].mean() > 125 for bit in range(BITS)]
    return sum(int(on) << (BITS - 1 - bit) for bit, on in enumerate(bars))


def pictures_of(numbers: Iterable[int], width: int = 64, height: int = 48) -> list[np.ndarray]:
    return [picture_of(number, width, height) for number in numbers]


def corners(width: int = 64, height: int = 48) -> np.ndarray:
    """Return a picture whose quarters are red, green, blue and white, so that any turn of it is seen."""
    image = np.full((height, width, 3), 255, np.uint8)
    image[: height // 2, : width // 2] = (255, 0, 0)
    image[: height // 2, width // 2 :] = (0, 255, 0)
    image[height // 2 :, : width // 2] = (0, 0, 255)
    return image


def write_clip(
    path: Path,
    pictures: Sequence[np.ndarray],
    *,
    rate: int = 20,
    codec: str = "libx264",
    gop: int = 8,
    b_frames: int = 0,
    stamps: Sequence[int] | None = None,
    pixels: str = "yuv420p",
    options: dict[str, str] | None = None,
    container_options: dict[str, str] | None = None,
    sound: bool = False,
    colour: tuple[int, int] | None = None,
) -> Path:
    """Encode pictures as a video.

    Args:
        path: Its ending decides about the container.
        pictures: All of one size.
        rate: Frames per second.
        codec: Name of FFmpeg's encoder.
        gop: A key frame every so many frames.
        b_frames: Frames in a row that lean on later ones.
        stamps: Milliseconds of each frame, where they are not evenly spaced.
        pixels: Pixel format.
        options: Of the encoder.
        container_options: Of the container, e.g. ``{"movflags": "faststart"}``.
        sound: Add a tone of the same length.
        colour: Matrix and range that the file names, e.g. (1, 2) for BT.709 of full range.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w", options=container_options or {}) as container:
        stream = _video_stream(container, pictures[0], codec, rate, pixels, gop, b_frames)
        context = stream.codec_context
        if codec == "libx264" and gop:
            # Otherwise pictures that differ much become key frames of their own.
            options = {"sc_threshold": "0", **(options or {})}
        context.options = options or {}
        if stamps is not None:
            context.time_base = Fraction(1, _TICKS)
        if colour is not None:
            context.colorspace, context.color_range = colour
        tone = container.add_stream("aac", rate=16000) if sound else None
        for place, picture in enumerate(pictures):
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")
            if colour is not None:
                frame = frame.reformat(format=pixels, dst_colorspace=colour[0], dst_color_range=colour[1])
            if stamps is not None:
                frame.pts, frame.time_base = stamps[place], Fraction(1, _TICKS)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
        if tone is not None:
            seconds = len(pictures) / rate if stamps is None else stamps[-1] / _TICKS + 1 / rate
            _write_tone(container, tone, seconds)
    return path


def write_sound(path: Path, seconds: float = 1.0) -> Path:
    """Write a file that holds a tone and no pictures."""
    with av.open(str(path), "w") as container:
        _write_tone(container, container.add_stream("aac", rate=16000), seconds)
    return path


def write_cover(path: Path, seconds: float = 1.0) -> Path:
    """Write a tone with a cover picture, as music players show one; FFmpeg calls the cover a video stream."""
    with av.open(str(path), "w") as container:
        tone = container.add_stream("aac", rate=16000)
        cover = container.add_stream("mjpeg", rate=1)
        cover.width, cover.height, cover.pix_fmt = 64, 48, "yuvj420p"
        cover.disposition = av.stream.Disposition.attached_pic
        packets = cover.encode(av.VideoFrame.from_ndarray(corners(), format="rgb24")) + cover.encode(None)
        container.start_encoding()
        container.mux(packets)
        _write_tone(container, tone, seconds)
    return path


def write_two_streams(path: Path, pictures: Sequence[Sequence[np.ndarray]], default: int = 0) -> Path:
    """Write several videos into one file, as screen recorders do; one of them is the default."""
    with av.open(str(path), "w") as container:
        streams = []
        for number, shown in enumerate(pictures):
            stream = _video_stream(container, shown[0], "libx264", 20, "yuv420p", 8, 0)
            stream.disposition = (
                av.stream.Disposition.default if number == default else av.stream.Disposition(0)
            )
            streams.append(stream)
        for stream, shown in zip(streams, pictures, strict=True):
            for picture in shown:
                container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
            container.mux(stream.encode(None))
    return path


def write_growing(path: Path, sizes: Sequence[tuple[int, int]], rate: int = 20) -> Path:
    """Write numbered frames of the sizes given, width and height, one per size, as motion JPEG."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mjpeg", rate=rate)
        stream.width, stream.height, stream.pix_fmt = *sizes[0], "yuvj420p"
        container.start_encoding()
        for number, (width, height) in enumerate(sizes):
            encoder = av.CodecContext.create("mjpeg", "w")
            encoder.width, encoder.height, encoder.pix_fmt = width, height, "yuvj420p"
            encoder.time_base, encoder.framerate = Fraction(1, rate), Fraction(rate)
            frame = av.VideoFrame.from_ndarray(picture_of(number, width, height), format="rgb24")
            for packet in encoder.encode(frame) + encoder.encode(None):
                packet.stream, packet.time_base = stream, Fraction(1, rate)
                packet.pts = packet.dts = number
                container.mux(packet)
    return path


def turn(source: Path, path: Path, degrees: int, mirrored: bool = False) -> Path:
    """Copy an MP4 with a display matrix: players turn its pictures clockwise, mirrored before if asked."""
    a, b, c, d = _MATRICES[degrees]
    if mirrored:
        a, b = -a, -b
    content = bytearray(source.read_bytes())
    start = content.index(b"tkhd") + 4 + 40
    values = [a << 16, b << 16, 0, c << 16, d << 16, 0, 0, 0, 1 << 30]
    struct.pack_into(">9i", content, start, *values)
    path.write_bytes(content)
    return path


def drop_beginning(source: Path, path: Path, seconds: float) -> Path:
    """Copy an MP4 with an edit list that cuts its beginning away: players do not show it."""
    content = bytearray(source.read_bytes())
    start = content.index(b"elst") + 4
    (entries,) = struct.unpack_from(">I", content, start + 4)
    assert entries == 1, "the clip has an edit list of its own"
    assert content[start] == 0, "the edit list is of 64 bit"
    duration, media = struct.unpack_from(">Ii", content, start + 8)
    with av.open(str(source)) as container:
        ticks = round(seconds / container.streams.video[0].time_base)
    # The movie's clock ticks a thousand times a second, as FFmpeg writes it.
    struct.pack_into(">Ii", content, start + 8, duration - round(1000 * seconds), media + ticks)
    path.write_bytes(content)
    return path


def damage(source: Path, path: Path, packets: Iterable[int], share: float = 1.0) -> Path:
    """Copy an MP4 with some packets of its pictures, counted in the order of the file, overwritten.

    With a smaller share only the end of each packet, so that decoders cover the damage up.
    """
    content = bytearray(source.read_bytes())
    with av.open(str(source)) as container:
        places = [(p.pos, p.size) for p in container.demux(container.streams.video[0]) if p.size]
    for number in packets:
        start, size = places[number]
        bad = round(share * size)
        content[start + size - bad : start + size] = b"\xff" * bad
    path.write_bytes(content)
    return path


def cut_off(source: Path, path: Path, share: float) -> Path:
    """Copy the first part of a file, as a broken download or a pulled card leaves it."""
    content = source.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    return path


def _video_stream(
    container: av.container.OutputContainer,
    picture: np.ndarray,
    codec: str,
    rate: int,
    pixels: str,
    gop: int,
    b_frames: int,
) -> av.VideoStream:
    stream = container.add_stream(codec, rate=rate)
    stream.height, stream.width = picture.shape[:2]
    stream.pix_fmt = pixels
    stream.bit_rate = 8_000_000
    stream.codec_context.gop_size, stream.codec_context.max_b_frames = gop, b_frames
    stream.codec_context.thread_count = 1
    return stream


def _write_tone(container: av.container.OutputContainer, stream: av.AudioStream, seconds: float) -> None:
    wave = np.sin(np.arange(int(16000 * seconds)) / 16000 * 2 * np.pi * 440).astype(np.float32)[None] / 4
    frame = av.AudioFrame.from_ndarray(wave, format="fltp", layout="mono")
    frame.sample_rate, frame.pts, frame.time_base = 16000, 0, Fraction(1, 16000)
    container.mux(stream.encode(frame))
    container.mux(stream.encode(None))
