"""Pictures whose expression one model gets wrong and another one right."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from metafacs.checkpoints.checkpoint import Checkpoint
from metafacs.data.store import Store
from metafacs.data.streams import Stream
from metafacs.evaluation.protocols import held_out_stream
from metafacs.methods.base import Method
from metafacs.models.devices import device_of


@dataclass(frozen=True)
class Corrected:
    """Held-out pictures that the second model corrects.

    Attributes:
        positions: ``picture``, positions in the stream, the surest corrections first.
        labels: ``picture``, index of the true expression.
        wrong: ``picture``, what the first model says.
        sureness: ``picture x 2``, the probability that each model gives to what it says.
        tested: Pictures that both were asked about.
        spoiled: How many of them the first gets right and the second wrong.
    """

    positions: np.ndarray
    labels: np.ndarray
    wrong: np.ndarray
    sureness: np.ndarray
    tested: int
    spoiled: int


def held_out_faces(checkpoint: Checkpoint, before: Checkpoint, store: Store, batch_size: int) -> Stream:
    """Return expression pictures that neither of two models has learned from.

    Args:
        checkpoint: The second model.
        before: The first model.
        store: Prepared store of the expressions that both learned from.
        batch_size: Pictures at a time.

    Raises:
        ValueError: If the models recognise other expressions than the store has, hold out other people or
            read pictures of other sizes, or if nothing of the store is held out.
    """
    for model in (checkpoint, before):
        if model.expressions != store.expressions:
            raise ValueError(
                f"{model.method} recognises {list(model.expressions)}, and {store.path} has "
                f"{list(store.expressions)}; give the store that both models learned expressions from"
            )
    first, second = before.description, checkpoint.description
    sizes = [description.framing.input_size for description in (first, second)]
    if sizes[0] != sizes[1]:
        raise ValueError(
            f"the models read pictures of {sizes[0]} and {sizes[1]} px; give models of one comparison"
        )
    if second.data[0].dataset == store.dataset:
        if first.held_out.hash != second.held_out.hash:
            raise ValueError("the models hold out other pictures; give models of one fold and split")
        stream = held_out_stream(store, checkpoint, second.held_out, "test", batch_size, labelled=False)
        rows = stream.rows[store.expression[stream.rows] >= 0]
    else:
        rows = np.flatnonzero((store.parts == "test") & (store.expression >= 0))
    if not len(rows):
        raise ValueError(f"{store.path} has no held-out picture with an expression")
    return Stream(store, rows, aus=(), name="held out", batch_size=batch_size, size=sizes[1], seed=0)


@torch.inference_mode()
def corrected_pictures(before: Method, after: Method, stream: Stream) -> Corrected:
    """Return which pictures the first model gets wrong and the second right.

    Args:
        before: A trained method that recognises expressions, in evaluation mode.
        after: Another one with the same expressions.
        stream: Pictures with expression labels.
    """
    parts = stream.sequential()
    labels = np.concatenate([stream.at(part).require("expression").numpy() for part in parts])
    first, second = (_probabilities(method, stream, parts) for method in (before, after))
    was_right, is_right = (scores.argmax(axis=1) == labels for scores in (first, second))
    found = np.flatnonzero(~was_right & is_right)
    gain = (second - first)[found, labels[found]]
    found = found[np.argsort(-gain, kind="stable")]
    sureness = np.stack([first[found].max(axis=1), second[found].max(axis=1)], axis=1)
    spoiled = int((was_right & ~is_right).sum())
    return Corrected(found, labels[found], first[found].argmax(axis=1), sureness, len(labels), spoiled)


def _probabilities(method: Method, stream: Stream, parts: Sequence[np.ndarray]) -> np.ndarray:
    device = device_of(method)
    found = [method.predict(stream.at(part).images.to(device)).expressions for part in parts]
    return torch.cat([scores for scores in found if scores is not None]).cpu().numpy()
