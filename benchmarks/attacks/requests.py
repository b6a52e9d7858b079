"""Requests to `metafacs app` as bytes, so that no client puts them right."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Target:
    """What requests are aimed at.

    Attributes:
        port: Of the server.
        cookie: That lets requests in.
        picture: Id of a file that was read.
        video: Id of a video that was read.
        limit: Of an upload, in bytes.
        canary: A file outside the server's folder that must be neither read nor changed.
    """

    port: int
    cookie: str
    picture: str
    video: str
    limit: int
    canary: Path

    @property
    def host(self) -> str:
        """Host and port, as browsers name them."""
        return f"127.0.0.1:{self.port}"


@dataclass(frozen=True)
class Request:
    """One hostile request.

    Attributes:
        what: What is hostile in it.
        content: The bytes.
        must_be_refused: True if an answer below 400 is a fault, whatever it holds.
    """

    what: str
    content: bytes
    must_be_refused: bool = False


def compose(
    target: Target,
    method: str,
    path: str,
    body: bytes = b"",
    headers: Mapping[str, str | None] | None = None,
    extra: bytes = b"",
) -> bytes:
    """Return a request with what the page sends; headers replace its own, None leaves one out."""
    lines: dict[str, str | None] = {
        "Host": target.host,
        "Cookie": target.cookie,
        "Origin": f"http://{target.host}",
        "Connection": "close",
        **({"Content-Length": str(len(body))} if body or method in ("POST", "PATCH") else {}),
        **(headers or {}),
    }
    head = f"{method} {path} HTTP/1.1\r\n".encode("utf-8", "surrogateescape")
    for name, value in lines.items():
        if value is not None:
            head += f"{name}: {value}\r\n".encode("utf-8", "surrogateescape")
    return head + extra + b"\r\n" + body
