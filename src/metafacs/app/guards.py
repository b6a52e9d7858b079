"""What every request must pass, and what every answer carries.

A page of any other site that is open in the same browser can send requests here. It is kept out by the names
that the browser itself puts into them (Host, Origin, Sec-Fetch-Site), and by a cookie that it is never sent
along with.
"""

from __future__ import annotations

import ipaddress
import logging
from collections.abc import Awaitable, Callable
from html import escape
from http import HTTPStatus
from urllib.parse import urlsplit

from aiohttp import web
from aiohttp.typedefs import Middleware

from metafacs.app.access import Access
from metafacs.app.formats import FormatError
from metafacs.app.jobs import QueueFullError
from metafacs.app.latecomers import Latecomers
from metafacs.app.listeners import TooManyError
from metafacs.app.session import ConflictError, NotFoundError
from metafacs.app.worker import TaskError, WorkerDiedError

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

HEADERS = {
    "Content-Security-Policy": "default-src 'self'; img-src 'self' blob: data:; media-src 'self' blob:; "
    "connect-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(self), microphone=(), geolocation=()",
}
"""Of every answer."""

_READING = ("GET", "HEAD")
_OPEN_PATHS = ("/", "/open", "/login")
"""What may be asked for without a cookie, and by a click elsewhere."""

_WORDS = {
    404: "there is nothing at this address",
    405: "this cannot be done with this address",
    413: "that is more than is taken here",
    416: "this part of the file is not there",
}
_LOG = logging.getLogger(__name__)


class Guard:
    """Lets through what the page of this server asks for, and nothing else.

    Args:
        access: Who may come in.
        host: The address that the server listens on, as it was named.
        port: Its port.
    """

    def __init__(self, access: Access, host: str, port: int) -> None:
        self.access, self.port = access, port
        self.cookie_name = f"metafacs-{port}"
        self._hosts = {host.lower().strip("[]")}
        if not access.shared:
            self._hosts |= {"127.0.0.1", "localhost"}

    def refusal(self, request: web.Request) -> tuple[int, str] | None:
        """Return the status and the sentence with which a request is refused; None if it is let through."""
        hosts = request.headers.getall("Host", [])
        if len(hosts) != 1 or not self._is_own_host(hosts[0], request):
            return 421, "this server does not answer to that name; open the address that the terminal printed"
        origins = request.headers.getall("Origin", [])
        if any(origin != f"http://{hosts[0]}" for origin in origins):
            return 403, "requests of other pages are refused; open the address that the terminal printed"
        writes = request.method not in _READING or "Upgrade" in request.headers
        if writes and len(origins) != 1:
            return 403, "only the page itself may change something; its requests say where they come from"
        opens = request.path in _OPEN_PATHS and request.method in _READING
        site = request.headers.get("Sec-Fetch-Site", "same-origin")
        if site not in ("same-origin", "none") and not (
            opens and request.headers.get("Sec-Fetch-Mode") == "navigate"
        ):
            return 403, "requests of other pages are refused; open the address that the terminal printed"
        if not self.is_in(request) and request.path not in _OPEN_PATHS:
            return 403, "the page is not open any more; open the address that the terminal printed"
        return None

    def is_in(self, request: web.Request) -> bool:
        """Return whether a request carries the cookie."""
        return self.access.knows_cookie(request.cookies.get(self.cookie_name, ""))

    def let_in(self, response: web.StreamResponse) -> None:
        """Give a browser the cookie."""
        response.set_cookie(
            self.cookie_name, self.access.cookie, httponly=True, samesite="Strict", path="/", max_age=None
        )

    def _is_own_host(self, given: str, request: web.Request) -> bool:
        try:
            parts = urlsplit(f"http://{given}")
            name, port = parts.hostname, parts.port or 80
        except ValueError:
            return False
        if name is None or port != self.port or parts.netloc != given or "@" in given:
            return False
        if name in self._hosts:
            return True
        # A shared server that listens on all addresses answers to the one that it was reached at.
        socket = request.get_extra_info("sockname")
        try:
            return bool(socket) and ipaddress.ip_address(name) == ipaddress.ip_address(socket[0])
        except ValueError:
            return False


def problem(status: int, sentence: str) -> web.Response:
    """Return an answer that says what is wrong."""
    return web.json_response({"error": sentence}, status=status)


def small_page(text: str, *, status: int = 200, more: str = "", head: str = "") -> web.Response:
    """Return a page of a few words, for who is not in yet.

    Args:
        text: One sentence or two; escaped here.
        status: Of the answer.
        more: HTML that follows the text.
        head: HTML for the head.
    """
    page = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>metafacs</title>'
        '<meta name="viewport" content="width=device-width"><link rel="icon" href="data:,">'
        f"{head}</head>"
        f"<body><main><h1>metafacs</h1><p>{escape(text)}</p>{more}</main></body></html>"
    )
    return web.Response(text=page, status=status, content_type="text/html")


def guarding(guard: Guard, latecomers: Latecomers) -> Middleware:
    """Return the middleware that asks the guard, and words what goes wrong."""

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        latecomers.note(request)
        refused = guard.refusal(request)
        if refused is not None:
            return problem(*refused)
        try:
            return await handler(request)
        except web.HTTPException as error:
            if error.status < 400:
                raise
            said = error.text if isinstance(error, Refused) else _WORDS.get(error.status)
            return problem(error.status, said or HTTPStatus(error.status).phrase.lower())
        except NotFoundError as error:
            return problem(404, str(error.args[0]))
        except FormatError as error:
            return problem(415, str(error))
        except (ConflictError, TaskError) as error:
            return problem(409, str(error))
        except (QueueFullError, TooManyError) as error:
            return problem(429, str(error))
        except WorkerDiedError:
            return problem(503, "the process that was at it ended; it is started again: try once more")
        except ConnectionError:
            raise  # Nobody is there to be answered.
        except ValueError as error:
            return problem(400, str(error))
        except OSError as error:
            _LOG.warning("%s %s: %s", request.method, request.path, error)
            return problem(507, f"the file could not be kept ({error.strerror}); make room on the disk")

    return middleware


class Refused(web.HTTPException):
    """A refusal with a status and a sentence of its own."""

    def __init__(self, status: int, sentence: str) -> None:
        self.status_code = status
        super().__init__(text=sentence)


async def add_headers(request: web.Request, response: web.StreamResponse) -> None:
    """Put on an answer what all of them carry."""
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    response.headers.setdefault("Cache-Control", "no-store")
    response.headers.pop("Server", None)
