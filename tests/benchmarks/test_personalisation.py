from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import pytest

from metafacs.data.store import Store
from metafacs.training.run import BatchSizes, train

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "personalisation.py"


def test_ends_with_one_json_line(au_store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    spec = importlib.util.spec_from_file_location("benchmark_of_personalisation", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    settings: dict = {"aus": [1, 4, 12], "iterations": 20, "size": 32, "progress": False}
    model = train(
        "single_task", {"backbone": "small"}, au_store.path, tmp_path, batch=BatchSizes(8, 8, 6), **settings
    )
    module.main([str(model), str(au_store.path), "--shots", "2", "--draws", "1"])
    figures = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert figures["synthetic"]
    row = figures["results"]["2"]
    assert set(row) == {"general", "fitted", "negative_only"}
    mean, deviation = row["fitted"]
    assert mean > 0.7
    assert deviation >= 0
