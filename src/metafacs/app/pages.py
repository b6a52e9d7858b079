"""The files of the page. A request names one of a list; no path is made of what it says."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from aiohttp import web

from metafacs.app.guards import Guard, Refused, small_page

FOLDER = Path(str(files("metafacs.app").joinpath("page")))

_TYPES = {
    ".html": "text/html",
    ".css": "text/css",
    ".js": "text/javascript",
    ".mjs": "text/javascript",
    ".json": "application/json",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".ico": "image/vnd.microsoft.icon",
    ".webp": "image/webp",
    ".txt": "text/plain",
    ".map": "application/json",
}
_FORM = (
    '<form method="post" action="/login"><label>Password <input type="password" name="password" required '
    "autofocus></label> <button>Open</button></form>"
)


class Pages:
    """Serves the page to who is in, and a word to who is not.

    Args:
        guard: Knows who is in.

    Attributes:
        guard: As given.
    """

    def __init__(self, guard: Guard) -> None:
        self.guard = guard
        self._files = {
            path.relative_to(FOLDER).as_posix(): path
            for path in sorted(FOLDER.rglob("*"))
            if path.is_file() and path.suffix in _TYPES
        }

    async def start(self, request: web.Request) -> web.StreamResponse:
        """Answer ``GET /``."""
        if self.guard.is_in(request):
            return await self._send("index.html")
        if self.guard.access.shared:
            return small_page("Give the password to open the page.", status=401, more=_FORM)
        return small_page(
            "Open the address that the terminal printed when 'metafacs app' was started.",
            status=403,
        )

    async def asset(self, request: web.Request) -> web.StreamResponse:
        """Answer ``GET /page/...``."""
        return await self._send(request.match_info["name"])

    async def _send(self, name: str) -> web.StreamResponse:
        path = self._files.get(name)
        if path is None:
            raise Refused(404, "there is nothing at this address")
        return web.FileResponse(
            path, headers={"Content-Type": f"{_TYPES[path.suffix]}", "Cache-Control": "no-cache"}
        )
