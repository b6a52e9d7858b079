from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType

import pytest
import torch

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "maml.py"


@pytest.fixture(scope="module")
def benchmark() -> ModuleType:
    spec = importlib.util.spec_from_file_location("benchmark_of_maml", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    # Dataclasses look their module up by name.
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def test_all_compute_the_same_meta_gradient(
    benchmark: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    threads = torch.get_num_threads()
    benchmark.main(["--size", "32", "--tasks", "2", "--shots", "2", "--rounds", "1"])
    torch.set_num_threads(threads)
    figures = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert set(figures["not_installed"]) <= {"higher", "torchopt"}
    for name, row in figures["results"].items():
        assert row["tasks_per_second"] > 0
        assert row["difference"] < 1e-8, name


def test_refuses_unknown_names(benchmark: ModuleType) -> None:
    with pytest.raises(SystemExit):
        benchmark.main(["--only", "reptile"])
