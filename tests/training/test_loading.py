from __future__ import annotations

import threading
from collections.abc import Iterator

import numpy as np
import pytest
import torch

from metafacs.batch import Batch
from metafacs.data.drawn import Drawn
from metafacs.data.store import Store
from metafacs.data.streams import Stream
from metafacs.data.transforms import Augmentation
from metafacs.ranks import ALONE, Rank
from metafacs.training.loading import load_batches

CPU = torch.device("cpu")


def stream(store: Store, name: str, batch_size: int = 6) -> Stream:
    rows = np.arange(40)
    return Stream(
        store,
        rows,
        aus=store.aus,
        name=name,
        batch_size=batch_size,
        size=32,
        seed=0,
        augmentation=Augmentation(),
    )


class Counted:
    """A stream of numbered batches that notes which were asked for; one of them may fail."""

    aus: tuple[int, ...] = ()

    def __init__(self, failing: int = -1) -> None:
        self.asked: list[int] = []
        self.failing = failing
        self._lock = threading.Lock()

    def draw(self, k: int, rank: Rank = ALONE) -> Drawn:
        with self._lock:
            self.asked.append(k)
        if k == self.failing:
            raise ValueError(f"batch {k} is damaged")
        return Drawn(torch.full((1, 2, 2, 3), k, dtype=torch.uint8), known={"index": torch.tensor([k])})

    def targets(self) -> np.ndarray:
        raise NotImplementedError

    def identity(self) -> dict[str, object]:
        raise NotImplementedError


@pytest.mark.parametrize("threads", [1, 3])
def test_batches_come_in_order_and_are_those_of_the_stream(au_store: Store, threads: int) -> None:
    streams = {"au": stream(au_store, "au"), "validation": stream(au_store, "validation", 4)}
    with load_batches(streams, range(5, 16), CPU, threads=threads) as batches:
        found = list(batches)
    assert len(found) == 11
    for k, batch in enumerate(found, 5):
        for name, own in streams.items():
            expected = own.batch(k)
            assert torch.equal(batch[name].images, expected.images)
            assert torch.equal(batch[name].index, expected.index)


@pytest.mark.parametrize("threads", [1, 4])
def test_no_more_is_drawn_ahead_than_said(threads: int) -> None:
    counted = Counted()

    def used(batches: Iterator[dict[str, Batch]]) -> Iterator[int]:
        for batch in batches:
            yield int(batch["a"].index)

    with load_batches({"a": counted}, range(100), CPU, threads=threads) as batches:
        for k in used(batches):
            assert max(counted.asked) <= k + threads + 2
            if k == 20:
                break
    assert sorted(counted.asked) == sorted(set(counted.asked))
    assert len(counted.asked) <= 20 + threads + 3


def test_an_error_of_a_stream_comes_at_its_batch() -> None:
    with load_batches({"a": Counted(failing=7)}, range(20), CPU, threads=3) as batches:
        assert [int(next(batches)["a"].index) for _ in range(7)] == list(range(7))
        with pytest.raises(ValueError, match="batch 7 is damaged"):
            next(batches)


def test_no_batches_are_no_batches() -> None:
    with load_batches({"a": Counted()}, range(4, 4), CPU) as batches:
        assert list(batches) == []
