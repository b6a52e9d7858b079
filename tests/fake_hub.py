"""A Hugging Face Hub on this machine, asked by the real library. ``import fake_hub`` works in every test."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest


@dataclass
class FakeHub:
    """What is published: repository -> revision -> file -> content; ``main`` names a commit, too."""

    repositories: dict[str, dict[str, dict[str, bytes]]] = field(default_factory=dict)
    branches: dict[str, dict[str, str]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def publish(self, repository: str, files: dict[str, bytes]) -> str:
        """Put files into a new commit of the main branch and return its hash."""
        commit = hashlib.sha1(repr(sorted(files.items())).encode()).hexdigest()
        self.repositories.setdefault(repository, {})[commit] = files
        self.branches.setdefault(repository, {})["main"] = commit
        return commit

    def answer(self, path: str) -> tuple[int, dict[str, str], bytes]:
        """Return status, headers and content, as the Hub's documentation has them."""
        if path.startswith("/api/models/"):
            repository, _, revision = path.removeprefix("/api/models/").partition("/revision/")
            missing, commit = self._commit(repository, revision or "main")
            if missing:
                return 404, {"X-Error-Code": missing}, b""
            return 200, {}, json.dumps({"id": repository, "sha": commit, "siblings": []}).encode()
        repository, _, rest = path.removeprefix("/").partition("/resolve/")
        revision, _, name = rest.partition("/")
        missing, commit = self._commit(repository, revision)
        if not missing and name not in self.repositories[repository][commit]:
            missing = "EntryNotFound"
        if missing:
            return 404, {"X-Error-Code": missing}, b""
        content = self.repositories[repository][commit][name]
        tag = hashlib.sha256(content).hexdigest()
        return 200, {"X-Repo-Commit": commit, "ETag": f'"{tag}"'}, content

    def _commit(self, repository: str, revision: str) -> tuple[str, str]:
        if repository not in self.repositories:
            return "RepoNotFound", ""
        commit = self.branches[repository].get(revision, revision)
        return ("", commit) if commit in self.repositories[repository] else ("RevisionNotFound", "")


@contextmanager
def serving_hub(
    monkeypatch: pytest.MonkeyPatch, cache: Path
) -> Iterator[tuple[FakeHub, ThreadingHTTPServer]]:
    """Serve a Hub that is empty at first; the library asks it, and keeps what it gets in ``cache``."""
    constants = pytest.importorskip("huggingface_hub.constants", reason="needs the extra hub")
    hub = FakeHub()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            hub.asked.append(self.path)
            status, headers, content = hub.answer(self.path)
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(content))}.items():
                self.send_header(name, value)
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(content)

        do_HEAD = do_GET  # noqa: N815 (the server's own name)

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    endpoint = f"http://127.0.0.1:{server.server_port}"
    monkeypatch.setattr(constants, "ENDPOINT", endpoint)
    template = endpoint + "/{repo_id}/resolve/{revision}/{filename}"
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(cache))
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield hub, server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
