"""Sends hostile requests to a ``metafacs app`` of its own and counts how they are answered.

Paths that climb out of folders, names and contents of files, lengths that lie, documents, numbers, strangers
without cookie or from another origin, broken HTTP, a camera that sends rubbish, and meanwhile connections
whose heads trickle. It is a fault if one of these is held open, if a request is answered with 500 or above,
is let in where it must not be, is answered with what a file outside the server's folder holds, makes the
server read, write or connect where it has no business, or if the server prints a traceback, leaves something
behind, or serves worse afterwards. Which files the server touches is told by Python itself
(``attacks/audit``). The same seed gives the same requests.

Example:
    python benchmarks/app_attacks.py
    python benchmarks/app_attacks.py --requests 5000 --seed 1
    python benchmarks/app_attacks.py --only 17
"""

from __future__ import annotations

import argparse
import ast
import http.client
import os
import re
import secrets
import socket
import stat
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from random import Random

import numpy as np
from PIL import Image
from skimage import data

import metafacs
from app_server import AppServer
from attacks.addresses import conditions, name_of_a_file, number_in_an_address, path_that_climbs
from attacks.contents import camera, content_of_a_file, document
from attacks.messages import length_of_a_body, malformed_message, stranger, token
from attacks.requests import Request, Target
from attacks.slow import slow_heads
from metafacs.data.videos import encode_video

LIMIT_MB = 1
"""Of an upload; small, so that more than it is sent quickly."""

_PATIENCE = 3.0
"""Seconds without a byte after which a request counts as waiting for its rest."""

_SYSTEM = ("/proc/", "/sys/", "/dev/", "/usr/", "/lib", "/etc/mime.types", "/etc/localtime", "/etc/apache2/")
_AUDIT = Path(__file__).parent / "attacks" / "audit"


KINDS: tuple[Callable[[Random, Target], Request], ...] = (
    path_that_climbs,
    name_of_a_file,
    content_of_a_file,
    length_of_a_body,
    document,
    number_in_an_address,
    stranger,
    token,
    malformed_message,
    conditions,
    camera,
)
"""Each makes a request of its kind, as chance has it."""


def hostile_request(seed: int, number: int, target: Target) -> Request:
    """Return one of the hostile requests of a seed; kinds come in turn."""
    return KINDS[number % len(KINDS)](Random(f"{seed} {number}"), target)


@dataclass(frozen=True)
class Outcome:
    """How a request was answered.

    Attributes:
        status: Of HTTP; 0 where the server closed without a word, -1 where it waits for more.
        body: What it sent, the beginning of it.
        headers: The names and values, as sent.
    """

    status: int
    body: bytes = b""
    headers: str = ""

    @property
    def name(self) -> str:
        """What the table counts it as."""
        known = {-1: "waits", 0: "closed", 2: "served", 1: "served", 3: "served", 4: "refused"}
        return known.get(self.status // 100 if self.status > 0 else self.status, "500 or above")


def send(port: int, content: bytes) -> Outcome:
    """Send bytes and return what comes back."""
    with socket.create_connection(("127.0.0.1", port), timeout=_PATIENCE) as connection:
        # Where it is refused before all of it was sent, the answer may be there.
        with suppress(OSError):
            connection.sendall(content)
        response = http.client.HTTPResponse(
            connection, method="HEAD" if content.startswith(b"HEAD") else None
        )
        try:
            response.begin()
            head = str(response.headers)
            try:
                return Outcome(response.status, response.read(1 << 20), head)
            except (OSError, http.client.HTTPException):
                return Outcome(response.status, b"", head)
        except TimeoutError:
            return Outcome(-1)
        except (OSError, http.client.HTTPException):
            return Outcome(0)
        finally:
            response.close()


class Ground:
    """What is attacked, and what must not be touched.

    Args:
        folder: Empty, for everything.
    """

    def __init__(self, folder: Path) -> None:
        self.folder, self.audit = folder, folder / "audit.txt"
        self.secret = secrets.token_hex(16).encode()
        self.canary = folder / "canary.jpg"
        self.canary.write_bytes(self.secret)
        photo, clip = folder / "photo.jpg", folder / "clip.mp4"
        face = Image.fromarray(data.astronaut()[:300, 60:360]).resize((160, 160))
        face.save(photo)
        encode_video(clip, [np.asarray(face)] * 5, 25)
        caches = {"MPLCONFIGDIR": str(folder / "caches"), "NUMBA_CACHE_DIR": str(folder / "caches")}
        self.server = AppServer(
            folder,
            ["--upload_limit", f"{LIMIT_MB / 1024:.10f}"],
            {
                **caches,
                "PYTHONPATH": os.pathsep.join([str(_AUDIT), os.environ.get("PYTHONPATH", "")]),
                "PYTHONDONTWRITEBYTECODE": "1",
                "METAFACS_AUDIT": str(self.audit),
            },
        )
        self.photo = photo
        try:
            self._prepare(photo, clip)
        except BaseException:
            self.server.end()
            raise

    def _prepare(self, photo: Path, clip: Path) -> None:
        found = [self.server.wait(self.server.upload(path)["id"]) for path in (photo, clip)]
        self.table = self.download(found[0]["id"])
        self.target = Target(
            self.server.port, self.server.cookie, found[0]["id"], found[1]["id"], LIMIT_MB << 20, self.canary
        )
        self.mark = self.audit.stat().st_size

    def download(self, file: str) -> bytes:
        """Return the table of a file."""
        return self.server.request("GET", f"/api/files/{file}/download/openface.csv").body

    def fault_of(self, request: Request, outcome: Outcome) -> str:
        """Return what must not be in the answer to a request, or nothing."""
        if outcome.status >= 500:
            return f"answered with {outcome.status}: {outcome.body[:200]!r}"
        if request.must_be_refused and 0 < outcome.status < 400:
            return f"let in with {outcome.status}: {outcome.body[:200]!r}"
        if self.secret in outcome.body or b"root:x:0:" in outcome.body:
            return "answered with a file outside the folder"
        if b"from __future__ import" in outcome.body:
            return "answered with its own source"
        if b"Traceback" in outcome.body or str(self.folder).encode() in outcome.body:
            return f"tells its insides: {outcome.body[:300]!r}"
        if re.search(r"(?im)^(set-cookie: evil|x-evil)", outcome.headers):
            return "lets a name write headers"
        return ""

    def faults_of_files(self) -> Iterator[str]:
        """Yield where the server read, wrote or connected without business there since the attack began."""
        own = (str(self.server.temporary) + os.sep, str(self.folder / "caches"))
        code = tuple(
            os.path.realpath(place) + os.sep
            for place in (sys.prefix, sys.base_prefix, Path(metafacs.__file__).parent, _AUDIT)
        )
        seen: set[tuple[str, str]] = set()
        told = 0
        with self.audit.open(encoding="utf-8", errors="replace") as lines:
            lines.seek(self.mark)
            for line in lines:
                told += 1
                event, kind, place = line.rstrip("\n").split("\t", 2)
                if kind == "connect":
                    # The process that others are forked off listens in the server's own folder.
                    within = re.search(r"family=1\b.*, '(.*)'\)$", place)
                    path = within[1] if within else place
                    if within and os.path.realpath(path).startswith(own[0]):
                        continue
                else:
                    path = os.path.realpath(ast.literal_eval(place))
                allowed = own if kind == "write" else (*own, *code, *_SYSTEM)
                if kind != "connect" and (path + os.sep).startswith(allowed):
                    continue
                if (kind, path) not in seen and path != "/dev/null":
                    seen.add((kind, path))
                    yield f"{event} ({kind}): {path}"
        if not told:
            yield "nobody told which files were touched"

    def faults_afterwards(self) -> Iterator[str]:
        """Yield what the attack has left, and end the server."""
        yield from self.faults_of_files()
        if self.canary.read_bytes() != self.secret:
            yield "the file outside the folder was changed"
        for folder in self.server.temporary.iterdir():
            if stat.S_IMODE(folder.stat().st_mode) & 0o077:
                yield f"others may look into {folder.name}"
        begin = time.monotonic()
        if self.server.request("GET", "/api/session").status != 200:
            yield "the page is not served any more"
        elif time.monotonic() - begin > 2:
            yield f"answers slowly: {time.monotonic() - begin:.1f} s"
        if self.server.process.poll() is None:
            again = self.server.wait(self.server.upload(self.photo)["id"])
            if self.download(again["id"]) != self.table:
                yield f"a picture gives another table than before: {again}"
        code = self.server.end()
        if code not in (0, 130):
            yield f"ended with exit code {code}"
        if left := [path.name for path in self.server.temporary.iterdir()]:
            yield f"left behind: {', '.join(left)}"
        if list(self.server.place.iterdir()):
            yield "wrote into the folder that it was started in"
        said = self.server.said.read_text(errors="replace")
        if "Traceback" in said:
            yield f"printed a traceback: {said[said.index('Traceback') :][:3000]}"


def campaign(ground: Ground, seed: int, numbers: range) -> tuple[dict[str, Counter[str]], list[str]]:
    """Send the requests; return how they were answered by kind, and the faults."""
    counts: dict[str, Counter[str]] = {}
    faults = []
    for number in numbers:
        request = hostile_request(seed, number, ground.target)
        outcome = send(ground.target.port, request.content)
        counts.setdefault(request.what.split(":")[0], Counter())[outcome.name] += 1
        if fault := ground.fault_of(request, outcome):
            faults.append(f"{number}: {request.what}: {fault}\n    {request.content[:300]!r}")
        if ground.server.process.poll() is not None:
            faults.append(f"{number}: {request.what}: the server has ended")
            break
    return counts, faults


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--requests", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", type=int, default=None, help="only the request of this number")
    options = parser.parse_args(arguments)
    numbers = range(options.requests) if options.only is None else range(options.only, options.only + 1)
    with tempfile.TemporaryDirectory() as temporary:
        ground = Ground(Path(os.path.realpath(temporary)))
        with ground.server, ThreadPoolExecutor(1) as beside:
            slow = beside.submit(slow_heads, ground.target.port)
            counts, faults = campaign(ground, options.seed, numbers)
            faults += slow.result()
            faults += ground.faults_afterwards()
    names = ("refused", "served", "closed", "waits", "500 or above")
    print(f"{'':38}" + "".join(f"{name:>14}" for name in names))
    for what, found in counts.items():
        print(f"{what:38}" + "".join(f"{found[name]:14}" for name in names))
    for fault in faults:
        print(f"FAULT {fault}")
    print(f"{len(numbers)} requests, {len(faults)} faults")
    return bool(faults)


if __name__ == "__main__":
    sys.exit(main())
