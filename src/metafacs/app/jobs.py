"""The queue: jobs are done one after the other in a process of their own."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from contextlib import suppress

from metafacs.app.listeners import Listeners
from metafacs.app.records import Job, JobKind, Json
from metafacs.app.worker import TaskError, Worker, WorkerDiedError

MOST_WAITING = 5000
_KEPT = 200
"""Finished jobs that are remembered."""


class QueueFullError(ValueError):
    """More jobs than are taken."""


class JobQueue:
    """Holds the jobs, and does them.

    Args:
        analyst: The process that does them.
        listeners: Are told of every change.
        watch: Called with a job whenever its state changed or its task told something, and with what it told.
        again: Task and arguments with which a process that was ended is made ready again.

    Attributes:
        jobs: Id -> job, the oldest first; of those that are over the last ones.
    """

    def __init__(
        self,
        analyst: Worker,
        listeners: Listeners,
        watch: Callable[[Job, Json], None],
        again: tuple[str, Json],
    ) -> None:
        self.jobs: dict[str, Job] = {}
        self._analyst, self._listeners, self._watch, self._again = analyst, listeners, watch, again
        self._waiting: deque[Job] = deque()
        self._wake = asyncio.Event()
        self._count = 0
        self._warming: asyncio.Task[None] | None = None

    def to_json(self) -> list[Json]:
        """Return the jobs with their places in the queue."""
        return [job.to_json(self._position(job)) for job in self.jobs.values()]

    def add(self, kind: JobKind, file_id: str | None, task: str, arguments: Json) -> Job:
        """Put a job at the end of the queue.

        Raises:
            QueueFullError: If too many wait.
        """
        if len(self._waiting) >= MOST_WAITING:
            raise QueueFullError(f"{MOST_WAITING} jobs wait, which is the most; wait, or cancel some")
        self._count += 1
        job = Job(f"j{self._count}", kind, file_id, task, arguments)
        self.jobs[job.id] = job
        for old in [each.id for each in self.jobs.values() if each.is_over][:-_KEPT]:
            del self.jobs[old]
        self._waiting.append(job)
        self._wake.set()
        self._tell(job)
        return job

    def cancel(self, job: Job) -> None:
        """End a job: one that waits is not begun, of one that runs the process is ended."""
        if job.is_over:
            return
        running = job.state == "running"
        job.state = "cancelled"
        if running:
            self._analyst.kill(job.id)
        else:
            self._waiting.remove(job)
        self._changed(job, {})

    async def run(self) -> None:
        """Do the jobs as they come, for ever."""
        while True:
            while not self._waiting:
                self._wake.clear()
                await self._wake.wait()
            job = self._waiting.popleft()
            job.state = "running"
            self._changed(job, {})
            await self._do(job)

    async def _do(self, job: Job) -> None:
        def progress(told: Json) -> None:
            if job.state == "cancelled":
                return
            job.done, job.total = told.get("done", job.done), told.get("expected", job.total)
            self._watch(job, told)
            self._tell(job)

        told: Json = {}
        problem: str | None = None
        try:
            told = await self._analyst.call(job.task, job.arguments, owner=job.id, progress=progress)
        except TaskError as error:
            problem = str(error)
        except WorkerDiedError:
            self._warming = asyncio.create_task(self._make_ready())
            name = job.arguments.get("name", "the marked frames")
            problem = (
                f"the process that was at {name} ended: the file may be damaged, or need more memory than "
                "there is; convert it, or make it smaller, and try again"
            )
        if job.state == "cancelled":
            return
        job.state, job.error = "done" if problem is None else "failed", problem
        job.done, job.total = told.get("done", job.done), told.get("expected", job.total)
        self._changed(job, told)

    async def _make_ready(self) -> None:
        """Start the process again, so that the next job waits for nothing."""
        with suppress(TaskError, WorkerDiedError):
            await self._analyst.call(*self._again)

    def _changed(self, job: Job, told: Json) -> None:
        """Pass a change on; the places of those that wait have changed too."""
        self._watch(job, told)
        self._tell(job)
        for other in self._waiting:
            self._tell(other)

    def _position(self, job: Job) -> int:
        return self._waiting.index(job) + 1 if job in self._waiting else 0

    def _tell(self, job: Job) -> None:
        self._listeners.tell("job", job.to_json(self._position(job)))
