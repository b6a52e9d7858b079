"""Puts the server together, runs it until it is to end, and removes everything then."""

from __future__ import annotations

import asyncio
import logging
import os
import shutil
import signal
import socket
import stat
import sys
import tempfile
import time
import webbrowser
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from metafacs.app.access import Access
from metafacs.app.camera import CameraRoute
from metafacs.app.downloads import Downloads
from metafacs.app.guards import Guard, add_headers, guarding
from metafacs.app.latecomers import Latecomers
from metafacs.app.pages import Pages
from metafacs.app.records import Model, stamp_of
from metafacs.app.requests import PATIENCE
from metafacs.app.routes import Routes
from metafacs.app.session import Session
from metafacs.app.uploads import Limits
from metafacs.app.worker import Worker
from metafacs.locks import FolderInUseError, claimed

LOOPBACK = "127.0.0.1"
_LARGEST_JSON = 1 << 20
_LONGEST_LINE = 8190
_GOODBYE = 2.0
_BACKLOG = 64
_PREFIX = "metafacs-app-"
_YOUNG = 60.0
"""Seconds after which a folder that nobody claims was left."""


@dataclass(frozen=True)
class Settings:
    """How a server is run.

    Attributes:
        models: That can be chosen, the detector in the package among them.
        host: Address that it listens on.
        port: 0 for a free one.
        password: Of who comes from elsewhere; None if nobody may.
        limits: Of uploads.
        device: Where networks run.
    """

    models: Sequence[Model]
    host: str = LOOPBACK
    port: int = 0
    password: str | None = field(default=None, repr=False)
    limits: Limits = field(default_factory=lambda: Limits(2 << 30))
    device: str = "cpu"


class Server:
    """One server with its processes and its private folder; an asynchronous context manager.

    Args:
        settings: How it is run.

    Attributes:
        access: Its secrets.
        session: Its state.
        ended: Set when the page asks for the end.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.access = Access(settings.password)
        self.ended = asyncio.Event()
        remove_left_folders()
        self.folder = Path(tempfile.mkdtemp(prefix=_PREFIX))
        self._claim = ExitStack()
        self._claim.enter_context(claimed(self.folder, "metafacs app"))
        stamps = {str(model.path): stamp_of(model.path) for model in settings.models if model.path}
        analyst, desk, watcher, loader = self._workers = [
            Worker(name, settings.device, self.folder, stamps)
            for name in ("jobs", "desk", "camera", "models")
        ]
        self.session = Session(
            self.folder,
            analyst,
            desk,
            watcher,
            loader,
            settings.models,
            upload_limit=settings.limits.largest,
            shared=self.access.shared,
        )
        self._runner: web.AppRunner | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self.port = settings.port

    @property
    def address(self) -> str:
        """Where it listens, for a browser."""
        host = self._settings.host
        shown = f"[{host}]" if ":" in host else host
        return f"http://{shown}:{self.port}"

    async def __aenter__(self) -> Server:
        try:
            await self._start()
        except BaseException:
            await self._stop()
            raise
        return self

    async def __aexit__(self, *error: object) -> None:
        await self._stop()

    async def _start(self) -> None:
        listening = _listen(self._settings.host, self._settings.port)
        self.port = listening.getsockname()[1]
        guard = Guard(self.access, self._settings.host, self.port)
        latecomers = Latecomers(self._settings.limits.patience)
        app = web.Application(middlewares=[guarding(guard, latecomers)], client_max_size=_LARGEST_JSON)
        app[PATIENCE] = self._settings.limits.patience
        app.on_response_prepare.append(add_headers)
        routes = Routes(self.session, Pages(guard), self._settings.limits, self.ended).routes()
        app.add_routes([*routes, *Downloads(self.session).routes(), *CameraRoute(self.session).routes()])
        self._runner = web.AppRunner(
            app,
            handle_signals=False,
            logger=_logger(),
            access_log=None,
            max_line_size=_LONGEST_LINE,
            max_field_size=_LONGEST_LINE,
            keepalive_timeout=self._settings.limits.patience,
            shutdown_timeout=_GOODBYE,
        )
        await self._runner.setup()
        assert self._runner.server is not None
        await web.SockSite(self._runner, listening).start()
        self._tasks = [
            asyncio.create_task(self.session.queue.run()),
            asyncio.create_task(self.session.sweep()),
            asyncio.create_task(latecomers.watch(self._runner.server)),
            asyncio.create_task(self.session.get_ready()),
        ]

    async def _stop(self) -> None:
        self.session.listeners.tell("bye", {})
        for task in self._tasks:
            task.cancel()
        for worker in self._workers:
            worker.kill()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._runner is not None:
            await self._runner.cleanup()
        for worker in self._workers:
            await worker.close()
        self._claim.close()
        await asyncio.to_thread(shutil.rmtree, self.folder, True)


def serve(settings: Settings, say: Callable[[str], None], *, browser: bool = True) -> None:
    """Run a server until Ctrl-C, SIGTERM or the page ends it.

    Args:
        settings: How it is run.
        say: Called with each line for the terminal.
        browser: Open the page in the browser.

    Raises:
        ValueError: If it cannot listen there, or the password is too short.
    """
    asyncio.run(_serve(settings, say, browser))


async def _serve(settings: Settings, say: Callable[[str], None], browser: bool) -> None:
    async with Server(settings) as server:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM, getattr(signal, "SIGHUP", None)):
            # Windows has no such handlers: there Ctrl-C raises KeyboardInterrupt.
            with suppress(NotImplementedError):
                if number is not None:
                    loop.add_signal_handler(number, server.ended.set)
        say(f"metafacs app: {server.address}/open?token={server.access.token}")
        if server.access.shared:
            say(f"others open {server.address} and give the password")
        if browser and _has_browser():
            address = f"{server.address}/open?token={server.access.new_token()}"
            await asyncio.to_thread(webbrowser.open, address)
        await server.ended.wait()


def remove_left_folders() -> None:
    """Remove the private folders that killed servers of this user left."""
    for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        with suppress(OSError, FolderInUseError):
            status = folder.lstat()
            own = os.name != "posix" or status.st_uid == os.getuid()
            # Another server may just have made its folder and not claimed it yet.
            if own and stat.S_ISDIR(status.st_mode) and time.time() - status.st_mtime > _YOUNG:
                with claimed(folder, "removing what a killed server left"):
                    shutil.rmtree(folder, ignore_errors=True)


def _listen(host: str, port: int) -> socket.socket:
    """Return a socket that listens.

    Raises:
        ValueError: If it cannot; the message says why.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listening = socket.socket(family, kind, protocol)
        try:
            if os.name == "posix":
                listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listening.bind(address)
            listening.listen(_BACKLOG)
            listening.setblocking(False)
        except BaseException:
            listening.close()
            raise
    except OSError as error:
        raise ValueError(
            f"cannot listen on {host}, port {port} ({error.strerror}); give another --port, or none for a "
            "free one"
        ) from error
    return listening


def _logger() -> logging.Logger:
    """Return a log of what is wrong here, not of what strangers send."""
    logger = logging.getLogger("metafacs.app.requests")
    logger.addFilter(_is_own_fault)
    return logger


def _is_own_fault(record: logging.LogRecord) -> bool:
    error = record.exc_info[1] if record.exc_info else None
    return not isinstance(error, (HttpProcessingError, web.RequestPayloadError, ConnectionError))


def _has_browser() -> bool:
    """Return whether there is a screen; a browser of the terminal would take its place."""
    screens = ("DISPLAY", "WAYLAND_DISPLAY")
    return not sys.platform.startswith("linux") or any(os.environ.get(name) for name in screens)
