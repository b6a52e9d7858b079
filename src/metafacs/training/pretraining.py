"""Pre-training of a backbone on rendered faces: from the prepared store to a model file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from metafacs.data.datasets.pretraining_faces import TRAINING
from metafacs.data.shards import StoreError
from metafacs.data.store import Store
from metafacs.data.streams import Stream
from metafacs.data.transforms import Augmentation
from metafacs.faces.alignment import LARGEST_CROP, SMALLEST_CROP
from metafacs.methods import PRETRAINING
from metafacs.methods.options import complete_options
from metafacs.methods.pretraining import FacePretraining
from metafacs.parsing import check_number
from metafacs.training.description import describe_data
from metafacs.training.trainer import LARGEST_SEED, Trainer, TrainingPlan
from metafacs.training.training_data import LARGEST_BATCH

ITERATIONS = 8000
AUGMENTATION = Augmentation(flip=0.5, brightness=8.0, contrast=0.1)


def pretrain(
    faces: Path,
    out: Path,
    *,
    iterations: int = ITERATIONS,
    batch: int = 64,
    size: int = 64,
    seed: int = 0,
    progress: bool = True,
) -> Path:
    """Train the small backbone on the training people of a store; a stopped run goes on where it was.

    The streams carry people, landmarks and head poses; action units and expressions are not in the store.

    Args:
        faces: Prepared store of ``pretraining_faces``.
        out: Folder of the run; receives ``model.safetensors``.
        iterations: Number of iterations.
        batch: Pictures per batch.
        size: Side of the network's input in pixels.
        seed: Seed of initial weights, shuffling and augmentation.
        progress: Show a progress bar.

    Returns:
        Path of the finished model, whose learner is a :class:`FacePretraining`.

    Raises:
        StoreError: If the store was made from something else.
        ValueError: If a number is out of range.
    """
    plan = TrainingPlan(iterations)
    check_number("batch", batch, 1, LARGEST_BATCH)
    check_number("size", size, SMALLEST_CROP, LARGEST_CROP)
    check_number("seed", seed, 0, LARGEST_SEED)
    store = open_faces(faces)
    stream = faces_stream(store, TRAINING, batch=batch, size=size, seed=seed, augmentation=AUGMENTATION)
    torch.manual_seed(seed)
    learner = FacePretraining(people=stream.people)
    description = describe_data(
        store, [store], size, pictures={"faces": len(stream.rows)}, seed=seed
    ).with_more(
        learned=["identity", "landmarks", "head pose"],
        never_read=["action units", "expressions"],
        people=stream.people,
        iterations=iterations,
        batch=batch,
        augmentation=AUGMENTATION.settings(),
    )
    trainer = Trainer(
        PRETRAINING,
        learner,
        complete_options(FacePretraining, {"people": stream.people}),
        {"faces": stream},
        plan,
        out,
        description,
    )
    return trainer.run(progress=progress)


def open_faces(path: Path) -> Store:
    """Open a store of faces to pre-train on.

    Raises:
        StoreError: If it holds another data set, or action units or expressions.
    """
    store = Store(path)
    if store.dataset != "pretraining_faces" or store.aus or store.expressions:
        raise StoreError(
            f"{path} was prepared from {store.dataset}; prepare 'pretraining_faces', whose people are in no "
            "twin and which holds neither action units nor expressions"
        )
    return store


def faces_stream(
    store: Store, part: str, *, batch: int, size: int, seed: int = 0, augmentation: Augmentation | None = None
) -> Stream:
    """Return the pictures of one part, ``train`` or ``validation``, as a stream."""
    rows = np.flatnonzero(store.parts == part)
    return Stream(
        store, rows, aus=(), name="faces", batch_size=batch, size=size, seed=seed, augmentation=augmentation
    )
