"""A process is ended for the task that it does and for no other, however close they follow each other."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Callable, Coroutine
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import pytest

from metafacs.app import worker
from metafacs.app.worker import TaskError, Worker, WorkerDiedError


def play(connection: Connection, device: str, folder: str, stamps: object) -> None:
    """Do what a task says, in place of the real thing: nothing has to be loaded."""
    import json

    while True:
        try:
            message = json.loads(connection.recv_bytes())
        except EOFError:
            return
        seconds = message["arguments"].get("seconds", 0)
        connection.send_bytes(json.dumps({"progress": {"begun": os.getpid()}}).encode())
        time.sleep(seconds)
        if message["task"] == "fail":
            connection.send_bytes(json.dumps({"error": "no such thing"}).encode())
        else:
            connection.send_bytes(json.dumps({"result": {"process": os.getpid()}}).encode())


@pytest.fixture
def with_worker(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[Callable[[Worker], Coroutine[Any, Any, None]]], None]:
    """Return a function that plays a scene with a worker."""
    monkeypatch.setattr(worker, "run_worker", play)

    def run(scene: Callable[[Worker], Coroutine[Any, Any, None]]) -> None:
        async def whole() -> None:
            one = Worker("test", "cpu", tmp_path, patience=200)
            try:
                await asyncio.wait_for(scene(one), 400)
            finally:
                await one.close()

        asyncio.run(whole())

    return run


def test_a_task_is_done_and_a_failure_is_a_sentence(with_worker: Any) -> None:
    async def scene(one: Worker) -> None:
        told: list[dict[str, Any]] = []
        first = await one.call("do", {}, progress=told.append)
        assert told == [{"begun": first["process"]}]
        with pytest.raises(TaskError, match="no such thing"):
            await one.call("fail", {})
        assert await one.call("do", {}) == first

    with_worker(scene)


def test_a_process_that_died_is_started_again(with_worker: Any) -> None:
    async def scene(one: Worker) -> None:
        first = await one.call("do", {})
        running = asyncio.create_task(one.call("do", {"seconds": 60}))
        await asyncio.sleep(0.2)
        os.kill(first["process"], signal.SIGKILL)
        with pytest.raises(WorkerDiedError):
            await running
        assert (await one.call("do", {}))["process"] != first["process"]

    with_worker(scene)


def test_only_the_task_of_its_owner_is_ended(with_worker: Any) -> None:
    async def scene(one: Worker) -> None:
        first = await one.call("do", {}, owner="a")
        one.kill("a")  # It is over: the next one of somebody else must not suffer.
        assert await one.call("do", {}, owner="b") == first
        running = asyncio.create_task(one.call("do", {"seconds": 60}, owner="c"))
        waiting = asyncio.create_task(one.call("do", {}, owner="d"))
        later = asyncio.create_task(one.call("do", {}, owner="e"))
        await asyncio.sleep(0.2)
        one.kill("d")
        one.kill("c")
        results = await asyncio.gather(running, waiting, later, return_exceptions=True)
        assert [type(each) for each in results] == [WorkerDiedError, WorkerDiedError, dict]
        one.kill("f")  # What has not begun costs no process.
        with pytest.raises(WorkerDiedError):
            await one.call("do", {}, owner="f")
        assert await one.call("do", {}, owner="g") == results[2]

    with_worker(scene)


def test_ending_a_process_between_two_tasks_costs_no_task(with_worker: Any) -> None:
    async def scene(one: Worker) -> None:
        processes = set()
        for _ in range(5):
            processes.add((await one.call("do", {}))["process"])
            one.kill()
        assert len(processes) == 5

    with_worker(scene)


def test_a_process_that_hangs_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "run_worker", play)

    async def scene() -> None:
        one = Worker("test", "cpu", tmp_path, patience=200)
        first = await one.call("do", {})
        one._patience = 0.3
        with pytest.raises(TaskError, match="given up"):
            await one.call("do", {"seconds": 60})
        one._patience = 200
        assert (await one.call("do", {}))["process"] != first["process"]
        await one.close()

    asyncio.run(scene())
