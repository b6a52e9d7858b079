"""Reads frames in a thread of their own while the last ones are being analysed."""

from __future__ import annotations

import queue
import threading
from collections.abc import Generator, Iterable, Iterator
from contextlib import suppress
from typing import Generic, TypeVar

ItemT = TypeVar("ItemT")

_PATIENCE = 5.0
"""Seconds to wait for a read that is under way when nobody wants its result any more; a camera may hang."""


def read_ahead(items: Iterable[ItemT], most: int = 4) -> Generator[ItemT, None, None]:
    """Yield the items of an iterable that is run in a thread of its own.

    The thread ends with the items, with their error, which is raised here, or when this generator is closed;
    then the iterable is closed too if it can be.

    Args:
        items: Run through in the other thread only.
        most: Items that may wait; memory is bounded by them.

    >>> list(read_ahead([3, 1, 2]))
    [3, 1, 2]
    """
    reader = _Reader(items, most)
    try:
        yield from reader
    finally:
        reader.stop()


class _Failure:
    def __init__(self, error: BaseException) -> None:
        self.error = error


class _End:
    pass


class _Reader(Generic[ItemT]):
    def __init__(self, items: Iterable[ItemT], most: int) -> None:
        self._items = items
        self._waiting: queue.Queue[ItemT | _Failure | _End] = queue.Queue(most)
        self._unwanted = threading.Event()
        self._thread = threading.Thread(target=self._read, name="metafacs reading ahead", daemon=True)
        self._thread.start()

    def __iter__(self) -> Iterator[ItemT]:
        while True:
            item = self._waiting.get()
            if isinstance(item, _End):
                return
            if isinstance(item, _Failure):
                raise item.error
            yield item

    def stop(self) -> None:
        self._unwanted.set()
        # A thread that waits for room finds it, and then sees that nobody wants more.
        with suppress(queue.Empty):
            while True:
                self._waiting.get_nowait()
        self._thread.join(_PATIENCE)

    def _read(self) -> None:
        last: _Failure | _End = _End()
        iterator = iter(self._items)
        try:
            for item in iterator:
                self._waiting.put(item)
                if self._unwanted.is_set():
                    break
        except BaseException as error:
            last = _Failure(error)
        finally:
            close = getattr(iterator, "close", None)
            if close is not None:
                close()
        if not self._unwanted.is_set():
            self._waiting.put(last)
