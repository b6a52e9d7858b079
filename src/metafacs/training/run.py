"""One training run: from prepared stores and a configuration to a model file."""

from __future__ import annotations

import inspect
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from lightning_fabric import Fabric

from metafacs.data.facts import facts_of
from metafacs.data.splits import (
    Split,
    SplitName,
    choose_split,
    own_training_rows,
    refuse_overlap,
    validation_reserve,
    with_validation_people,
)
from metafacs.data.store import Store
from metafacs.data.streams import BatchSource, Stream
from metafacs.data.transforms import Augmentation
from metafacs.facs import check_aus
from metafacs.methods import METHODS
from metafacs.methods.base import OptimizerSpec
from metafacs.models.initial_weights import describe_weights
from metafacs.training.pseudo_labels import PseudoLabelled, read_labeller
from metafacs.training.trainer import Trainer, TrainingPlan
from metafacs.training.transfer import transfer

PSEUDO_LABELS = "pseudo_labels"
"""Option of the methods that learn from such labels, and argument that says who gives them."""


@dataclass(frozen=True)
class BatchSizes:
    """Pictures per batch of each stream; the defaults are MAL's (section 4.1.2).

    ``au`` is also the size of the streams ``joint``, ``source`` and ``target``.
    """

    au: int = 64
    expression: int = 64
    validation: int = 256


MAL_BATCH = BatchSizes()
MAL_AUGMENTATION = Augmentation()


@dataclass(frozen=True)
class Sources:
    """The stores and rows that a run draws from.

    Attributes:
        store: The prepared store with AU labels.
        split: Who trains and who is held out.
        train: Rows of the AU store for training.
        reserve: Rows of the AU store that only the meta net sees: the set's own validation part, else 2 % of
            each training person's pictures.
        others: Further stores by role, ``expression`` or ``target``.
        rows: Rows of the further stores for training, by role.
    """

    store: Store
    split: Split
    train: np.ndarray
    reserve: np.ndarray
    others: Mapping[str, Store] = field(default_factory=dict)
    rows: Mapping[str, np.ndarray] = field(default_factory=dict)


def train(
    method: str,
    options: Mapping[str, object],
    action_units: Path,
    out: Path,
    expression: Path | None = None,
    target: Path | None = None,
    aus: list[int] | None = None,
    split: SplitName | None = None,
    fold: int = 1,
    lists: tuple[Path, Path] | None = None,
    validation_people: int = 0,
    iterations: int = 1000,
    batch: BatchSizes = MAL_BATCH,
    size: int = 224,
    reserve: float = 0.02,
    augmentation: Augmentation = MAL_AUGMENTATION,
    optimizers: dict[str, OptimizerSpec] | None = None,
    initialise: Path | None = None,
    stand_ins: dict[int, int] | None = None,
    pseudo_labels: Path | None = None,
    seed: int = 0,
    checkpoint_every: int = 200,
    accelerator: str = "cpu",
    precision: Literal["32-true", "bf16-mixed"] = "32-true",
    progress: bool = True,
) -> Path:
    """Train a detector; a run that was stopped goes on where it was.

    Args:
        method: Name of the method, see ``metafacs methods``.
        options: Options of the method.
        action_units: Prepared store with AU labels.
        out: Folder of the run; receives ``model.safetensors``.
        expression: Prepared store with expression labels, for methods that read them.
        target: Prepared store of the pictures to adapt to, for methods that read them; its AU labels are
            never looked at.
        aus: FACS numbers to detect; default: those the field evaluates on this data set.
        split: Who is held out: ``published`` folds, ``adld``, ``leave_one_subject_out``, the set's own
            ``parts``, ``listed`` people, or nobody (``everybody``); default ``published`` where there are
            published folds, else ``parts``.
        fold: Fold of the split whose people are held out, from 1.
        lists: Files with the people to train on and to test, one id a line, for ``listed``.
        validation_people: People taken out of training to choose settings by, never the test people.
        iterations: Number of iterations.
        batch: Pictures per batch.
        size: Side of the network's input in pixels; the store's crops may be larger (random crops).
        reserve: Share of each training person's pictures kept for validation, where the set has no validation
            part of its own; no method trains on them.
        augmentation: Random changes of training pictures.
        optimizers: Overrides of the method's optimisers by parameter group.
        initialise: Model to start from, see :func:`metafacs.training.transfer.transfer`; MAL starts DISFA so,
            from BP4D.
        stand_ins: AU to detect -> AU of that model to start it from, where it has another number.
        pseudo_labels: Who labels the pictures to adapt to, for a method with an option ``pseudo_labels``,
            which is switched on: a detector trained here, or another one's table (``.csv``), see
            :class:`metafacs.training.pseudo_labels.LabelTable`.
        seed: Seed of initial weights, shuffling, augmentation and reserve.
        checkpoint_every: Iterations between checkpoints.
        accelerator: ``cpu``, ``cuda``, ``mps`` or ``auto``.
        precision: ``32-true``, or ``bf16-mixed`` where the device is fast at it.
        progress: Show a progress bar.

    Returns:
        Path of the finished model.

    Raises:
        ValueError: If stores, labels, people or options do not fit together.
    """
    kind = METHODS[method]
    options = _with_pseudo_labels(method, options, pseudo_labels)
    store = Store(action_units)
    others = {
        role: _further_store(role, path, method)
        for role, path in (("expression", expression), ("target", target))
        if role in kind.streams
    }
    numbers = check_aus(aus or facts_of(store.dataset).evaluated_aus or store.aus)
    chosen = choose_split(store, split, fold, lists)
    if validation_people:
        chosen = with_validation_people(chosen, validation_people, seed=0)
    sources = choose_rows(store, others, numbers, chosen, reserve, seed, joint="joint" in kind.streams)
    torch.manual_seed(seed)
    names = others["expression"].expressions if "expression" in others else ()
    if "joint" in kind.streams:
        names = store.expressions
    learner = kind(numbers, names, **options)
    description = {
        **describe_run(sources, kind.streams, size, seed, augmentation, batch, optimizers or {}),
        "initial_weights": describe_weights(
            str(options.get("weights") or "none"), str(options.get("backbone"))
        ),
        "iterations": iterations,
        "precision": precision,
    }
    if initialise is not None:
        taken = transfer(learner, initialise, store.dataset, chosen, stand_ins)
        description = taken.describe(description)
        if progress:
            print(taken)
    drawn = make_streams(sources, numbers, batch, size, seed, augmentation)
    streams: dict[str, BatchSource] = {**drawn}
    if pseudo_labels is not None:
        labeller, description["pseudo_labels"] = read_labeller(pseudo_labels, others["target"], size)
        streams["target"] = PseudoLabelled(drawn["target"], labeller, numbers)
    trainer = Trainer(
        method,
        learner,
        dict(options),
        streams,
        TrainingPlan(iterations, checkpoint_every=checkpoint_every),
        out,
        description,
        optimizers,
        Fabric(accelerator=accelerator, devices=1, precision=precision),
    )
    return trainer.run(progress=progress)


def _with_pseudo_labels(
    method: str, options: Mapping[str, object], labeller: Path | None
) -> Mapping[str, object]:
    """Return the options of a method that learns from pseudo labels exactly if somebody gives them."""
    if labeller is None:
        if options.get(PSEUDO_LABELS):
            raise ValueError(
                f"{method} is to learn from pseudo labels, but nobody gives them: name a trained detector or "
                f"a table with --{PSEUDO_LABELS}"
            )
        return options
    if PSEUDO_LABELS not in inspect.signature(METHODS[method]).parameters:
        raise ValueError(f"{method} learns from no labels of other pictures; leave out --{PSEUDO_LABELS}")
    return {**options, PSEUDO_LABELS: True}


def _further_store(role: str, path: Path | None, method: str) -> Store:
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
) -> Sources:
    """Return the rows to train on: labelled, on the split's training side, without the reserve.

    Args:
        store: Prepared store with AU labels.
        others: Further stores by role, ``expression`` or ``target``.
        aus: FACS numbers to learn; a picture with none of them known is left out.
        split: Who trains.
        reserve: Share of each training person's pictures to reserve where the split has no validation part.
        seed: Seed of the reserve.
        joint: Take only pictures whose expression is known as well.

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
        if role == "expression":
            usable &= other.expression >= 0
        elif other.dataset == store.dataset:
            refuse_overlap(other.subjects[usable], split.test, one="the pictures to adapt to")
        further[role] = np.flatnonzero(usable)
    return Sources(store, split, train, kept, others, further)


def make_streams(
    sources: Sources,
    aus: tuple[int, ...],
    batch: BatchSizes,
    size: int,
    seed: int,
    augmentation: Augmentation,
) -> dict[str, Stream]:
    """Return every stream that the sources can feed, by name.

    ``au``, ``joint`` and ``source`` are the training pictures with their labels under the names that methods
    know them by, ``validation`` the reserve, ``expression`` and ``target`` the further stores.
    """

    def stream(source: Store, rows: np.ndarray, name: str, count: int, numbers: tuple[int, ...]) -> Stream:
        return Stream(
            source,
            rows,
            aus=numbers,
            name=name,
            batch_size=count,
            size=size,
            seed=seed,
            augmentation=augmentation,
        )

    training = stream(sources.store, sources.train, "au", batch.au, aus)
    streams = {
        **dict.fromkeys(("au", "joint", "source"), training),
        "validation": stream(sources.store, sources.reserve, "validation", batch.validation, aus),
    }
    counts = {"expression": batch.expression, "target": batch.au}
    for role, other in sources.others.items():
        streams[role] = stream(other, sources.rows[role], role, counts[role], ())
    return streams


def describe_run(
    sources: Sources,
    reads: Collection[str],
    size: int,
    seed: int,
    augmentation: Augmentation,
    batch: BatchSizes,
    optimizers: Mapping[str, OptimizerSpec],
) -> dict[str, object]:
    """Return what a user of the model must know, as plain data without paths of this machine.

    ``reads`` names the streams of the method: a store that none of them comes from taught it nothing.
    """
    store = sources.store
    labelled = not {"au", "joint", "source", "validation"}.isdisjoint(reads)
    used = [store] * labelled + list(sources.others.values())
    description = {
        **describe_data(store, used, size),
        "pictures": {
            "au": len(sources.train),
            "validation": len(sources.reserve),
            **{role: len(rows) for role, rows in sources.rows.items()},
        },
        "split": describe_split(sources.split),
        "seed": seed,
        "augmentation": asdict(augmentation),
        "batch": asdict(batch),
        "optimizers": {name: asdict(spec) for name, spec in optimizers.items()},
    }
    plain: dict[str, object] = json.loads(json.dumps(description))
    return plain


def describe_data(store: Store, used: Sequence[Store], size: int) -> dict[str, object]:
    """Return what a user of a model must know about its data: crop, origin, licence.

    Args:
        store: Whose crops are the model's.
        used: What it was trained on.
        size: Side of the network's input in pixels.
    """
    licensed = [s.dataset for s in used if not s.synthetic]
    return {
        "input_size": size,
        "crop_size": store.size,
        "alignment": store.description["alignment"],
        "threshold": 0.5,
        "synthetic": any(s.synthetic for s in used),
        "data": [
            {key: s.description[key] for key in ("dataset", "synthetic", "twin", "labels_hash")} for s in used
        ],
        "licence": "trained on licensed pictures: the terms of " + ", ".join(licensed)
        if licensed
        else "trained on synthetic faces only; no restriction from a data set",
    }


def describe_split(split: Split) -> dict[str, object]:
    """Return a split as plain data, for :meth:`Split.from_mapping`."""
    return {**asdict(split), "hash": split.hash}
