from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

import clips
from metafacs.data.videos import Video, decode_frames
from metafacs.data.videos.images import ImageReader
from metafacs.data.videos.orientation import Orientation


def near(image: np.ndarray | None, wanted: np.ndarray, tolerance: float = 40) -> bool:
    """Return whether the pictures agree but for compression, which blurs edges."""
    if image is None or image.shape != wanted.shape:
        return False
    return bool(np.median(np.abs(image.astype(int) - wanted), (0, 1)).max() < tolerance)


@pytest.fixture(scope="module")
def corners(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("turned") / "corners.mp4"
    return clips.write_clip(path, [clips.corners()] * 20, gop=5, b_frames=2)


@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize("degrees", [0, 90, 180, 270])
def test_pictures_are_turned_as_the_file_says(
    corners: Path, tmp_path: Path, degrees: int, mirrored: bool
) -> None:
    path = clips.turn(corners, tmp_path / "a.mp4", degrees, mirrored)
    stored = clips.corners()[:, ::-1] if mirrored else clips.corners()
    upright = np.rot90(stored, -degrees // 90)
    video = Video(path)
    assert (video.height, video.width) == upright.shape[:2]
    images = [frame.image for frame in video.frames()]
    images += [frame.image for frame in video.frames(start_at=17)]
    images += [frame.image for frame in video.at([3, 18])]
    images += list(decode_frames(path, [18]))
    assert all(near(image, upright) for image in images)
    done = (["mirrored"] if mirrored else []) + (
        [f"rotated by {degrees} degrees clockwise"] if degrees else []
    )
    assert video.notes == ([f"The pictures are {' and '.join(done)}, as the file says."] if done else [])
    with av.open(str(path)) as container:
        frame = next(container.decode(video=0))
        assert mirrored or frame.rotation % 360 == -degrees % 360


def test_a_turn_that_is_no_quarter_is_told_and_left(corners: Path, tmp_path: Path) -> None:
    content = bytearray(clips.turn(corners, tmp_path / "a.mp4", 90).read_bytes())
    place = content.index(b"tkhd") + 44
    cosine, sine = (round(65536 * value) for value in (np.cos(np.radians(100)), np.sin(np.radians(100))))
    content[place : place + 20] = np.array([cosine, sine, 0, -sine, cosine], ">i4").tobytes()
    path = tmp_path / "b.mp4"
    path.write_bytes(content)
    video = Video(path)
    assert near(next(iter(video.frames())).image, np.rot90(clips.corners(), -1))
    assert "by 10 degrees more; only quarter turns are applied" in video.notes[1]


def test_old_files_say_it_in_words(tmp_path: Path) -> None:
    with av.open(str(tmp_path / "a.mkv"), "w") as container:
        stream = container.add_stream("libx264", rate=20)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        stream.metadata["rotate"] = "90"
        container.mux(stream.encode(av.VideoFrame.from_ndarray(clips.corners(), format="rgb24")))
        container.mux(stream.encode(None))
    video = Video(tmp_path / "a.mkv")
    assert (video.width, video.height) == (48, 64)
    assert near(next(iter(video.frames())).image, np.rot90(clips.corners(), -1))


@pytest.mark.parametrize("pixels", ["yuv420p", "yuv444p", "yuv422p", "yuv420p10le", "gray"])
def test_a_turn_changes_no_pixel(tmp_path: Path, pixels: str) -> None:
    rng = np.random.default_rng(0)
    picture = rng.integers(0, 255, (12, 16, 3), np.uint8).repeat(4, 0).repeat(4, 1)
    frame = av.VideoFrame.from_ndarray(picture, format="rgb24").reformat(format=pixels)
    stored = ImageReader(Orientation()).read(frame)
    for degrees in (90, 180, 270):
        turned = ImageReader(Orientation(degrees)).read(frame)
        assert np.array_equal(turned, np.rot90(stored, -degrees // 90))
    assert np.array_equal(ImageReader(Orientation(0, mirrored=True)).read(frame), stored[:, ::-1])


BT601, BT709, BT2020, SMPTE170M = 5, 1, 9, 6
LIMITED, FULL = 1, 2
SAMPLES = {
    (BT601, LIMITED): ((81, 90, 240), (235, 128, 128)),
    (SMPTE170M, LIMITED): ((81, 90, 240), (235, 128, 128)),
    (BT709, LIMITED): ((63, 102, 240), (235, 128, 128)),
    (BT2020, LIMITED): ((74, 97, 240), (235, 128, 128)),
    (BT601, FULL): ((76, 85, 255), (255, 128, 128)),
    (BT709, FULL): ((54, 99, 255), (255, 128, 128)),
    (2, 0): ((81, 90, 240), (235, 128, 128)),
}
"""Red and white by the matrices of the standards; a video that names none is taken as BT.601."""


@pytest.mark.parametrize("deep", [False, True])
@pytest.mark.parametrize("degrees", [0, 90])
@pytest.mark.parametrize("colour", SAMPLES)
def test_colours_follow_the_matrix_and_the_range(colour: tuple[int, int], degrees: int, deep: bool) -> None:
    reader = ImageReader(Orientation(degrees))
    for sample, wanted in zip(SAMPLES[colour], ((255, 0, 0), (255, 255, 255)), strict=True):
        frame = av.VideoFrame(32, 24, "yuv420p10le" if deep else "yuv420p")
        for plane, value in zip(frame.planes, sample, strict=True):
            values = np.full(plane.buffer_size // (2 if deep else 1), value * (4 if deep else 1))
            plane.update(values.astype(np.uint16 if deep else np.uint8).tobytes())
        frame.colorspace, frame.color_range = colour
        assert np.allclose(reader.read(frame)[5, 5], wanted, atol=3)


@pytest.mark.parametrize("colour", [(BT709, LIMITED), (BT709, FULL)])
def test_colours_that_the_file_names_come_out_as_they_went_in(
    tmp_path: Path, colour: tuple[int, int]
) -> None:
    path = clips.write_clip(tmp_path / "a.mp4", [clips.corners()] * 3, colour=colour, options={"crf": "4"})
    assert near(next(iter(Video(path).frames())).image, clips.corners(), 4)


def test_pixels_that_are_not_square_are_told(tmp_path: Path) -> None:
    with av.open(str(tmp_path / "a.mp4"), "w") as container:
        stream = container.add_stream("libx264", rate=20)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        stream.codec_context.sample_aspect_ratio = Fraction(16, 11)
        container.mux(stream.encode(av.VideoFrame.from_ndarray(clips.corners(), format="rgb24")))
        container.mux(stream.encode(None))
    assert Video(tmp_path / "a.mp4").notes == ["Its pixels are not square (16:11); they are left as stored."]


@pytest.mark.parametrize("bits", [8, 10, 12, 16])
@pytest.mark.parametrize("form", ["gray16le", "gray16be"])
def test_deep_grey_is_scaled_by_its_depth(tmp_path: Path, bits: int, form: str) -> None:
    ramp = np.linspace(0, (1 << bits) - 1, 64 * 48).astype(np.uint16).reshape(48, 64)
    with av.open(str(tmp_path / "a.nut"), "w") as container:
        stream = container.add_stream("rawvideo", rate=10)
        stream.width, stream.height, stream.pix_fmt = 64, 48, form
        frame = av.VideoFrame.from_ndarray(ramp, format="gray16le").reformat(format=form)
        container.mux(stream.encode(frame))
    (shown,) = Video(tmp_path / "a.nut").frames()
    expected = np.linspace(0, 255, 64 * 48).reshape(48, 64)
    assert shown.image is not None
    assert np.abs(shown.image.astype(float) - expected[:, :, None]).max() <= 1


@pytest.mark.parametrize("ending", [".mkv", ".nut"])
def test_deep_grey_of_a_video_has_one_depth(ending: str, tmp_path: Path) -> None:
    """Frames whose brightest pixel fits into 10 bits are no brighter than those where it needs 11."""
    ramp = np.tile(np.arange(64, dtype=np.uint16) * 14, (48, 1))
    path = tmp_path / f"camera{ending}"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1" if ending == ".mkv" else "rawvideo", rate=10)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "gray16le"
        for number in range(200):
            picture = ramp.copy()
            picture[0, 0] = 3000 if number == 150 else 1020 + 8 * (number % 2)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="gray16le")))
        container.mux(stream.encode(None))
    rows = [frame.image[-1] for frame in Video(path).frames() if frame.image is not None]
    assert len(rows) == 200
    assert all(np.array_equal(row, rows[0]) for row in rows)
    assert np.abs(rows[0][:, 0] - ramp[-1] * (255 / 4095)).max() <= 1
    (late,) = Video(path).at([180])
    assert late.image is not None
    assert np.array_equal(late.image[-1], rows[0])
