from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from conftest import write_store
from metafacs.data.inspection import inspect_store, spread_rows
from metafacs.data.store import Store

NAN = float("nan")


@pytest.fixture
def store(tmp_path: Path) -> Store:
    labels = [(1, 1, NAN), (1, 0, NAN), (1, NAN, NAN), (0, 1, NAN), (NAN, NAN, NAN)]
    people = ["F001", "F001", "M001", None, None]
    rows = [
        {
            "key": str(i),
            "subject": person,
            "part": "T1" if i else None,
            "action_units": known,
            "expression": -1,
            "landmarks": np.zeros(136) if i < 2 else None,
        }
        for i, (known, person) in enumerate(zip(labels, people, strict=True))
    ]
    reasons = ["unreadable picture: a is empty", "unreadable picture: b is empty", "label without a frame"]
    skipped = [{"file": "a", "line": None, "reason": reason} for reason in reasons]
    about = {"dataset": "bp4d", "aus": [1, 4, 12], "expressions": [], "size": 16}
    noted = [{"key": "1", "note": "several faces, the largest was taken"}]
    return write_store(tmp_path / "store", rows, skipped=skipped, noted=noted, **about)


def test_counts_are_those_of_the_labels(store: Store) -> None:
    found = inspect_store(store)
    assert [(c.present, c.absent, c.unknown) for c in found.action_units] == [(3, 1, 1), (2, 1, 2), (0, 0, 5)]
    assert found.action_units[0].rate == 0.75
    assert np.isnan(found.action_units[2].rate)
    assert (found.without_action_units, found.without_subject, found.without_landmarks) == (1, 2, 3)
    assert found.subjects == {"F001": 2, "M001": 1}
    assert found.parts == {"T1": 4}
    assert (found.expressions, found.without_expression) == ({}, 0)
    assert found.skipped == {"unreadable picture": 2, "label without a frame": 1}
    assert found.noted == {"several faces, the largest was taken": 1}


def test_unknown_labels_do_not_count_against_co_occurrence(store: Store) -> None:
    found = inspect_store(store)
    assert np.array_equal(np.diag(found.together), [3, 2, 0])
    # AU1 is shown three times; once of these AU4 is unknown, once absent, once shown.
    assert found.co_occurrence[0, 1] == 0.5
    assert found.co_occurrence[1, 0] == 0.5
    assert np.isnan(found.co_occurrence[2]).all()


def test_the_text_and_the_json_say_the_same(store: Store) -> None:
    found = inspect_store(store)
    text = str(found)
    for words in ("5 pictures of 16 px", "2 subjects with 1 to 2", "75.0 %", "2 pictures without subject"):
        assert words in text
    assert "synthetic" in text
    content = json.loads(json.dumps(found.summary(), allow_nan=False))
    counts = {"present": 0, "absent": 0, "unknown": 5, "rate": None, "published_rate": 0.56}
    assert content["action_units"]["AU12"] == counts
    assert content["co_occurrence"][0][1] == 0.5


def test_published_rates_stand_beside_and_rendered_ones_are_called_synthetic(store: Store) -> None:
    lines = str(inspect_store(store)).splitlines()
    (head,) = (line for line in lines if "present" in line)
    assert head.split()[-3:] == ["synthetic", "rate", "published"]
    (row,) = (line for line in lines if "Brow lowerer" in line)
    assert row.split()[-4:] == ["66.7", "%", "20.0", "%"]
    (place,) = (line for line in lines if "published" in line and line != head)
    assert "the real set's" in place
    assert place.endswith("AU 1 4 12")
    store.description.update(dataset="gft", synthetic=False)
    unpublished = inspect_store(store)
    assert "published" not in str(unpublished)
    assert "synthetic" not in str(unpublished)
    assert unpublished.summary()["action_units"]["AU01"]["published_rate"] is None  # type: ignore[index]


def test_notes_about_several_things_count_each_of_them(store: Store) -> None:
    store.description["skipped"].append({"file": "b", "line": None, "reason": "frame x: y", "count": 7})
    assert inspect_store(store).skipped["frame x"] == 7


def test_expressions_are_counted(expression_store: Store) -> None:
    found = inspect_store(expression_store)
    assert sum(found.expressions.values()) == len(expression_store) == 56
    assert found.action_units == ()
    assert found.parts == {"test": 14, "train": 42}
    assert "happiness" in str(found)
    assert found.summary()["co_occurrence"] == []


@given(people=st.lists(st.sampled_from(["", "F001", "F002", "M001"]), max_size=30), count=st.integers(1, 12))
def test_chosen_rows_are_distinct_and_of_many_people(people: list[str], count: int) -> None:
    chosen = spread_rows(people, np.arange(len(people)), count)
    assert len(set(chosen)) == len(chosen) == min(count, len(people))
    assert len({people[row] for row in chosen}) == min(count, len(set(people)))
