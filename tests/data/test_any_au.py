"""Batches of the few-shot baselines: balanced, repeatable, and of one person where that is asked for."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from metafacs.data.any_au import AnyAUByPersonStream, AnyAUStream, BalancedStream
from metafacs.data.store import Store

AUS = (1, 4, 12)
COMMON: dict = {"aus": AUS, "shots": 2, "size": 32, "seed": 0}


def stream_of(kind: type[BalancedStream], store: Store, rows: np.ndarray | None = None) -> BalancedStream:
    return kind(store, np.arange(len(store)) if rows is None else rows, **COMMON)


@pytest.mark.parametrize("kind", [AnyAUStream, AnyAUByPersonStream])
def test_batches_are_half_positive_and_repeatable(kind: type[BalancedStream], au_store: Store) -> None:
    stream = stream_of(kind, au_store)
    batch = stream.batch(0)
    assert len(batch) == 4 * 2 * len(AUS)
    assert batch.require("action_units").mean() == 0.5
    present = (au_store.action_units[batch.index.numpy()] == 1).any(axis=1)
    assert np.array_equal(present, batch.action_units[:, 0].numpy() == 1)
    assert torch.equal(batch.index, stream.batch(0).index)
    assert not torch.equal(batch.index, stream.batch(1).index)


def test_without_pictures_of_both_kinds_there_is_nothing_to_learn(au_store: Store) -> None:
    present = (au_store.action_units == 1).any(axis=1)
    with pytest.raises(ValueError, match="0 show none"):
        stream_of(AnyAUStream, au_store, np.flatnonzero(present))
    first = au_store.subjects == au_store.subjects[0]
    divided = np.flatnonzero(present == first)
    stream_of(AnyAUStream, au_store, divided)
    with pytest.raises(ValueError, match="within a person"):
        stream_of(AnyAUByPersonStream, au_store, divided)


def test_sets_are_of_one_person_who_has_both_kinds(au_store: Store) -> None:
    present = (au_store.action_units == 1).any(axis=1)
    first = au_store.subjects == au_store.subjects[0]
    stream = stream_of(AnyAUByPersonStream, au_store, np.flatnonzero(~first | present))
    others = set(au_store.subjects) - {au_store.subjects[0]}
    assert isinstance(stream, AnyAUByPersonStream)
    assert set(stream.chosen) == others
    drawn = set()
    for k in range(10):
        batch = stream.batch(k)
        for rows, targets in zip(batch.index.split(8), batch.require("action_units").split(8), strict=True):
            (person,) = set(au_store.subjects[rows.numpy()])
            assert targets[:, 0].tolist() == [1.0] * 4 + [0.0] * 4
            drawn.add(person)
    assert drawn == others
