"""Jobs in processes of this machine, each on its own core or, where they compute on GPUs, its own GPU."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from functools import partial

from metafacs.executors.executor import Executor, JobT, ResultT, compute_in_threads
from metafacs.processes import run_jobs, worker_count


@dataclass(frozen=True)
class LocalExecutor(Executor):
    """Processes of this machine.

    Attributes:
        workers: Jobs at a time, see :func:`workers_for`; None = one per core, 1 = in this process.
        threads: Threads of torch that a job computes in.
        gpus: GPUs, as :func:`visible_gpus` has them: a worker sees one of them only. None for jobs that
            compute on the processor.
    """

    workers: int | None = None
    threads: int = 1
    gpus: tuple[str, ...] = ()

    def run(
        self,
        work: Callable[[JobT], ResultT],
        jobs: Sequence[JobT],
        *,
        lost: Callable[[JobT, str], ResultT] | None = None,
    ) -> Generator[ResultT, None, None]:
        """Yield the result of every job as it is finished, see :meth:`Executor.run`."""
        threaded = partial(compute_in_threads, self.threads, work)
        yield from run_jobs(threaded, jobs, self.workers, stop_at_once=False, gpus=self.gpus, lost=lost)


def workers_for(asked: int | None, *, threads: int, gpus: Sequence[str]) -> int:
    """Return how many jobs run at a time on this machine.

    Args:
        asked: How many the user wants; more than there are GPUs share these. None = one per GPU, without
            GPUs as many as the cores hold.
        threads: Threads of each.
        gpus: GPUs; none for jobs that compute on the processor.

    Raises:
        ValueError: If fewer than one are asked for.
    """
    if asked is None and gpus:
        return len(gpus)
    return worker_count(asked) if asked is not None else max(1, worker_count(None) // threads)


def visible_gpus() -> tuple[str, ...]:
    """Return the GPUs that this process may use, as ``CUDA_VISIBLE_DEVICES`` names them.

    CUDA is not started for it: a process that has started CUDA keeps memory on the GPU.
    """
    named = os.environ.get("CUDA_VISIBLE_DEVICES")
    if named is not None:
        return tuple(name.strip() for name in named.split(",") if name.strip() not in ("", "-1"))
    import torch

    return tuple(str(number) for number in range(torch.cuda.device_count()))
