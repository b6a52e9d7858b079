"""Who may come in: tokens of the opening address, the cookie they are exchanged for, and a password."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time
from collections import defaultdict, deque

_COST, _BLOCK, _LANES = 1 << 15, 8, 1
_MEMORY = 64 << 20
LEAST_PASSWORD = 10
"""Letters of the shortest password."""

_MOST_FAILURES, _OF_ALL = 5, 50
_WINDOW = 60.0
"""Seconds in which so many passwords may be wrong, of one address and of all."""


class PasswordError(ValueError):
    """A password that cannot be taken; the message says why."""


class Access:
    """The secrets of one run of the server. Nothing of them is written anywhere.

    Args:
        password: What people on other machines give; None if the server is not shared.

    Attributes:
        token: For the address that is printed; it may be used again and again.
        cookie: What a browser holds that came in.
        shared: Whether people on other machines may come in.

    Raises:
        PasswordError: If the password is too short.
    """

    def __init__(self, password: str | None = None) -> None:
        if password is not None and len(password) < LEAST_PASSWORD:
            raise PasswordError(
                f"the password has {len(password)} letters; give at least {LEAST_PASSWORD}, because "
                "everybody who can reach this address may try"
            )
        self.token = secrets.token_urlsafe(32)
        self.cookie = secrets.token_urlsafe(32)
        self.shared = password is not None
        self._once: set[str] = set()
        self._salt = secrets.token_bytes(16)
        self._hash = None if password is None else self._hashed(password)
        self._failures: dict[str, deque[float]] = defaultdict(deque)
        self._all_failures: deque[float] = deque()

    def new_token(self) -> str:
        """Return a token that lets in once: others may see the words that a browser is started with."""
        token = secrets.token_urlsafe(32)
        self._once.add(token)
        return token

    def takes_token(self, token: str) -> bool:
        """Return whether a token lets in; one of :meth:`new_token` is used up."""
        if _same(token, self.token):
            return True
        found = next((known for known in self._once if _same(token, known)), None)
        if found is None:
            return False
        self._once.discard(found)
        return True

    def knows_cookie(self, cookie: str) -> bool:
        """Return whether a browser has come in before."""
        return _same(cookie, self.cookie)

    def may_try(self, address: str) -> bool:
        """Return whether an address may give a password now: there were not too many wrong ones."""
        now = time.monotonic()
        for address_known in [key for key, times in self._failures.items() if now - times[-1] > _WINDOW]:
            del self._failures[address_known]
        while self._all_failures and now - self._all_failures[0] > _WINDOW:
            self._all_failures.popleft()
        recent = [when for when in self._failures.get(address, ()) if now - when <= _WINDOW]
        return len(recent) < _MOST_FAILURES and len(self._all_failures) < _OF_ALL

    def note_try(self, address: str) -> None:
        """Count a password as wrong until it turned out right, so that many at once count too."""
        now = time.monotonic()
        times = self._failures[address]
        times.append(now)
        while len(times) > _MOST_FAILURES:
            times.popleft()
        self._all_failures.append(now)

    def forgive(self, address: str) -> None:
        """Forget the wrong passwords of an address whose last one was right."""
        self._failures.pop(address, None)

    def takes_password(self, password: str) -> bool:
        """Return whether a password is right; this takes a tenth of a second on purpose."""
        return self._hash is not None and hmac.compare_digest(self._hashed(password), self._hash)

    def _hashed(self, password: str) -> bytes:
        words = password.encode(errors="surrogatepass")
        return hashlib.scrypt(words, salt=self._salt, n=_COST, r=_BLOCK, p=_LANES, maxmem=_MEMORY)


def _same(given: str, known: str) -> bool:
    return hmac.compare_digest(given.encode(errors="surrogatepass"), known.encode())
