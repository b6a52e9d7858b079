"""Ends connections whose first request does not come: each would be held open for ever."""

from __future__ import annotations

import asyncio
import time

from aiohttp import web

_ROUNDS = 4
"""How often a connection is looked at while it is waited for."""


class Latecomers:
    """Watches the connections of a server. Later requests of a connection are timed by aiohttp itself.

    Args:
        patience: Seconds within which the head of the first request must be there, however slowly it comes.
    """

    def __init__(self, patience: float) -> None:
        self._patience = patience
        self._since: dict[web.RequestHandler, float] = {}
        self._asked: set[web.RequestHandler] = set()

    def note(self, request: web.Request) -> None:
        """Take down that the head of a request is there."""
        self._asked.add(request.protocol)

    async def watch(self, server: web.Server) -> None:
        """End, for ever, who lets the server wait."""
        while True:
            await asyncio.sleep(self._patience / _ROUNDS)
            now, there = time.monotonic(), server.connections
            self._asked &= {*there}
            self._since = {each: self._since.get(each, now) for each in there if each not in self._asked}
            for each, since in self._since.items():
                if now - since >= self._patience:
                    each.force_close()
