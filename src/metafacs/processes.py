"""How many processes to use, the one way to run jobs in them, and how a process keeps its memory."""

from __future__ import annotations

import ctypes
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import connection
from typing import TypeVar

JobT = TypeVar("JobT")
ResultT = TypeVar("ResultT")


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
) -> Generator[ResultT, None, None]:
    """Yield the result of every job as it is finished, in any order.

    Args:
        work: Does one job; importable by other processes.
        jobs: What is to be done.
        workers: Processes; None = one per core that this process may use, 1 = in this process.
        initialise: Called once in every worker process; importable too.
        stop_at_once: End the workers at Ctrl-C, or when no more results are asked for. False leaves it to the
            job to put its work in safety.

    Raises:
        WorkerError: If a process dies.
    """
    processes = min(worker_count(workers), len(jobs))
    if processes <= 1:
        yield from map(work, jobs)
        return
    # Forking a process that has used threads (torch, numba) can deadlock; a spawned one starts clean.
    others = set(multiprocessing.active_children())
    pool = ProcessPoolExecutor(
        processes,
        mp_context=multiprocessing.get_context("spawn"),
        initializer=_prepare_worker,
        initargs=(initialise, stop_at_once),
    )
    try:
        pending: set[Future[ResultT]] = {pool.submit(_until_stopped, work, job) for job in jobs}
        while pending:
            done, pending = wait(pending, return_when=FIRST_COMPLETED)
            for future in done:
                yield future.result()
    except (KeyboardInterrupt, GeneratorExit):
        # A signal may have reached this process alone, and a job may take hours.
        if stop_at_once:
            for worker in set(multiprocessing.active_children()) - others:
                worker.terminate()
        raise
    except BrokenProcessPool as error:
        raise WorkerError(
            "a worker process died, often for want of memory; finished work is kept: run the same command "
            "again, with fewer workers if it repeats"
        ) from error
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def use_one_thread() -> None:
    """Keep torch of this process to one thread: there is one process per core already."""
    import torch

    torch.set_num_threads(1)


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


_stopped = threading.Event()


def _until_stopped(work: Callable[[JobT], ResultT], job: JobT) -> ResultT:
    """Do a job; after Ctrl-C a worker finishes the jobs that wait for it at once, without doing them."""
    if _stopped.is_set():
        raise KeyboardInterrupt
    try:
        return work(job)
    except KeyboardInterrupt:
        _stopped.set()
        raise


def _prepare_worker(initialise: Callable[[], None] | None, stop_at_once: bool) -> None:
    """End when the parent is gone, and silently at Ctrl-C: finished work is safe on disk."""
    keep_freed_memory()
    if stop_at_once:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    end_with_parent()
    if initialise is not None:
        initialise()


def end_with_parent() -> None:
    """End this process as soon as the one that started it is gone, however it ended."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_end_with, args=(parent.sentinel,), daemon=True).start()


def _end_with(sentinel: int) -> None:
    connection.wait([sentinel])
    os._exit(1)
