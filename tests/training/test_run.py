from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from metafacs.data.splits import SplitError, choose_split
from metafacs.data.store import Store
from metafacs.data.transforms import Augmentation
from metafacs.training.run import BatchSizes, Sources, choose_rows, make_streams, train

AUS = (1, 4, 12)


@pytest.fixture
def sources(au_store: Store, expression_store: Store) -> Sources:
    split = choose_split(au_store, "published", 1)
    return choose_rows(au_store, {"expression": expression_store}, AUS, split, reserve=0.1, seed=0)


def test_train_reserve_and_test_people_are_disjoint(
    sources: Sources, au_store: Store, expression_store: Store
) -> None:
    assert not set(sources.train) & set(sources.reserve)
    assert set(au_store.subjects[sources.train]) == set(au_store.subjects[sources.reserve])
    assert not set(au_store.subjects[sources.train]) & set(sources.split.test)
    assert set(expression_store.parts[sources.rows["expression"]]) == {"train"}


def test_everybody_trains_where_nobody_is_held_out(au_store: Store) -> None:
    sources = choose_rows(au_store, {}, AUS, choose_split(au_store, "everybody"), reserve=0.1, seed=0)
    assert sources.split.test == ()
    assert len(set(au_store.subjects[sources.train])) == 6


def test_rows_without_any_known_label_are_left_out(au_store: Store) -> None:
    column = int(au_store.columns_of((4,))[0])
    unknown = np.flatnonzero(np.isnan(au_store.action_units[:, column]))
    sources = choose_rows(au_store, {}, (4,), choose_split(au_store, "everybody"), reserve=0.1, seed=0)
    assert len(unknown)
    assert not set(unknown) & (set(sources.train) | set(sources.reserve))


def test_a_validation_part_of_the_set_is_the_reserve(parted_store: Store) -> None:
    split = choose_split(parted_store)
    sources = choose_rows(parted_store, {}, AUS, split, reserve=0.1, seed=0, joint=True)
    assert set(parted_store.parts[sources.train]) == {"train"}
    assert set(parted_store.parts[sources.reserve]) == {"validation"}
    assert (parted_store.expression[sources.train] >= 0).all()


def test_people_held_out_are_not_adapted_to(au_store: Store) -> None:
    split = choose_split(au_store, "published", 1)
    with pytest.raises(SplitError, match="in the pictures to adapt to and in test"):
        choose_rows(au_store, {"target": au_store}, AUS, split, reserve=0.1, seed=0)


def test_streams_have_the_sizes_asked_for(sources: Sources) -> None:
    streams = make_streams(sources, AUS, BatchSizes(4, 5, 6), 32, 0, Augmentation())
    assert {name: len(stream.batch(0)) for name, stream in streams.items()} == {
        "au": 4,
        "joint": 4,
        "source": 4,
        "expression": 5,
        "validation": 6,
    }


def test_a_method_says_which_store_it_misses(au_store: Store, tmp_path: Path) -> None:
    with pytest.raises(
        ValueError, match="learns from expressions too; give a prepared store with --expression"
    ):
        train("multi_task", {"backbone": "small"}, au_store.path, tmp_path / "run", aus=[1], size=32)


def test_impossible_fold_is_refused_before_anything_is_written(au_store: Store, tmp_path: Path) -> None:
    with pytest.raises(SplitError, match="1 to 3"):
        train("single_task", {"backbone": "small"}, au_store.path, tmp_path / "run", aus=[1], fold=7, size=32)
    assert not (tmp_path / "run").exists()
