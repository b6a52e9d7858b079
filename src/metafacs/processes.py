"""How many processes to use, the one way to run jobs in them, and how a process keeps its memory."""

from __future__ import annotations

import ctypes
import multiprocessing
import os
import signal
import threading
import time
from collections import deque
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from multiprocessing import connection
from multiprocessing.process import BaseProcess
from typing import TypeVar

JobT = TypeVar("JobT")
ResultT = TypeVar("ResultT")


_GRACE = 60
"""Seconds that a job has to put its work in safety when the process that started it is gone."""

_TRIM_THRESHOLD, _TOP_PAD, _MMAP_THRESHOLD = -1, -2, -3
"""Parameters of glibc's ``mallopt``."""


class WorkerError(RuntimeError, ValueError):
    """A worker process died; the message says what to do."""


def worker_count(asked: int | None) -> int:
    """Return the number of worker processes: what was asked for, else one per core this process may use.

    Raises:
        ValueError: If fewer than one is asked for.
    """
    if asked is None:
        affinity = getattr(os, "sched_getaffinity", None)
        return len(affinity(0)) if affinity else os.cpu_count() or 1
    if asked < 1:
        raise ValueError(
            f"the number of workers is {asked}; give 1 or more, or leave it out for one per core"
        )
    return asked


def run_jobs(
    work: Callable[[JobT], ResultT],
    jobs: Sequence[JobT],
    workers: int | None,
    *,
    initialise: Callable[[], None] | None = None,
    stop_at_once: bool = True,
    gpus: Sequence[str] = (),
    lost: Callable[[JobT, str], ResultT] | None = None,
) -> Generator[ResultT, None, None]:
    """Yield the result of every job as it is finished, in any order.

    Args:
        work: Does one job; importable by other processes.
        jobs: What is to be done.
        workers: Processes; None = one per core that this process may use, 1 = in this process.
        initialise: Called once in every worker process; importable too.
        stop_at_once: End the workers at Ctrl-C, or when no more results are asked for. False leaves it to the
            job to put its work in safety; if this process dies, jobs hear SIGTERM and have a minute.
        gpus: GPUs as ``CUDA_VISIBLE_DEVICES`` names them: each worker process sees one of them, workers that
            are more than these share them in turn. A single process sees what it saw before.
        lost: Makes the result of a job whose process died, from the job and words on its end; another process
            takes the place of the dead one. None = an error is raised.

    Raises:
        WorkerError: If a process dies and nobody makes a result of that.
    """
    processes = min(worker_count(workers), len(jobs))
    if processes <= 1:
        yield from map(work, jobs)
        return
    others = set(multiprocessing.active_children())
    gpu_of = [gpus[number % len(gpus)] if gpus else None for number in range(processes)]
    # A pool each: only so it is known which job a dead process had, and which GPU is whose.
    idle = [_Worker(partial(_prepare_worker, initialise, stop_at_once, gpu)) for gpu in gpu_of]
    everybody, waiting = list(idle), deque(jobs)
    busy: dict[Future[ResultT], tuple[JobT, _Worker]] = {}

    def start() -> None:
        while waiting and idle:
            job, worker = waiting.popleft(), idle.pop(0)
            busy[worker.submit(work, job)] = job, worker

    try:
        start()
        while busy:
            done, _ = wait(busy, return_when=FIRST_COMPLETED)
            results = []
            for future in done:
                job, worker = busy.pop(future)
                idle.append(worker)
                try:
                    results.append(future.result())
                except BrokenProcessPool as error:
                    if lost is None:
                        raise WorkerError(
                            "a worker process died, often for want of memory; finished work is kept: run the "
                            "same command again, with fewer workers if it repeats"
                        ) from error
                    results.append(lost(job, worker.renew()))
            start()
            yield from results
    except (KeyboardInterrupt, GeneratorExit):
        # A signal may have reached this process alone, and a job may take hours.
        if stop_at_once:
            for process in set(multiprocessing.active_children()) - others:
                process.terminate()
        raise
    finally:
        for worker in everybody:
            worker.end(wait=False)
        for worker in everybody:
            worker.end(wait=True)


class _Worker:
    """A process that does one job at a time and is started again after it died."""

    def __init__(self, prepare: Callable[[], None]) -> None:
        self._prepare = prepare
        self._process: BaseProcess | None = None
        self._start()

    def submit(self, work: Callable[[JobT], ResultT], job: JobT) -> Future[ResultT]:
        before = set(multiprocessing.active_children())
        try:
            future = self._pool.submit(work, job)
        except BrokenProcessPool:  # it died between two jobs
            self.renew()
            future = self._pool.submit(work, job)
        started = set(multiprocessing.active_children()) - before
        self._process = next(iter(started), self._process)
        return future

    def renew(self) -> str:
        """Start again after the process died; return how it ended, in words."""
        self.end(wait=True)
        code = self._process.exitcode if self._process else None
        how = f" with exit code {code}" if code else ""
        if code is not None and code < 0:
            how = f", killed by {signal.Signals(-code).name}"
        self._start()
        return f"its process died{how}, often for want of memory"

    def end(self, *, wait: bool) -> None:
        self._pool.shutdown(wait=wait, cancel_futures=True)

    def _start(self) -> None:
        # Forking a process that has used threads (torch, numba) can deadlock; a spawned one starts clean.
        self._pool = ProcessPoolExecutor(
            1, mp_context=multiprocessing.get_context("spawn"), initializer=self._prepare
        )
        self._process = None


def use_threads(count: int) -> None:
    """Let torch of this process compute in so many threads."""
    import torch

    torch.set_num_threads(count)


def use_one_thread() -> None:
    """Keep torch of this process to one thread: there is one process per core already."""
    use_threads(1)


def keep_freed_memory() -> None:
    """Keep what is freed for the next allocation, as long as this process lives.

    Every iteration of a training asks for tensors of the same sizes. glibc gives large ones back to the
    system when they are freed, which then has to hand out and clear the same pages anew. Kept, they cost
    nothing; a process holds on to its highest demand. Only glibc knows these settings; elsewhere nothing
    happens. ``benchmarks/allocator.py`` measures what it saves.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):
        return
    mallopt(_MMAP_THRESHOLD, 32 * 2**20)  # the most that glibc takes
    mallopt(_TRIM_THRESHOLD, 2**31 - 1)
    mallopt(_TOP_PAD, 64 * 2**20)


def out_of_memory(error: BaseException) -> str:
    """Return a sentence for the user if an error means that memory was short, else nothing."""
    # PyTorch has no class of its own for that of the processor.
    text = str(error).lower()
    short = isinstance(error, MemoryError) or (
        isinstance(error, RuntimeError) and ("can't allocate memory" in text or "out of memory" in text)
    )
    return "memory is short for this; take smaller batches, or fewer --workers at a time" if short else ""


def _prepare_worker(initialise: Callable[[], None] | None, stop_at_once: bool, gpu: str | None) -> None:
    """End when the parent is gone, and silently at Ctrl-C: finished work is safe on disk."""
    if gpu is not None:
        os.environ["CUDA_VISIBLE_DEVICES"] = gpu  # read when CUDA is first used, which nothing before is
    keep_freed_memory()
    if stop_at_once:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    end_with_parent(0 if stop_at_once else _GRACE)
    if initialise is not None:
        initialise()


def end_with_parent(grace: float = 0) -> None:
    """End this process as soon as the one that started it is gone, however it ended.

    Args:
        grace: Seconds to put work in safety, after a SIGTERM; 0 = none, and no signal.
    """
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_end_with, args=(parent.sentinel, grace), daemon=True).start()


def _end_with(sentinel: int, grace: float) -> None:
    connection.wait([sentinel])
    if grace:
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(grace)
    os._exit(1)
