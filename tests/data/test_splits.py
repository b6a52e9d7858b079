from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from conftest import AUS, paint, write_store
from metafacs.data.datasets.reading import DatasetError
from metafacs.data.facts import BP4D, DISFA
from metafacs.data.splits import (
    Split,
    SplitError,
    adld_split,
    choose_split,
    leave_one_subject_out,
    listed_split,
    published_split,
    refuse_overlap,
    validation_reserve,
    with_validation_people,
)
from metafacs.data.store import Store


@pytest.mark.parametrize(("fold", "part"), [(1, 2), (2, 1), (3, 0)])
def test_fold_numbers_follow_me_graphau(fold: int, part: int) -> None:
    everybody = [person for p in BP4D.published_parts for person in p]
    split = published_split("bp4d", fold, everybody)
    assert split.test == tuple(sorted(BP4D.published_parts[part]))
    assert len(split.train) + len(split.test) == 41
    assert not set(split.train) & set(split.test)


def test_hash_tells_splits_apart() -> None:
    everybody = [person for p in BP4D.published_parts for person in p]
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
        validation_reserve(["F001"] * 5, 1.0, seed=0)


def test_no_reserve_takes_nothing_and_leaves_even_single_pictures() -> None:
    assert not validation_reserve(["F001", "F002", "F002"], 0.0, seed=0).any()


def test_adld_trains_on_two_parts_and_divides_the_third() -> None:
    everybody = [person for part in BP4D.published_parts for person in part]
    split = adld_split(everybody)
    assert (len(split.train), len(split.validation), len(split.test)) == (28, 7, 6)
    assert set(split.train) == set(BP4D.published_parts[0]) | set(BP4D.published_parts[1])
    assert set(split.validation) | set(split.test) == set(BP4D.published_parts[2])
    assert split.hash != published_split("bp4d", 1, everybody).hash
    with pytest.raises(SplitError, match="F099"):
        adld_split([*everybody, "F099"])
    with pytest.raises(SplitError, match="nobody"):
        adld_split(["F001"])


def test_validation_people_may_be_on_no_other_side() -> None:
    with pytest.raises(SplitError, match="in training and in validation: F001"):
        Split("mine", 1, ("F001",), ("F002",), ("F001",))
    with pytest.raises(SplitError, match="in validation and in test: F002"):
        Split("mine", 1, ("F001",), ("F002",), ("F002",))


@pytest.mark.parametrize(
    ("parts", "aus", "tasks"),
    [(BP4D.published_parts, BP4D.evaluated_aus, 480), (DISFA.published_parts, DISFA.evaluated_aus, 208)],
)
def test_leaving_one_out_gives_the_task_counts_of_maml_au(
    parts: tuple[tuple[str, ...], ...], aus: tuple[int, ...], tasks: int
) -> None:
    """One task per AU and training person; MAML-AU prints 8 x 26 = 208 for DISFA."""
    everybody = [person for part in parts for person in part]
    splits = leave_one_subject_out(reversed(everybody))
    assert [split.test for split in splits] == [(person,) for person in sorted(everybody)]
    assert [split.fold for split in splits] == list(range(1, len(everybody) + 1))
    assert {len(split.train) * len(aus) for split in splits} == {tasks}
    assert len({split.hash for split in splits}) == len(everybody)


def test_leaving_one_out_takes_two() -> None:
    with pytest.raises(SplitError, match="two people"):
        leave_one_subject_out(["F001", "F001"])


def test_lists_of_people_in_files(write_text: Callable[[str, str], Path]) -> None:
    train = write_text("train.txt", "\ufeff001A\r\n001B,\r\n\r\n009C\r\n")
    test = write_text("test.txt", "002A\n")
    with pytest.warns(UserWarning, match=r"1 of the 4 people in .* are not in the store: 009C"):
        split = listed_split(train, test, ["002A", "001B", "001A"])
    assert (split.name, split.train, split.test) == ("listed", ("001A", "001B"), ("002A",))
    with pytest.raises(SplitError, match="lists these people: 003A; they list 001B and others"):
        listed_split(train, test, ["001A", "002A", "003A"])
    with pytest.raises(SplitError, match="nobody"), pytest.warns(UserWarning, match="3 of the 4"):
        listed_split(train, test, ["001A"])
    with pytest.raises(SplitError, match="002A"):
        listed_split(write_text("both.txt", "002A\n"), test, ["002A"])
    with pytest.raises(DatasetError, match="is missing"):
        listed_split(train, test.with_name("none.txt"), ["001A"])


def test_the_usual_split_is_the_published_one_or_the_sets_own(au_store: Store, parted_store: Store) -> None:
    assert choose_split(au_store) == choose_split(au_store, "published", 1)
    parts = choose_split(parted_store)
    assert (parts.name, parts.by, parts.validation) == ("parts", "part", ("validation",))
    assert set(parted_store.subjects[parts.rows(parted_store, "test")]) == {"002B"}
    assert len(parts.hash) == 12


def test_choosing_says_what_is_wrong(au_store: Store, parted_store: Store) -> None:
    with pytest.raises(SplitError, match="no part train and no part test of its own"):
        choose_split(au_store, "parts")
    with pytest.raises(SplitError, match="no published folds"):
        choose_split(parted_store, "published")
    with pytest.raises(SplitError, match="fold must be 1 to 6"):
        choose_split(au_store, "leave_one_subject_out", 7)
    with pytest.raises(SplitError, match="needs two files"):
        choose_split(au_store, "listed")


def test_validation_people_come_from_training(au_store: Store, parted_store: Store) -> None:
    split = choose_split(au_store)
    chosen = with_validation_people(split, au_store, 2, seed=1)
    assert set(chosen.validation) | set(chosen.train) == set(split.train)
    assert len(chosen.validation) == 2
    assert chosen.test == split.test
    assert chosen.hash != split.hash
    with pytest.raises(SplitError, match="cannot be taken from 4"):
        with_validation_people(split, au_store, 4, seed=1)
    with pytest.raises(SplitError, match="its own validation part"):
        with_validation_people(choose_split(parted_store), parted_store, 1, seed=1)


@pytest.fixture
def write_parts(tmp_path: Path) -> Callable[..., Store]:
    """Return a function that writes a store with two pictures of each (person, part)."""

    def write(*told: tuple[str, str]) -> Store:
        picture = paint(np.random.default_rng(0), 36, np.zeros(len(AUS)))
        rows: list[dict[str, object]] = [
            {"key": f"{number}-{copy}", "subject": person, "part": part, "image": picture}
            | {"action_units": np.zeros(len(AUS), np.float32)}
            for number, (person, part) in enumerate(told)
            for copy in range(2)
        ]
        path = tmp_path / f"store{len(list(tmp_path.iterdir()))}"
        return write_store(path, rows, dataset="gft", aus=list(AUS), expressions=[], size=36)

    return write


def test_validation_people_of_a_set_with_two_parts(write_parts: Callable[..., Store]) -> None:
    """As GFT has them: people to train on and people to test, nobody to choose by."""
    store = write_parts(("001A", "train"), ("001B", "train"), ("002A", "train"), ("003A", "test"))
    parts = choose_split(store)
    chosen = with_validation_people(parts, store, 1, seed=0)
    assert (chosen.name, chosen.by, chosen.test) == ("parts", "subject", ("003A",))
    assert {*chosen.train, *chosen.validation} == {"001A", "001B", "002A"}
    assert len(chosen.validation) == 1
    assert set(store.subjects[chosen.rows(store, "validation")]) == set(chosen.validation)
    assert chosen.hash != parts.hash


def test_validation_people_need_pictures_that_tell_people(write_parts: Callable[..., Store]) -> None:
    store = write_parts(("001A", "train"), ("", "train"), ("003A", "test"))
    with pytest.raises(SplitError, match="do not tell whose they are"):
        with_validation_people(choose_split(store), store, 1, seed=0)
    # With 001A its picture that is in no part would come along.
    store = write_parts(("001A", "train"), ("001B", "train"), ("001A", ""), ("003A", "test"))
    with pytest.raises(SplitError, match="1 people are in a part and in none: 001A"):
        with_validation_people(choose_split(store), store, 1, seed=0)
