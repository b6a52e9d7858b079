"""A server of the page in a thread, and who asks it. ``import serving`` works in every test."""

from __future__ import annotations

import asyncio
import http.client
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

from metafacs.app.server import Server, Settings

PATIENCE = 600.0


@dataclass
class Answer:
    """What the server said."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def error(self) -> str:
        """The one sentence of a refusal."""
        assert list(self.json) == ["error"]
        return str(self.json["error"])


@dataclass
class Client:
    """Asks as the page does: with the cookie, and saying where it comes from."""

    server: Server
    cookie: str = ""
    more: dict[str, str] = field(default_factory=dict)

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.server.port}"

    def ask(self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None) -> Answer:
        known = {"Cookie": self.cookie} if self.cookie else {}
        known |= {} if method in ("GET", "HEAD") else {"Origin": f"http://{self.host}"}
        connection = http.client.HTTPConnection(self.host, timeout=PATIENCE)
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
        try:
            connection.request(method, path, body, known | self.more | (headers or {}))
            answer = connection.getresponse()
            return Answer(answer.status, answer.headers, answer.read())
        finally:
            connection.close()

    def get(self, path: str) -> Answer:
        return self.ask("GET", path)

    def post(self, path: str, body: Any = None) -> Answer:
        return self.ask("POST", path, {} if body is None else body)

    def come_in(self) -> None:
        cookie = self.get(f"/open?token={self.server.access.token}").headers["Set-Cookie"]
        self.cookie = cookie.split(";")[0]

    def add(self, name: str, content: bytes | Path) -> dict[str, Any]:
        """Upload a file; return what the server says of it."""
        content = content.read_bytes() if isinstance(content, Path) else content
        answer = self.post(f"/api/files?name={quote(name)}", content)
        assert answer.status == 201, answer.body
        return dict(answer.json)

    def file(self, file_id: str) -> dict[str, Any]:
        return dict(self.get(f"/api/files/{file_id}").json)

    def wait(self, file_id: str, *states: str) -> dict[str, Any]:
        """Return a file when its analysis has one of some states, else when it is over."""
        wanted = states or ("done", "failed", "cancelled")
        return until(lambda: self.file(file_id), lambda file: file["analysis"]["state"] in wanted)

    def wait_for_job(self, job_id: str) -> dict[str, Any]:
        """Return a job when it is over."""

        def job() -> dict[str, Any]:
            return next(each for each in self.get("/api/jobs").json if each["id"] == job_id)

        return until(job, lambda each: each["state"] in ("done", "failed", "cancelled"))

    def analysed(self, name: str, content: bytes | Path) -> dict[str, Any]:
        """Upload a file; return it when it is analysed."""
        file = self.wait(self.add(name, content)["id"])
        assert file["analysis"]["state"] == "done", file["analysis"]["error"]
        return file


def until(ask: Callable[[], Any], is_so: Callable[[Any], bool], patience: float = PATIENCE) -> Any:
    """Ask until the answer is as it should be."""
    ends = time.monotonic() + patience
    while not is_so(answer := ask()):
        assert time.monotonic() < ends, answer
        time.sleep(0.05)
    return answer


@contextmanager
def running(settings: Settings) -> Iterator[Server]:
    """Run a server in a thread of its own."""
    started, servers = threading.Event(), list[Server]()
    loops, ends = list[asyncio.AbstractEventLoop](), list[asyncio.Event]()

    async def run() -> None:
        async with Server(settings) as server:
            servers.append(server)
            loops.append(asyncio.get_running_loop())
            ends.append(server.ended)
            started.set()
            await server.ended.wait()

    thread = threading.Thread(target=lambda: asyncio.run(run()))
    thread.start()
    try:
        assert started.wait(PATIENCE)
        yield servers[0]
    finally:
        loops[0].call_soon_threadsafe(ends[0].set)
        thread.join(PATIENCE)
        assert not thread.is_alive()
