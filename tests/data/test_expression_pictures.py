"""Doses of permuted labels and of pictures without action units, and the oracle that knows them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from metafacs.data.datasets.reading import DatasetError
from metafacs.data.expression_pictures import ChosenPictures, ExpressionPictures, choose_expression_pictures
from metafacs.data.splits import own_training_rows
from metafacs.data.store import Store
from metafacs.data.twins.carried_pictures import read_carriers


@pytest.fixture
def choose(expression_store: Store, provenance: Path) -> Callable[..., ChosenPictures]:
    def chosen(seed: int = 0, **settings: object) -> ChosenPictures:
        rows = np.flatnonzero(own_training_rows(expression_store))
        asked = ExpressionPictures(provenance=provenance, **settings)  # type: ignore[arg-type]
        return choose_expression_pictures(expression_store, rows, asked, seed)

    return chosen


def test_permuted_labels_keep_their_counts_and_neutral_ones_stay(
    choose: Callable[..., ChosenPictures], expression_store: Store
) -> None:
    found = choose(permuted_labels=0.5)
    own, neutral = expression_store.expression, expression_store.expressions.index("neutral")
    assert len(found.rows) == own_training_rows(expression_store).sum()
    assert Counter(found.labels[found.rows].tolist()) == Counter(own[found.rows].tolist())
    assert (found.labels[own == neutral] == neutral).all()
    assert (found.wrong == (found.labels != own)).all()
    # Of 18 permuted labels a sixth is right by chance.
    assert 9 <= found.told["wrong"] == found.wrong.sum() <= 18
    assert not choose().wrong.any()


def test_what_misleads_at_one_dose_misleads_at_a_larger_one(
    choose: Callable[..., ChosenPictures], expression_store: Store, provenance: Path
) -> None:
    without = read_carriers(provenance, expression_store).without_action_units
    doses = [choose(count=7, without_action_units=share) for share in (0.0, 0.5, 1.0)]
    chosen = [set(found.rows[without[found.rows]].tolist()) for found in doses]
    assert [len(rows) for rows in chosen] == [0, 3, 6]
    assert chosen[1] < chosen[2]
    # Equal numbers: one neutral picture of 7, as they are 6 of 42.
    assert [found.told["carriers"]["neutral"] for found in doses] == [1, 1, 1]
    assert [len(found.rows) for found in doses] == [7, 7, 7]
    assert choose(count=14, seed=1).rows.tolist() != choose(count=14).rows.tolist()
    assert choose(count=14).told == choose(count=14).told


def test_as_many_as_there_are_with_a_share_of_both_kinds(choose: Callable[..., ChosenPictures]) -> None:
    carriers = choose(without_action_units=0.5).told["carriers"]
    others = sum(count for kind, count in carriers.items() if kind not in ("action_units", "neutral"))
    assert others == carriers["action_units"] == min(choose().told["carriers"]["action_units"], others)


def test_the_oracle_leaves_out_what_misleads_and_nothing_else(
    choose: Callable[..., ChosenPictures], expression_store: Store, provenance: Path
) -> None:
    without = read_carriers(provenance, expression_store).without_action_units
    all_of_them = choose(permuted_labels=0.5)
    told = choose(permuted_labels=0.5, oracle=True)
    bad = all_of_them.wrong | without
    assert told.rows.tolist() == [row for row in all_of_them.rows.tolist() if not bad[row]]
    assert told.told["wrong"] == 0
    assert set(told.told["carriers"]) == {"action_units", "neutral"}


def test_no_oracle_on_licensed_data(
    expression_store: Store, provenance: Path, licensed_copy: Callable[[Store], Store]
) -> None:
    licensed, rows = licensed_copy(expression_store), np.arange(8)
    for settings in ({"oracle": True}, {"without_action_units": 0.5}):
        with pytest.raises(ValueError, match="cannot run on licensed data"):
            ExpressionPictures(**settings)  # type: ignore[arg-type]
        asked = ExpressionPictures(provenance=provenance, **settings)  # type: ignore[arg-type]
        with pytest.raises(DatasetError, match="holds pictures of raf_db itself"):
            choose_expression_pictures(licensed, rows, asked, 0)
    # Permuting labels asks nothing of a twin.
    choose_expression_pictures(licensed, rows, ExpressionPictures(permuted_labels=0.5), 0)


def test_too_many_pictures_are_refused(choose: Callable[..., ChosenPictures]) -> None:
    with pytest.raises(ValueError, match="carried by no action unit are asked for, but"):
        choose(count=40, without_action_units=0.9)
    with pytest.raises(ValueError, match=r"permuted_labels is 1\.5"):
        ExpressionPictures(permuted_labels=1.5)
