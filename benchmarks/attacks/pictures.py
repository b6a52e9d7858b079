"""Hostile pictures, videos and names, given to predict together with a sound picture."""

from __future__ import annotations

import csv
import io
import os
import shutil
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from random import Random

import numpy as np
from PIL import Image

from attacks.commands import ENDLESS, PATIENCE, USAGE, run_copy
from attacks.damage import damaged_bytes
from attacks.ground import Ground
from attacks.verdicts import LOST, RIGHT, STUCK, TRACEBACK, WRONG, Finding, judge_message

MEMORY = 1_600_000_000
"""Bytes that one picture may take, beyond what a prediction takes."""

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_FAKE = ("gs", "curl", "wget", "convert")
_NAMES = (
    *(
        "a b.jpg",
        "a\nb.jpg",
        "=cmd|' -C calc'!A0.jpg",
        "x" * 241 + ".jpg",
        "...jpg",
        "<img src=x onerror=1>.jpg",
    ),
    *(
        "\x1b[31mred.jpg",
        "\x1b]0;t\x07.jpg",
        'a,"b.jpg',
        "+1.jpg",
        "@SUM(1).jpg",
        "-1.jpg",
        "[/red].jpg",
        "$\\frac{$.jpg",
    ),
    *(
        os.fsdecode(b"caf\xe9.jpg"),
        "\u202egpj.jpg",
        "été 顔 😀.jpg",
        "a|b#.jpg",
        "a[0]*?.jpg",
        "%s%n.jpg",
        "con.jpg",
    ),
    *("{out}.jpg", "a\\b.jpg", "\tt.jpg", " .jpg", "'.jpg", "faces.csv.jpg", "a_overlay.jpg"),
)


def attack_picture(ground: Ground, chance: Random, place: Path) -> Finding:
    """Analyse a hostile picture between two sound ones, which must have the rows that they always have."""
    name = chance.choice(sorted(_PICTURES))
    path = place / "in" / f"odd{Path(name).suffix}"
    path.parent.mkdir()
    image = Image.open(ground.face)
    if name.startswith("damaged"):
        encoded = io.BytesIO()
        image.save(encoded, _FORMATS[path.suffix])
        done, content = damaged_bytes(encoded.getvalue(), chance)
        path.write_bytes(content)
    else:
        done = ""
        _PICTURES[name](path, image)
    return _predict(ground, place, path, f"{name}: {done}" if done else name)


def attack_name(ground: Ground, chance: Random, place: Path) -> Finding:
    """Analyse a sound picture with an odd name between two others, from its own folder."""
    name = chance.choice(_NAMES)
    path = place / "in" / name  # one of the names has a folder in it
    path.parent.mkdir(parents=True)
    shutil.copy(ground.face, path)
    return _predict(ground, place, path, f"a picture named {name!r:.80}", odd=False)


def attack_video(ground: Ground, chance: Random, place: Path) -> Finding:
    """Analyse a damaged or hostile video beside a sound picture."""
    path = place / "in" / f"odd{chance.choice(('.mp4', '.mp4', '.avi', '.mkv'))}"
    path.parent.mkdir()
    secret = place / "in" / "secret.mp4"
    what = chance.randrange(6)
    if what < 4:
        attack, content = damaged_bytes(ground.clip.read_bytes(), chance)
        path.write_bytes(content)
    else:
        shutil.copy(ground.clip, secret)
        attack, text = chance.choice(
            (
                ("a list of files to join", f"ffconcat version 1.0\nfile {secret}\n"),
                ("a play list", f"#EXTM3U\n#EXTINF:1,\nfile://{secret}\n#EXT-X-ENDLIST\n"),
                (
                    "a play list from the network",
                    "#EXTM3U\n#EXTINF:1,\nhttp://127.0.0.1:9/x.ts\n#EXT-X-ENDLIST\n",
                ),
                ("a session description", "v=0\no=- 0 0 IN IP4 127.0.0.1\nm=video 5004 RTP/AVP 96\n"),
            )
        )
        path.write_text(text)
    return _predict(ground, place, path, attack, video=True, forbidden=what >= 4)


def _predict(
    ground: Ground,
    place: Path,
    path: Path,
    attack: str,
    *,
    odd: bool = True,
    video: bool = False,
    forbidden: bool = False,
) -> Finding:
    expected = ground.once("faces", lambda: _rows_of(ground, place))
    out, tools = place / "out", place / "tools"
    tools.mkdir()
    for name in _FAKE:
        # Programs that decoders start are recognised by what they leave.
        (tools / name).write_text(f"#!/bin/sh\ntouch {place}/started\nexit 1\n")
        (tools / name).chmod(0o755)
    inputs = [ground.face, path.name, ground.pictures[1]]

    def before() -> None:
        os.environ["PATH"] = f"{tools}:{os.environ['PATH']}"

    words = ground.predict_words(out, *inputs)
    ended = run_copy(words, before=before, seconds=PATIENCE, folder=path.parent)
    if ended.code == ENDLESS:
        return Finding(STUCK, attack, ended.last)
    if ended.code not in (0, 1, USAGE) or "Traceback (most recent call last)" in ended.said:
        return Finding(TRACEBACK, attack, f"code {ended.code}: {ended.said[-500:]}")
    if (place / "started").exists():
        return Finding(WRONG, attack, "a program was started")
    usual = ground.once("memory", lambda: _memory_of(ground, place))
    if ended.memory > usual + MEMORY:
        return Finding(STUCK, attack, f"{ended.memory >> 20} MiB of memory, usually {usual >> 20}")
    shown = path.name.encode("unicode_escape", "surrogatepass").decode()[:30]
    if ended.code == USAGE:
        # A wrong command is refused before anything is done.
        return judge_message(ended.said[-500:], attack, path.name, shown)
    rows = _rows(out / "faces.csv")
    sound = [row for row in rows if row[0] in (str(ground.face), str(ground.pictures[1]))]
    if [row[2:] for row in sound] != [row[2:] for row in expected]:
        return Finding(LOST, attack, f"the rows of the sound pictures differ: {ended.last}")
    if bad := [cell for row in rows for cell in row if cell.startswith(("=", "+", "@", "\t"))]:
        return Finding(WRONG, attack, f"a cell that a spreadsheet runs: {bad[0]!r}")
    if "\x1b" in ended.said + ended.printed:
        return Finding(WRONG, attack, "control characters reach the terminal")
    if forbidden and ended.code == 0:
        return Finding(WRONG, attack, "another file was opened")
    if ended.code == 1:
        return judge_message(ended.said + ended.printed, attack, path.name, path.stem, shown)
    others = [row for row in rows if row not in sound]
    if odd or video or any(row[2:] == expected[0][2:] for row in others):
        return Finding(RIGHT, attack)
    return Finding(WRONG, attack, f"the picture has other numbers: {others[:1]}"[:300])


def _rows_of(ground: Ground, place: Path) -> list[list[str]]:
    run_copy(ground.predict_words(place / "usual", ground.face, ground.pictures[1]))
    return _rows(place / "usual" / "faces.csv")


def _memory_of(ground: Ground, place: Path) -> int:
    return run_copy(ground.predict_words(place / "usual2", ground.face, ground.pictures[1])).memory


def _rows(table: Path) -> list[list[str]]:
    """Return the rows: the input first, then the frame, then all else, the number of the picture left out."""
    if not table.exists():
        return []
    with table.open(newline="", encoding="utf-8", errors="surrogateescape") as file:
        lines = list(csv.DictReader(file, skipinitialspace=True))
    rows = []
    for line in lines:
        frame = line.pop("frame", "")
        rows.append([line.pop("input", ""), frame, *(str(value) for value in line.values())])
    return rows


def _chunk(kind: bytes, content: bytes) -> bytes:
    check = zlib.crc32(kind + content)
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", check)


def _png(width: int, height: int, colour: int, bits: int, row: bytes, before: bytes = b"") -> bytes:
    """Return a PNG of one colour without ever holding it."""
    packer = zlib.compressobj(6)
    data = b"".join([packer.compress(b"\0" + row) for _ in range(height)]) + packer.flush()
    head = struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, 0)
    return _SIGNATURE + _chunk(b"IHDR", head) + before + _chunk(b"IDAT", data) + _chunk(b"IEND", b"")


def _plain(content: bytes | Callable[[], bytes]) -> Callable[[Path, Image.Image], None]:
    def write(path: Path, image: Image.Image) -> None:
        path.write_bytes(content() if callable(content) else content)

    return write


def _saved(
    change: Callable[[Image.Image], Image.Image], **more: object
) -> Callable[[Path, Image.Image], None]:
    def write(path: Path, image: Image.Image) -> None:
        change(image).save(path, **more)  # type: ignore[arg-type]

    return write


def _exif(orientation: int) -> Callable[[Path, Image.Image], None]:
    def write(path: Path, image: Image.Image) -> None:
        exif = Image.Exif()
        exif[0x112] = orientation
        image.save(path, exif=exif)

    return write


def _pipe(path: Path, image: Image.Image) -> None:
    os.mkfifo(path)


def _folder(path: Path, image: Image.Image) -> None:
    path.mkdir()


def _moving(path: Path, image: Image.Image) -> None:
    image.save(path, save_all=True, append_images=[image.rotate(180)] * 20)


def _deep(image: Image.Image) -> Image.Image:
    return Image.fromarray(np.asarray(image.convert("L")).astype(np.uint16) * 257)


_FORMATS = {".jpg": "JPEG", ".png": "PNG", ".tif": "TIFF", ".webp": "WEBP", ".bmp": "BMP"}
_DOT = b"\0" * 24

_PICTURES: dict[str, Callable[[Path, Image.Image], None]] = {
    **{f"damaged{suffix}": _plain(b"") for suffix in _FORMATS},
    **{f"damaged again{suffix}": _plain(b"") for suffix in _FORMATS},
    "20000 squared, one bit.png": _plain(lambda: _png(20000, 20000, 0, 1, b"\0" * 2500)),
    "13000 squared, one bit.png": _plain(lambda: _png(13300, 13300, 0, 1, b"\0" * 1663)),
    "13000 squared, grey.png": _plain(lambda: _png(13300, 13300, 0, 16, b"\0" * 26600)),
    "says that it is huge.png": _plain(
        _SIGNATURE + _chunk(b"IHDR", struct.pack(">IIBBBBB", 2**31 - 1, 2**31 - 1, 8, 2, 0, 0, 0))
    ),
    "30000 high.png": _saved(lambda image: Image.new("RGB", (1, 30000))),
    "30000 wide.png": _saved(lambda image: Image.new("RGB", (30000, 1))),
    "one pixel.png": _saved(lambda image: image.resize((1, 1))),
    "moving.gif": _moving,
    "moving.webp": _moving,
    "16 bits.png": _saved(_deep),
    "CMYK.jpg": _saved(lambda image: image.convert("CMYK")),
    "palette.png": _saved(lambda image: image.convert("P")),
    "one bit.png": _saved(lambda image: image.convert("1")),
    "transparent.png": _saved(lambda image: image.convert("LA")),
    "Lab.tif": _saved(lambda image: image.convert("LAB")),
    "floats.tif": _saved(lambda image: image.convert("F")),
    **{f"turned {i}.jpg": _exif(i) for i in (2, 3, 5, 6, 8, 99)},
    "foreign EXIF.jpg": _saved(lambda image: image, exif=b"Exif\0\0MM\0*" + b"\xff" * 500),
    "text of 200 MB.png": _plain(
        lambda: _png(8, 8, 2, 8, _DOT, _chunk(b"zTXt", b"a\0\0" + zlib.compress(b"x" * 200_000_000)))
    ),
    "profile of 200 MB.png": _plain(
        lambda: _png(8, 8, 2, 8, _DOT, _chunk(b"iCCP", b"a\0\0" + zlib.compress(b"x" * 200_000_000)))
    ),
    "PostScript.jpg": _plain(
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 100 100\n%%EndComments\nshowpage\n%%EOF\n"
    ),
    "SVG.jpg": _plain(b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'),
    "PDF.jpg": _plain(b"%PDF-1.4\n1 0 obj\n<<>>\nendobj\n"),
    "ZIP.jpg": _plain(b"PK\3\4" + b"\0" * 100),
    "empty.jpg": _plain(b""),
    "junk.jpg": _plain(lambda: Random(0).randbytes(5000)),
    "a pipe.jpg": _pipe,
    "a folder.jpg": _folder,
}
"""What a picture is, with its ending -> what writes it, given a sound one."""
