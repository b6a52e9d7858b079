from __future__ import annotations

import json
from pathlib import Path
from types import ModuleType

import pytest

from metafacs.data.store import Store
from metafacs.training.run import train
from metafacs.training.training_data import BatchSizes


def test_ends_with_one_json_line(
    benchmark: ModuleType, au_store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings: dict = {"aus": [1, 4, 12], "iterations": 20, "size": 32, "progress": False}
    model = train(
        "single_task",
        au_store.path,
        tmp_path,
        options={"backbone": "small"},
        batch=BatchSizes(8, 8, 6),
        **settings,
    )
    benchmark.main([str(model), str(au_store.path), "--shots", "2", "--draws", "1"])
    figures = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert figures["synthetic"]
    row = figures["results"]["2"]
    assert set(row) == {"general", "fitted", "negative_only"}
    mean, deviation = row["fitted"]
    assert mean > 0.7
    assert deviation >= 0
