from __future__ import annotations

import base64
import io
import os
import re
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from coloured import coloured
from metafacs.faces import pictures
from metafacs.faces.pictures import SUFFIXES, PictureError, is_picture, open_picture, read_picture

HEIC = base64.b64decode(
    "AAAAHGZ0eXBoZWljAAAAAG1pZjFoZWljbWlhZgAAAXxtZXRhAAAAAAAAACFoZGxyAAAAAAAAAABwaWN0AAAAAAAAAAAAAAAAAAAA"
    "ACJpbG9jAAAAAERAAAEAAQAAAAABoAABAAAAAAAAAE0AAAAjaWluZgAAAAAAAQAAABVpbmZlAgAAAAABAABodmMxAAAAAA5waXRt"
    "AAAAAAABAAAA/GlwcnAAAADcaXBjbwAAAHVodmNDAQNwAAAAkAAAAAAAHvAA/P34+AAADwNgAAEAGEABDAH//wNwAAADAJAAAAMA"
    "AAMAHroCQGEAAQApQgEBA3AAAAMAkAAAAwAAAwAeoCCBBZbqrprm4CGgwIAAAAyAAAADAIRiAAEABkQBwXPBiQAAABNjb2xybmNs"
    "eAABAA0ABoAAAAAUaXNwZQAAAAAAAABAAAAAQAAAAChjbGFwAAAAGAAAAAEAAAAQAAAAAf///9gAAAAC////0AAAAAIAAAAQcGl4"
    "aQAAAAADCAgIAAAAGGlwbWEAAAAAAAAAAQABBYECAwWEAAAAVW1kYXQAAABJKAGvEyGrHGjlNVP9RNeSgF93qTALPGoWYi2QmeuY"
    "2FQuL+rT4bYZqSwSC/9cjnez4GSOgPUvmgVKwJ6A5bEY552CgKhYssnCRg=="
)
"""16 x 24 pixels, red on the left, blue on the right."""


def chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def png_header(width: int, height: int) -> bytes:
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))


@pytest.mark.parametrize(
    "name", ["a.png", "a.bmp", "a.tiff", "a.webp", "a.gif", "a.ppm", "a.avif", "Gesicht ä 顔.PNG"]
)
def test_formats_and_names(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    options = {"webp": {"lossless": True}, "avif": {"quality": 100, "subsampling": "4:4:4"}}
    coloured().save(path, **options.get(path.suffix[1:], {}))
    exact = 2 if name == "a.avif" else 0
    assert path.suffix.lower() in SUFFIXES
    assert is_picture(path)
    for named in (path, str(path)):
        assert np.abs(read_picture(named).astype(int) - np.asarray(coloured())).max() <= exact


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


@pytest.mark.parametrize(("width", "height"), [(20_000, 20_000), (12_001, 10_000), (2**31 - 1, 2**31 - 1)])
@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
def test_an_oversized_picture_is_refused_before_it_is_decoded(
    tmp_path: Path, width: int, height: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Nothing but the header is there: whoever decodes it, fails.
    (tmp_path / "a.png").write_bytes(png_header(width, height) + chunk(b"IDAT", b"") + chunk(b"IEND", b""))
    with pytest.raises(PictureError, match=r"a\.png is too large \(.*at most 120,000,000 are read\)"):
        read_picture(tmp_path / "a.png")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    with pytest.raises(PictureError, match="too large"):
        read_picture(tmp_path / "a.png")


def test_the_largest_picture_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    coloured().save(tmp_path / "a.png")
    monkeypatch.setattr(pictures, "MOST_PIXELS", 600)
    assert read_picture(tmp_path / "a.png").shape == (20, 30, 3)
    monkeypatch.setattr(pictures, "MOST_PIXELS", 599)
    with pytest.raises(PictureError, match=r"30 x 20 pixels; at most 599"):
        read_picture(tmp_path / "a.png")


def test_a_tile_larger_than_the_picture_is_refused(tmp_path: Path) -> None:
    entries = [(256, 4, 8), (257, 4, 8), (258, 3, 8), (259, 3, 1), (262, 3, 1), (277, 3, 1)]
    entries += [(322, 4, 40_000), (323, 4, 40_000), (324, 4, 8), (325, 4, 8)]
    content = b"".join(struct.pack("<HHII", tag, kind, 1, value) for tag, kind, value in entries)
    head = b"II*\0" + struct.pack("<I", 8) + struct.pack("<H", len(entries))
    (tmp_path / "a.tif").write_bytes(head + content + bytes(100))
    with pytest.raises(PictureError, match=r"a\.tif is too large \(40000 x 40000 pixels"):
        read_picture(tmp_path / "a.tif")


def test_a_jpeg_of_thousands_of_scans_is_refused(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    coloured().save(buffer, "JPEG", progressive=True)
    content = buffer.getvalue()
    (tmp_path / "a.jpg").write_bytes(content)
    assert read_picture(tmp_path / "a.jpg").shape == (20, 30, 3)
    last = content[content.rfind(b"\xff\xda") : -2]
    (tmp_path / "a.jpg").write_bytes(content[:-2] + 300 * last + content[-2:])
    with pytest.raises(PictureError, match=r"a\.jpg consists of 31\d scans"):
        read_picture(tmp_path / "a.jpg")


def test_text_that_unpacks_to_gigabytes_is_refused(tmp_path: Path) -> None:
    text = chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(20_000_000)))
    buffer = io.BytesIO()
    coloured().save(buffer, "PNG")
    content = buffer.getvalue()
    (tmp_path / "a.png").write_bytes(content[:33] + text + content[33:])
    with pytest.raises(PictureError, match=r"a\.png"):
        read_picture(tmp_path / "a.png")


def test_what_a_file_holds_decides_not_its_name(tmp_path: Path) -> None:
    coloured().save(tmp_path / "a.jpg", "PNG")
    assert np.array_equal(read_picture(tmp_path / "a.jpg"), np.asarray(coloured()))


def test_no_other_decoder_sees_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = tmp_path / "gs"
    script.write_text(f"#!/bin/sh\ntouch '{tmp_path}/ran'\nexit 1\n")
    script.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    holiday = tmp_path / "holiday.jpg"
    holiday.write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\nshowpage\n%%EOF\n")
    with pytest.raises(PictureError, match=r"holiday\.jpg is not a picture that can be read \(JPEG, PNG"):
        read_picture(holiday)
    assert not is_picture(holiday)
    assert not (tmp_path / "ran").exists()
    for name, form in (("a.ico", "ICO"), ("a.tga", "TGA"), ("a.psd.jpg", "PCX"), ("a.jp2", "JPEG2000")):
        coloured().save(tmp_path / name, form)
        with pytest.raises(PictureError, match="is not a picture that can be read"):
            read_picture(tmp_path / name)


def test_every_opener_of_pictures_names_the_formats() -> None:
    sources = Path(pictures.__file__).parents[1]
    calls = [
        f"{source.name}: {call}"
        for source in sources.rglob("*.py")
        for call in re.findall(r"Image\.open\(.*", source.read_text(encoding="utf-8"))
    ]
    assert calls
    assert not [call for call in calls if "formats=" not in call]


def test_a_picture_in_memory_is_opened() -> None:
    buffer = io.BytesIO()
    coloured().save(buffer, "PNG")
    with open_picture(io.BytesIO(buffer.getvalue())) as picture:
        assert np.array_equal(np.asarray(picture), np.asarray(coloured()))
    with (
        pytest.raises(PictureError, match="the picture is truncated or damaged"),
        open_picture(io.BytesIO(buffer.getvalue()[:60])),
    ):
        pass


def test_heic_is_read_where_its_library_is_there(tmp_path: Path) -> None:
    pytest.importorskip("pillow_heif")
    (tmp_path / "a.jpg").write_bytes(HEIC)
    pixels = read_picture(tmp_path / "a.jpg").astype(int)
    assert pixels.shape == (16, 24, 3)
    assert np.abs(pixels[:, :8] - (220, 30, 30)).max() < 20
    assert np.abs(pixels[:, 16:] - (30, 30, 220)).max() < 20


def test_heic_without_its_library_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.heic").write_bytes(HEIC)
    monkeypatch.setattr(pictures, "_heif_is_there", lambda: False)
    assert is_picture(tmp_path / "a.heic")
    with pytest.raises(PictureError, match=r"a\.heic is a HEIC picture; .* pip install 'metafacs\[heic\]'"):
        read_picture(tmp_path / "a.heic")
    coloured().save(tmp_path / "a.avif")
    monkeypatch.setattr(pictures.features, "check", lambda feature: False)
    with pytest.raises(PictureError, match=r"a\.avif is an AVIF picture, which Pillow reads from 11\.3 on"):
        read_picture(tmp_path / "a.avif")


def test_a_pipe_is_no_picture(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.jpg")
    with pytest.raises(PictureError, match=r"a\.jpg is a pipe or a device"):
        read_picture(tmp_path / "a.jpg")


def test_a_picture_that_memory_does_not_hold_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    coloured().save(tmp_path / "a.png")

    def fail(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr(pictures, "rgb_pixels", fail)
    with pytest.raises(PictureError, match=r"a\.png does not fit into the memory"):
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
