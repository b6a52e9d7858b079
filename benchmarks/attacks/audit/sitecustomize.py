"""Python reads this when it starts with this folder on its path: it notes which files are touched.

What ``open``, its relatives and connections are given is written to the file that ``METAFACS_AUDIT`` names, a
line each: the event, ``read`` or ``write``, and the path or the address. Processes that are started from this
one do the same.
"""

from __future__ import annotations

import os
import sys

_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_CHANGES = frozenset(
    {"os.remove", "os.rename", "os.mkdir", "os.rmdir", "os.link", "os.symlink", "os.truncate"}
)
_LISTS = frozenset({"os.listdir", "os.scandir"})
_ELSEWHERE = frozenset({"socket.connect", "socket.getaddrinfo", "subprocess.Popen", "os.system"})


def _start(name: str) -> None:
    record = os.open(name, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)

    def note(event: str, arguments: tuple[object, ...]) -> None:
        if event == "open":
            flags = arguments[2]
            _write(record, event, bool(isinstance(flags, int) and flags & _WRITES), arguments[0])
        elif event in _CHANGES:
            _write(record, event, True, arguments[0])
        elif event in _LISTS:
            _write(record, event, False, arguments[0])
        elif event in _ELSEWHERE:
            os.write(record, f"{event}\tconnect\t{arguments[:2]!r}\n".encode())

    sys.addaudithook(note)


def _write(record: int, event: str, writes: bool, place: object) -> None:
    """Note a path; numbers of open files and names within an open folder tell nothing."""
    if not isinstance(place, str | bytes):
        return
    path = os.path.abspath(os.fsdecode(place))
    if not os.path.isabs(os.fsdecode(place)) and not os.path.lexists(path):
        return
    os.write(record, f"{event}\t{'write' if writes else 'read'}\t{path!r}\n".encode())


if os.environ.get("METAFACS_AUDIT"):
    _start(os.environ["METAFACS_AUDIT"])
