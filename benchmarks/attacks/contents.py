"""Hostile contents: files, documents, what a camera sends."""

from __future__ import annotations

import json
import struct
from base64 import b64encode
from random import Random

from attacks.requests import Request, Target, compose


def content_of_a_file(chance: Random, target: Target) -> Request:
    canary = str(target.canary)
    contents = {
        "playlist.mp4": f"#EXTM3U\n#EXT-X-MEDIA-SEQUENCE:0\n#EXTINF:10,\nfile://{canary}\n#EXT-X-ENDLIST\n".encode(),
        "list.mp4": f"ffconcat version 1.0\nfile '{canary}'\n".encode(),
        "drawing.jpg": b'<svg xmlns="http://www.w3.org/2000/svg"><image href="http://127.0.0.1:1/x"/></svg>',
        "noise.png": b"\x89PNG\r\n\x1a\n" + chance.randbytes(500),
        "huge.png": b"\x89PNG\r\n\x1a\n"
        + struct.pack(">I4sIIBBBBBI", 13, b"IHDR", 2**31 - 1, 2**31 - 1, 8, 2, 0, 0, 0, 0),
        "noise.mp4": b"\0\0\0\x18ftypmp42" + chance.randbytes(2000),
        "box.mp4": b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom" + b"\xff\xff\xff\xffmoov" + bytes(200),
        "archive.jpg": b"PK\x03\x04" + chance.randbytes(200),
        "empty.jpg": b"",
    }
    name = chance.choice(list(contents))
    return Request(f"content: {name}", compose(target, "POST", f"/api/files?name={name}", contents[name]))


_VALUES: tuple[object, ...] = (
    *(
        None,
        True,
        -1,
        0,
        2**63,
        10**400,
        1e308,
        -1e308,
        float("nan"),
        float("inf"),
        "",
        "x",
        "../../etc/passwd",
    ),
    *([], {}, [[]], [None], {"": None}, "\0", "\ud800", "9" * 5000, ["12"] * 3000, {"0": "x" * 61}),
    *({"-1": "a"}, {"0": None}, "0-99999999999999", "0-0", "5-1", "-", "auto ", [999], [1, 1], [1.5], ["1"]),
)


_SETTINGS = ("model", "person", "fps", "aus", "smoothing", "neutral", "names", "hidden", "__proto__", "id")


def document(chance: Random, target: Target) -> Request:
    file = chance.choice([target.picture, target.video])
    method, path = chance.choice(
        [
            ("PATCH", f"/api/files/{file}"),
            ("POST", f"/api/files/{file}/analyse"),
            ("POST", "/api/personalise"),
            ("POST", f"/api/files/{file}/annotate"),
        ]
    )
    value = chance.choice(_VALUES)
    content = {chance.choice(_SETTINGS): value}
    if path == "/api/personalise":
        label = {
            "file": file,
            "frame": None,
            "aus": {"12": 1},
            chance.choice(["file", "frame", "aus"]): value,
        }
        whole = {"name": "A", "model": "packaged", "labels": [label]}
        content = {**whole, chance.choice(["name", "model", "labels", "more"]): chance.choice(_VALUES)}
    text = json.dumps(content).encode()
    body = chance.choice([text] * 6 + list(_malformed(chance, text)))
    headers = {
        "Content-Type": chance.choice(["application/json"] * 4 + ["text/plain", "a/b; charset=utf-99", ""])
    }
    what = path.rsplit("/", 1)[-1] if method == "POST" else "settings"
    return Request(f"document: {what}", compose(target, method, path, body, headers))


def _malformed(chance: Random, text: bytes) -> tuple[bytes, ...]:
    return (
        b"[" * 100_000,
        b'{"a":' * 50_000,
        text[: chance.randrange(len(text))],
        b"\xff\xfe" + text,
        b"null",
        b"[1]",
        b'"text"',
        b'{"names": {"0": "a"}, "names": 5}',
        b'{"fps": ' + b"9" * 100_000 + b"}",
        b"",
    )


def _frame(
    content: bytes, code: int, *, masked: bool = True, length: int | None = None, final: bool = True
) -> bytes:
    """Return a frame of a WebSocket; the length that it names may be a lie."""
    size = len(content) if length is None else length
    head = bytes([(0x80 if final else 0) | code])
    mark = 0x80 if masked else 0
    if size < 126:
        head += bytes([mark | size])
    elif size < 1 << 16:
        head += bytes([mark | 126]) + struct.pack(">H", size)
    else:
        head += bytes([mark | 127]) + struct.pack(">Q", size)
    return head + (bytes(4) if masked else b"") + content


def camera(chance: Random, target: Target) -> Request:
    key = b64encode(chance.randbytes(16)).decode()
    headers = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13"}
    headers["Sec-WebSocket-Key"] = key
    hello = _frame(b'{"model": "packaged", "person": null}', 1)
    second = struct.pack("<d", chance.choice([0.0, -1.0, float("nan"), float("inf"), 1e300]))
    frames = chance.choice(
        [
            _frame(chance.randbytes(50), chance.randrange(16)),
            _frame(b'{"model": "../../etc/passwd"}', 1),
            _frame(b'{"model": ["packaged"], "person": {}}', 1),
            _frame(b"[" * 60_000, 1),
            _frame(b"\xff\xfe", 1),
            hello + _frame(second, 2),
            hello + _frame(second[:3], 2),
            hello + _frame(second + b"not a picture", 2),
            hello + _frame(second + chance.randbytes(100_000), 2),
            hello + _frame(bytes(100), 2, length=2**62),
            hello + _frame(bytes(3 << 20), 2),
            hello
            + _frame(b'{"record": true, "name": "../../../x\\u0000"}', 1)
            + _frame(b'{"record": false}', 1),
            hello + _frame(b'{"record": "yes", "name": 5}', 1),
            hello + _frame(b'{"record": false}', 1),
            hello + hello,
            hello + _frame(b"x", 2, masked=False),
            b"".join(_frame(b"x", 0, final=False) for _ in range(1000)),
            b"".join(_frame(b"", 9) for _ in range(1000)),
        ]
    )
    odd: dict[str, dict[str, str | None]] = {
        "messages": {},
        "foreign origin": {"Origin": "http://evil.example"},
        "no origin": {"Origin": None},
        "no cookie": {"Cookie": None},
        "odd version": {"Sec-WebSocket-Version": "99"},
        "bad key": {"Sec-WebSocket-Key": "x"},
    }
    kind = chance.choice(["messages"] * 8 + [name for name in odd if name != "messages"])
    whole = compose(target, "GET", "/api/camera", b"", {**headers, **odd[kind]}) + frames
    return Request(
        f"camera: {kind}", whole, must_be_refused=kind in ("foreign origin", "no origin", "no cookie")
    )
