from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields

import numpy as np
import pytest
import torch

from metafacs.batch import Batch
from metafacs.data import streams
from metafacs.data.store import Store
from metafacs.data.streams import Stream
from metafacs.data.transforms import Augmentation
from metafacs.ranks import Rank


def make(store: Store, rows: np.ndarray, seed: int = 0, batch_size: int = 8, name: str = "au") -> Stream:
    return Stream(
        store,
        rows,
        aus=store.aus,
        name=name,
        batch_size=batch_size,
        size=32,
        seed=seed,
        augmentation=Augmentation(),
    )


def test_batch_depends_on_seed_name_and_number_only(au_store: Store) -> None:
    rows = np.arange(40)
    forward, direct = make(au_store, rows), make(au_store, rows)
    for k in range(7):
        forward.batch(k)
    assert torch.equal(forward.batch(7).images, direct.batch(7).images)
    assert not torch.equal(direct.batch(7).images, make(au_store, rows, seed=1).batch(7).images)
    assert not torch.equal(direct.batch(7).index, make(au_store, rows, name="other").batch(7).index)


def test_every_pass_shows_every_row_once(au_store: Store) -> None:
    rows = np.arange(10, 34)
    stream = make(au_store, rows)
    shown = torch.cat([stream.batch(k).index for k in range(6)])  # two passes of 24 rows in batches of 8
    assert sorted(shown[:24].tolist()) == rows.tolist() == sorted(shown[24:].tolist())
    assert shown[:24].tolist() != shown[24:].tolist()


def test_labels_and_people_belong_to_the_pictures(au_store: Store, expression_store: Store) -> None:
    stream = make(au_store, np.arange(96))
    batch = stream.batch(3)
    expected = torch.from_numpy(au_store.action_units[batch.index.numpy()])
    assert torch.equal(torch.nan_to_num(batch.action_units, 9), torch.nan_to_num(expected, 9))
    assert batch.expression is None
    people = sorted(set(au_store.subjects))
    assert [people[code] for code in batch.subject] == au_store.subjects[batch.index].tolist()
    faces = Stream(expression_store, np.arange(8), aus=(), name="e", batch_size=4, size=32, seed=0)
    assert faces.batch(0).action_units is None
    assert (faces.batch(0).subject == -1).all()


def test_intensities_stand_in_the_columns_of_the_action_units(
    au_store: Store, expression_store: Store
) -> None:
    store = Store(au_store.path)
    levels = np.random.default_rng(0).uniform(0, 5, store.action_units.shape).astype(np.float32)
    levels[:, 1] = np.nan
    store.intensities = levels
    stream = Stream(store, np.arange(96), aus=store.aus[::-1], name="au", batch_size=8, size=32, seed=0)
    batch = stream.batch(2)
    assert batch.intensities.shape == batch.action_units.shape
    np.testing.assert_array_equal(batch.intensities.numpy(), levels[batch.index.numpy()][:, ::-1])
    assert make(au_store, np.arange(8)).batch(0).require("intensities").isnan().all()
    faces = Stream(expression_store, np.arange(8), aus=(), name="e", batch_size=4, size=32, seed=0)
    assert faces.batch(0).intensities is None


def test_people_are_counted_within_the_stream(au_store: Store) -> None:
    rows = np.flatnonzero(au_store.subjects != sorted(set(au_store.subjects))[0])
    stream = make(au_store, rows)
    assert stream.people == 5
    assert set(torch.cat([stream.batch(k).subject for k in range(10)]).tolist()) == set(range(5))


def test_unknown_poses_are_nan(au_store: Store) -> None:
    batch = make(au_store, np.arange(8)).batch(0)
    assert batch.pose.shape == (8, 3)
    assert batch.pose.isnan().all()


def test_sequential_covers_all_positions_with_centre_crops(au_store: Store) -> None:
    stream = make(au_store, np.arange(20))
    pieces = stream.sequential()
    assert [len(piece) for piece in pieces] == [8, 8, 4]
    assert torch.equal(stream.at(pieces[0]).images, stream.at(pieces[0]).images)
    assert stream.targets().shape == (20, 3)


def test_empty_stream_is_refused(au_store: Store) -> None:
    with pytest.raises(ValueError, match="stream 'au' has no pictures"):
        make(au_store, np.empty(0, np.int64))


def same(first: Batch, second: Batch) -> bool:
    pairs = [(getattr(first, f.name), getattr(second, f.name)) for f in fields(Batch)]
    return all(a is b or torch.equal(torch.nan_to_num(a, 9), torch.nan_to_num(b, 9)) for a, b in pairs)


def test_parts_of_several_processes_are_the_batch_of_one(au_store: Store) -> None:
    stream = make(au_store, np.arange(40))
    parts = [stream.batch(3, Rank(number, 4)) for number in range(4)]
    together = {f.name: [getattr(part, f.name) for part in parts] for f in fields(Batch)}
    # The first picture of each process, then the second.
    joined = {
        name: None if values[0] is None else torch.stack(values, 1).flatten(0, 1)
        for name, values in together.items()
    }
    assert same(Batch(**joined), stream.batch(3))
    with pytest.raises(ValueError, match="cannot be divided evenly among 3"):
        stream.draw(3, Rank(0, 3))


def test_threads_draw_what_one_draws(au_store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    alone = [make(au_store, np.arange(40)).batch(k) for k in range(24)]
    for limit in (streams.MEMORY_LIMIT, 0):
        monkeypatch.setattr(streams, "MEMORY_LIMIT", limit)
        shared = make(au_store, np.arange(40))
        with ThreadPoolExecutor(4) as pool:
            assert all(map(same, alone, pool.map(shared.batch, range(24))))


def test_a_drawn_batch_is_a_quarter_as_large_and_becomes_the_same(au_store: Store) -> None:
    stream = make(au_store, np.arange(40))
    drawn = stream.draw(2)
    assert drawn.pictures.dtype == torch.uint8
    assert 4 * drawn.pictures.nbytes == stream.batch(2).images.nbytes
    assert same(drawn.on("cpu"), stream.batch(2))
    assert same(drawn.on("cpu"), drawn.changed().on("cpu"))
    assert drawn.on("meta").images.shape == (8, 3, 32, 32)
