from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import pytest

from metafacs.checkpoints.checkpoint import load_checkpoint, save_checkpoint
from metafacs.data.store import Store


@pytest.fixture
def small(
    benchmark: ModuleType, au_store: Store, expression_store: Store, monkeypatch: pytest.MonkeyPatch
) -> ModuleType:
    """The benchmark with the stores of the tests, and batches of a few small pictures."""

    def stores(folder: Path) -> dict[str, Path]:
        # What is trained lies beside the stores.
        (folder / "au").symlink_to(au_store.path)
        (folder / "expression").symlink_to(expression_store.path)
        return {"au": folder / "au", "expression": folder / "expression"}

    monkeypatch.setattr(benchmark, "make_stores", stores)
    loading = benchmark.open_streams.__globals__
    monkeypatch.setitem(loading, "COUNTS", {"au": 4, "expression": 4, "validation": 6})
    monkeypatch.setitem(loading, "SIZE", 32)
    return benchmark


def test_agreement_and_speed_are_told(small: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--device", "cpu", "--methods", "single_task_expression", "l2t_ww", "maml"]
    words += ["--timed", "mal", "--precisions", "float32", "bfloat16", "--backbone", "small"]
    small.main([*words, "--iterations", "1", "--pictures", "8"])
    told = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert set(told["apart"]) == {"single_task_expression", "l2t_ww", "maml"}
    assert all(0 <= distance <= small.LIMIT for distance in told["apart"].values())
    assert {"mal float32", "mal bfloat16"} == set(told["speed"])
    assert all(row["loaded"] > 0 and row["alone"] > 0 for row in told["speed"].values())


def test_models_that_went_other_ways_are_apart(
    benchmark: ModuleType, au_store: Store, expression_store: Store, tmp_path: Path
) -> None:
    stores = {"au": au_store.path, "expression": expression_store.path}
    one, other = benchmark.trained("single_task", "cpu", stores, tmp_path), tmp_path / "other.safetensors"
    assert benchmark.apart(one, one) == 0
    model = load_checkpoint(one)
    weights = {
        name: value + 1 if value.is_floating_point() else value for name, value in model.weights.items()
    }
    save_checkpoint(other, replace(model, weights=weights))
    assert benchmark.apart(one, other) > 1
