from __future__ import annotations

import numpy as np
import pytest

from metafacs.data.splits import (
    BP4D_PARTS,
    DISFA_PARTS,
    Split,
    SplitError,
    published_split,
    refuse_overlap,
    validation_reserve,
)


def test_published_parts_hold_everybody_once() -> None:
    bp4d = [person for part in BP4D_PARTS for person in part]
    assert sorted(bp4d) == [f"F{i:03d}" for i in range(1, 24)] + [f"M{i:03d}" for i in range(1, 19)]
    assert [len(part) for part in BP4D_PARTS] == [14, 14, 13]
    disfa = [person for part in DISFA_PARTS for person in part]
    assert len(set(disfa)) == len(disfa) == 27
    assert not {"SN014", "SN015", "SN019", "SN020", "SN022"} & set(disfa)


@pytest.mark.parametrize(("fold", "part"), [(1, 2), (2, 1), (3, 0)])
def test_fold_numbers_follow_me_graphau(fold: int, part: int) -> None:
    everybody = [person for p in BP4D_PARTS for person in p]
    split = published_split("bp4d", fold, everybody)
    assert split.test == tuple(sorted(BP4D_PARTS[part]))
    assert len(split.train) + len(split.test) == 41
    assert not set(split.train) & set(split.test)


def test_hash_tells_splits_apart() -> None:
    everybody = [person for p in BP4D_PARTS for person in p]
    hashes = {published_split("bp4d", fold, everybody).hash for fold in (1, 2, 3)}
    assert len(hashes) == 3
    assert published_split("bp4d", 1, reversed(everybody)).hash in hashes


def test_overlap_is_refused() -> None:
    with pytest.raises(SplitError, match="M001"):
        refuse_overlap(["F001", "M001"], ["M001"])
    with pytest.raises(SplitError, match="F001"):
        Split("mine", 1, ("F001",), ("F001", "F002"))


@pytest.mark.parametrize(
    ("dataset", "fold", "people", "message"),
    [
        ("gft", 1, ["001A"], "no published folds"),
        ("bp4d", 4, ["F001"], "1 to 3"),
        ("bp4d", 1, ["F001", "F099"], "F099"),
        ("bp4d", 1, ["F001"], "nobody"),
    ],
)
def test_impossible_splits_say_why(dataset: str, fold: int, people: list[str], message: str) -> None:
    with pytest.raises(SplitError, match=message):
        published_split(dataset, fold, people)


def test_reserve_is_uniform_over_people_and_repeatable() -> None:
    people = ["F001"] * 100 + ["M001"] * 300 + ["F002"] * 10
    mask = validation_reserve(people, 0.02, seed=3)
    counts = {p: int(mask[np.array(people) == p].sum()) for p in set(people)}
    assert counts == {"F001": 2, "M001": 6, "F002": 1}
    assert np.array_equal(mask, validation_reserve(people, 0.02, seed=3))
    assert not np.array_equal(mask, validation_reserve(people, 0.02, seed=4))


def test_reserve_refuses_to_take_everything() -> None:
    with pytest.raises(SplitError, match="F001 has 1 picture"):
        validation_reserve(["F001"], 0.5, seed=0)
    with pytest.raises(SplitError, match="inside"):
        validation_reserve(["F001"] * 5, 0.0, seed=0)
