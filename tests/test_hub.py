from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator
from http.server import ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from fake_hub import FakeHub, serving_hub
from metafacs.hub import HubError, fetch, parse_reference, publish

library = pytest.importorskip("huggingface_hub", reason="needs the extra hub")
constants = pytest.importorskip("huggingface_hub.constants", reason="needs the extra hub")
REAL_API = library.HfApi

FILE = "model.safetensors"


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[tuple[FakeHub, ThreadingHTTPServer]]:
    with serving_hub(monkeypatch, tmp_path / "cache") as found:
        yield found


@pytest.fixture
def hub(served: tuple[FakeHub, ThreadingHTTPServer]) -> FakeHub:
    return served[0]


def cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    """Send the library where nobody answers."""
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    template = "http://127.0.0.1:9/{repo_id}/resolve/{revision}/{filename}"
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)


def test_a_file_is_downloaded_once_for_each_commit_and_told(
    hub: FakeHub, capsys: pytest.CaptureFixture[str]
) -> None:
    first = hub.publish("lab/faces", {FILE: b"one"})
    found = fetch("lab/faces", FILE)
    assert (found.path.read_bytes(), found.name) == (b"one", f"hf:lab/faces@{first}")
    assert f"downloading {FILE} of hf:lab/faces@{first}" in capsys.readouterr().err
    second = hub.publish("lab/faces", {FILE: b"two"})
    hub.branches["lab/faces"]["v1"] = first
    assert fetch("lab/faces", FILE).commit == second
    capsys.readouterr()
    assert fetch("lab/faces", FILE, "v1").path.read_bytes() == b"one"
    assert fetch("lab/faces", FILE, second).path.read_bytes() == b"two"
    assert capsys.readouterr().err == ""


def test_a_commit_that_is_here_is_not_asked_for(hub: FakeHub) -> None:
    commit = hub.publish("lab/faces", {FILE: b"one"})
    fetch("lab/faces", FILE)
    hub.asked.clear()
    assert fetch("lab/faces", FILE, commit).path.read_bytes() == b"one"
    assert hub.asked == []


def test_without_a_network_the_copy_in_the_cache_is_taken_and_said(
    hub: FakeHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.publish("lab/faces", {FILE: b"one"})
    fetch("lab/faces", FILE)
    commit = hub.publish("lab/faces", {FILE: b"two"})
    fetch("lab/faces", FILE, commit)
    fetch("lab/faces", FILE)
    cut_off(monkeypatch)
    with pytest.warns(UserWarning, match=f"cannot be reached .* taken is commit {commit}"):
        assert fetch("lab/faces", FILE).path.read_bytes() == b"two"


def test_without_a_network_and_a_copy_it_says_what_to_do(
    hub: FakeHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    cut_off(monkeypatch)
    for revision in (None, "0" * 40):
        with pytest.raises(ConnectionError, match="holds no copy; run the same command again where there is"):
            fetch("lab/faces", FILE, revision)


def test_what_the_hub_does_not_have_is_told(hub: FakeHub) -> None:
    hub.publish("lab/faces", {"README.md": b""})
    with pytest.raises(HubError, match="there is no hf:lab/other that you may read"):
        fetch("lab/other", FILE)
    with pytest.raises(HubError, match="has no revision v9"):
        fetch("lab/faces", FILE, "v9")
    with pytest.raises(HubError, match=r"holds no model\.safetensors"):
        fetch("lab/faces", FILE)


@pytest.mark.parametrize(
    "name", ["hf:", "hf:name", "hf:a/b/c", "hf:a/b@", "hf:../b", "hf:a/b@../c", "hf:a/b c"]
)
def test_names_that_are_none_are_refused(name: str) -> None:
    with pytest.raises(HubError, match="write hf:user/name"):
        parse_reference(name)


class Api:
    """The library's, as far as signatures go."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.fails: Exception | None = None

    def _call(self, name: str, *given: object, **named: object) -> None:
        bound = inspect.signature(getattr(REAL_API, name)).bind(self, *given, **named)
        self.calls.append((name, bound.arguments))
        if self.fails is not None:
            raise self.fails

    def create_repo(self, *given: object, **named: object) -> None:
        self._call("create_repo", *given, **named)

    def create_commit(self, *given: object, **named: object) -> SimpleNamespace:
        self._call("create_commit", *given, **named)
        return SimpleNamespace(oid="a" * 40)


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Api:
    api = Api()
    monkeypatch.setattr(library, "HfApi", lambda: api)
    return api


def test_files_are_published_in_one_commit(api: Api, tmp_path: Path) -> None:
    files = {FILE: tmp_path / "a", "README.md": tmp_path / "b"}
    for path in files.values():
        path.write_bytes(b"x")
    assert publish("lab/faces", files, "message").name == "hf:lab/faces@" + "a" * 40
    (made, settings), (committed, given) = api.calls
    assert (made, settings["private"], settings["exist_ok"]) == ("create_repo", True, True)
    assert (committed, given["repo_id"], given["commit_message"]) == ("create_commit", "lab/faces", "message")
    assert [operation.path_in_repo for operation in given["operations"]] == list(files)


def refused(status: int) -> Exception:
    error = OSError(f"status {status}")
    error.response = SimpleNamespace(status_code=status)  # type: ignore[attr-defined]
    return error


@pytest.mark.parametrize(
    ("error", "kind", "told"),
    [
        (refused(401), HubError, "log in with 'hf auth login'"),
        (refused(403), HubError, "may not write to hf:lab/faces"),
        (refused(409), HubError, "does not take the files"),
        (refused(503), ConnectionError, "nothing was published, run the same command again"),
        (OSError("no route"), ConnectionError, "cannot be reached"),
    ],
)
def test_a_refusal_says_what_to_do(
    api: Api, error: Exception, kind: type[Exception], told: str, tmp_path: Path
) -> None:
    api.fails = error
    (tmp_path / "a").write_bytes(b"x")
    with pytest.raises(kind, match=told):
        publish("lab/faces", {FILE: tmp_path / "a"}, "message")


def test_without_the_package_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(ValueError, match=r"pip install 'metafacs\[hub\]'"):
        fetch("lab/faces", FILE)
