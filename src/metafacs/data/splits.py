"""Splits: the published folds, a set's own parts, lists in files, validation reserves, the overlap check."""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np

from metafacs.data.datasets.reading import listed_names
from metafacs.data.facts import BP4D, FACTS, facts_of
from metafacs.data.store import Store

SplitName = Literal["published", "adld", "leave_one_subject_out", "parts", "listed", "everybody"]
"""How :func:`choose_split` may divide a store."""

Side = Literal["train", "validation", "test"]


class SplitError(ValueError):
    """A split is impossible or unsafe; the message names the people or the fold."""


@dataclass(frozen=True)
class Split:
    """Who trains and who is tested.

    Attributes:
        name: Where the split comes from, e.g. ``3fold``.
        fold: 1-based fold number.
        train: Ids of the people to train on, sorted; names of the set's own parts where ``by`` says so.
        test: Ids of the held-out people, sorted, or names of parts.
        validation: Ids of the people to choose by, sorted, or names of parts; empty where there are none.
        by: What the ids name: people, or the set's own parts, e.g. ``train`` of RAF-CE.
        membership: Digest of which picture is in which part; empty for a split of people.
    """

    name: str
    fold: int
    train: tuple[str, ...]
    test: tuple[str, ...]
    validation: tuple[str, ...] = ()
    by: Literal["subject", "part"] = "subject"
    membership: str = ""

    def __post_init__(self) -> None:
        refuse_overlap(self.train, self.test)
        refuse_overlap(self.train, self.validation, other="validation")
        refuse_overlap(self.validation, self.test, one="validation")

    @property
    def hash(self) -> str:
        """Twelve hexadecimal digits that change when anybody moves between train, validation and test."""
        text = f"{','.join(self.train)}|{','.join(self.test)}"
        if self.validation:
            text += f"|{','.join(self.validation)}"
        text += self.membership
        return hashlib.sha256(text.encode()).hexdigest()[:12]

    def rows(self, store: Store, side: Side) -> np.ndarray:
        """Return which rows of a store are on a side of the split, boolean, ``row``."""
        names = store.subjects if self.by == "subject" else store.parts
        return np.isin(names, getattr(self, side))


def choose_split(
    store: Store, name: SplitName | None = None, fold: int = 1, lists: tuple[Path, Path] | None = None
) -> Split:
    """Return a split of a store's people or pictures by its name.

    Args:
        store: What is to be divided.
        name: ``published`` (the three folds of BP4D and DISFA), ``adld``, ``leave_one_subject_out``,
            ``parts`` (the set's own train, validation and test parts), ``listed`` (people in two files) or
            ``everybody`` (nobody is held out); None = ``published`` where there is one, else ``parts``.
        fold: 1-based fold of ``published`` and ``leave_one_subject_out``.
        lists: Files with the people of training and test, for ``listed``.

    Raises:
        SplitError: If the store cannot be divided so.
    """
    people = sorted(set(store.subjects) - {""})
    chosen = name or ("published" if facts_of(store.dataset).published_parts else "parts")
    if (chosen == "listed") != (lists is not None):
        raise SplitError("the split 'listed' needs two files with people, 'lists', and no other takes them")
    if chosen == "published":
        return published_split(store.dataset, fold, people)
    if chosen == "adld":
        return adld_split(people)
    if chosen == "leave_one_subject_out":
        splits = leave_one_subject_out(people)
        if not 1 <= fold <= len(splits):
            raise SplitError(f"fold must be 1 to {len(splits)}, the number of people, not {fold}")
        return splits[fold - 1]
    if chosen == "parts":
        return parts_split(store)
    if lists is not None:
        return listed_split(*lists, people)
    names = (*people, "") if (store.subjects == "").any() else people
    return Split("everybody", 1, tuple(sorted(names)), ())


def refuse_overlap(
    train: Iterable[str], test: Iterable[str], *, one: str = "training", other: str = "test"
) -> None:
    """Fail if anybody is on both sides.

    Args:
        train: Ids on one side.
        test: Ids on the other side.
        one: What the first side is called in the message.
        other: What the second side is called.

    Raises:
        SplitError: Naming the people who are in both.
    """
    both = sorted(set(train) & set(test))
    if both:
        raise SplitError(f"{len(both)} people are in {one} and in {other}: {', '.join(both[:10])}")


def published_split(dataset: str, fold: int, subjects: Iterable[str]) -> Split:
    """Return one of the published three folds, restricted to the people that are there.

    Folds are numbered as ME-GraphAU does: fold 1 tests part 3, fold 2 part 2, fold 3 part 1.

    Args:
        dataset: ``bp4d`` or ``disfa``.
        fold: 1, 2 or 3.
        subjects: Ids present in the store.

    Raises:
        SplitError: For a data set without published folds, a wrong fold number, an id that is in no
            part, or a fold without people on one side.
    """
    parts = facts_of(dataset).published_parts
    if not parts:
        known = sorted(name for name, facts in FACTS.items() if facts.published_parts)
        raise SplitError(f"{dataset} has no published folds; there are folds for {known}")
    if not 1 <= fold <= len(parts):
        raise SplitError(f"fold must be 1 to {len(parts)}, not {fold}")
    present = set(subjects)
    unknown = sorted(present - {s for part in parts for s in part})
    if unknown:
        raise SplitError(f"{dataset}'s published folds do not list these people: {', '.join(unknown[:10])}")
    held_out = set(parts[len(parts) - fold])
    split = Split("3fold", fold, tuple(sorted(present - held_out)), tuple(sorted(present & held_out)))
    if not split.train or not split.test:
        raise SplitError(
            f"fold {fold} of {dataset} leaves nobody to train on or to test; the store holds "
            f"{', '.join(sorted(present))}"
        )
    return split


def adld_split(subjects: Iterable[str]) -> Split:
    """Return ADLD's split of BP4D, restricted to the people that are there.

    ADLD trains on parts 1 and 2 (28 people), validates on 7 and tests on 6 people of part 3.

    Args:
        subjects: Ids present in the store.

    Raises:
        SplitError: For an id that is in no part, or a split without people to train on or to test.
    """
    present = set(subjects)
    *trained, held_out = BP4D.published_parts
    train = {person for part in trained for person in part}
    validation = set(BP4D.adld_validation)
    test = set(held_out) - validation
    unknown = sorted(present - train - validation - test)
    if unknown:
        raise SplitError(f"ADLD's split of BP4D does not list these people: {', '.join(unknown[:10])}")
    return _populated(
        Split(
            "adld",
            1,
            tuple(sorted(present & train)),
            tuple(sorted(present & test)),
            tuple(sorted(present & validation)),
        )
    )


def leave_one_subject_out(subjects: Iterable[str]) -> list[Split]:
    """Return one split per person, who is tested while everybody else trains; fold k tests the k-th id.

    Args:
        subjects: Ids present in the store.

    Raises:
        SplitError: If there are fewer than two people.
    """
    people = sorted(set(subjects))
    if len(people) < 2:
        raise SplitError(f"leaving one subject out takes two people or more; the store holds {people}")
    return [
        Split("leave_one_subject_out", fold, tuple(p for p in people if p != held_out), (held_out,))
        for fold, held_out in enumerate(people, start=1)
    ]


def listed_split(train: Path | str, test: Path | str, subjects: Iterable[str]) -> Split:
    """Return the split that two files give, one id a line, restricted to the people that are there.

    GFT is split this way: ``train.txt`` and ``test.txt``.

    Args:
        train: File with the people to train on.
        test: File with the people to test on.
        subjects: Ids present in the store.

    Raises:
        DatasetError: If a file is missing or not text.
        SplitError: If somebody is in both files, somebody present in neither, or one side is empty.

    Warns:
        UserWarning: If the files list people who are not in the store.
    """
    sides = [set(listed_names(Path(path))) for path in (train, test)]
    refuse_overlap(*sides)
    present, listed = set(subjects), sides[0] | sides[1]
    unknown, absent = sorted(present - listed), sorted(listed - present)
    if unknown:
        example = f"; they list {absent[0]} and others who are not in the store" if absent else ""
        raise SplitError(f"neither {train} nor {test} lists these people: {', '.join(unknown[:10])}{example}")
    if absent:
        warnings.warn(
            f"{len(absent)} of the {len(listed)} people in {train} and {test} are not in the store: "
            f"{', '.join(absent[:10])}",
            stacklevel=2,
        )
    return _populated(
        Split("listed", 1, tuple(sorted(present & sides[0])), tuple(sorted(present & sides[1])))
    )


def parts_split(store: Store) -> Split:
    """Return the split a data set comes with: its parts ``train``, ``test`` and, where given, ``validation``.

    Raises:
        SplitError: If the store has no part ``train`` or none ``test``, or a person is in both.
    """
    present = set(store.parts)
    missing = [part for part in ("train", "test") if part not in present]
    if missing:
        raise SplitError(
            f"{store.path} ({store.dataset}) has no part {' and no part '.join(missing)} of its own; choose "
            "another split, e.g. leave_one_subject_out"
        )
    inside = {
        part: set(store.subjects[store.parts == part]) - {""} for part in ("train", "test", "validation")
    }
    refuse_overlap(inside["train"], inside["test"])
    refuse_overlap(inside["train"], inside["validation"], other="validation")
    refuse_overlap(inside["validation"], inside["test"], one="validation")
    lines = "\n".join(f"{key} {part}" for key, part in sorted(zip(store.keys, store.parts, strict=True)))
    validation = ("validation",) if "validation" in present else ()
    digest = hashlib.sha256(lines.encode()).hexdigest()
    return Split("parts", 1, ("train",), ("test",), validation, "part", digest)


def own_training_rows(store: Store) -> np.ndarray:
    """Return which rows a set's own parts leave for training, boolean, ``row``; all where it has none."""
    if "train" not in store.parts:
        return np.ones(len(store), bool)
    return np.isin(store.parts, ("train", ""))


def with_validation_people(split: Split, store: Store, count: int, seed: int) -> Split:
    """Return the split with some training people taken out, to choose settings by; test people stay unseen.

    Args:
        split: A split of the store without validation part. One of a set's own parts becomes one of people.
        store: What it divides.
        count: How many to take.
        seed: Seed of the choice.

    Raises:
        SplitError: If the split has a validation part, pictures tell no people, or too few are to train on.
    """
    if split.validation:
        raise SplitError(f"split '{split.name}' brings its own validation part; take no people out of it")
    if split.by == "part":
        split = _of_people(split, store)
    if not 0 < count < len(split.train):
        raise SplitError(f"{count} validation people cannot be taken from {len(split.train)} training people")
    drawn = np.random.default_rng(seed).choice(len(split.train), count, replace=False)
    taken = {split.train[i] for i in drawn}
    rest = tuple(person for person in split.train if person not in taken)
    return replace(split, train=rest, validation=tuple(sorted(taken)))


def _of_people(split: Split, store: Store) -> Split:
    train, test = (set(store.subjects[split.rows(store, side)]) for side in ("train", "test"))
    if "" in train | test:
        raise SplitError(
            f"pictures of {store.path} ({store.dataset}) do not tell whose they are; take no people out"
        )
    # By their names people would bring along pictures that the parts leave out.
    others = set(store.subjects[~np.isin(store.parts, (*split.train, *split.test))])
    refuse_overlap(train | test, others, one="a part", other="none")
    return replace(split, by="subject", train=tuple(sorted(train)), test=tuple(sorted(test)))


def _populated(split: Split) -> Split:
    if not split.train or not split.test:
        raise SplitError(f"split '{split.name}' leaves nobody to train on or to test in this store")
    return split


def validation_reserve(subjects: Sequence[str], fraction: float, seed: int) -> np.ndarray:
    """Choose pictures to reserve for validation, uniformly from each person.

    MAL (section 4.1.4) reserves about 2 % of the training pictures, sampled uniformly per subject, and
    takes them out of the training set.

    Args:
        subjects: The person of each training picture.
        fraction: Share of every person's pictures, in [0, 1); above 0 at least one of each is taken.
        seed: Seed of the choice.

    Returns:
        Boolean mask, True = reserved.

    Raises:
        SplitError: If the fraction is not inside [0, 1) or would leave a person without training pictures.
    """
    if not 0 <= fraction < 1:
        raise SplitError(f"the validation reserve must be a share inside [0, 1), not {fraction}")
    people = np.asarray(subjects)
    mask = np.zeros(len(people), dtype=bool)
    if fraction == 0:
        return mask
    rng = np.random.default_rng(seed)
    for person in sorted(set(subjects)):
        rows = np.flatnonzero(people == person)
        count = max(1, round(fraction * len(rows)))
        if count >= len(rows):
            raise SplitError(
                f"{person} has {len(rows)} picture(s): a reserve would leave none to train on; methods that "
                "learn nothing from it can do without: --reserve 0"
            )
        mask[rng.choice(rows, count, replace=False)] = True
    return mask
