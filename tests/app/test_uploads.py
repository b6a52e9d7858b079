"""Files come in whole, of the formats that are read, not too large and not too slowly, or not at all."""

from __future__ import annotations

import shutil
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

import pytest

from serving import Client

LARGEST = 2 << 20


class Usage(NamedTuple):
    free: int


def folders(client: Client) -> set[str]:
    return {path.name for path in client.server.folder.iterdir() if path.is_dir()}


@contextmanager
def begun(client: Client, *lines: str, path: str = "/api/files?name=a.mp4") -> Iterator[socket.socket]:
    """Yield a connection on which an upload was begun."""
    head = [f"POST {path} HTTP/1.1", f"Host: {client.host}", f"Origin: http://{client.host}"]
    head += [f"Cookie: {client.cookie}", *lines, "", ""]
    with socket.create_connection(("127.0.0.1", client.server.port), timeout=60) as connection:
        connection.sendall("\r\n".join(head).encode())
        yield connection


@pytest.mark.parametrize(
    "name", ["a.txt", "a.exe", "a", "", ".png.svg", "a.svg", "a.png/", "a.html", "x" * 5000]
)
def test_other_formats_are_refused(client: Client, name: str) -> None:
    answer = client.post(f"/api/files?name={name}", b"GIF89a")
    assert answer.status == 415
    assert "choose a picture" in answer.error


def test_a_file_that_says_that_it_is_too_large_is_refused_before_it_comes(client: Client) -> None:
    before = folders(client)
    with begun(client, f"Content-Length: {LARGEST + 1}") as connection:
        answer = connection.recv(10_000).decode()
    assert answer.startswith("HTTP/1.1 413")
    assert "--upload_limit" in answer
    assert folders(client) == before


def test_a_file_that_turns_out_too_large_is_refused_on_its_way(client: Client) -> None:
    before = folders(client)
    with begun(client, "Transfer-Encoding: chunked") as connection:
        chunk, answer = b"40000\r\n" + bytes(0x40000) + b"\r\n", b""
        while not answer:
            connection.settimeout(30)
            connection.sendall(chunk)
            connection.settimeout(0.01)
            with suppress(TimeoutError):
                answer = connection.recv(10_000)
    assert answer.startswith(b"HTTP/1.1 413")
    assert folders(client) == before


def test_an_upload_that_stands_still_is_ended(client: Client) -> None:
    before = folders(client)
    with begun(client, "Content-Length: 1000") as connection:
        connection.sendall(b"abc")
        assert connection.recv(10_000).startswith(b"HTTP/1.1 408")
    assert folders(client) == before


def test_an_upload_that_trickles_is_ended(client: Client) -> None:
    with begun(client, "Content-Length: 1000") as connection:
        connection.settimeout(0.3)
        answer = b""
        for _ in range(100):
            try:
                connection.sendall(b"a")
                answer = connection.recv(10_000)
                break
            except TimeoutError:
                continue
    assert answer.startswith(b"HTTP/1.1 408")
    assert b"too slowly" in answer


def test_what_breaks_off_leaves_nothing(client: Client) -> None:
    before, known = folders(client), len(client.get("/api/session").json["files"])
    with begun(client, "Content-Length: 100000") as connection:
        connection.sendall(bytes(500))
    with begun(client, "Transfer-Encoding: chunked") as connection:
        connection.sendall(b"5\r\nabcde\r\nnonsense\r\n")
        assert b" 400 " in connection.recv(10_000).splitlines()[0]
    assert client.post("/api/files?name=a.png", b"").status == 400
    assert len(client.get("/api/session").json["files"]) == known
    assert folders(client) - before == set()


def test_a_body_that_cannot_be_unpacked_is_refused_and_is_no_news(
    client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    with begun(client, "Content-Length: 60000\r\nContent-Encoding: deflate") as connection:
        said = b""
        with suppress(ConnectionError):
            connection.sendall(b"\xff" * 60000)
            while part := connection.recv(10_000):
                said += part
    assert b" 400 " in said.splitlines()[0]
    assert [record.name for record in caplog.records if record.name.startswith("metafacs")] == []


def test_a_full_disk_is_said(client: Client, photo: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda path: Usage(1000))
    answer = client.post("/api/files?name=a.png", photo)
    assert answer.status == 507
    assert "make room" in answer.error


def test_a_name_is_never_a_path(client: Client, photo: bytes) -> None:
    for name in ("..%2F..%2Fetc%2Fpasswd.png", "C:%5Cme.png", "%00evil%0A.png", "..png", "a%2F.png"):
        answer = client.post(f"/api/files?name={name}", photo)
        if answer.status == 415:
            continue
        file = answer.json
        assert "/" not in file["name"]
        folder = client.server.folder / file["id"]
        assert {path.name for path in folder.iterdir()} <= {f"{folder.name}.png", "analysis-1"}
    assert client.add("schön 😀.png", photo)["name"] == "schön 😀.png"


def test_a_file_goes_when_it_is_removed(client: Client, photo: bytes) -> None:
    file = client.analysed("me.png", photo)
    place = f"/api/files/{file['id']}"
    assert client.get(f"{place}/media").body == photo
    assert client.get(f"{place}/media").headers["Content-Type"] == "image/png"
    assert "sandbox" in client.get(f"{place}/media").headers["Content-Security-Policy"]
    part = client.ask("GET", f"{place}/media", headers={"Range": "bytes=0-3"})
    assert (part.status, part.body) == (206, photo[:4])
    assert client.ask("DELETE", place).status == 204
    assert file["id"] not in folders(client)
    for path in (place, f"{place}/media", f"{place}/rows?analysis=1", f"{place}/download/openface.csv"):
        assert client.get(path).status == 404


def test_the_private_folder_is_closed_to_others(client: Client, photo: bytes) -> None:
    folder: Path = client.server.folder
    assert folder.stat().st_mode & 0o777 == 0o700
    file = client.add("me.png", photo)
    assert (folder / file["id"]).stat().st_mode & 0o077 == 0
