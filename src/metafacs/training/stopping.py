"""What a training does when it is told to stop: it finishes an iteration first."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from metafacs.launch import processes_started


@contextmanager
def stop_signals() -> Iterator[list[int]]:
    """Collect SIGINT and SIGTERM so that the loop can write a checkpoint before it stops.

    A second one ends the process, unless torchrun has started it: a queue tells such processes once, torchrun
    once more, and torchrun kills them where they take too long.
    """
    received: list[int] = []

    def note(number: int, frame: FrameType | None) -> None:
        if received and processes_started() == 1:
            os._exit(128 + number)
        received.append(number)

    try:
        before = {s: signal.signal(s, note) for s in (signal.SIGINT, signal.SIGTERM)}
    except ValueError:
        # Only the main thread may set handlers; elsewhere the periodic checkpoints have to do.
        yield received
        return
    try:
        yield received
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
