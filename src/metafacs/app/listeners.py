"""Who hears of what happens: the open pages, each with a stream of its own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

from metafacs.app.records import Json

MOST = 32
"""Pages that may listen at once."""

_MOST_WAITING = 1000
Event = tuple[str, Json]


class TooManyError(ValueError):
    """More pages than are served."""


class Listeners:
    """Passes events on to all pages that listen."""

    def __init__(self) -> None:
        self._queues: set[asyncio.Queue[Event]] = set()

    def tell(self, event: str, content: Json) -> None:
        """Tell all pages something; one that does not read loses its stream and asks anew."""
        for queue in list(self._queues):
            full = queue.qsize() >= _MOST_WAITING
            if full:
                self._queues.discard(queue)
            queue.put_nowait(("end", {}) if full else (event, content))

    async def listen(self, patience: float) -> AsyncGenerator[Event | None, None]:
        """Yield events as they come; None at once, and whenever nothing came for some seconds.

        Args:
            patience: So many seconds.

        Raises:
            TooManyError: If too many pages listen.
        """
        if len(self._queues) >= MOST:
            raise TooManyError(f"{MOST} pages are open, which is the most; close some")
        queue: asyncio.Queue[Event] = asyncio.Queue()
        self._queues.add(queue)
        try:
            yield None
            while True:
                try:
                    event = await asyncio.wait_for(queue.get(), patience)
                except asyncio.TimeoutError:
                    yield None
                    continue
                if event[0] != "end":
                    yield event
                if event[0] in ("end", "bye"):
                    return
        finally:
            self._queues.discard(queue)
