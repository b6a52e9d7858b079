"""A process that does tasks for the server: it can be ended at any time, and a crash of it ends nothing else.

Messages are JSON on a pipe, so that a process that a hostile file has taken over can send nothing but data.
On Linux all of them are forked off one process that has imported everything and runs nothing: what they
import is in memory once, and a new one takes no time.
"""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import signal
import sys
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from multiprocessing.connection import Connection
from multiprocessing.context import BaseContext
from pathlib import Path
from typing import Any

from metafacs.app.records import Json, Stamp

Progress = Callable[[Json], None]

PATIENCE = 300.0
"""Seconds without a sign of life after which a process is taken to hang."""

_IMPORTED_ONCE = ["metafacs.app.tasks"]


class TaskError(ValueError):
    """A task that could not be done; the message is for the user."""


class WorkerDiedError(RuntimeError):
    """The process ended, or was ended, while it did a task."""


class Worker:
    """One process, and the one task it is at; more tasks wait. It is started again when it has died.

    Args:
        name: For lists of processes.
        device: Where networks run.
        folder: The private folder; temporary files are written there.
        stamps: Of the models' files, see :class:`metafacs.app.models.Detectors`.
        patience: Seconds without a sign of life after which a task is given up.
    """

    def __init__(
        self,
        name: str,
        device: str,
        folder: Path,
        stamps: Mapping[str, Stamp] | None = None,
        *,
        patience: float = PATIENCE,
    ) -> None:
        self._name, self._device, self._folder, self._patience = name, device, folder, patience
        self._stamps = dict(stamps or {})
        self._process: multiprocessing.process.BaseProcess | None = None
        self._connection: Connection | None = None
        # One thread: tasks are done one after the other, and the event loop never waits.
        self._thread = ThreadPoolExecutor(
            1, thread_name_prefix=f"metafacs {name}", initializer=_leave_ctrl_c_to_others
        )
        # The process may be ended by the event loop while the thread uses it.
        self._lock = threading.Lock()
        self._owner: str | None = None
        self._unwanted: set[str] = set()
        self._doomed = self._ended = False

    @property
    def process_id(self) -> int | None:
        """Number of the process; None if there is none."""
        return None if self._process is None else self._process.pid

    async def call(
        self,
        task: str,
        arguments: Mapping[str, Any],
        *,
        attached: bytes | None = None,
        owner: str | None = None,
        progress: Progress | None = None,
    ) -> Json:
        """Do a task in the process; return its result.

        Args:
            task: Name in :data:`metafacs.app.tasks.TASKS`.
            arguments: Plain data; paths as texts.
            attached: Bytes that go with it.
            owner: For :meth:`kill`: whose task it is.
            progress: Called in the event loop with what the task tells on its way.

        Raises:
            TaskError: If it could not be done.
            WorkerDiedError: If the process ended.
        """
        loop = asyncio.get_running_loop()

        def report(told: Json) -> None:
            if progress is not None:
                loop.call_soon_threadsafe(progress, told)

        message = json.dumps({"task": task, "arguments": dict(arguments), "attached": attached is not None})
        work = partial(self._exchange, message.encode(), attached, owner, report)
        return await loop.run_in_executor(self._thread, work)

    def kill(self, owner: str | None = None) -> None:
        """End the process at once; the next task starts a new one.

        Args:
            owner: Only if it does the task of this one; a task that has not begun is not begun then. None
                ends it whatever it does.
        """
        with self._lock:
            if owner is not None and owner != self._owner:
                self._unwanted.add(owner)
                return
            self._doomed = True
            if self._process is not None:
                self._process.kill()

    async def close(self) -> None:
        """End the process and the thread for good."""
        self._ended = True
        self.kill()
        await asyncio.to_thread(self._thread.shutdown, cancel_futures=True)
        await asyncio.to_thread(self._forget)

    def _exchange(self, message: bytes, attached: bytes | None, owner: str | None, report: Progress) -> Json:
        """Send a task and receive until its result is there; runs in the thread."""
        try:
            connection = self._begin(owner)
            connection.send_bytes(message)
            if attached is not None:
                connection.send_bytes(attached)
            while True:
                if not connection.poll(self._patience):
                    self.kill()
                    raise TaskError(
                        f"nothing happened for {self._patience:g} seconds, so that it was given up; convert "
                        "the file to MP4 or PNG and try again"
                    )
                answer = json.loads(connection.recv_bytes())
                if "progress" in answer:
                    report(answer["progress"])
                elif "error" in answer:
                    raise TaskError(str(answer["error"]))
                else:
                    result: Json = answer["result"]
                    return result
        except (EOFError, OSError) as error:
            self.kill()
            raise WorkerDiedError("the process that was at it has ended") from error
        finally:
            with self._lock:
                self._owner = None

    def _begin(self, owner: str | None) -> Connection:
        """Return the pipe to the process, which is started if needed.

        Raises:
            WorkerDiedError: If the task was ended before it began.
        """
        with self._lock:
            if self._ended or (owner is not None and owner in self._unwanted):
                raise WorkerDiedError("the task is not wanted any more")
            self._owner = owner
            known = self._process is not None and self._process.is_alive() and not self._doomed
            if known and self._connection is not None:
                return self._connection
            self._forget()
            self._doomed = False
        # The first start waits for imports; whoever ends it meanwhile does not.
        process, connection = self._start()
        with self._lock:
            self._process, self._connection = process, connection
            if self._doomed:
                self._process.kill()
            return connection

    def _start(self) -> tuple[multiprocessing.process.BaseProcess, Connection]:
        context = _context()
        ours, theirs = context.Pipe()
        process: multiprocessing.process.BaseProcess = context.Process(  # type: ignore[attr-defined]
            target=run_worker,
            args=(theirs, self._device, str(self._folder), self._stamps),
            name=f"metafacs {self._name}",
        )
        process.start()
        theirs.close()
        return process, ours

    def _forget(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        if self._process is not None:
            self._process.kill()
            self._process.join()
            self._process.close()
            self._process = None


def _context() -> BaseContext:
    """Return how processes are started.

    A forked process of one that has threads can deadlock: this one has. A process that has only imported has
    none but those of BLAS and Arrow, which know of forks. The libraries of macOS do not, and Windows has no
    forks: there each process imports for itself.
    """
    if sys.platform != "linux":
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(_IMPORTED_ONCE)
    return context


def _leave_ctrl_c_to_others() -> None:
    """Block Ctrl-C in this thread and what it starts, which would print a traceback while it imports."""
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})


def run_worker(connection: Connection, device: str, folder: str, stamps: Mapping[str, Stamp]) -> None:
    """Do tasks until the server is gone; what the process of a :class:`Worker` runs."""
    import os
    import tempfile

    from metafacs.processes import end_with_parent

    # Ctrl-C goes to all processes of a terminal; the server ends this one when it is done.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    end_with_parent()
    os.umask(0o077)
    tempfile.tempdir = folder

    from metafacs.app.tasks import Desk

    desk = Desk(device, stamps)

    def tell(told: Json) -> None:
        connection.send_bytes(json.dumps({"progress": told}).encode())

    while True:
        try:
            message = json.loads(connection.recv_bytes())
            attached = connection.recv_bytes() if message["attached"] else None
        except EOFError:
            return
        answer = desk.do(message["task"], message["arguments"], attached, tell)
        connection.send_bytes(json.dumps(answer).encode())
