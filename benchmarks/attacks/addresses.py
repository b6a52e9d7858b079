"""Hostile addresses: paths, names, numbers, ranges."""

from __future__ import annotations

from random import Random
from urllib.parse import quote

from attacks.requests import Request, Target, compose

_STEPS = (
    *("../", "..%2f", "%2e%2e/", "%2e%2e%2f", "..%5c", "..\\", "....//", "..;/", "%252e%252e%252f"),
    *("..%c0%af", "%c0%ae%c0%ae/", "..%ef%bc%8f", "/../", "..//", ".%00./", "%u002e%u002e/"),
)


def _climb(chance: Random, goal: str) -> str:
    """Return a path that climbs out of a folder, written in one of the ways that filters overlook."""
    step, times = chance.choice(_STEPS), chance.randint(1, 12)
    start = chance.choice(["", "/", "//", "./", "vendor/", "C:", "file://", "\\\\?\\", "%00"])
    return (
        start
        + step * times
        + goal.lstrip("/")
        + chance.choice(["", "", "%00.jpg", ".jpg", "/", "?.css", "%20"])
    )


def path_that_climbs(chance: Random, target: Target) -> Request:
    goal = chance.choice(
        [
            str(target.canary),
            "etc/passwd",
            "app.py",
            "server.py",
            "__init__.py",
            "index.html/../../__init__.py",
        ]
    )
    base = chance.choice(
        [
            *("/page/", "/", "/page/vendor/", "/api/files/", "/api/people/"),
            *(f"/api/files/{target.picture}/{where}" for where in ("download/", "people/", "frames/", "")),
        ]
    )
    method = chance.choice(["GET", "GET", "GET", "HEAD", "DELETE", "PATCH", "POST"])
    path = base + _climb(chance, goal)
    return Request(f"path that climbs: {method}", compose(target, method, path))


def name_of_a_file(chance: Random, target: Target) -> Request:
    content = chance.choice([b"\xff\xd8\xff\xe0", b"#!/bin/sh\n", b"<script>alert(1)</script>", b"GIF89a"])
    name = chance.choice(
        [
            _climb(chance, str(target.canary)) + ".jpg",
            quote(str(target.canary), safe="") + "%00.jpg",
            "a.jpg%0d%0aSet-Cookie:%20evil=1",
            "%22;%20filename=%22evil.exe%22.jpg",
            "CON.jpg",
            "....jpg",
            ".jpg",
            "%ff%fe%fd.png",
            "%E2%80%AEgpj.exe.jpg",
            "<img src=x onerror=alert(1)>.jpg".replace(" ", "%20"),
            "=cmd()%7C'%20/C%20calc'!A0.jpg",
            "%uD83D.jpg",
            "%ED%A0%80.jpg",
            "n" * chance.choice([255, 256, 5000]) + ".jpg",
            "a.jpg&name=../../b.jpg",
            "-rf%20*.mp4",
            "http:%2F%2F127.0.0.1:1%2Fx.mp4",
            "concat:" + quote(str(target.canary), safe="") + ".mp4",
            "~root.jpg",
            "$(touch%20x).jpg",
            "a.php",
            "a",
            "",
        ]
    )
    return Request("name of a file", compose(target, "POST", f"/api/files?name={name}", content))


_ODD_NUMBERS = (
    "-1",
    "0",
    "1e9",
    "99999999999999999999",
    "NaN",
    "",
    "0x1",
    "%00",
    "1;2",
    "१",
    "true",
    "5.5",
    "-0",
)


def number_in_an_address(chance: Random, target: Target) -> Request:
    number, other = chance.choice(_ODD_NUMBERS), chance.choice(_ODD_NUMBERS)
    file = f"/api/files/{target.video}"
    path = chance.choice(
        [
            f"{file}/rows?analysis={number}&after={other}",
            f"{file}/rows?analysis=1&after={other}",
            f"{file}/landmarks?analysis=1&first={number}&last={other}",
            f"{file}/frames/{number}.jpg?width={other}",
            f"{file}/preview.jpg?width={number}",
            f"{file}/people/{number}.jpg",
            f"{file}/download/plot.png?person={number}",
            f"{file}/download/plot.svg?person={number}&person={other}",
            f"/api/pictures/openface.csv?files={number},{target.picture},{target.picture}",
            f"/api/pictures/fex.csv?files={','.join([target.picture] * 500)}",
            f"/api/pictures/openface.csv?files={target.video}",
            f"/api/people/{number}.safetensors",
            f"/api/files/{number}",
            f"/api/jobs/{number}",
        ]
    )
    method = "DELETE" if path.startswith("/api/jobs") else "GET"
    return Request("number in an address", compose(target, method, path))


def conditions(chance: Random, target: Target) -> Request:
    ranges = [
        "bytes=0-0",
        "bytes=-1",
        "bytes=5-1",
        "bytes=99999999999-",
        "bytes=-0",
        "bytes=a-b",
        "lines=1-2",
    ]
    ranges += [
        "bytes=" + ",".join(f"{n}-{n}" for n in range(2000)),
        "bytes=" + "9" * 5000 + "-",
        "bytes=0-18446744073709551616",
    ]
    headers = {"Range": chance.choice(ranges)}
    if chance.random() < 0.3:
        stamps = ["x", "Mon, 99 Foo 99999 99:99:99 GMT", "Thu, 01 Jan 1970 00:00:00 GMT", '"' * 5000]
        name = chance.choice(
            ["If-Range", "If-Modified-Since", "If-None-Match", "If-Match", "If-Unmodified-Since"]
        )
        headers[name] = chance.choice(stamps)
    place = chance.choice(
        [f"/api/files/{target.video}/media", "/", f"/api/files/{target.picture}/download/openface.csv"]
    )
    return Request("range or condition", compose(target, "GET", place, b"", headers))
