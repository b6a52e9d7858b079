"""What a trained meta net thinks of every picture of a store."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from metafacs.data.splits import own_training_rows
from metafacs.data.store import Store
from metafacs.data.streams import Stream
from metafacs.methods.base import Method


@dataclass(frozen=True)
class WeighedPictures:
    """Expression pictures with their learned weights.

    Attributes:
        rows: ``picture``, row in the store.
        weights: ``picture``, weight in (0, 1) before any normalisation.
        labels: ``picture``, class index.
        consistency: ``picture``, share of the annotators who agree with the label; None without votes.
    """

    rows: np.ndarray
    weights: np.ndarray
    labels: np.ndarray
    consistency: np.ndarray | None


def weigh_pictures(method: Method, store: Store, size: int, *, batch_size: int = 256) -> WeighedPictures:
    """Return the learned weight of every labelled training picture of an expression store.

    Args:
        method: A trained method with a meta net, in evaluation mode.
        store: Prepared store with expression labels.
        size: Side of the network's input in pixels.
        batch_size: Pictures at a time.

    Raises:
        ValueError: If the method has no meta net, or the store no labelled training picture.
    """
    rows = np.flatnonzero(own_training_rows(store) & (store.expression >= 0))
    stream = Stream(store, rows, aus=(), name="expression", batch_size=batch_size, size=size, seed=0)
    with torch.inference_mode():
        weights = torch.cat([method.weigh(stream.at(part).images) for part in stream.sequential()]).numpy()
    labels = store.expression[rows]
    consistency = store.votes[rows, labels]
    return WeighedPictures(rows, weights, labels, None if np.isnan(consistency).any() else consistency)
