"""The interface of every place where jobs run, and in how many threads one computes there."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Generator, Sequence
from typing import TypeVar

from metafacs.processes import use_threads

JobT = TypeVar("JobT")
ResultT = TypeVar("ResultT")


class Executor(ABC):
    """Does jobs somewhere and gives their results back as they are finished."""

    @abstractmethod
    def run(
        self,
        work: Callable[[JobT], ResultT],
        jobs: Sequence[JobT],
        *,
        lost: Callable[[JobT, str], ResultT] | None = None,
    ) -> Generator[ResultT, None, None]:
        """Yield the result of every job as it is finished, in any order.

        Ctrl-C, or asking for no more results, takes back what is not begun and stops what is; a job that
        saves its work then loses nothing. An error that a job raises is raised here; where it comes back in
        words only, it is the job's end.

        Args:
            work: Does one job; importable where the jobs run. A job may be begun again after its process was
                lost, so it goes on from what it wrote before.
            jobs: What is to be done.
            lost: Makes the result of a job that died without one, from the job and from words on its end and
                its log; the others go on. None = an error is raised.

        Raises:
            WorkerError: If a job died and nobody makes a result of that.
            ValueError: If the place cannot be used; the sentence says what it lacks.
        """


def compute_in_threads(threads: int, work: Callable[[JobT], ResultT], job: JobT) -> ResultT:
    """Do a job in so many threads of torch; those of before are set again."""
    import torch

    before = torch.get_num_threads()
    use_threads(threads)
    try:
        return work(job)
    finally:
        use_threads(before)
