"""Jobs of Slurm: those of the local executor of submitit here, and an sbatch that keeps what it gets."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

import pytest

from metafacs.executors.slurm import SlurmExecutor, SlurmOptions
from metafacs.processes import WorkerError

pytest.importorskip("submitit", reason="submitit is not installed: pip install 'metafacs[slurm]'")

LOCAL = SlurmOptions(cluster="local")


@pytest.fixture(autouse=True)
def _importable_jobs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let other processes import the jobs below, and wait for no result of dead ones."""
    import submitit.core.core

    (tmp_path / "slurm_jobs.py").write_text(_JOBS)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), *sys.path]))
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(submitit.core.core.Job, "_results_timeout_s", 0)


_JOBS = """
import os, signal, sys, time
from pathlib import Path


def twice(job):
    if job == 3:
        os._exit(7)
    if job == 4:
        raise KeyError("four")
    return job * 2


def seen_gpus(job):
    return os.environ["CUDA_VISIBLE_DEVICES"]


def train(folder):
    # As a training does: at SIGTERM it saves its work and ends, and it goes on from what it saved.
    path, told = Path(folder) / "saved", []
    done = int(path.read_text()) if path.exists() else 0
    before = signal.signal(signal.SIGTERM, lambda number, frame: told.append(number))
    with (Path(folder) / "begun").open("a") as log:
        log.write(f"{os.getpid()} {done}\\n")
    try:
        until = time.monotonic() + (60 if done == 0 else 0)
        while not told and time.monotonic() < until:
            time.sleep(0.01)
            done += 1
        if told:
            path.write_text(str(done))
            raise KeyboardInterrupt
        return done
    finally:
        signal.signal(signal.SIGTERM, before)
"""


def test_results_come_back_and_who_died_is_told_with_its_log(tmp_path: Path) -> None:
    import slurm_jobs

    executor = SlurmExecutor(tmp_path / "jobs", LOCAL, workers=4)
    results = list(executor.run(slurm_jobs.twice, [1, 3, 4, 5], lost=lambda job, end: (job, end)))
    died = dict(result for result in results if isinstance(result, tuple))
    assert sorted(result for result in results if isinstance(result, int)) == [2, 10]
    assert set(died) == {3, 4}
    assert "ended without a result" in died[3]
    assert "KeyError: 'four'" in died[4]
    assert all(str(tmp_path / "jobs") in end and end.endswith("_log.err") for end in died.values())
    with pytest.raises(WorkerError, match=r"3: its job .* ended without a result"):
        list(executor.run(slurm_jobs.twice, [3]))


def test_a_job_that_is_tried_out_here_sees_the_gpu_that_it_computes_on(tmp_path: Path) -> None:
    import slurm_jobs

    assert list(SlurmExecutor(tmp_path / "jobs", LOCAL, gpus=1).run(slurm_jobs.seen_gpus, [0])) == ["0"]


@pytest.mark.parametrize("first", [[], [signal.SIGTERM]])
def test_what_is_stopped_saves_its_work_is_queued_again_and_goes_on(
    first: list[signal.Signals], tmp_path: Path
) -> None:
    import slurm_jobs

    found = SlurmExecutor(tmp_path / "jobs", LOCAL).run(slurm_jobs.train, [str(tmp_path)])
    with _Signaller(tmp_path / "begun", [*first, signal.SIGUSR2]):
        (done,) = list(found)
    begun = [tuple(map(int, line.split())) for line in (tmp_path / "begun").read_text().splitlines()]
    assert [start for _, start in begun] == [0, done]
    assert done > 0
    assert len({process for process, _ in begun}) == 2


class _Signaller:
    """Sends signals, as Slurm does before it stops a job, to the process that a file names first."""

    def __init__(self, path: Path, signals: list[signal.Signals]) -> None:
        import threading

        self._thread = threading.Thread(target=self._send, args=(path, signals))

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._thread.join()

    @staticmethod
    def _send(path: Path, signals: list[signal.Signals]) -> None:
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline:
            if path.exists() and (told := path.read_text()).endswith("\n"):
                time.sleep(0.2)
                for number in signals:
                    os.kill(int(told.split()[0]), number)
                return
            time.sleep(0.02)


def test_slurm_is_asked_for_what_the_options_say(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import slurm_jobs

    commands = tmp_path / "bin"
    commands.mkdir()
    for name, script in {
        "srun": "exit 1",
        "sbatch": f'cp "$1" {tmp_path}/submitted.sh; echo "Submitted batch job 12"',
        "sacct": "echo 'JobID|State'; echo '12_0|PENDING'; echo '12_1|PENDING'",
        "scancel": f'echo "$@" >> {tmp_path}/cancelled',
    }.items():
        (commands / name).write_text(f"#!/bin/sh\n{script}\n")
        (commands / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{commands}:{os.environ['PATH']}")
    options = SlurmOptions(
        "gpu", 90, memory=1.5, account="lab", parallel=7, setup=["module load cuda"], more={"nice": "5"}
    )
    running = SlurmExecutor(tmp_path / "jobs", options, threads=2, gpus=1).run(slurm_jobs.twice, [1, 2])
    monkeypatch.setattr("metafacs.executors.slurm.time.sleep", _interrupt)
    with pytest.raises(KeyboardInterrupt):
        next(running)
    told = (tmp_path / "submitted.sh").read_text()
    for flag in (
        "partition=gpu",
        "time=90",
        "mem=1536M",
        "gpus-per-node=1",
        "cpus-per-task=3",
        "account=lab",
        "nice=5",
        "array=0-1%2",
        "signal=USR2@90",
        "job-name=metafacs",
    ):
        assert f"#SBATCH --{flag}\n" in told
    assert "\nmodule load cuda\n" in told
    # Ctrl-C takes back what is queued.
    assert (tmp_path / "cancelled").read_text().split() == ["12_0", "12_1"]


def _interrupt(seconds: float) -> None:
    raise KeyboardInterrupt


def test_without_slurm_or_submitit_a_sentence_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ValueError, match="there is no Slurm on this machine"):
        list(SlurmExecutor(tmp_path / "jobs").run(str, [1]))
    monkeypatch.setitem(sys.modules, "submitit", None)
    with pytest.raises(ValueError, match=r"pip install 'metafacs\[slurm\]'"):
        list(SlurmExecutor(tmp_path / "jobs").run(str, [1]))
    assert list(SlurmExecutor(tmp_path / "jobs").run(str, [])) == []
