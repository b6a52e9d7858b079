"""A ``metafacs app`` of one's own: to attack, to measure, and for tests in a browser."""

from __future__ import annotations

import http.client
import json
import os
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.parse import quote, urlencode

ENDS = ("done", "failed", "cancelled")
"""States of an analysis that has ended."""

_PATIENCE = 300.0
"""Seconds until the server must have told its address or answered, also where others use the cores."""


@dataclass(frozen=True)
class Answer:
    """What the server answered.

    Attributes:
        status: Of HTTP.
        headers: Names in small letters.
        body: The bytes.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def document(self) -> Any:
        """The JSON that it holds."""
        return json.loads(self.body)


class AppServer:
    """Starts the command in a folder of its own, and ends it at the end of a ``with`` block.

    Args:
        ground: Folder for everything that the server may write; its temporary folder is ``ground/temporary``,
            and the command runs in ``ground/place``.
        options: More options of the command.
        environment: More variables.

    Attributes:
        temporary: Where the server makes its folder.
        address: What the command printed, with the token.
        port: Where it listens.
        said: File with everything that it wrote to standard error.
    """

    def __init__(
        self, ground: Path, options: Sequence[str] = (), environment: Mapping[str, str] | None = None
    ) -> None:
        self.temporary, self.place = ground / "temporary", ground / "place"
        self.said = ground / "said.txt"
        for folder in (self.temporary, self.place):
            folder.mkdir(parents=True)
        words = [sys.executable, "-m", "metafacs", "app", "--port", "0", "--browser", "false", *options]
        variables = {**os.environ, "TMPDIR": str(self.temporary), **(environment or {})}
        with self.said.open("wb") as said:
            self.process = subprocess.Popen(
                words, stdout=subprocess.PIPE, stderr=said, cwd=self.place, env=variables
            )
        try:
            self.address = self._wait_for_address()
            self.port = int(re.search(r":(\d+)/", self.address)[1])  # type: ignore[index]
            self.cookie = self._exchange_token()
        except BaseException:
            self.process.kill()
            raise

    def __enter__(self) -> AppServer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end()

    def request(
        self,
        method: str,
        path: str,
        body: bytes | dict[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Ask as the page does, with cookie and origin; a dictionary is sent as JSON."""
        sent = {"Cookie": self.cookie, "Origin": f"http://127.0.0.1:{self.port}", **(headers or {})}
        if isinstance(body, dict):
            body = json.dumps(body).encode()
            sent["Content-Type"] = "application/json"
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=_PATIENCE)
        try:
            connection.request(method, path, body, sent)
            response = connection.getresponse()
            named = {name.lower(): value for name, value in response.getheaders()}
            return Answer(response.status, named, response.read())
        finally:
            connection.close()

    def upload(self, path: Path, **options: str) -> dict[str, Any]:
        """Give the server a file, and return what it says of it."""
        words = urlencode({"name": path.name, **options}, quote_via=quote)
        answer = self.request("POST", f"/api/files?{words}", path.read_bytes())
        if answer.status != 201:
            raise RuntimeError(f"{path.name} was not taken: {answer.status} {answer.body[:300]!r}")
        found: dict[str, Any] = answer.document
        return found

    def wait(self, file: str, seconds: float = _PATIENCE) -> dict[str, Any]:
        """Wait until the analysis of a file has ended, and return what the server says of it."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            found: dict[str, Any] = self.request("GET", f"/api/files/{file}").document
            if found["analysis"]["state"] in ENDS:
                return found
            time.sleep(0.05)
        raise TimeoutError(f"the analysis of {file} has not ended after {seconds:g} seconds")

    def end(self) -> int:
        """End the server as Ctrl-C does, and return its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        try:
            return self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise
        finally:
            if self.process.stdout is not None:
                self.process.stdout.close()

    def _wait_for_address(self) -> str:
        assert self.process.stdout is not None
        until, said = time.monotonic() + _PATIENCE, b""
        while time.monotonic() < until:
            if select.select([self.process.stdout], [], [], 0.2)[0]:
                part = os.read(self.process.stdout.fileno(), 4096)
                said += part
                found = re.search(rb"http://\S+token=\S+(?=\s)", said)
                if found is not None:
                    return found[0].decode()
                if not part:
                    break
        raise RuntimeError(f"metafacs app told no address: {said!r} {self.said.read_text()[-2000:]}")

    def _exchange_token(self) -> str:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=_PATIENCE)
        try:
            connection.request("GET", self.address[self.address.index("/open") :])
            cookie = connection.getresponse().getheader("Set-Cookie")
        finally:
            connection.close()
        if cookie is None:
            raise RuntimeError("the server gave no cookie for its token")
        return cookie.split(";")[0]
