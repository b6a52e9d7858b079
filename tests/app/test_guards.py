"""Who is let in, and what every answer carries."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from dataclasses import replace

import pytest

from metafacs.app.access import Access, PasswordError
from metafacs.app.guards import HEADERS
from metafacs.app.server import Server, Settings
from serving import Client, running

PASSWORD = "correct horse battery"


def test_a_browser_comes_in_with_the_token_alone(shared_server: Server) -> None:
    stranger = Client(shared_server)
    assert stranger.get("/").status == 403
    assert "the terminal printed" in stranger.get("/").body.decode()
    assert stranger.get("/api/session").status == 403
    assert stranger.get("/page/main.js").status == 403
    wrong = stranger.get("/open?token=" + "A" * 43)
    assert wrong.status == 403
    assert wrong.headers["Set-Cookie"] is None
    assert stranger.get("/open").status == 403
    answer = stranger.get(f"/open?token={shared_server.access.token}")
    cookie = answer.headers["Set-Cookie"]
    assert all(part in cookie for part in ("HttpOnly", "SameSite=Strict", "Path=/"))
    assert shared_server.access.token not in cookie
    stranger.cookie = cookie.split(";")[0]
    assert stranger.get("/api/session").status == 200
    stranger.cookie = cookie.split("=")[0] + "=\xe9\xe8"
    assert stranger.get("/api/session").status == 403


def test_the_address_that_starts_a_browser_works_once(shared_server: Server) -> None:
    token = shared_server.access.new_token()
    stranger = Client(shared_server)
    assert stranger.get(f"/open?token={token}").status == 200
    assert stranger.get(f"/open?token={token}").status == 403


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:{port}",
        "127.0.0.1",
        "127.0.0.1:{other}",
        "127.0.0.1:{port}@evil.example",
        "",
        "127.0.0.1.evil.example:{port}",
        "[::1",
        "10.0.0.1:{port}",
        "localhost:{port}:1",
        "a@127.0.0.1:{port}",
    ],
)
def test_foreign_names_of_the_server_are_refused(client: Client, host: str) -> None:
    port = client.server.port
    name = host.format(port=port, other=port % 60000 + 1)
    answer = client.ask("GET", "/api/session", headers={"Host": name})
    assert answer.status in (400, 421)


def test_its_own_names_are_not(client: Client) -> None:
    for name in ("127.0.0.1", "localhost", "LOCALHOST"):
        host = f"{name}:{client.server.port}"
        assert client.ask("GET", "/api/session", headers={"Host": host}).status == 200


@pytest.mark.parametrize(
    "origin",
    [
        "http://evil.example",
        "null",
        "https://127.0.0.1:{port}",
        "http://127.0.0.1:{other}",
        "http://127.0.0.1",
        "http://localhost:{port}",
        "http://127.0.0.1:{port}.evil.example",
        "file://",
    ],
)
def test_other_pages_are_refused(client: Client, origin: str) -> None:
    port = client.server.port
    headers = {"Origin": origin.format(port=port, other=port % 60000 + 1)}
    for method, path in (
        ("GET", "/api/session"),
        ("POST", "/api/files?name=a.png"),
        ("DELETE", "/api/files"),
    ):
        answer = client.ask(method, path, b"", headers=headers)
        assert answer.status == 403
        assert "other pages" in answer.error
        assert answer.headers["Access-Control-Allow-Origin"] is None


def test_what_changes_something_must_say_where_it_comes_from(client: Client) -> None:
    for method, path in (("POST", "/api/files?name=a.png"), ("DELETE", "/api/files"), ("POST", "/api/quit")):
        connection = socket.create_connection(("127.0.0.1", client.server.port))
        head = (
            f"{method} {path} HTTP/1.1\r\nHost: {client.host}\r\nCookie: {client.cookie}\r\nContent-Length: 0"
        )
        connection.sendall(f"{head}\r\n\r\n".encode())
        assert connection.recv(1000).startswith(b"HTTP/1.1 403")
        connection.close()


@pytest.mark.parametrize("site", ["cross-site", "same-site", "nonsense"])
def test_what_the_browser_says_of_the_page_counts(client: Client, site: str) -> None:
    foreign = {"Sec-Fetch-Site": site, "Sec-Fetch-Mode": "no-cors"}
    assert client.ask("GET", "/api/session", headers=foreign).status == 403
    assert client.ask("GET", "/page/main.js", headers=foreign).status == 403
    link = {"Sec-Fetch-Site": site, "Sec-Fetch-Mode": "navigate"}
    assert client.ask("GET", "/", headers=link).status == 200
    assert client.ask("GET", "/api/session", headers=link).status == 403
    assert client.ask("GET", "/api/session", headers={"Sec-Fetch-Site": "same-origin"}).status == 200


def test_every_answer_carries_the_headers(client: Client) -> None:
    for path in ("/", "/api/session", "/nothing", "/page/nothing.js", "/open?token=x"):
        answer = client.get(path)
        for name, value in HEADERS.items():
            assert answer.headers[name] == value
        assert "Server" not in answer.headers
    assert "unsafe" not in HEADERS["Content-Security-Policy"]


def test_paths_lead_nowhere_else(client: Client) -> None:
    for path in (
        "/page/../guards.py",
        "/page/..%2fguards.py",
        "/page/%2e%2e/guards.py",
        "/page//etc/passwd",
        "/page/vendor/../../guards.py",
        "/api/files/..%2f..%2fetc/media",
        "/api/files/............/media",
        "/api/files/%00%00%00%00%00%00%00%00%00%00%00%00/media",
        "/api/people/..%2fx.safetensors",
    ):
        answer = client.get(path)
        assert answer.status in (400, 404), path
        assert b"root:" not in answer.body
        assert b"import" not in answer.body


def test_long_lines_are_refused(client: Client) -> None:
    assert client.get("/api/session?" + "a" * 20_000).status in (400, 414)
    assert client.ask("GET", "/api/session", headers={"X-Long": "a" * 20_000}).status in (400, 431)


def test_other_methods_are_refused(client: Client) -> None:
    for method in ("PUT", "OPTIONS", "TRACE", "PROPFIND"):
        assert client.ask(method, "/api/session").status in (400, 404, 405)


@pytest.fixture(scope="module")
def protected_server(settings: Settings) -> Iterator[Server]:
    with running(replace(settings, password=PASSWORD)) as server:
        yield server


def test_a_shared_server_asks_for_a_password(protected_server: Server) -> None:
    stranger = Client(protected_server)
    answer = stranger.get("/")
    assert answer.status == 401
    assert 'type="password"' in answer.body.decode()
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    right = stranger.ask("POST", "/login", f"password={PASSWORD.replace(' ', '+')}".encode(), form)
    assert (right.status, right.headers["Location"]) == (303, "/")
    stranger.cookie = right.headers["Set-Cookie"].split(";")[0]
    assert stranger.get("/api/session").json["shared"] is True
    assert stranger.post("/api/quit").status == 403
    assert PASSWORD not in repr(protected_server.access.__dict__)


def test_wrong_passwords_are_few(protected_server: Server) -> None:
    stranger = Client(protected_server)
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    tries = [stranger.ask("POST", "/login", b"password=guess", form) for _ in range(7)]
    assert [each.status for each in tries] == [403] * 5 + [429] * 2
    right = stranger.ask("POST", "/login", f"password={PASSWORD.replace(' ', '+')}".encode(), form)
    assert right.status == 429


def test_a_short_password_is_refused() -> None:
    with pytest.raises(PasswordError, match="at least 10"):
        Access("short")


def test_without_a_password_there_is_no_way_in_by_one(client: Client) -> None:
    assert client.ask("POST", "/login", b"password=", {"Cookie": ""}).status == 404


def test_many_idle_connections_stop_nobody(client: Client) -> None:
    idle = [socket.create_connection(("127.0.0.1", client.server.port)) for _ in range(100)]
    for connection in idle[:50]:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: ")
    began = time.monotonic()
    assert client.get("/api/session").status == 200
    assert time.monotonic() - began < 5
    for connection in idle:
        connection.close()
