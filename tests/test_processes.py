from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from metafacs.processes import WorkerError, keep_freed_memory, out_of_memory, run_jobs, worker_count


def test_default_is_one_per_core() -> None:
    assert worker_count(None) >= 1
    assert worker_count(3) == 3


def test_less_than_one_is_refused() -> None:
    with pytest.raises(ValueError, match="give 1 or more"):
        worker_count(0)


def test_keeping_freed_memory_is_harmless_anywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    keep_freed_memory()
    monkeypatch.setattr(ctypes, "CDLL", lambda name: object())
    keep_freed_memory()


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


def test_a_dead_worker_costs_its_own_job_only(tmp_path: Path) -> None:
    results = run_jobs(_die_of_threes, range(7), 2, lost=lambda job, end: f"{job}: {end}")
    told = "3: its process died with exit code 9, often for want of memory"
    assert sorted(results) == ["0", "1", "2", told, "4", "5", "6"]


def test_a_killed_worker_is_told_by_its_signal() -> None:
    (told, *_) = run_jobs(_kill_oneself, [signal.SIGKILL, signal.SIGKILL], 2, lost=lambda job, end: end)
    assert told == "its process died, killed by SIGKILL, often for want of memory"


@pytest.mark.parametrize(("gpus", "seen"), [(["3", "GPU-5"], {"3", "GPU-5"}), (["4"], {"4"}), ([], {"7,8"})])
def test_every_worker_sees_its_own_gpu(
    gpus: list[str], seen: set[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "7,8")
    jobs = [(str(tmp_path), number) for number in range(2)]
    found = list(run_jobs(_seen_gpu, jobs, 2, gpus=gpus))
    assert {gpu for _, gpu in found} == seen
    assert len({process for process, _ in found}) == 2
    assert os.environ["CUDA_VISIBLE_DEVICES"] == "7,8"


def _die_of_threes(job: int) -> str:
    if job == 3:
        os._exit(9)
    return str(job)


def _kill_oneself(number: int) -> str:
    os.kill(os.getpid(), number)
    return ""


def _seen_gpu(job: tuple[str, int]) -> tuple[int, str]:
    """Return the process and what it sees, once the other job has begun too."""
    folder, number = job
    Path(folder, str(number)).touch()
    deadline = time.monotonic() + 60
    while len(list(Path(folder).iterdir())) < 2 and time.monotonic() < deadline:
        time.sleep(0.01)
    return os.getpid(), os.environ["CUDA_VISIBLE_DEVICES"]


@pytest.mark.parametrize(
    ("number", "everybody"), [(signal.SIGINT, True), (signal.SIGTERM, False), (signal.SIGKILL, False)]
)
def test_a_job_saves_its_work_however_its_parent_ends(
    tmp_path: Path, number: signal.Signals, everybody: bool
) -> None:
    (tmp_path / "jobs.py").write_text(
        "import signal, sys, time\n"
        "from pathlib import Path\n"
        "from metafacs.processes import run_jobs\n"
        # A shell's background job, as this test may be, starts its children with Ctrl-C ignored.
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "def work(path):\n"
        "    signal.signal(signal.SIGTERM, signal.default_int_handler)\n"
        "    try:\n"
        "        Path(path).write_text('begun')\n"
        "        time.sleep(60)\n"
        "    except KeyboardInterrupt:\n"
        "        Path(path).write_text('saved')\n"
        "        raise\n"
        "if __name__ == '__main__':\n"
        "    list(run_jobs(work, [f'{sys.argv[1]}/{i}' for i in range(6)], 2, stop_at_once=False))\n"
    )
    out = tmp_path / "out"
    out.mkdir()

    def wait_for(text: str) -> list[str]:
        deadline, found = time.monotonic() + 60, list[str]()
        while found != [text, text] and time.monotonic() < deadline:
            time.sleep(0.05)
            found = [path.read_text() for path in sorted(out.iterdir())]
        return found

    command = [sys.executable, str(tmp_path / "jobs.py"), str(out)]
    process = subprocess.Popen(command, start_new_session=True, stderr=subprocess.DEVNULL)
    wait_for("begun")
    (os.killpg if everybody else os.kill)(process.pid, number)
    assert process.wait(timeout=30) != 0
    assert wait_for("saved") == ["saved", "saved"]


@pytest.mark.parametrize(
    ("error", "short"),
    [
        (MemoryError(), True),
        (RuntimeError("[enforce fail at alloc_cpu.cpp] DefaultCPUAllocator: can't allocate memory"), True),
        (RuntimeError("CUDA out of memory. Tried to allocate 20.00 GiB"), True),
        (RuntimeError("shapes do not match"), False),
        (ValueError("out of memory"), False),
    ],
)
def test_want_of_memory_is_told_from_other_errors(error: Exception, short: bool) -> None:
    assert bool(out_of_memory(error)) == short
