from __future__ import annotations

import os
from pathlib import Path

import pytest

from metafacs.processes import WorkerError, run_jobs, worker_count


def test_default_is_one_per_core() -> None:
    assert worker_count(None) >= 1
    assert worker_count(3) == 3


def test_less_than_one_is_refused() -> None:
    with pytest.raises(ValueError, match="give 1 or more"):
        worker_count(0)


@pytest.mark.parametrize("workers", [1, 2])
def test_every_job_is_done_once(workers: int) -> None:
    jobs = [Path("a/b"), Path("c"), Path("d/e")]
    assert sorted(run_jobs(os.fspath, jobs, workers)) == ["a/b", "c", "d/e"]


def test_an_error_of_a_job_comes_back() -> None:
    with pytest.raises(FileNotFoundError):
        list(run_jobs(os.stat, ["does/not/exist", "neither/does/this"], 2))


def test_a_dead_worker_says_what_to_do() -> None:
    with pytest.raises(WorkerError, match="run the same command again"):
        list(run_jobs(os._exit, [3, 3], 2))
