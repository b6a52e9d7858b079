"""Hostile messages: lengths that lie, broken HTTP, strangers."""

from __future__ import annotations

import gzip
from base64 import b64encode
from random import Random
from urllib.parse import quote

from attacks.requests import Request, Target, compose


def length_of_a_body(chance: Random, target: Target) -> Request:
    path, body = "/api/files?name=a.jpg", chance.randbytes(chance.choice([0, 10, 5000]))
    kind = chance.choice(
        ["longer", "negative", "huge", "word", "two", "both", "chunks", "over", "streamed", "gzip"]
    )
    if kind == "over":
        return Request(
            "length of a body: more than the limit",
            compose(target, "POST", path, bytes(target.limit + 1)),
            must_be_refused=True,
        )
    if kind == "streamed":
        part = bytes(1 << 16)
        chunks = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for _ in range(target.limit // len(part) + 2))
        lines = {"Content-Length": None, "Transfer-Encoding": "chunked"}
        whole = compose(target, "POST", path, b"", lines) + chunks + b"0\r\n\r\n"
        return Request("length of a body: more than the limit, in chunks", whole, must_be_refused=True)
    if kind == "gzip":
        bomb = gzip.compress(bytes(8 * target.limit))
        lines = {"Content-Encoding": chance.choice(["gzip", "deflate", "br", "zstd", "evil"])}
        return Request("length of a body: compressed body", compose(target, "POST", path, bomb, lines))
    headers: dict[str, str | None] = {
        "longer": {"Content-Length": str(len(body) + 1000)},
        "negative": {"Content-Length": "-1"},
        "huge": {"Content-Length": str(10 ** chance.choice([12, 18, 30, 400]))},
        "word": {"Content-Length": chance.choice(["ten", "0x10", "1e3", "+5", "5, 6", "१२"])},
        "two": {"Content-Length": "5", "content-length": "6"},
        "both": {"Transfer-Encoding": "chunked"},
        "chunks": {"Content-Length": None, "Transfer-Encoding": "chunked"},
    }[kind]  # type: ignore[assignment]
    if kind == "chunks":
        body = chance.choice(
            [b"zz\r\nabc\r\n", b"ffffffffffffffff1\r\nabc", b"-1\r\n", b"3;" + b"e" * 20000, b"3\r\nabcdef"]
        )
    return Request(f"length of a body: {kind}", compose(target, "POST", path, body, headers))


def stranger(chance: Random, target: Target) -> Request:
    method, path = chance.choice(
        [
            *(("GET", "/api/session"), ("POST", "/api/files?name=a.jpg"), ("DELETE", "/api/files")),
            *(("GET", f"/api/files/{target.picture}/media"), ("POST", "/api/quit"), ("GET", "/api/events")),
        ]
    )
    cookie = target.cookie
    name, _, value = cookie.partition("=")
    hosts = ["evil.example", "evil.example:80", "", "127.0.0.1.evil.example"]
    origins = ["http://evil.example", "null", "http://127.0.0.1:1", "x"]
    lines: dict[str, tuple[str, str | None]] = {
        "foreign host": ("Host", chance.choice(hosts)),
        "host of another port": ("Host", f"127.0.0.1:{target.port + 1}"),
        "host with a user": ("Host", f"{target.host}@evil.example"),
        "no host": ("Host", None),
        "foreign origin": ("Origin", chance.choice(origins)),
        "origin of https": ("Origin", f"https://{target.host}"),
        "page elsewhere": ("Sec-Fetch-Site", chance.choice(["cross-site", "same-site"])),
        "no cookie": ("Cookie", None),
        "cookie cut short": ("Cookie", f"{name}={value[:-1]}"),
        "another cookie": ("Cookie", f"{name}={'A' * len(value)}"),
        "empty cookie": ("Cookie", f"{name}="),
        "cookie of another name": ("Cookie", f"session={value}"),
        "cookie that is not ASCII": ("Cookie", f"{name}=\u00e9{value}"),
        "huge cookie": ("Cookie", f"{name}={'a' * 100_000}"),
    }
    what = chance.choice(list(lines))
    headers = dict([lines[what]])
    return Request(f"stranger: {what}", compose(target, method, path, b"", headers), must_be_refused=True)


def token(chance: Random, target: Target) -> Request:
    guess = chance.choice(
        [
            "",
            "x",
            "%00",
            "../",
            "a" * 50_000,
            "&token=",
            quote(chance.randbytes(32)),
            b64encode(chance.randbytes(24)).decode(),
        ]
    )
    path = chance.choice(["/open?token=" + guess, "/open", "/login?password=" + guess])
    return Request(
        "token that is guessed", compose(target, "GET", path, b"", {"Cookie": None}), must_be_refused=True
    )


def malformed_message(chance: Random, target: Target) -> Request:
    good = compose(target, "GET", "/api/session")
    broken = bytearray(good)
    for _ in range(chance.randint(1, 5)):
        broken[chance.randrange(len(broken))] = chance.randrange(256)
    many = b"".join(b"X-%d: y\r\n" % number for number in range(20_000))
    what, content = chance.choice(
        [
            ("changed bytes", bytes(broken)),
            ("noise", chance.randbytes(chance.choice([1, 100, 100_000]))),
            ("oversized header", compose(target, "GET", "/", extra=b"X: " + b"a" * 200_000 + b"\r\n")),
            ("many headers", compose(target, "GET", "/", extra=many)),
            ("long address", compose(target, "GET", "/" + "a" * 100_000)),
            ("NUL in a header", compose(target, "GET", "/", extra=b"X: a\0b\r\n")),
            ("bare line end in a header", compose(target, "GET", "/", extra=b"X: a\rY: b\nZ: c\r\n")),
            ("folded header", compose(target, "GET", "/", extra=b"X: a\r\n b\r\n")),
            ("header without a colon", compose(target, "GET", "/", extra=b"nonsense\r\n")),
            ("space before the colon", compose(target, "GET", "/", extra=b"Host : evil.example\r\n")),
            ("two hosts", compose(target, "GET", "/api/session", extra=b"Host: evil.example\r\n")),
            ("address of a proxy", compose(target, "GET", "http://evil.example/api/session")),
            ("CONNECT", compose(target, "CONNECT", "evil.example:443")),
            ("star", compose(target, "OPTIONS", "*")),
            (
                "unknown method",
                compose(target, chance.choice(["TRACE", "PROPFIND", "get", "FOO", "PUT"]), "/api/files"),
            ),
            ("HTTP/0.9", b"GET /api/session\r\n\r\n"),
            ("HTTP/2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(50)),
            ("TLS", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + chance.randbytes(500)),
            (
                "two requests in one",
                compose(target, "GET", "/", b"GET /api/quit HTTP/1.1\r\n\r\n", {"Content-Length": "0"}),
            ),
            ("half a request", good[: chance.randrange(1, len(good) - 4)]),
            ("empty", b"\r\n\r\n"),
        ]
    )
    return Request(f"message: {what}", content)
