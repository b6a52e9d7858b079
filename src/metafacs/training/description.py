"""What a trained model will say of itself: crop, data, split, licence, settings."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict

from metafacs.checkpoints.description import Description, Framing, UsedData
from metafacs.data.splits import Split
from metafacs.data.store import Store
from metafacs.data.transforms import Augmentation
from metafacs.faces.alignment import AlignmentSpec
from metafacs.methods.base import OptimizerSpec
from metafacs.training.training_data import BatchSizes, TrainingData

_LABELLED = {"au", "joint", "source", "validation"}
"""Streams whose pictures come from the store with AU labels."""


def describe_run(
    data: TrainingData,
    reads: Collection[str],
    size: int,
    seed: int,
    augmentation: Augmentation,
    batch: BatchSizes,
    optimizers: Mapping[str, OptimizerSpec],
) -> Description:
    """Return what a user of the model must know, without paths of this machine.

    ``reads`` names the streams of the method: a store that none of them comes from taught it nothing.
    """
    used = [data.store] * (not _LABELLED.isdisjoint(reads)) + list(data.others.values())
    pictures = {
        "au": len(data.train),
        "validation": len(data.reserve),
        **{role: len(rows) for role, rows in data.rows.items()},
    }
    return describe_data(data.store, used, size, split=data.split, pictures=pictures, seed=seed).with_more(
        augmentation=augmentation.settings(),
        batch=asdict(batch),
        optimizers={name: asdict(spec) for name, spec in optimizers.items()},
    )


def describe_data(
    store: Store,
    used: Sequence[Store],
    size: int,
    *,
    pictures: Mapping[str, int],
    seed: int,
    split: Split | None = None,
) -> Description:
    """Return what a user of a model must know about its data.

    Args:
        store: Whose crops are the model's.
        used: What it was trained on.
        size: Side of the network's input in pixels.
        pictures: Stream or role -> number of pictures.
        seed: Seed of training.
        split: Who trained and who was held out.
    """
    licensed = [s.dataset for s in used if not s.synthetic]
    return Description(
        framing=Framing(size, store.size, AlignmentSpec.from_mapping(store.description["alignment"])),
        synthetic=any(s.synthetic for s in used),
        data=tuple(
            UsedData(s.dataset, s.synthetic, s.description["twin"], s.description["labels_hash"])
            for s in used
        ),
        licence="trained on licensed pictures: the terms of " + ", ".join(licensed)
        if licensed
        else "trained on synthetic faces only; no restriction from a data set",
        pictures=pictures,
        split=split,
        seed=seed,
    )
