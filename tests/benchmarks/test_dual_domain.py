from __future__ import annotations

import json
from types import ModuleType

import pytest
import torch


def test_ends_with_one_json_line(benchmark: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    threads = torch.get_num_threads()
    benchmark.main(["--size", "32", "--pairs", "2", "--aus", "2", "--width", "4", "--rounds", "1"])
    torch.set_num_threads(threads)
    figures = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert set(figures["results"]) >= {"rounds", "AU branches", "iteration"}
    assert all(value > 0 for row in figures["results"].values() for value in row.values())


def test_the_usual_way_gives_the_same_numbers(benchmark: ModuleType) -> None:
    torch.manual_seed(0)
    method = benchmark.DualDomain((1, 12), width=4).train()
    features = torch.randn(4, 8, 8, 8)
    network = method.joint_network
    ours = network.detector(features), network.separation(features).restored
    usual = benchmark.as_usually_written(method).joint_network
    assert not any(isinstance(module, benchmark.SharedPReLU) for module in usual.modules())
    torch.testing.assert_close((usual.detector(features), usual.separation(features).restored), ours)
