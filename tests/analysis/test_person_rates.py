from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from conftest import rows_of, write_store
from metafacs.analysis.person_rates import person_rates
from metafacs.data.store import Store


def store_of(rows: list[dict], path: Path) -> Store:
    return write_store(path, rows, dataset="bp4d", aus=[1, 4, 12], expressions=[], size=36)


def test_rates_are_counted_person_by_person(au_store: Store) -> None:
    found = person_rates(au_store)
    assert found.people == tuple(sorted(set(au_store.subjects)))
    for row, person in enumerate(found.people):
        labels = au_store.action_units[au_store.subjects == person]
        np.testing.assert_allclose(found.rates[row], np.nanmean(labels, axis=0))
    np.testing.assert_allclose(found.everybody, np.nanmean(au_store.action_units, axis=0))


def test_what_nobody_labelled_is_unknown_and_pictures_of_nobody_are_left_out(
    au_store: Store, tmp_path: Path
) -> None:
    rows = rows_of(au_store)
    first = rows[0]["subject"]
    for row in rows:
        if row["subject"] == first:
            row["action_units"] = [1.0, np.nan, 0.0]
    found = person_rates(store_of([*rows, {**rows[0], "subject": "", "key": "nobody"}], tmp_path / "store"))
    np.testing.assert_array_equal(found.rates[found.people.index(first)], [1.0, np.nan, 0.0])
    assert not np.isnan(found.everybody).any()
    assert "" not in found.people


def test_a_store_without_people_is_refused(au_store: Store, tmp_path: Path) -> None:
    rows = [{**row, "subject": ""} for row in rows_of(au_store)]
    with pytest.raises(ValueError, match="does not tell its people"):
        person_rates(store_of(rows, tmp_path / "store"))
