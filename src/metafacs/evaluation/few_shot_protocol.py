"""The few-shot protocols of MAML-AU: people left out of training, and people of another data set."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np

from metafacs.data.facts import facts_of
from metafacs.data.splits import Split, SplitError, choose_split
from metafacs.data.store import Store
from metafacs.evaluation.few_shot import FewShotTest
from metafacs.evaluation.few_shot_records import seed_suffix
from metafacs.methods import FEW_SHOT
from metafacs.methods.few_shot import OUTER_RATE
from metafacs.models.devices import check_device
from metafacs.parsing import check_number
from metafacs.texts import check_folder_name
from metafacs.training.few_shot import FewShotTraining
from metafacs.training.trainer import LARGEST_SEED
from metafacs.training.training_data import chosen_aus

RECORDS, MODELS = "records", "models"
HoldOut = Literal["leave_one_subject_out", "published"]
AS_PRINTED = FewShotTraining()
AS_TESTED = FewShotTest()


@dataclass(frozen=True)
class FewShotProtocol:
    """One few-shot comparison.

    Attributes:
        learners: Names in ``FEW_SHOT``.
        trained_on: Prepared store of the training tasks.
        tested_on: Prepared store of the people to adapt to; the same one holds people out, another one trains
            on everybody and adapts to people of another data set.
        out: Folder of models and records.
        subjects: Ids of the people to adapt to.
        aus: FACS numbers of the training tasks.
        tested_aus: FACS numbers of the test tasks.
        training: How to train.
        testing: How to test.
        seeds: Seeds of training, in the order of the work; each takes the place of ``training.seed``.
        split: Who is held out of the training for a person: this person, or the person's published fold.
        paper: Paper that the test is made for; empty for none.
        device: Where to train and test.
    """

    learners: tuple[str, ...]
    trained_on: Path
    tested_on: Path
    out: Path
    subjects: tuple[str, ...]
    aus: tuple[int, ...]
    tested_aus: tuple[int, ...]
    training: FewShotTraining
    testing: FewShotTest
    seeds: tuple[int, ...] = (0,)
    split: HoldOut = "leave_one_subject_out"
    paper: str = ""
    device: str = "cpu"

    @property
    def crosses(self) -> bool:
        """Whether the people tested are of another data set than the training tasks."""
        return self.trained_on != self.tested_on

    @property
    def name(self) -> str:
        """What records call the protocol."""
        return "cross_domain" if self.crosses else self.split

    @property
    def tests(self) -> int:
        """How many records there are in the end."""
        return len(self.learners) * len(self.seeds) * len(self.subjects) * len(self.testing.shots)

    def training_of(self, seed: int) -> FewShotTraining:
        """Return how one seed is trained."""
        return replace(self.training, seed=seed)

    def record_path(self, learner: str, subject: str, shots: int, seed: int = 0) -> Path:
        """Return the file of one record."""
        return self.out / RECORDS / f"{learner}-{subject}-{shots}shot{seed_suffix(seed)}.json"

    def model_folder(self, learner: str, seed: int, name: str) -> Path:
        """Return the folder of one training: of a person, a fold or the start of all."""
        return self.out / MODELS / f"{learner}{seed_suffix(seed)}" / name

    def common_training(self, subject: str) -> CommonTraining | None:
        """Return the training that a person shares with others; None if there is none."""
        store = Store(self.trained_on)
        if self.crosses:
            return CommonTraining("start", choose_split(store, "everybody"), self.training.iterations)
        if self.split == "published":
            fold = next(fold for fold in published_folds(store) if subject in fold.test)
            return CommonTraining(f"fold{fold.fold}", fold, self.training.iterations)
        if self.training.shared_iterations:
            others = sorted(set(store.subjects.tolist()) - {"", *self.subjects})
            split = Split("leave_subjects_out", 1, tuple(others), self.subjects)
            return CommonTraining("start", split, self.training.shared_iterations)
        return None

    def own_training(self, subject: str) -> Split | None:
        """Return the split of a person's own training; None if the common one is all there is."""
        if self.crosses or self.split == "published" or not self.training.iterations:
            return None
        store = Store(self.trained_on)
        everybody = sorted(set(store.subjects.tolist()) - {""})
        return choose_split(store, "leave_one_subject_out", everybody.index(subject) + 1)


@dataclass(frozen=True)
class CommonTraining:
    """A training that serves several people, none of whom takes part.

    Attributes:
        name: Of its folder.
        split: Who trains.
        iterations: How long.
    """

    name: str
    split: Split
    iterations: int


def plan_few_shot(
    action_units: Path,
    out: Path,
    *,
    test: Path | None = None,
    learners: Sequence[str] = ("maml", "baseline"),
    subjects: int | Literal["all"] = 8,
    split: HoldOut = "leave_one_subject_out",
    seeds: Sequence[int] | None = None,
    aus: Sequence[int] | None = None,
    training: FewShotTraining = AS_PRINTED,
    testing: FewShotTest = AS_TESTED,
    paper: str = "",
    device: str = "cpu",
) -> FewShotProtocol:
    """Return the protocol after checking that stores, people and learners fit together.

    Args:
        action_units: Prepared store with AU labels of the training tasks.
        out: Folder of models and records; takes up stopped work.
        test: Prepared store of another data set, whose people are adapted to; None leaves people of
            ``action_units`` out of training.
        learners: Names in ``FEW_SHOT``.
        subjects: How many people to test, spread evenly over the sorted ids; ``all`` for everybody.
        split: Who is held out of the training for a person: ``leave_one_subject_out``, this person alone, as
            in the paper; ``published``, everybody of the person's published fold: one training serves them.
        seeds: Seeds of training, one after the other; each takes the place of ``training.seed``. None = that
            one alone.
        aus: FACS numbers of the training tasks; None for those the field evaluates on this data set.
        training: How to train.
        testing: How to test.
        paper: Paper that the test is made for: its printed accuracies stand beside ours; empty for none.
        device: Where to train and test: ``cpu``, ``cuda``, ``cuda:1``, ``mps``, ``gpu`` or ``auto``.

    Raises:
        ValueError: If something does not fit; the message says what to change.
    """
    check_device(device)
    store = Store(action_units)
    target = store if test is None else Store(test)
    if test is not None and target.dataset == store.dataset:
        raise SplitError(
            f"{test} is {target.dataset} too: its people may be those trained on; leave --test out to hold "
            "people of one data set out"
        )
    if split == "published":
        _check_published(store, training, test)
    numbers = chosen_aus(store, aus)
    tested = numbers if test is None else chosen_aus(target, None)
    unknown = sorted(set(learners) - set(FEW_SHOT))
    if unknown or not learners or len(set(learners)) < len(learners):
        raise ValueError(f"unknown few-shot learners {unknown}; choose from {sorted(FEW_SHOT)}")
    if (target.size, target.description["alignment"]) != (store.size, store.description["alignment"]):
        raise ValueError(f"{test} and {action_units} hold crops of other sizes or cuts; prepare them alike")
    people = sorted(set(target.subjects.tolist()) - {""})
    chosen = choose_subjects(people, len(people) if subjects == "all" else subjects)
    for person in chosen:
        check_folder_name(person)  # it becomes one
    if test is None and training.shared_iterations and len(chosen) == len(people):
        raise SplitError(
            "a shared start excludes everybody who is tested, and everybody is tested; set "
            "--training.shared_iterations 0, test fewer --subjects or hold out folds with --split published"
        )
    if not training.iterations and (test is not None or not training.shared_iterations):
        raise ValueError("nothing is trained: give --training.iterations or --training.shared_iterations")
    if training.optimizer.name == "adam" and training.optimizer.lr >= OUTER_RATE:
        warnings.warn(
            f"Adam at {training.optimizer.lr} is the rate that MAML-AU prints; it is high: if training does "
            "not settle, lower --training.optimizer.lr, e.g. to .003",
            stacklevel=2,
        )
    return FewShotProtocol(
        learners=tuple(learners),
        trained_on=action_units,
        tested_on=test or action_units,
        out=out,
        subjects=chosen,
        aus=numbers,
        tested_aus=tested,
        training=training,
        testing=testing,
        seeds=_checked_seeds((training.seed,) if seeds is None else seeds),
        split=split,
        paper=paper,
        device=device,
    )


def _check_published(store: Store, training: FewShotTraining, test: Path | None) -> None:
    if test is not None:
        raise SplitError(
            f"nobody is held out where people of another data set ({test}) are tested; leave out --split or "
            "--test"
        )
    if training.shared_iterations:
        raise SplitError(
            "the people of a published fold share one training already; set --training.shared_iterations 0 "
            "and give its length with --training.iterations"
        )
    published_folds(store)


def published_folds(store: Store) -> list[Split]:
    """Return the published folds of a store's people.

    Raises:
        SplitError: If the data set has none, or a fold has nobody to train on or to test.
    """
    first = choose_split(store, "published", 1)
    count = len(facts_of(store.dataset).published_parts)
    return [first, *(choose_split(store, "published", fold) for fold in range(2, count + 1))]


def _checked_seeds(seeds: Sequence[int]) -> tuple[int, ...]:
    if not seeds or len(set(seeds)) < len(seeds):
        raise ValueError(f"seeds are one or more numbers, each once, not {list(seeds)}")
    for seed in seeds:
        check_number("seeds", seed, 0, LARGEST_SEED)
    return tuple(seeds)


def choose_subjects(people: Sequence[str], count: int) -> tuple[str, ...]:
    """Return some people, spread evenly over the given order.

    Raises:
        SplitError: If there are not so many.

    >>> choose_subjects(["F001", "F002", "F003", "M001", "M002"], 3)
    ('F001', 'F003', 'M002')
    """
    if not 1 <= count <= len(people):
        raise SplitError(f"{count} people cannot be chosen from the {len(people)} in the store")
    places = np.linspace(0, len(people) - 1, count).round().astype(int) if count > 1 else [len(people) // 2]
    return tuple(people[place] for place in places)
