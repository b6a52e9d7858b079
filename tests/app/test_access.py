"""Tokens, the cookie and the password by themselves."""

from __future__ import annotations

import pytest

from metafacs.app import access
from metafacs.app.access import Access

PASSWORD = "correct horse battery"


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [1000.0]
    monkeypatch.setattr(access.time, "monotonic", lambda: now[0])
    return now


def test_a_token_of_a_browser_is_used_up_and_the_printed_one_is_not() -> None:
    known = Access()
    once = known.new_token()
    assert known.takes_token(once)
    assert not known.takes_token(once)
    assert known.takes_token(known.token)
    assert known.takes_token(known.token)
    for strange in ("", "x", "ä", "\udce9", known.token + "x", known.cookie):
        assert not known.takes_token(strange)
        assert not known.knows_cookie(strange) or strange == known.cookie


def test_a_password_is_known_by_its_hash_alone() -> None:
    known = Access(PASSWORD)
    assert known.takes_password(PASSWORD)
    assert not any(known.takes_password(wrong) for wrong in ("", PASSWORD + " ", PASSWORD.upper(), "\udce9"))
    assert PASSWORD not in str(vars(known))
    assert not Access().takes_password("")


def test_an_address_that_guesses_waits(clock: list[float]) -> None:
    known = Access(PASSWORD)
    for _ in range(5):
        assert known.may_try("a")
        known.note_try("a")
    assert not known.may_try("a")
    assert known.may_try("b")
    clock[0] += 61
    assert known.may_try("a")


def test_many_addresses_together_wait_too(clock: list[float]) -> None:
    known = Access(PASSWORD)
    for number in range(50):
        known.note_try(str(number))
    assert not known.may_try("another")
    clock[0] += 61
    assert known.may_try("another")
    assert len(known._failures) == 0


def test_who_knows_the_password_is_forgiven(clock: list[float]) -> None:
    known = Access(PASSWORD)
    for _ in range(4):
        known.note_try("a")
    known.forgive("a")
    assert known.may_try("a")
