"""What a run learns from: the stores and rows it draws, and the streams of batches made of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import numpy as np

from metafacs.data.expression_pictures import (
    ChosenPictures,
    ExpressionPictures,
    choose_expression_pictures,
)
from metafacs.data.facts import facts_of, share_pictures
from metafacs.data.splits import Split, own_training_rows, refuse_overlap, validation_reserve
from metafacs.data.store import Store
from metafacs.data.streams import Stream
from metafacs.data.transforms import Augmentation
from metafacs.facs import check_aus
from metafacs.parsing import check_number

LARGEST_BATCH = 16_384


@dataclass(frozen=True)
class BatchSizes:
    """Pictures per batch of each stream; the defaults are MAL's (section 4.1.2).

    ``au`` is also the size of the streams ``joint``, ``source`` and ``target``.

    Attributes:
        au: Pictures with AU labels.
        expression: Pictures with expression labels.
        validation: Pictures of the reserve.

    Raises:
        ValueError: If one is not from 1 to 16,384.

    >>> BatchSizes(au=16)
    BatchSizes(au=16, expression=64, validation=256)
    """

    au: int = 64
    expression: int = 64
    validation: int = 256

    def __post_init__(self) -> None:
        for name, count in asdict(self).items():
            check_number(f"batch.{name}", count, 1, LARGEST_BATCH)


@dataclass(frozen=True)
class TrainingData:
    """The stores and rows that a run draws.

    Attributes:
        store: The prepared store with AU labels.
        split: Who trains and who is held out.
        train: Rows of the AU store for training.
        reserve: Rows of the AU store that only the meta net sees: the set's own validation part, else 2 % of
            each training person's pictures.
        others: Further stores by role, ``expression`` or ``target``.
        rows: Rows of the further stores for training, by role.
        expressions: Chosen pictures of the store ``expression`` with the labels to learn; None for all with
            their own.
    """

    store: Store
    split: Split
    train: np.ndarray
    reserve: np.ndarray
    others: Mapping[str, Store] = field(default_factory=dict)
    rows: Mapping[str, np.ndarray] = field(default_factory=dict)
    expressions: ChosenPictures | None = None

    def with_expressions(self, settings: ExpressionPictures, seed: int) -> TrainingData:
        """Return the data with other expression pictures or labels.

        Raises:
            ValueError: If no expression store is read, or it has no such pictures.
        """
        if "expression" not in self.others:
            raise ValueError(
                "the method reads no store of expressions; leave out --expression_pictures, which chooses "
                "from one"
            )
        chosen = choose_expression_pictures(
            self.others["expression"], self.rows["expression"], settings, seed
        )
        return replace(self, rows={**self.rows, "expression": chosen.rows}, expressions=chosen)


def chosen_aus(store: Store, aus: Sequence[int] | None) -> tuple[int, ...]:
    """Return the AUs to learn: those asked for, else those the field evaluates on the data set.

    Raises:
        ValueError: If none is asked for, one twice, or one that is no action unit.
        StoreError: If one has no labels in the store.
    """
    if aus is not None and not len(aus):
        raise ValueError(
            "no action units are given; name some with --aus, or leave it out for the usual ones"
        )
    try:
        numbers = check_aus(aus or facts_of(store.dataset).evaluated_aus or store.aus)
    except ValueError as error:
        raise ValueError(f"--aus: {error}") from error
    store.columns_of(numbers)
    return numbers


def further_store(role: str, path: Path | str | None, method: str) -> Store:
    """Open the store that a method reads beside the labelled one, ``expression`` or ``target``.

    Raises:
        ValueError: If none is given.
    """
    if path is None:
        what = "learns from expressions too" if role == "expression" else "adapts to other pictures"
        raise ValueError(f"{method} {what}; give a prepared store with --{role}")
    return Store(path)


def choose_rows(
    store: Store,
    others: Mapping[str, Store],
    aus: tuple[int, ...],
    split: Split,
    reserve: float,
    seed: int,
    *,
    joint: bool = False,
) -> TrainingData:
    """Return the rows to train on: labelled, on the split's training side, without the reserve.

    Args:
        store: Prepared store with AU labels.
        others: Further stores by role, ``expression`` or ``target``.
        aus: FACS numbers to learn; a picture with none of them known is left out.
        split: Who trains.
        reserve: Share of each training person's pictures to reserve where the split has no validation part.
        seed: Seed of the reserve.
        joint: Take only pictures whose expression is known as well.

    Of expression pictures those are taken that neither show somebody whom the split holds out nor are held
    out, or reserved, themselves: other data sets may label the same pictures.

    Raises:
        SplitError: If somebody whom the split holds out is in the store of the same data set to adapt to.
    """
    labelled = ~np.isnan(store.action_units[:, store.columns_of(aus)]).all(axis=1)
    if joint:
        labelled &= store.expression >= 0
    rows = np.flatnonzero(labelled & split.rows(store, "train"))
    if split.by == "part" and split.validation:
        train, kept = rows, np.flatnonzero(labelled & split.rows(store, "validation"))
    else:
        mask = validation_reserve(list(store.subjects[rows]), reserve, seed)
        train, kept = rows[~mask], rows[mask]
    further = {}
    for role, other in others.items():
        usable = own_training_rows(other)
        same = other.dataset == store.dataset
        if role == "expression":
            usable &= other.expression >= 0
            if same and split.by == "subject":
                usable &= split.rows(other, "train")
            if share_pictures(other.dataset, store.dataset):
                unseen = split.rows(store, "test") | split.rows(store, "validation")
                unseen[kept] = True
                usable &= ~np.isin(other.keys, store.keys[unseen])
        elif same:
            held_out = (*split.test, *split.validation)
            refuse_overlap(
                other.subjects[usable], held_out, one="the pictures to adapt to", other="test or validation"
            )
        further[role] = np.flatnonzero(usable)
    return TrainingData(store, split, train, kept, others, further)


def make_streams(
    data: TrainingData,
    aus: tuple[int, ...],
    batch: BatchSizes,
    size: int,
    seed: int,
    augmentation: Augmentation,
) -> dict[str, Stream]:
    """Return every stream that the data can feed, by name.

    ``au``, ``joint`` and ``source`` are the training pictures with their labels under the names that methods
    know them by, ``validation`` the reserve if there is any, ``expression`` and ``target`` further stores.
    """
    relabelled = None if data.expressions is None else data.expressions.labels

    def stream(drawn: Store, rows: np.ndarray, name: str, count: int, numbers: tuple[int, ...]) -> Stream:
        return Stream(
            drawn,
            rows,
            aus=numbers,
            name=name,
            batch_size=count,
            size=size,
            seed=seed,
            augmentation=augmentation,
            expression=relabelled if name == "expression" else None,
        )

    training = stream(data.store, data.train, "au", batch.au, aus)
    streams = dict.fromkeys(("au", "joint", "source"), training)
    if len(data.reserve):
        streams["validation"] = stream(data.store, data.reserve, "validation", batch.validation, aus)
    counts = {"expression": batch.expression, "target": batch.au}
    for role, other in data.others.items():
        streams[role] = stream(other, data.rows[role], role, counts[role], ())
    return streams
