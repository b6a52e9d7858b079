from __future__ import annotations

import re
import shutil

import numpy as np
import pyarrow as pa
import pytest

from metafacs.data.store import Store, StoreError


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


def test_unfinished_folder_says_what_to_run(tmp_path) -> None:
    with pytest.raises(StoreError, match="run 'metafacs prepare'"):
        Store(tmp_path)


def test_damaged_description_is_refused(tmp_path) -> None:
    (tmp_path / "store.json").write_text("{")
    with pytest.raises(StoreError, match="damaged"):
        Store(tmp_path)
    with pytest.raises(StoreError, match=r"no store\.json"):
        Store(tmp_path / "nowhere")


def test_a_store_of_an_earlier_version_says_so(au_store: Store, tmp_path) -> None:
    table = pa.ipc.open_file(str(au_store.path / "shard-00000.arrow")).read_all().drop_columns("intensities")
    with (
        pa.OSFile(str(tmp_path / "shard-00000.arrow"), "wb") as sink,
        pa.ipc.new_file(sink, table.schema) as w,
    ):
        w.write_table(table)
    (tmp_path / "store.json").write_text((au_store.path / "store.json").read_text())
    with pytest.raises(StoreError, match=r"earlier version \(no intensities\); prepare it again"):
        Store(tmp_path)


def test_truncated_shard_is_refused(au_store: Store, tmp_path) -> None:
    shard = (au_store.path / "shard-00000.arrow").read_bytes()
    (tmp_path / "shard-00000.arrow").write_bytes(shard[: len(shard) // 2])
    (tmp_path / "store.json").write_text((au_store.path / "store.json").read_text())
    with pytest.raises(StoreError, match="damaged"):
        Store(tmp_path)


def test_row_outside_is_an_index_error(au_store: Store) -> None:
    with pytest.raises(IndexError, match="96 rows"):
        au_store.image(96)


def test_a_set_without_aus_has_no_columns(expression_store: Store) -> None:
    assert expression_store.action_units.shape == (56, 0)
    assert expression_store.votes.shape == (56, 7)


def test_the_fingerprint_tells_content_and_not_place(au_store: Store, wild_store: Store, tmp_path) -> None:
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
