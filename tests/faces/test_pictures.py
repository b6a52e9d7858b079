from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from metafacs.faces.pictures import PictureError, read_picture


def coloured() -> Image.Image:
    """Return a picture whose four quarters differ, wider than high."""
    pixels = np.zeros((20, 30, 3), np.uint8)
    pixels[:10, :15], pixels[:10, 15:], pixels[10:, :15], pixels[10:, 15:] = (
        (250, 0, 0),
        (0, 250, 0),
        (0, 0, 250),
        (250, 250, 0),
    )
    return Image.fromarray(pixels)


@pytest.mark.parametrize("name", ["a.png", "a.bmp", "a.tiff", "a.webp", "a.gif", "a.ppm", "Gesicht ä 顔.PNG"])
def test_formats_and_names(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    coloured().save(path, lossless=True) if name.endswith("webp") else coloured().save(path)
    assert np.array_equal(read_picture(path), np.asarray(coloured()))
    assert np.array_equal(read_picture(str(path)), np.asarray(coloured()))


@pytest.mark.parametrize(
    ("orientation", "turn"),
    [
        (1, lambda a: a),
        (2, lambda a: a[:, ::-1]),
        (3, lambda a: np.rot90(a, 2)),
        (4, lambda a: a[::-1]),
        (5, lambda a: a.transpose(1, 0, 2)),
        (6, lambda a: np.rot90(a, -1)),
        (7, lambda a: np.rot90(a.transpose(1, 0, 2), 2)),
        (8, lambda a: np.rot90(a, 1)),
    ],
)
def test_the_exif_rotation_is_applied(tmp_path: Path, orientation: int, turn) -> None:  # type: ignore[no-untyped-def]
    exif = Image.Exif()
    exif[0x0112] = orientation
    coloured().save(tmp_path / "a.png", exif=exif)
    assert np.array_equal(read_picture(tmp_path / "a.png"), turn(np.asarray(coloured())))


@pytest.mark.parametrize("mode", ["L", "1", "P", "CMYK", "YCbCr", "RGBA", "LA", "I;16", "I", "F"])
def test_every_colour_mode_becomes_rgb(tmp_path: Path, mode: str) -> None:
    grey = Image.fromarray(np.tile(np.array([0, 255], np.uint8), (8, 4)))
    if mode == "I;16":
        picture = Image.fromarray(np.asarray(grey).astype(np.uint16) * 257)
    elif mode == "I":
        picture = Image.fromarray(np.asarray(grey).astype(np.int32) * 257)
    else:
        picture = grey.convert(mode)
    path = tmp_path / ("a.tiff" if mode in ("CMYK", "YCbCr", "F", "I") else "a.png")
    # Pillow before 13 writes uncompressed YCbCr TIFFs that it cannot read.
    picture.save(path, **({"compression": "tiff_lzw"} if mode == "YCbCr" else {}))
    pixels = read_picture(path)
    assert pixels.dtype == np.uint8
    assert pixels.shape == (8, 8, 3)
    assert np.abs(pixels.astype(int) - np.asarray(grey)[..., None]).max() <= 1


def test_transparent_pixels_lie_on_white(tmp_path: Path) -> None:
    picture = coloured().convert("RGBA")
    picture.putalpha(Image.fromarray(np.full((20, 30), 0, np.uint8)))
    picture.save(tmp_path / "a.png")
    assert (read_picture(tmp_path / "a.png") == 255).all()


def test_a_palette_with_a_transparent_colour(tmp_path: Path) -> None:
    picture = coloured().quantize(4)
    picture.save(tmp_path / "a.png", transparency=picture.getpixel((0, 0)))
    pixels = read_picture(tmp_path / "a.png")
    assert (pixels[0, 0] == 255).all()
    assert (pixels[0, 29] == (0, 250, 0)).all()


def test_sixteen_bit_grey_is_scaled_not_cut(tmp_path: Path) -> None:
    ramp = np.linspace(0, 65535, 256).astype(np.uint16).reshape(16, 16)
    Image.fromarray(ramp).save(tmp_path / "a.png")
    assert (
        np.abs(read_picture(tmp_path / "a.png")[..., 0].astype(int) - np.arange(256).reshape(16, 16)).max()
        <= 1
    )


def test_dark_integers_of_eight_bit_depth_are_kept(tmp_path: Path) -> None:
    Image.fromarray(np.arange(200, dtype=np.int32).reshape(10, 20)).save(tmp_path / "a.tiff")
    assert np.array_equal(read_picture(tmp_path / "a.tiff")[..., 0], np.arange(200).reshape(10, 20))


def test_fractional_grey_uses_its_own_range(tmp_path: Path) -> None:
    Image.fromarray(np.linspace(-1, 1, 64, dtype=np.float32).reshape(8, 8)).save(tmp_path / "a.tiff")
    pixels = read_picture(tmp_path / "a.tiff")
    assert pixels.min() == 0
    assert pixels.max() == 255


def test_a_missing_file_and_a_folder_are_named(tmp_path: Path) -> None:
    with pytest.raises(PictureError, match=r"none\.jpg does not exist"):
        read_picture(tmp_path / "none.jpg")
    with pytest.raises(PictureError, match="is a folder"):
        read_picture(tmp_path)


def test_an_empty_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").touch()
    with pytest.raises(PictureError, match=r"a\.jpg is empty"):
        read_picture(tmp_path / "a.jpg")


def test_a_file_that_is_no_picture_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_text("subject,frame\n")
    with pytest.raises(PictureError, match=r"a\.jpg is not a picture"):
        read_picture(tmp_path / "a.jpg")


@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.tiff", "a.webp", "a.gif"])
def test_a_truncated_file_is_named(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    Image.fromarray(noise).save(path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(PictureError, match="a\\."):
        read_picture(path)


def test_a_file_that_may_not_be_read_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    coloured().save(tmp_path / "a.png")

    def refuse(path: Path, mode: str) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(PictureError, match=r"a\.png may not be read \(Permission denied\)"):
        read_picture(tmp_path / "a.png")


def test_an_oversized_picture_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    coloured().save(tmp_path / "a.png")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    with pytest.raises(PictureError, match="too large"):
        read_picture(tmp_path / "a.png")


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    damage=st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 255)), max_size=12),
    cut=st.integers(0, 10_000),
)
@pytest.mark.parametrize("suffix", ["jpg", "png"])
def test_damaged_files_are_read_or_named_but_never_crash(
    tmp_path: Path, suffix: str, damage: list[tuple[int, int]], cut: int
) -> None:
    path = tmp_path / f"a.{suffix}"
    coloured().save(path)
    content = bytearray(path.read_bytes())
    for place, value in damage:
        content[place % len(content)] = value
    path.write_bytes(bytes(content[: max(1, len(content) - cut % len(content))]))
    message = str(path)
    try:
        read_picture(path)
    except PictureError as error:
        message = str(error)
    assert str(path) in message
