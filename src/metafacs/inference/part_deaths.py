"""At which file of a part processes died: one that kills its readers must not kill one after the other.

A file may be so large, or so cunningly broken, that the system ends the process that reads it. Nobody is
left then to say so. A process therefore notes which file it begins; who claims the part after it finds the
note.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from metafacs.files import write_json
from metafacs.parsing import FileError, read_json

_AT, _DEATHS = "at", "deaths.json"


class Deaths:
    """Counts on which files of a part processes died; the caller has claimed the folder.

    Only deaths without progress count: who is sent away now and then in the middle of a long video does get
    through it.

    Args:
        folder: Where the part is made.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._counts: dict[str, tuple[int, int]] = {}
        try:
            if (folder / _DEATHS).exists():
                self._counts = read_json(folder / _DEATHS, dict[str, tuple[int, int]])
        except (FileError, OSError):
            pass  # it only counts
        last = self._last()
        if last is not None:
            self._count(last)
        self._mark = os.open(folder / _AT, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)

    def of(self, number: int) -> int:
        """Return how many processes died on a file without getting further in it."""
        return self._counts.get(str(number), (0, 0))[0]

    def begin(self, number: int) -> None:
        """Note that a file is begun; the one before is over."""
        os.pwrite(self._mark, f"{number:019d}\n".encode(), 0)

    def end(self) -> None:
        """Note that this process ends in peace."""
        os.ftruncate(self._mark, 0)

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Take what ends the block, or this process by SIGTERM or Ctrl-C, for no death."""

        def leave(number: int, frame: FrameType | None) -> None:
            self.end()
            os._exit(128 + number)

        # Processes of a pool have no other way to hear of it; whoever has, raises an exception.
        alone = threading.current_thread() is threading.main_thread()
        ends = (signal.SIGTERM, signal.SIGINT)
        unheard = [number for number in ends if alone and signal.getsignal(number) == signal.SIG_DFL]
        for number in unheard:
            signal.signal(number, leave)
        try:
            yield
        finally:
            self.end()
            for number in unheard:
                signal.signal(number, signal.SIG_DFL)
            os.close(self._mark)

    def _last(self) -> int | None:
        """Return at which file the process before was, if it did not end in peace."""
        try:
            return int((self._folder / _AT).read_text())
        except (OSError, ValueError):
            return None

    def _count(self, number: int) -> None:
        before, reached = self._counts.get(str(number), (0, 0))
        journal = journal_of(self._folder, number)
        now = journal.stat().st_size if journal.is_file() else 0
        self._counts[str(number)] = (before + 1 if now <= reached else 1, max(now, reached))
        write_json(self._folder / _DEATHS, self._counts)


def journal_of(folder: Path, number: int) -> Path:
    """Return where the finished frames of a video lie, while its part is made in a folder."""
    return folder / f"{number}.unfinished"
