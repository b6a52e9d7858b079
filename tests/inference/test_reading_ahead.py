from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from metafacs.inference.reading_ahead import read_ahead


def readers() -> int:
    return sum(thread.name == "metafacs reading ahead" for thread in threading.enumerate())


def test_everything_comes_in_order_and_from_another_thread() -> None:
    def count() -> Iterator[tuple[int, int]]:
        for number in range(50):
            yield number, threading.get_ident()

    items = list(read_ahead(count()))
    assert [number for number, _ in items] == list(range(50))
    assert {thread for _, thread in items}.isdisjoint({threading.get_ident()})
    assert readers() == 0


def test_no_more_is_read_than_may_wait() -> None:
    read: list[int] = []
    blocked = threading.Event()

    def count() -> Iterator[int]:
        for number in range(100):
            read.append(number)
            if number == 4:
                blocked.set()
            yield number

    items = read_ahead(count(), most=3)
    assert next(items) == 0
    assert blocked.wait(10)
    # One was taken, three wait, and one is held by the thread that waits for room.
    assert len(read) == 5
    items.close()
    assert len(read) <= 6
    assert readers() == 0


def test_an_error_arrives_after_the_items_before_it() -> None:
    def fail() -> Iterator[int]:
        yield 1
        raise OSError("the disk is gone")

    seen = []
    with pytest.raises(OSError, match="the disk is gone"):
        seen.extend(read_ahead(fail()))
    items = read_ahead(fail())
    assert next(iter(items)) == 1
    with pytest.raises(OSError, match="the disk is gone"):
        next(iter(items))
    assert readers() == 0


@pytest.mark.parametrize("end", [KeyboardInterrupt, ValueError, GeneratorExit])
def test_whatever_ends_the_reader_closes_what_is_read(end: type[BaseException]) -> None:
    closed = threading.Event()

    def count() -> Iterator[int]:
        try:
            yield from range(1000)
        finally:
            closed.set()

    def go_through() -> None:
        for number in read_ahead(count()):
            if number == 5:
                raise end

    with pytest.raises(end):
        go_through()
    assert closed.wait(10)
    assert readers() == 0


def test_what_is_never_asked_for_is_never_begun() -> None:
    begun = []

    def count() -> Iterator[int]:
        begun.append(1)
        yield 1

    read_ahead(count())
    assert not begun
    assert readers() == 0
