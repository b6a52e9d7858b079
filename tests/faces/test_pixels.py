from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from coloured import coloured
from metafacs.faces import pixels as pixels_module
from metafacs.faces.pictures import PictureError, read_picture


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


@pytest.mark.parametrize("bits", [8, 12, 16])
def test_a_tiff_whose_values_say_how_dark_it_is_is_no_negative(tmp_path: Path, bits: int) -> None:
    grey = np.arange(256).reshape(16, 16)
    darkness = ((255 - grey) * ((1 << bits) - 1) / 255).round()
    path = tmp_path / "a.tif"
    Image.fromarray(darkness.astype(np.uint8 if bits == 8 else np.uint16)).save(path)
    # Tag, kind, count and value: black is zero becomes white is zero.
    content = path.read_bytes()
    path.write_bytes(content.replace(struct.pack("<HHIH", 262, 3, 1, 1), struct.pack("<HHIH", 262, 3, 1, 0)))
    assert path.read_bytes() != content
    assert np.array_equal(read_picture(path)[..., 0], grey)


def test_dark_integers_of_eight_bit_depth_are_kept(tmp_path: Path) -> None:
    Image.fromarray(np.arange(200, dtype=np.int32).reshape(10, 20)).save(tmp_path / "a.tiff")
    assert np.array_equal(read_picture(tmp_path / "a.tiff")[..., 0], np.arange(200).reshape(10, 20))


def test_fractional_grey_uses_its_own_range(tmp_path: Path) -> None:
    Image.fromarray(np.linspace(-1, 1, 64, dtype=np.float32).reshape(8, 8)).save(tmp_path / "a.tiff")
    pixels = read_picture(tmp_path / "a.tiff")
    assert pixels.min() == 0
    assert pixels.max() == 255


@pytest.mark.parametrize("turn", range(1, 9))
def test_large_pictures_are_read_strip_by_strip(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, turn: int
) -> None:
    exif = Image.Exif()
    exif[0x0112] = turn
    noise = np.random.default_rng(0).integers(0, 256, (23, 31, 4), dtype=np.uint8)
    deep = np.random.default_rng(0).integers(0, 65536, (23, 31), dtype=np.uint16)
    Image.fromarray(noise).save(tmp_path / "a.png", exif=exif)
    Image.fromarray(deep).save(tmp_path / "b.png", exif=exif)
    whole = [read_picture(tmp_path / name) for name in ("a.png", "b.png")]
    monkeypatch.setattr(pixels_module, "_STRIP", 100)
    assert np.array_equal(read_picture(tmp_path / "a.png"), whole[0])
    assert np.array_equal(read_picture(tmp_path / "b.png"), whole[1])


@pytest.mark.parametrize("content", [b"Exif\0\0MM\0*" + b"\xff" * 200, b"Exif\0\0", b"nonsense"])
@pytest.mark.filterwarnings("ignore:Corrupt EXIF")
def test_exif_that_makes_no_sense_turns_nothing(tmp_path: Path, content: bytes) -> None:
    coloured().save(tmp_path / "a.jpg", quality=95, subsampling=0)
    expected = read_picture(tmp_path / "a.jpg")
    coloured().save(tmp_path / "a.jpg", quality=95, subsampling=0, exif=content)
    assert np.array_equal(read_picture(tmp_path / "a.jpg"), expected)
    exif = Image.Exif()
    exif[0x0112] = 99
    coloured().save(tmp_path / "a.jpg", quality=95, subsampling=0, exif=exif)
    assert np.array_equal(read_picture(tmp_path / "a.jpg"), expected)


def ramp(bits: int) -> NDArray[np.uint16]:
    """Return grey values as a camera of some bits gives them, the brightest one pixel in a corner."""
    return np.linspace(0, (1 << bits) - 1, 256).round().astype(np.uint16).reshape(16, 16)


@pytest.mark.parametrize("bits", [8, 10, 12, 14, 16])
@pytest.mark.parametrize("name", ["a.png", "a.tif"])
def test_cameras_of_any_depth_give_the_same_picture(tmp_path: Path, bits: int, name: str) -> None:
    Image.fromarray(ramp(bits)).save(tmp_path / name)
    grey = read_picture(tmp_path / name)[..., 0].astype(int)
    assert np.abs(grey - np.arange(256).reshape(16, 16)).max() <= 1


def with_significant_bits(path: Path, bits: int) -> None:
    """Put into a PNG how many bits of its grey values count."""
    content, told = path.read_bytes(), b"sBIT" + bytes([bits])
    chunk = struct.pack(">I", 1) + told + struct.pack(">I", zlib.crc32(told))
    path.write_bytes(content[:33] + chunk + content[33:])


def test_a_dark_picture_is_scaled_by_the_depth_that_its_file_states(tmp_path: Path) -> None:
    dark = (ramp(12) // 8).astype(np.uint16)
    Image.fromarray(dark).save(tmp_path / "guessed.png")
    assert read_picture(tmp_path / "guessed.png").max() == round(255 * 511 / 1023)
    Image.fromarray(dark).save(tmp_path / "told.png")
    with_significant_bits(tmp_path / "told.png", 12)
    assert read_picture(tmp_path / "told.png").max() == round(255 * 511 / 4095)
    # As the specification of PNG asks, 12 bits are spread over all 16.
    Image.fromarray((dark * 16).astype(np.uint16)).save(tmp_path / "spread.png")
    with_significant_bits(tmp_path / "spread.png", 12)
    assert read_picture(tmp_path / "spread.png").max() == round(255 * 8176 / 65535)


def test_the_largest_value_of_a_portable_greymap_counts(tmp_path: Path) -> None:
    values = np.array([[0, 400], [800, 1000]], ">u2")
    (tmp_path / "a.pgm").write_bytes(b"P5 2 2 4000\n" + values.tobytes())
    assert read_picture(tmp_path / "a.pgm")[..., 0].tolist() == [[0, 26], [51, 64]]


def deep_colours(path: Path, highest: int) -> None:
    """Write a PNG of 16 bits per colour."""
    rows = np.linspace(0, highest, 48).astype(">u2").reshape(4, 12)
    packed = zlib.compress(b"".join(b"\0" + row.tobytes() for row in rows))
    chunks = [(b"IHDR", struct.pack(">IIBBBBB", 4, 4, 16, 2, 0, 0, 0)), (b"IDAT", packed), (b"IEND", b"")]
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n"
        + b"".join(
            struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
            for kind, content in chunks
        )
    )


def test_colours_of_twelve_bits_in_sixteen_do_not_come_out_black(tmp_path: Path) -> None:
    deep_colours(tmp_path / "a.png", 65535)
    assert read_picture(tmp_path / "a.png").max() == 255
    deep_colours(tmp_path / "a.png", 4095)
    with pytest.raises(PictureError, match=r"a\.png has colours of 16 bit that use 14 bits or fewer"):
        read_picture(tmp_path / "a.png")
    deep_colours(tmp_path / "a.png", 0)
    assert read_picture(tmp_path / "a.png").max() == 0
