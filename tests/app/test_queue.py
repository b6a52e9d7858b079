"""The queue with a process that is played: what is cancelled ends, and nothing else does."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from metafacs.app import jobs
from metafacs.app.jobs import JobQueue, QueueFullError
from metafacs.app.listeners import MOST, Listeners, TooManyError
from metafacs.app.records import PACKAGED, Choice, Job, Model
from metafacs.app.session import Session
from metafacs.app.worker import TaskError, WorkerDiedError

READY = ("get_ready", {"model": None})


class PlayedWorker:
    """Does a task when it is told to."""

    def __init__(self) -> None:
        self.called: list[str] = []
        self.kills: list[str] = []
        self._current: asyncio.Future[dict[str, Any]] | None = None
        self.progress: Callable[[dict[str, Any]], None] = lambda told: None

    async def call(
        self, task: str, arguments: Any, owner: str | None = None, progress: Any = None
    ) -> dict[str, Any]:
        self.called.append(task)
        if task == READY[0]:
            return {}
        self.progress = progress
        self._current = asyncio.get_running_loop().create_future()
        return await self._current

    def kill(self, owner: str) -> None:
        self.kills.append(owner)
        self.end(WorkerDiedError())

    def end(self, how: dict[str, Any] | Exception) -> None:
        if self._current is not None and not self._current.done():
            (self._current.set_exception if isinstance(how, Exception) else self._current.set_result)(how)  # type: ignore[operator]


class Stage:
    """A queue with its played process, and what it told."""

    def __init__(self) -> None:
        self.worker, self.seen = PlayedWorker(), list[tuple[str, str]]()
        self.queue = JobQueue(self.worker, Listeners(), self.watch, READY)  # type: ignore[arg-type]

    def watch(self, job: Job, told: Any) -> None:
        self.seen.append((job.id, job.state))

    def add(self, task: str) -> Job:
        return self.queue.add("analyse", "file", task, {"name": "me.mp4"})


def play(scene: Callable[[Stage], Coroutine[Any, Any, None]]) -> None:
    async def run() -> None:
        stage = Stage()
        running = asyncio.create_task(stage.queue.run())
        try:
            await asyncio.wait_for(scene(stage), 10)
        finally:
            running.cancel()

    asyncio.run(run())


async def settle() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


def test_jobs_are_done_in_order() -> None:
    async def scene(stage: Stage) -> None:
        first, second = stage.add("one"), stage.add("two")
        await settle()
        assert (first.state, second.state, stage.worker.called) == ("running", "waiting", ["one"])
        assert [each["position"] for each in stage.queue.to_json()] == [0, 1]
        stage.worker.progress({"done": 3, "expected": 9})
        assert (first.done, first.total) == (3, 9)
        stage.worker.end({"done": 9})
        await settle()
        assert (first.state, first.done, second.state) == ("done", 9, "running")
        stage.worker.end(TaskError("broken"))
        await settle()
        assert (second.state, second.error) == ("failed", "broken")
        assert stage.seen[-1] == (second.id, "failed")

    play(scene)


def test_what_is_cancelled_ends_and_the_process_is_made_ready() -> None:
    async def scene(stage: Stage) -> None:
        first, second, third = (stage.add(name) for name in ("one", "two", "three"))
        await settle()
        stage.queue.cancel(second)
        stage.queue.cancel(first)
        stage.queue.cancel(first)
        await settle()
        assert [job.state for job in (first, second, third)] == ["cancelled", "cancelled", "running"]
        assert first.error is None
        assert stage.worker.kills == [first.id]
        assert stage.worker.called == ["one", READY[0], "three"] or stage.worker.called == [
            "one",
            "three",
            READY[0],
        ]

    play(scene)


def test_what_is_drawn_with_other_settings_is_ended(tmp_path: Path) -> None:
    worker: Any = PlayedWorker()
    session = Session(tmp_path, *[worker] * 4, [Model(PACKAGED, "played")], upload_limit=1)
    folder = session.new_folder()
    file = session.add_file("me.mp4", folder, folder / "file.mp4", 1, Choice())
    assert file.analysis is not None
    for change in (session.settings_changed, session.analyse):
        file.analysis.state, file.overlay = "done", "waiting"
        job = session.queue.add("annotate", file.id, "annotate", {"view": "with somebody who is hidden now"})
        change(file)
        assert (job.state, file.overlay) == ("cancelled", None)


def test_a_process_that_ends_is_told_with_the_name_of_the_file() -> None:
    async def scene(stage: Stage) -> None:
        job = stage.add("one")
        await settle()
        stage.worker.end(WorkerDiedError())
        await settle()
        assert job.state == "failed"
        assert "me.mp4" in str(job.error)
        assert READY[0] in stage.worker.called

    play(scene)


def test_the_queue_has_an_end_and_forgets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "MOST_WAITING", 3)
    monkeypatch.setattr(jobs, "_KEPT", 2)

    async def scene(stage: Stage) -> None:
        made = [stage.add("x") for _ in range(3)]
        with pytest.raises(QueueFullError):
            stage.add("x")
        for job in made:
            stage.queue.cancel(job)
        last = stage.add("x")
        assert list(stage.queue.jobs) == [made[1].id, made[2].id, last.id]

    play(scene)


def test_pages_hear_everything_or_ask_anew() -> None:
    async def scene(stage: Stage) -> None:
        listeners = Listeners()
        slow, quick = listeners.listen(5), listeners.listen(5)
        assert (await anext(slow), await anext(quick)) == (None, None)
        for number in range(1500):
            listeners.tell("job", {"number": number})
            event = await anext(quick)
            assert event == ("job", {"number": number})
        heard = [event async for event in slow]
        assert len(heard) == 1000
        listeners.tell("bye", {})
        assert [event async for event in quick] == [("bye", {})]
        waiting = listeners.listen(0.01)
        assert [await anext(waiting) for _ in range(2)] == [None, None]
        others = [listeners.listen(5) for _ in range(MOST - 1)]
        for other in others:
            await anext(other)
        with pytest.raises(TooManyError):
            await anext(listeners.listen(5))
        for other in (waiting, *others):
            await other.aclose()

    play(scene)
