from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from metafacs.data.splits import SplitError
from metafacs.data.store import Store
from metafacs.data.transforms import Augmentation
from metafacs.models.initial_weights import describe_weights
from metafacs.training.checkpoint import load_checkpoint
from metafacs.training.run import BatchSizes, choose_rows, make_streams, train

AUS = (1, 4, 12)


def test_train_reserve_and_test_people_are_disjoint(au_store: Store, expression_store: Store) -> None:
    sources = choose_rows(au_store, expression_store, AUS, fold=1, reserve=0.1, seed=0)
    assert sources.split is not None
    assert not set(sources.train) & set(sources.reserve)
    assert set(au_store.subjects[sources.train]) == set(au_store.subjects[sources.reserve])
    assert not set(au_store.subjects[sources.train]) & set(sources.split.test)
    assert set(expression_store.parts[sources.expression]) == {"train"}


def test_everybody_trains_without_a_fold(au_store: Store) -> None:
    sources = choose_rows(au_store, None, AUS, fold=None, reserve=0.1, seed=0)
    assert sources.split is None
    assert len(set(au_store.subjects[sources.train])) == 6
    assert len(sources.expression) == 0


def test_rows_without_any_known_label_are_left_out(au_store: Store) -> None:
    column = int(au_store.columns_of((4,))[0])
    unknown = np.flatnonzero(np.isnan(au_store.action_units[:, column]))
    sources = choose_rows(au_store, None, (4,), fold=None, reserve=0.1, seed=0)
    assert len(unknown)
    assert not set(unknown) & (set(sources.train) | set(sources.reserve))


def test_streams_have_the_sizes_asked_for(au_store: Store, expression_store: Store) -> None:
    sources = choose_rows(au_store, expression_store, AUS, 1, 0.1, 0)
    streams = make_streams(
        au_store, expression_store, sources, AUS, BatchSizes(4, 5, 6), 32, 0, Augmentation()
    )
    assert {name: len(stream.batch(0)) for name, stream in streams.items()} == {
        "au": 4,
        "expression": 5,
        "validation": 6,
    }


@pytest.mark.parametrize("packaged", [True, False])
def test_model_says_what_it_started_from(au_store: Store, tmp_path: Path, packaged: bool) -> None:
    options = {"backbone": "small", **({"weights": "faces"} if packaged else {})}
    out = train(
        *("single_task", options, au_store.path, tmp_path),
        aus=[1],
        iterations=1,
        batch=BatchSizes(8),
        size=32,
        reserve=0.1,
        progress=False,
    )
    expected = describe_weights("faces" if packaged else "none", "small")
    assert load_checkpoint(out).description["initial_weights"] == expected
    assert (expected["sha256"] is not None) == packaged


def test_impossible_fold_is_refused_before_anything_is_written(au_store: Store, tmp_path: Path) -> None:
    with pytest.raises(SplitError, match="1 to 3"):
        train("single_task", {"backbone": "small"}, au_store.path, tmp_path / "run", aus=[1], fold=7, size=32)
    assert not (tmp_path / "run").exists()
