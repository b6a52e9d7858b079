from __future__ import annotations

import json
from types import ModuleType

import pytest
import torch


def test_all_compute_the_same_meta_gradient(
    benchmark: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    threads = torch.get_num_threads()
    benchmark.main(["--size", "32", "--tasks", "2", "--shots", "1", "--rounds", "1"])
    torch.set_num_threads(threads)
    figures = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert set(figures["not_installed"]) <= {"higher", "torchopt"}
    for name, row in figures["results"].items():
        assert row["tasks_per_second"] > 0
        assert row["difference"] < 1e-8, name


def test_refuses_unknown_names(benchmark: ModuleType) -> None:
    with pytest.raises(SystemExit):
        benchmark.main(["--only", "reptile"])
