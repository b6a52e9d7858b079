"""Jobs on a cluster of Ray that is already there."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from metafacs.executors.executor import Executor, JobT, ResultT, compute_in_threads
from metafacs.parsing import check_number
from metafacs.processes import WorkerError
from metafacs.texts import printable

_GRACE = 60.0
"""Seconds in which a job that is stopped puts its work in safety, at most."""


@dataclass(frozen=True)
class RayOptions:
    """Which cluster, and what a job takes of it; None = what is said here.

    Attributes:
        address: Address of the cluster, such as ``ray://head:10001``; default ``auto``, the one that this
            machine belongs to. ``local`` starts one on this machine to try it out.
        cpus: Cores of a job; default one per thread.
        gpus: GPUs of a job, or a part of one; default 1 where it computes on one.
        memory: Memory of a job in GB, which Ray keeps free for it.
        retries: How often a job is begun again whose process or machine was lost; default 3.
    """

    address: str | None = None
    cpus: float | None = None
    gpus: float | None = None
    memory: float | None = None
    retries: int | None = None

    def __post_init__(self) -> None:
        for name in ("cpus", "gpus", "memory", "retries"):
            if (value := getattr(self, name)) is not None:
                check_number(name, value, 0, 10**6)


@dataclass(frozen=True)
class RayExecutor(Executor):
    """Jobs of Ray, in the folder of this process on the machines of the cluster.

    Attributes:
        options: Which cluster and what a job takes of it.
        threads: Threads of torch that a job computes in.
        gpus: GPUs that a job needs where the options do not say.
    """

    options: RayOptions = RayOptions()
    threads: int = 1
    gpus: int = 0

    def run(
        self,
        work: Callable[[JobT], ResultT],
        jobs: Sequence[JobT],
        *,
        lost: Callable[[JobT, str], ResultT] | None = None,
    ) -> Generator[ResultT, None, None]:
        """Yield the result of every job as it is finished, see :meth:`Executor.run`."""
        if not jobs:
            return
        ray, chosen = _ray(), self.options
        began = not ray.is_initialized()
        if began:
            _connect(ray, chosen.address or "auto")
        remote = ray.remote(
            num_cpus=self.threads if chosen.cpus is None else chosen.cpus,
            num_gpus=self.gpus if chosen.gpus is None else chosen.gpus,
            memory=None if chosen.memory is None else round(chosen.memory * 2**30),
            max_retries=3 if chosen.retries is None else chosen.retries,
        )(_do_in)
        threaded = partial(compute_in_threads, self.threads, work)
        waiting: dict[Any, JobT] = {}
        try:
            waiting = {remote.remote(os.getcwd(), threaded, job): job for job in jobs}
            while waiting:
                (reference, *_), _ = ray.wait(list(waiting), num_returns=1)
                job = waiting.pop(reference)
                try:
                    result = ray.get(reference)
                except ray.exceptions.RayTaskError as error:
                    raise error.cause from error
                except ray.exceptions.RayError as error:
                    told = f"its process on the cluster of Ray was lost ({printable(error)})"
                    if lost is None:
                        raise WorkerError(f"{job}: {told}") from error
                    result = lost(job, told)
                yield result
        finally:
            for reference in waiting:
                ray.cancel(reference)
            if waiting:  # what runs puts its work in safety; Ray ends it when this process leaves the cluster
                ray.wait(list(waiting), num_returns=len(waiting), timeout=_GRACE)
            if began:
                ray.shutdown()


def _ray() -> Any:
    try:
        import ray
    except ImportError as error:
        raise ValueError(
            "--executor ray needs Ray, which is not installed: pip install 'metafacs[ray]'"
        ) from error
    return ray


def _connect(ray: Any, address: str) -> None:
    """Join a cluster.

    Raises:
        ValueError: If there is none.
    """
    try:
        ray.init(address=address, log_to_driver=False, logging_level="warning")
    except Exception as error:  # one that does not come up in time raises no class of its own
        reason = printable(str(error).strip().partition("\n")[0])
        raise ValueError(
            f"there is no cluster of Ray at {address!r} ({reason}); start one with 'ray start --head', name "
            "it with --ray.address, or try it out with --ray.address local"
        ) from error


def _do_in(folder: str, work: Callable[[JobT], ResultT], job: JobT) -> ResultT:
    """Do a job in a folder, so that relative paths mean the same as where they were written.

    Raises:
        ValueError: If this machine does not see the folder.
    """
    try:
        os.chdir(folder)
    except OSError as error:
        raise ValueError(
            f"this machine of the cluster does not see the folder {folder}; start the command in a folder "
            "that all machines share"
        ) from error
    return work(job)
