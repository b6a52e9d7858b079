from __future__ import annotations

import io
import sys
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image

from metafacs.data.crops import CropError, decode_with_pillow, decode_with_simplejpeg, fastest_decoder

pytest.importorskip("simplejpeg", reason="the decoders are compared")
DECODERS = [decode_with_pillow, decode_with_simplejpeg]


def encoded(picture: np.ndarray, **settings: object) -> bytes:
    content = io.BytesIO()
    Image.fromarray(picture).save(content, "JPEG", **settings)
    return content.getvalue()


@pytest.mark.parametrize("quality", [30, 95, 100])
@pytest.mark.parametrize(
    "more", [{"subsampling": 0}, {"subsampling": 2}, {"progressive": True}, {"optimize": True}]
)
def test_both_decoders_give_the_same_pixels(quality: int, more: dict[str, object]) -> None:
    rng = np.random.default_rng(quality)
    smooth = np.array(Image.fromarray(rng.integers(0, 256, (9, 9, 3), np.uint8)).resize((97, 97)))
    for picture in (smooth, rng.integers(0, 256, (97, 97, 3), np.uint8)):
        content = encoded(picture, quality=quality, **more)
        np.testing.assert_array_equal(decode_with_simplejpeg(content, 97), decode_with_pillow(content, 97))


def test_the_faster_one_is_used_where_it_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    fastest_decoder.cache_clear()
    assert fastest_decoder() is decode_with_simplejpeg
    monkeypatch.setitem(sys.modules, "simplejpeg", None)
    fastest_decoder.cache_clear()
    assert fastest_decoder() is decode_with_pillow
    fastest_decoder.cache_clear()


def test_grey_crops_have_three_equal_channels() -> None:
    content = encoded(np.arange(64, dtype=np.uint8).reshape(8, 8), quality=95)
    for decoder in DECODERS:
        crop = decoder(content, 8)
        assert crop.shape == (8, 8, 3)
        assert (crop == crop[..., :1]).all()


@pytest.mark.parametrize("decoder", DECODERS)
def test_what_is_no_crop_of_that_side_is_refused(decoder: Callable[[bytes, int], np.ndarray]) -> None:
    content = encoded(np.zeros((16, 16, 3), np.uint8))
    with pytest.raises(CropError, match="16 x 16 pixels, not 24"):
        decoder(content, 24)
    png = io.BytesIO()
    Image.new("RGB", (16, 16)).save(png, "PNG")
    for wrong in (b"", b"\xff\xd8", png.getvalue(), content[: len(content) // 2], b"\xff\xd8" + bytes(600)):
        with pytest.raises(CropError):
            decoder(wrong, 16)


def test_a_header_that_asks_for_gigabytes_is_not_followed() -> None:
    content = bytearray(encoded(np.zeros((16, 16, 3), np.uint8)))
    frame = content.index(b"\xff\xc0")
    content[frame + 5 : frame + 9] = b"\x40\x00\x40\x00"
    with pytest.raises(CropError, match="16384 x 16384 pixels, not 16"):
        decode_with_simplejpeg(bytes(content), 16)
