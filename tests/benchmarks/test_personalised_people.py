from __future__ import annotations

import json
from pathlib import Path
from types import ModuleType

import numpy as np
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
    benchmark.LEAST_JUDGED = 1
    benchmark.main(
        [str(model), str(au_store.path), "--aus", "4", "--people", "1", "--shots", "3", "--draws", "2"]
    )
    figures = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert figures["synthetic"]
    (row,) = figures["results"].values()
    assert set(row) == {"before", "after", "kept", "worse_unannounced"}


def test_a_person_labels_as_many_frames_of_each_kind(benchmark: ModuleType) -> None:
    labels = np.tile(np.array([[1, 0], [0, 1], [1, np.nan], [0, 0]], np.float32), (5, 1))
    given = benchmark.draw_labels(labels, 3, np.random.default_rng(0))
    assert [(given[:, au] == value).sum() for au in (0, 1) for value in (1, 0)] == [3, 3, 3, 3]
    known = ~np.isnan(given)
    assert (given[known] == labels[known]).all()


def test_a_loss_is_counted_where_the_program_is_silent(benchmark: ModuleType) -> None:
    worse = benchmark.Found({1: 0.8, 2: 0.8}, {1: 0.7, 2: 0.8}, (1,))
    slightly = benchmark.Found({1: 0.8, 2: 0.8}, {1: 0.78, 2: 0.8}, (1,))
    assert benchmark.unannounced([worse, slightly]) == 1
