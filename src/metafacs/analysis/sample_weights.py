"""What a trained meta net thinks of every picture of a store."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from metafacs.data.expression_pictures import ChosenPictures
from metafacs.data.splits import own_training_rows
from metafacs.data.store import Store
from metafacs.data.streams import Stream
from metafacs.methods.base import Method
from metafacs.models.devices import device_of


@dataclass(frozen=True)
class WeighedPictures:
    """Expression pictures with their learned weights.

    Attributes:
        rows: ``picture``, row in the store.
        weights: ``picture``, weight in (0, 1) before any normalisation.
        labels: ``picture``, class index.
        consistency: ``picture``, share of the annotators who agree with the label, NaN where a picture has no
            votes; None if none has.
    """

    rows: np.ndarray
    weights: np.ndarray
    labels: np.ndarray
    consistency: np.ndarray | None


def weigh_pictures(
    method: Method,
    store: Store,
    size: int,
    *,
    votes: np.ndarray | None = None,
    learned: ChosenPictures | None = None,
    batch_size: int = 256,
) -> WeighedPictures:
    """Return the learned weight of every training picture of an expression store that has a label.

    Where pictures have votes instead of a label, as RAF-ML's, the expression with most of them is theirs.
    ``labels`` are those of the store, also where a method has learned others.

    Args:
        method: A trained method with a meta net, in evaluation mode.
        store: Prepared store of expressions.
        size: Side of the network's input in pixels.
        votes: ``row x expression``, share of the annotators, NaN unknown; None for the store's own.
        learned: The pictures and labels it has learned from, where it was not all of the store; only these
            are weighed then.
        batch_size: Pictures at a time.

    Raises:
        ValueError: If the method has no meta net, or the store no training picture with a label.
    """
    shares = store.votes if votes is None else votes
    voted = ~np.isnan(shares).any(axis=1)
    chosen = np.where(voted, np.nan_to_num(shares).argmax(axis=1), -1)
    label = np.where(store.expression >= 0, store.expression, chosen)
    rows = np.flatnonzero(own_training_rows(store) & (label >= 0)) if learned is None else learned.rows
    taught = torch.from_numpy(label if learned is None else learned.labels)
    stream = Stream(store, rows, aus=(), name="expression", batch_size=batch_size, size=size, seed=0)
    with torch.inference_mode():
        device = device_of(method)
        weights = torch.cat(
            [
                method.weigh(
                    stream.at(part).images.to(device), taught[torch.from_numpy(rows[part])].to(device)
                )
                for part in stream.sequential()
            ]
        )
        told = weights.cpu().numpy()
    labels = label[rows]
    return WeighedPictures(rows, told, labels, shares[rows, labels] if voted[rows].any() else None)
