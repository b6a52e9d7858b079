from __future__ import annotations

import json
import subprocess
import sys
from types import ModuleType

import pytest

GIVEN = {"fixed": 0.0, "parameters": 0.0, "exchanges": 0, "bandwidth": 1e9, "latency": 0.0}
USUAL = {**GIVEN, "jitter": 0.0, "ahead": 2, "pictures": 64.0}


def test_without_exchange_and_jitter_time_is_divided(benchmark: ModuleType) -> None:
    cluster = benchmark.Cluster(iteration=0.4, loading=0.1, **USUAL)
    assert benchmark.simulate(cluster, 1) == pytest.approx(0.4)
    assert benchmark.simulate(cluster, 8) == pytest.approx(0.05)


def test_the_slower_of_loading_and_computing_sets_the_pace(benchmark: ModuleType) -> None:
    cluster = benchmark.Cluster(iteration=0.4, loading=0.6, **USUAL)
    assert benchmark.simulate(cluster, 2) == pytest.approx(0.3)


def test_exchanges_take_their_time(benchmark: ModuleType) -> None:
    known = {**USUAL, "parameters": 1e6, "latency": 1e-3, "exchanges": 1}
    cluster = benchmark.Cluster(iteration=0.4, loading=0.0, **known)
    assert cluster.exchange(4) == pytest.approx(6 * (1e-3 + 1e-3) + 2 * 2 * 1e-3)
    assert benchmark.simulate(cluster, 4) == pytest.approx(0.1 + 0.016)


def test_waiting_for_the_slowest_costs(benchmark: ModuleType) -> None:
    cluster = benchmark.Cluster(iteration=0.4, loading=0.0, **{**USUAL, "jitter": 0.1})
    assert benchmark.simulate(cluster, 64) > 1.15 * 0.4 / 64


def test_measures_one_against_two(benchmark: ModuleType) -> None:
    words = ["measure", "--size", "32", "--batch", "4", "--validation", "4", "--iterations", "1"]
    # As a program: a process that is spawned looks for its work in the script.
    run = subprocess.run(
        [sys.executable, str(benchmark.__file__), *words, "--methods", "multi_task", "--rounds", "1"],
        capture_output=True,
        text=True,
        check=True,
    )
    row = json.loads(run.stdout.splitlines()[-1])["results"]["multi_task"]
    assert row["one_pictures"] == row["two_pictures"] == 8
    assert all(value > 0 for value in row.values())
