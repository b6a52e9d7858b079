from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest

from conftest import rows_of, write_store
from metafacs.data.shards import StoreError
from metafacs.data.store import Store
from metafacs.seals import sealed


def test_labels_pictures_and_people_come_back(au_store: Store) -> None:
    assert len(au_store) == 96
    assert au_store.aus == (1, 4, 12)
    assert au_store.action_units.shape == (96, 3)
    assert np.isnan(au_store.action_units).any()
    assert set(np.unique(au_store.action_units[~np.isnan(au_store.action_units)])) == {0.0, 1.0}
    assert au_store.image(0).shape == (36, 36, 3)
    assert np.array_equal(au_store.images(np.array([5, 95]))[1], au_store.image(95))
    assert au_store.subjects[0] == au_store.keys[0].split("/")[0]


def test_missing_votes_and_landmarks_are_nan(
    au_store: Store, expression_store: Store, parted_store: Store
) -> None:
    assert np.isnan(parted_store.landmarks).all()
    assert au_store.pose.shape == (96, 3)
    assert np.isnan(au_store.pose).all()
    assert expression_store.landmarks.shape == (56, 68, 2)
    assert np.allclose(expression_store.votes.sum(axis=1), 1)
    assert (au_store.expression == -1).all()


def test_unknown_au_names_what_the_store_has(au_store: Store) -> None:
    with pytest.raises(StoreError, match=r"no labels for AU \[9\].*\[1, 4, 12\]"):
        au_store.columns_of((1, 9))


def test_unfinished_folder_says_what_to_run(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="run 'metafacs prepare'"):
        Store(tmp_path)


def test_damaged_description_is_refused(tmp_path: Path) -> None:
    (tmp_path / "store.json").write_text("{")
    with pytest.raises(StoreError, match="damaged"):
        Store(tmp_path)
    with pytest.raises(StoreError, match=r"no store\.json"):
        Store(tmp_path / "nowhere")


def test_a_description_without_its_digest_is_refused(au_store: Store, tmp_path: Path) -> None:
    shutil.copytree(au_store.path, tmp_path / "store")
    (tmp_path / "store" / "store.json").write_text(json.dumps(au_store.description))
    with pytest.raises(StoreError, match=r"store\.json is damaged: it has no digest; run the same"):
        Store(tmp_path / "store")


@pytest.mark.parametrize("share", [0.0, 0.5, 0.999])
def test_truncated_shard_is_refused(au_store: Store, tmp_path: Path, share: float) -> None:
    shutil.copytree(au_store.path, tmp_path / "store")
    shard = tmp_path / "store" / "shard-00000.arrow"
    shard.write_bytes(shard.read_bytes()[: int(share * shard.stat().st_size)])
    with pytest.raises(StoreError, match=r"shard-00000\.arrow is damaged.*prepare' again"):
        Store(tmp_path / "store")
    shard.unlink()
    with pytest.raises(StoreError, match=r"no shard-00000\.arrow.*goes on where it stopped"):
        Store(tmp_path / "store")


def test_no_bit_of_a_store_changes_a_label_or_a_pixel(au_store: Store, tmp_path: Path) -> None:
    shutil.copytree(au_store.path, tmp_path / "store")
    rng, rows = np.random.default_rng(7), np.arange(len(au_store))
    pictures, refusals = au_store.images(rows), []
    for name in ["store.json"] * 60 + ["shard-00000.arrow"] * 60:
        path = tmp_path / "store" / name
        whole = path.read_bytes()
        content = bytearray(whole)
        content[rng.integers(len(content))] ^= 1 << rng.integers(8)
        path.write_bytes(content)
        try:
            store = Store(tmp_path / "store")
            assert store.fingerprint == au_store.fingerprint
            assert store.description == au_store.description
            assert np.array_equal(store.images(rows), pictures)
        except StoreError as error:
            refusals.append(str(error))
        path.write_bytes(whole)
    assert len(refusals) > 100
    assert all(str(tmp_path / "store") in text and "prepare" in text for text in refusals)


def test_a_damaged_crop_is_named(au_store: Store, tmp_path: Path) -> None:
    shutil.copytree(au_store.path, tmp_path / "store")
    shard = tmp_path / "store" / "shard-00000.arrow"
    content = shard.read_bytes()
    crop = rows_of(au_store)[5]["image"]
    assert isinstance(crop, bytes)
    place = content.index(crop) + len(crop) // 2
    shard.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
    store = Store(tmp_path / "store")
    assert np.array_equal(store.image(4), au_store.image(4))
    with pytest.raises(StoreError, match=f"crop of {au_store.keys[5]} is damaged.*prepare' again"):
        store.image(5)


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"size": 0}, "size: Expected int >= 1"),
        ({"size": "36"}, "size: Expected int"),
        ({"aus": [1, 4, 99]}, "99"),
        ({"alignment": {"box_enlarge": 99, "border": 0}}, "box_enlarge"),
        ({"alignment": {"box": 2.9}}, "box"),
        ({"twin": 3}, "twin"),
        ({"skipped": 3}, "skipped: Expected array"),
        ({"format": 3}, "later version"),
        ({"shards": []}, "shards"),
        ({"pictures": 95}, "96 of its 95 crops"),
    ],
)
def test_what_the_description_must_hold(
    au_store: Store, tmp_path: Path, change: dict[str, object], problem: str
) -> None:
    shutil.copytree(au_store.path, tmp_path / "store")
    (tmp_path / "store" / "store.json").write_text(json.dumps(sealed({**au_store.description, **change})))
    with pytest.raises(StoreError, match=problem):
        Store(tmp_path / "store")


def test_row_outside_is_an_index_error(au_store: Store) -> None:
    with pytest.raises(IndexError, match="96 rows"):
        au_store.image(96)


def test_a_set_without_aus_has_no_columns(expression_store: Store) -> None:
    assert expression_store.action_units.shape == (56, 0)
    assert expression_store.votes.shape == (56, 7)


def test_the_fingerprint_tells_content_and_not_place(
    au_store: Store, wild_store: Store, tmp_path: Path
) -> None:
    shutil.copytree(au_store.path, tmp_path / "copy")
    copy = Store(tmp_path / "copy")
    assert re.fullmatch("[0-9a-f]{16}", copy.fingerprint)
    assert copy.fingerprint == au_store.fingerprint != wild_store.fingerprint
    seen = {copy.fingerprint}
    for change in ({"size": 37}, {"dataset": "gft"}, {"alignment": {"box_enlarge": 2.8, "border": 128}}):
        other = Store(copy.path)
        other.description.update(change)
        other.size = other.description["size"]
        seen.add(other.fingerprint)
    for row, column in ((0, 0), (95, 2)):
        other = Store(copy.path)
        other.action_units[row, column] = 1 - np.nan_to_num(other.action_units[row, column])
        seen.add(other.fingerprint)
    assert len(seen) == 6


@pytest.mark.parametrize(
    ("twin", "seed"), [(None, None), ({}, None), ({"seed": "x"}, None), ({"seed": 7}, 7)]
)
def test_the_seed_of_a_twin(au_store: Store, tmp_path: Path, twin: dict[str, object], seed: int) -> None:
    content = {**au_store.description, "twin": twin}
    assert write_store(tmp_path / "store", rows_of(au_store), **content).twin_seed == seed
