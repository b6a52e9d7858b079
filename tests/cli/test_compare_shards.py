"""A comparison in shares and as jobs: every row once, in any order and folder, whatever is stopped."""

from __future__ import annotations

import contextlib
import json
import multiprocessing
import os
import signal
import time
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any

import pytest
import yaml

from metafacs.cli import main
from metafacs.cli.compare import build_parser
from metafacs.cli.comparison_file import needed_starts, plan_runs
from metafacs.data.store import Store
from metafacs.evaluation.comparison import CLAIM, rows_of
from metafacs.evaluation.records import read_records
from metafacs.executors.local import visible_gpus, workers_for
from metafacs.locks import HOLDER_FILE, claimed
from metafacs.shares import Share

START = "{out}/start/fold{fold}-seed{seed}/model.safetensors"
LONG = 60
"""Iterations of the row that is killed; it saves every second."""


@pytest.fixture
def content(au_store: Store, tmp_path: Path) -> dict[str, Any]:
    """Six rows; those of 'after' begin from a start of their seed."""
    return {
        "out": str(tmp_path / "out"),
        "folds": [1],
        "seeds": [0, 1],
        "common": {
            "method": "single_task",
            "options": {"backbone": "small"},
            "action_units": str(au_store.path),
            "aus": [1, 4, 12],
            "iterations": 2,
            "size": 32,
            "batch": {"au": 8},
            "checkpoint_every": 2,
        },
        "starts": {"start": None},
        "methods": {"before": {"iterations": LONG}, "after": {"initialise": START}, "other": None},
    }


@pytest.fixture
def file(content: dict[str, Any], tmp_path: Path) -> Path:
    path = tmp_path / "comparison.yaml"
    path.write_text(yaml.safe_dump(content, sort_keys=False))
    return path


def begin(log: Path, *words: object) -> ForkServerProcess:
    """Start a command in a process of its own, which has everything imported already."""
    server = multiprocessing.get_context("forkserver")
    server.set_forkserver_preload(["metafacs.cli.compare", "metafacs.cli.report"])
    process = server.Process(target=_command, args=(str(log), *map(str, words)))
    process.start()
    return process


def _command(log: str, *words: str) -> None:
    with open(log, "a") as file, contextlib.redirect_stdout(file), contextlib.redirect_stderr(file):
        code = main(words)
        file.flush()
    os._exit(code)


def scores(folder: Path) -> dict[tuple[str, str], dict[str, Any]]:
    records = read_records(folder)
    found = {record.run: record.to_json() for record in records}
    for content in found.values():
        del content["seconds"]
        # The digest of a model holds its training time; its weights are known by the scores of the row.
        content["config"].get("initialised_from", {}).pop("sha256", None)
    assert len(found) == len(records)
    return found


def wait_for(path: Path) -> None:
    deadline = time.monotonic() + 120
    while not path.exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert path.exists()


def test_shards_do_every_row_once_though_one_is_killed(file: Path, tmp_path: Path) -> None:
    out, whole = tmp_path / "out", tmp_path / "whole"
    logs = [tmp_path / f"{number}.log" for number in (1, 2, 3)]

    def shard(number: int) -> ForkServerProcess:
        return begin(logs[number - 1], "compare", file, "--workers", 1, "--shard", f"{number}/3")

    shards = [shard(number) for number in (1, 2, 3)]
    wait_for(out / "before" / "fold1-seed0" / "checkpoint.safetensors")
    assert shards[0].pid is not None
    os.kill(shards[0].pid, signal.SIGKILL)
    shards[0].join()
    shards[0] = shard(1)
    for process in shards:
        process.join()
    assert [process.exitcode for process in shards] == [0, 0, 0]
    told = "\n".join(log.read_text() for log in logs)
    done = [line.removesuffix(": done") for line in told.splitlines() if line.endswith(": done")]
    rows = [f"{row}, fold 1, seed {seed}" for row in ("before", "after", "other") for seed in (0, 1)]
    assert sorted(line for line in done if not line.startswith("start")) == sorted(rows)
    # Who came last wrote the tables, and found everything there.
    assert "report:" in told
    assert "before" in (out / "f1.md").read_text()

    unsharded = begin(tmp_path / "whole.log", "compare", file, "--workers", 1, "--out", whole)
    unsharded.join()
    assert unsharded.exitcode == 0
    assert scores(out) == scores(whole)
    assert (out / "f1.md").read_text() == (whole / "f1.md").read_text()


def test_a_job_that_slurm_stops_saves_its_work_and_goes_on(
    file: Path, content: dict[str, Any], tmp_path: Path
) -> None:
    pytest.importorskip("submitit", reason="submitit is not installed: pip install 'metafacs[slurm]'")
    file.write_text(yaml.safe_dump({**content, "slurm": {"cluster": "local", "time": 30}}, sort_keys=False))
    words = ("--methods", "[before]", "--seeds", "[0]", "--executor", "slurm")
    driver = begin(tmp_path / "log", "compare", file, *words)
    row = tmp_path / "out" / "before" / "fold1-seed0"
    wait_for(row / "checkpoint.safetensors")
    holder = (row / CLAIM / HOLDER_FILE).read_text()
    os.kill(int(holder.split("process ")[1].split()[0]), signal.SIGUSR2)
    driver.join()
    assert driver.exitcode == 0
    assert "before, fold 1, seed 0: done" in (tmp_path / "log").read_text()
    log = "".join(path.read_text() for path in (tmp_path / "out" / ".slurm").glob("*_log.*"))
    assert log.count("Requeued job") == 1
    assert log.count("Starting with") == 2
    assert len(read_records(tmp_path / "out")) == 1


def test_shards_in_folders_of_their_own_are_merged_by_report(
    file: Path, content: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    content["methods"]["before"]["iterations"] = 2
    file.write_text(yaml.safe_dump(content, sort_keys=False))
    places = [tmp_path / name for name in ("a", "b")]
    for number, place in enumerate(places, 1):
        words = ["compare", str(file), "--workers", "1", "--shard", f"{number}/2", "--out", str(place)]
        assert main(words) == 0
        told = " ".join(capsys.readouterr().out.split())
        assert "3 of the 6 runs of all 2 shards are in" in told
        assert not (place / "f1.md").exists()
    # A share has one seed whole, so that each needs its own start only.
    assert [len(list((place / "start").iterdir())) for place in places] == [1, 1]
    merged = ["report", *map(str, places), str(places[0]), "--out"]
    assert main([*merged, str(tmp_path / "merged")]) == 0
    assert main(["compare", str(file), "--workers", "1"]) == 0
    table = (tmp_path / "merged" / "f1.md").read_text()
    assert table == (tmp_path / "out" / "f1.md").read_text()
    # The same row with other scores: nobody knows which one is meant.
    ours, theirs = (place / "other" for place in (places[0], tmp_path / "out"))
    path = next(ours.rglob("record.json"))
    same = theirs / path.relative_to(ours)
    changed = json.loads(path.read_text())
    changed["auc"]["1"] = 0.25
    del changed["sha256"]
    path.write_text(json.dumps(changed))
    capsys.readouterr()
    assert main(["report", str(places[0]), str(tmp_path / "out"), "--out", str(tmp_path / "again")]) == 1
    assert f"{path} and {same} are both other, fold1-seed0, but differ" in capsys.readouterr().err


@pytest.mark.parametrize("count", [1, 2, 3, 4, 7])
def test_every_run_is_of_one_share_and_shares_are_alike(
    count: int, content: dict[str, Any], tmp_path: Path
) -> None:
    starts, runs = plan_runs(content, tmp_path / "x.yaml")
    shares = [rows_of(runs, Share(number, count)) for number in range(1, count + 1)]
    assert sorted(str(run) for share in shares for run in share) == sorted(map(str, runs))
    assert max(map(len, shares)) - min(map(len, shares)) <= 1
    for share in shares:
        needed = needed_starts(starts, share)
        assert {run.seed for run in needed} == {run.seed for run in share if run.label == "after"}


def test_a_share_that_runs_already_is_told(
    file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with claimed(tmp_path / "out" / ".shards" / "1-of-2", "comparing"):
        assert main(["compare", str(file), "--shard", "1/2"]) == 1
    assert "another process is writing" in capsys.readouterr().err
    assert main(["compare", str(file), "--shard", "3/2"]) == 1
    assert "--shard is '3/2'" in capsys.readouterr().err


def test_there_is_a_worker_for_every_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3, GPU-5,-1")
    assert visible_gpus() == ("3", "GPU-5")
    assert workers_for(None, threads=1, gpus=visible_gpus()) == 2
    assert workers_for(1, threads=1, gpus=visible_gpus()) == 1
    assert workers_for(5, threads=1, gpus=visible_gpus()) == 5
    assert workers_for(None, threads=10**4, gpus=()) == 1
    with pytest.raises(ValueError, match="give 1 or more"):
        workers_for(0, threads=1, gpus=())


def test_a_gpu_that_is_not_there_is_told_before_anything_runs(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert main(["compare", str(file), "--accelerator", "cuda"]) == 1
    assert "there is no device 'cuda' here" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
    assert "--slurm.partition" in build_parser([]).format_help()
