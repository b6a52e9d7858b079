"""Connections that are opened and then let the server wait: slow heads, as of Slowloris."""

from __future__ import annotations

import socket
import time
from contextlib import suppress

LONGEST = 60.0
"""Seconds after which a connection that is still open is a fault; the server says 20."""

_BEGINNINGS = (b"", b"G", b"GET / HTTP/1.1\r\n", b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: ")
_COUNT = 40


def slow_heads(port: int) -> list[str]:
    """Hold connections open with a byte a second, or with nothing; return what is wrong with the server."""
    began, faults = time.monotonic(), []
    waiting: dict[socket.socket, bytes] = {}
    for number in range(_COUNT):
        connection = socket.create_connection(("127.0.0.1", port), timeout=0.01)
        beginning = _BEGINNINGS[number % len(_BEGINNINGS)]
        connection.sendall(beginning)
        waiting[connection] = beginning
    while waiting and time.monotonic() - began < LONGEST:
        time.sleep(1)
        for connection, beginning in list(waiting.items()):
            with suppress(TimeoutError):
                try:
                    if beginning:
                        connection.sendall(b"a")
                    if connection.recv(1 << 16):
                        continue
                except ConnectionError:
                    pass
                connection.close()
                del waiting[connection]
    for connection, beginning in waiting.items():
        faults.append(f"slow heads: {beginning!r} holds a connection open for more than {LONGEST:g} s")
        connection.close()
    return faults
