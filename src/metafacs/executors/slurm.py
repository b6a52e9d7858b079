"""Jobs on a cluster through Slurm, by submitit: a job array; what is stopped or runs out of time goes on."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any, Generic, Literal

from metafacs.executors.executor import Executor, JobT, ResultT, compute_in_threads
from metafacs.parsing import check_number
from metafacs.processes import WorkerError, keep_freed_memory
from metafacs.texts import printable

_LONGEST_ARRAY = 1000
"""Jobs of an array; Slurm takes 1,001 unless it is set otherwise."""

_MOST = 10**6

_GRACE = 10.0
"""Seconds from the signal that stops a job to the one that queues it again, at most."""


@dataclass(frozen=True)
class SlurmOptions:
    """What a job asks Slurm for; None = as the cluster, or what is said here, has it.

    Attributes:
        partition: Partition.
        time: Minutes a job may take before it is queued again; default 240. It goes on where it was.
        gpus: GPUs of a job; default 1 where it computes on one.
        memory: Memory of a job in GB.
        cpus: Cores of a job; default one per thread, and one more beside a GPU.
        account: Account that pays.
        qos: Quality of service.
        constraint: Features that a machine must have.
        parallel: Jobs at a time; default 256.
        requeues: How often a job may run out of time; default 100.
        setup: Commands of the shell before the job, such as ``module load cuda``.
        more: Further options of sbatch by name, without the dashes.
        cluster: ``local`` tries it out: submitit runs the jobs in processes of this machine, without Slurm.
    """

    partition: str | None = None
    time: int | None = None
    gpus: int | None = None
    memory: float | None = None
    cpus: int | None = None
    account: str | None = None
    qos: str | None = None
    constraint: str | None = None
    parallel: int | None = None
    requeues: int | None = None
    setup: list[str] | None = None
    more: dict[str, str] | None = None
    cluster: Literal["slurm", "local"] | None = None

    def __post_init__(self) -> None:
        for name in ("time", "memory", "cpus", "parallel"):
            if (value := getattr(self, name)) is not None:
                check_number(name, value, 1, _MOST)
        for name in ("gpus", "requeues"):
            if (value := getattr(self, name)) is not None:
                check_number(name, value, 0, _MOST)


@dataclass(frozen=True)
class SlurmExecutor(Executor):
    """Jobs of Slurm.

    Attributes:
        folder: Folder that all machines see, for what is submitted, results and logs.
        options: What a job asks for.
        threads: Threads of torch that a job computes in.
        gpus: GPUs that a job needs where the options do not say.
        workers: Jobs at a time of the cluster ``local``.
    """

    folder: Path
    options: SlurmOptions = SlurmOptions()
    threads: int = 1
    gpus: int = 0
    workers: int = 1

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
        local = self.options.cluster == "local"
        submitted, most = self._submitter(), self.workers if local else _LONGEST_ARRAY
        waiting, running = list(jobs), list[tuple[JobT, Any]]()
        threaded = partial(compute_in_threads, self.threads, work)
        print(
            f"{len(jobs)} jobs for {'submitit' if local else 'Slurm'}; their logs: {printable(self.folder)}"
        )
        try:
            while waiting or running:
                chosen, waiting = waiting[: most - len(running)], waiting[most - len(running) :]
                if chosen:
                    array = submitted.submit_array([Resumable(threaded, job) for job in chosen])
                    running += zip(chosen, array, strict=True)
                time.sleep(0.2 if local else 5.0)
                ended = [(job, handle) for job, handle in running if handle.done()]
                running = [pair for pair in running if pair not in ended]
                for job, handle in ended:
                    yield _result_of(job, handle, lost)
        except (KeyboardInterrupt, GeneratorExit):
            for _, handle in running:
                handle.cancel(check=False)
            raise

    def _submitter(self) -> Any:
        """Return submitit's executor with what the jobs ask for.

        Raises:
            ValueError: If submitit is missing, there is no Slurm here, or it does not know an option.
        """
        try:
            import submitit
        except ImportError as error:
            raise ValueError(
                "--executor slurm needs submitit, which is not installed: pip install 'metafacs[slurm]'"
            ) from error
        chosen = self.options
        requeues = 100 if chosen.requeues is None else chosen.requeues
        self.folder.mkdir(parents=True, exist_ok=True)
        if chosen.cluster == "local":
            local = submitit.LocalExecutor(self.folder, max_num_timeout=requeues)
            local.update_parameters(timeout_min=chosen.time or 240, gpus_per_node=self._gpus_of_a_job)
            return local
        try:
            slurm = submitit.SlurmExecutor(self.folder, max_num_timeout=requeues)
            slurm.update_parameters(**self._asked())
        except RuntimeError as error:
            raise ValueError(
                "there is no Slurm on this machine (no 'srun'): start this where jobs are submitted, or try "
                "it out with --slurm.cluster local"
            ) from error
        return slurm

    @property
    def _gpus_of_a_job(self) -> int:
        return self.gpus if self.options.gpus is None else self.options.gpus

    def _asked(self) -> dict[str, Any]:
        chosen, gpus = self.options, self._gpus_of_a_job
        memory = None if chosen.memory is None else f"{round(chosen.memory * 1024)}M"
        asked = {
            "job_name": "metafacs",
            "partition": chosen.partition,
            "time": chosen.time or 240,
            "gpus_per_node": gpus or None,
            "mem": memory,
            "cpus_per_task": chosen.cpus or self.threads + bool(gpus),
            "account": chosen.account,
            "qos": chosen.qos,
            "constraint": chosen.constraint,
            "array_parallelism": chosen.parallel or 256,
            "setup": chosen.setup,
            "additional_parameters": chosen.more,
        }
        return {name: value for name, value in asked.items() if value is not None}


class Resumable(Generic[JobT, ResultT]):
    """A job that Slurm may stop: its work is put in safety, it is queued again, and goes on from there.

    Args:
        work: Does one job; takes SIGTERM, if it can save its work, and ends with a KeyboardInterrupt then.
        job: The job.
    """

    def __init__(self, work: Callable[[JobT], ResultT], job: JobT) -> None:
        self._work, self._job = work, job

    def __call__(self) -> ResultT:
        """Return the result of the job.

        Raises:
            SystemExit: If it was stopped and is queued again.
        """
        keep_freed_memory()
        number = signal.Signals["SIG" + os.environ.get("SUBMITIT_PREEMPT_SIGNAL", "USR2")]
        queue_again: Any = signal.getsignal(number)
        arrived, announced = os.pipe()
        os.set_blocking(arrived, False)
        os.set_blocking(announced, False)
        stopped: list[int] = []

        def pass_over(signalled: int, frame: FrameType | None) -> None:
            _read(arrived)  # nothing is there to be saved, and the next signal says what becomes of the job

        def stop(signalled: int, frame: FrameType | None) -> None:
            stopped.append(signalled)
            if signal.getsignal(signal.SIGTERM) is pass_over or len(stopped) > 1:
                queue_again(signalled, frame)
            # A training told twice ends at once, and what is preempted is often told by SIGTERM first.
            elif signal.SIGTERM not in _read(arrived):
                signal.raise_signal(signal.SIGTERM)

        wakened = signal.set_wakeup_fd(announced, warn_on_full_buffer=False)
        before = {number: queue_again, signal.SIGTERM: signal.signal(signal.SIGTERM, pass_over)}
        signal.signal(number, stop)
        try:
            return self._work(self._job)
        except KeyboardInterrupt:
            until = time.monotonic() + _GRACE
            while not stopped and time.monotonic() < until:
                time.sleep(0.1)
            if stopped:
                queue_again(stopped[0], None)
            raise
        finally:
            signal.set_wakeup_fd(wakened)
            for name, handler in before.items():
                signal.signal(name, handler)
            os.close(arrived)
            os.close(announced)

    def checkpoint(self) -> Any:
        """Return what submitit queues again: the same job, which goes on from its checkpoint."""
        from submitit.helpers import DelayedSubmission

        return DelayedSubmission(self)


def _read(descriptor: int) -> bytes:
    with suppress(BlockingIOError):
        return os.read(descriptor, 4096)
    return b""


def _result_of(job: JobT, handle: Any, lost: Callable[[JobT, str], ResultT] | None) -> ResultT:
    """Return the result of a job of Slurm that has ended."""
    from submitit.core.utils import UncompletedJobError

    try:
        result: ResultT = handle.result()
    except UncompletedJobError as error:
        log = handle.paths.stderr
        told = f"its job {handle.job_id} ended without a result{_last_line(log)}; its log is {log}"
        if lost is None:
            raise WorkerError(f"{job}: {told}") from error
        return lost(job, told)
    return result


def _last_line(log: Path) -> str:
    with suppress(OSError):
        lines = log.read_text(encoding="utf-8", errors="replace").split("\n")
        if told := [line for line in lines if line.strip()]:
            return f" ({printable(told[-1].strip())})"
    return ""
