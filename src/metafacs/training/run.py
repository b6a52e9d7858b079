"""One training run: from prepared stores and a configuration to a model file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from lightning_fabric import Fabric

from metafacs.data.splits import Split, published_split, validation_reserve
from metafacs.data.store import Store
from metafacs.data.streams import Stream
from metafacs.data.transforms import Augmentation
from metafacs.facs import BP4D_AUS, DISFA_AUS, check_aus
from metafacs.methods import METHODS, OptimizerSpec
from metafacs.models.initial_weights import describe_weights
from metafacs.training.trainer import Trainer, TrainingPlan

EVALUATED_AUS: dict[str, tuple[int, ...]] = {"bp4d": BP4D_AUS, "disfa": DISFA_AUS}
"""Action units the field evaluates per data set; the default of ``aus``."""


@dataclass(frozen=True)
class BatchSizes:
    """Pictures per batch of each stream; the defaults are MAL's (section 4.1.2)."""

    au: int = 64
    expression: int = 64
    validation: int = 256


MAL_BATCH = BatchSizes()
MAL_AUGMENTATION = Augmentation()


@dataclass(frozen=True)
class Sources:
    """The rows that a run draws from.

    Attributes:
        split: Who trains and who is held out; None = everybody trains.
        train: Rows of the AU store for training.
        reserve: Rows of the AU store that only the meta net sees (2 % of each person's pictures).
        expression: Rows of the expression store; empty without one.
    """

    split: Split | None
    train: np.ndarray
    reserve: np.ndarray
    expression: np.ndarray = field(default_factory=lambda: np.empty(0, np.int64))


def train(
    method: str,
    options: Mapping[str, object],
    action_units: Path,
    out: Path,
    expression: Path | None = None,
    aus: list[int] | None = None,
    fold: int | None = 1,
    iterations: int = 1000,
    batch: BatchSizes = MAL_BATCH,
    size: int = 224,
    reserve: float = 0.02,
    augmentation: Augmentation = MAL_AUGMENTATION,
    optimizers: dict[str, OptimizerSpec] | None = None,
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
        aus: FACS numbers to detect; default: those the field evaluates on this data set.
        fold: Published fold whose people are held out; null trains on everybody.
        iterations: Number of iterations.
        batch: Pictures per batch.
        size: Side of the network's input in pixels; the store's crops may be larger (random crops).
        reserve: Share of each training person's pictures kept for validation; no method trains on them.
        augmentation: Random changes of training pictures.
        optimizers: Overrides of the method's optimisers by parameter group.
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
    store = Store(action_units)
    faces = None
    if "expression" in kind.streams:
        if expression is None:
            raise ValueError(f"{method} learns from expressions too; give a prepared store with --expression")
        faces = Store(expression)
    numbers = check_aus(aus or EVALUATED_AUS.get(store.dataset, store.aus))
    sources = choose_rows(store, faces, numbers, fold, reserve, seed)
    torch.manual_seed(seed)
    learner = kind(numbers, faces.expressions if faces else (), **options)
    description = {
        **describe_run(store, faces, sources, size, seed, augmentation, batch, optimizers or {}),
        "initial_weights": describe_weights(
            str(options.get("weights") or "none"), str(options.get("backbone"))
        ),
        "iterations": iterations,
        "precision": precision,
    }
    trainer = Trainer(
        method,
        learner,
        dict(options),
        make_streams(store, faces, sources, numbers, batch, size, seed, augmentation),
        TrainingPlan(iterations, checkpoint_every=checkpoint_every),
        out,
        description,
        optimizers,
        Fabric(accelerator=accelerator, devices=1, precision=precision),
    )
    return trainer.run(progress=progress)


def choose_rows(
    store: Store, faces: Store | None, aus: tuple[int, ...], fold: int | None, reserve: float, seed: int
) -> Sources:
    """Return the rows to train on: labelled, of the fold's training people, without the reserve."""
    people = sorted(set(store.subjects) - {""})
    split = published_split(store.dataset, fold, people) if fold is not None else None
    labelled = ~np.isnan(store.action_units[:, store.columns_of(aus)]).all(axis=1)
    allowed = np.isin(store.subjects, split.train) if split else np.ones(len(store), bool)
    rows = np.flatnonzero(labelled & allowed)
    kept = validation_reserve(list(store.subjects[rows]), reserve, seed)
    if faces is None:
        return Sources(split, rows[~kept], rows[kept])
    expressive = np.isin(faces.parts, ("train", "")) & (faces.expression >= 0)
    return Sources(split, rows[~kept], rows[kept], np.flatnonzero(expressive))


def make_streams(
    store: Store,
    faces: Store | None,
    sources: Sources,
    aus: tuple[int, ...],
    batch: BatchSizes,
    size: int,
    seed: int,
    augmentation: Augmentation,
) -> dict[str, Stream]:
    """Return the streams ``au``, ``validation`` and, with an expression store, ``expression``."""

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

    streams = {
        "au": stream(store, sources.train, "au", batch.au, aus),
        "validation": stream(store, sources.reserve, "validation", batch.validation, aus),
    }
    if faces is not None:
        streams["expression"] = stream(faces, sources.expression, "expression", batch.expression, ())
    return streams


def describe_run(
    store: Store,
    faces: Store | None,
    sources: Sources,
    size: int,
    seed: int,
    augmentation: Augmentation,
    batch: BatchSizes,
    optimizers: Mapping[str, OptimizerSpec],
) -> dict[str, object]:
    """Return what a user of the model must know, as plain data without paths of this machine."""
    split = sources.split
    used = [s for s in (store, faces) if s is not None]
    synthetic = any(s.synthetic for s in used)
    description = {
        "input_size": size,
        "crop_size": store.size,
        "alignment": store.description["alignment"],
        "threshold": 0.5,
        "synthetic": synthetic,
        "data": [
            {key: s.description[key] for key in ("dataset", "synthetic", "twin", "labels_hash")} for s in used
        ],
        "pictures": {
            "au": len(sources.train),
            "validation": len(sources.reserve),
            "expression": len(sources.expression),
        },
        "split": None
        if split is None
        else {
            "name": split.name,
            "fold": split.fold,
            "hash": split.hash,
            "train": split.train,
            "test": split.test,
        },
        "seed": seed,
        "augmentation": asdict(augmentation),
        "batch": asdict(batch),
        "optimizers": {name: asdict(spec) for name, spec in optimizers.items()},
        "licence": "trained on synthetic faces only; no restriction from a data set"
        if all(s.synthetic for s in used)
        else "trained on licensed pictures: the terms of "
        + ", ".join(s.dataset for s in used if not s.synthetic),
    }
    plain: dict[str, object] = json.loads(json.dumps(description))
    return plain
