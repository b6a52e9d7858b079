"""Who lets the server wait is not held for ever: not before a request, not between two, not within one."""

from __future__ import annotations

import socket
from contextlib import suppress
from itertools import chain, cycle, repeat

import pytest

from serving import Client


def opened(client: Client) -> socket.socket:
    return socket.create_connection(("127.0.0.1", client.server.port), timeout=60)


def answer_to(connection: socket.socket, content: bytes) -> bytes:
    """Send bytes one by one until the other side has said everything and closed; return what it said."""
    said = b""
    connection.settimeout(0.1)
    for byte in chain(content, cycle(b"a")) if content else repeat(None, 600):
        with suppress(TimeoutError):
            try:
                if byte is not None:
                    connection.sendall(bytes([byte]))
                part = connection.recv(10_000)
            except ConnectionError:
                return said
            if not part:
                return said
            said += part
    raise AssertionError(f"held open, after {said!r}")


@pytest.mark.parametrize("content", [b"", b"GET /", b"X-Slow: "], ids=["nothing", "line", "headers"])
def test_a_head_that_does_not_come_whole_ends_its_connection(content: bytes, client: Client) -> None:
    with opened(client) as connection:
        if content.startswith(b"X"):
            connection.sendall(f"GET / HTTP/1.1\r\nHost: {client.host}\r\n".encode())
        assert answer_to(connection, content) == b""


def test_the_second_head_of_a_connection_is_waited_for_no_longer(client: Client) -> None:
    with opened(client) as connection:
        connection.sendall(f"GET / HTTP/1.1\r\nHost: {client.host}\r\n\r\n".encode())
        assert connection.recv(10_000).startswith(b"HTTP/1.1 403")
        assert b"HTTP/1.1" not in answer_to(connection, b"GET /")


def test_a_body_that_does_not_come_whole_is_answered(client: Client) -> None:
    head = (
        f"POST /api/personalise HTTP/1.1\r\nHost: {client.host}\r\nOrigin: http://{client.host}\r\n"
        f"Cookie: {client.cookie}\r\nContent-Length: 100000\r\n\r\n"
    )
    with opened(client) as connection:
        connection.sendall(head.encode())
        assert answer_to(connection, b"{").startswith(b"HTTP/1.1 408")


def test_a_stream_that_is_open_long_is_no_latecomer(client: Client) -> None:
    with opened(client) as connection:
        lines = f"Host: {client.host}\r\nCookie: {client.cookie}\r\n\r\n"
        connection.sendall(f"GET /api/events HTTP/1.1\r\n{lines}".encode())
        assert connection.recv(10_000).startswith(b"HTTP/1.1 200")
        with opened(client) as silent:
            answer_to(silent, b"")
        file = client.add("a.png", b"no picture")["id"]
        said = b""
        while file.encode() not in said:
            part = connection.recv(100_000)
            assert part
            said += part
